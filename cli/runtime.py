"""A service of one's own for a while: started as a process, waited for, stopped."""

from __future__ import annotations

import subprocess
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from cli import connection
from cli.exits import CommandError, Exit
from cli.waiting import bar

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from cli.connection import Connection

MODULE = ("-m", "infra.local.run")
START_SECONDS = 120
STOP_SECONDS = 30


@contextmanager
def running(data_dir: Path, port: int = 0) -> Iterator[Connection]:
    """Run the service on ``data_dir`` within the block.

    Raises
    ------
    CommandError
        When it does not come up; says what it said.
    """
    data_dir.mkdir(parents=True, exist_ok=True)
    ready = data_dir / connection.READY_FILE
    ready.unlink(missing_ok=True)
    log = data_dir.parent / f"{data_dir.name}.log"
    command = [sys.executable, *MODULE, "--port", str(port)]
    with log.open("w") as out:
        process = subprocess.Popen(  # noqa: S603 - our own module, by our own interpreter
            [*command, "--data-dir", str(data_dir), "--ready-file", str(ready)],
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        _wait(process, ready, log)
        yield connection.find(folder=data_dir)
    finally:
        _stop(process)


def _wait(process: subprocess.Popen[bytes], ready: Path, log: Path) -> None:
    until = time.monotonic() + START_SECONDS
    with bar() as progress:
        progress.add_task("Starting the service", total=None)
        while not ready.exists():
            if process.poll() is not None or time.monotonic() > until:
                said = log.read_text(errors="replace").strip().splitlines()[-3:]
                raise CommandError.of(
                    Exit.UNREACHABLE, "The service did not start", " ".join(said), f"All it said is in {log}."
                )
            time.sleep(0.05)


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
