"""A service with the sample loaded, for the benchmarks that ask one."""

from __future__ import annotations

import os
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from cli import connection, examples, loading
from cli.client import Client
from cli.exits import CommandError
from cli.runtime import running

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from cli.connection import Connection


@contextmanager
def started(environment: Mapping[str, str] | None = None) -> Iterator[Connection]:
    """Run a service of one's own with the sample loaded, and what the environment adds, within the block."""
    before = {name: os.environ.get(name) for name in (*(environment or {}), "E2I_URL", "E2I_TOKEN")}
    for name in ("E2I_URL", "E2I_TOKEN"):
        os.environ.pop(name, None)
    os.environ.update(environment or {})
    try:
        with tempfile.TemporaryDirectory() as folder, running(Path(folder) / "service") as known:
            with Client(known) as client:
                for path in examples.write_sample(Path(folder)):
                    loading.load(client, path, examples.description_of(path))
            yield known
    finally:
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value


@contextmanager
def found_or_started() -> Iterator[Connection]:
    """Give the service that is known (``E2I_URL``, or ``e2i up`` in this folder), else one of one's own."""
    known = None
    with suppress(CommandError):
        known = connection.find()
    if known is not None:
        yield known
        return
    with started() as own:
        yield own
