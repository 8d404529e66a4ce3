"""The folder that holds everything one runtime keeps: database, objects, keys, logs, and the lock that makes it the only one."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from e2i_shared.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MARKER = ".e2i-data"
LOCK = ".e2i-lock"
FORMAT = "1"


class AlreadyRunningError(ConfigurationError):
    """Another runtime holds the data directory or the port."""


@dataclass(frozen=True, slots=True)
class DataDir:
    """Paths inside a data directory."""

    root: Path

    @property
    def postgres(self) -> Path:
        """Return where the database server keeps its files."""
        return self.root / "postgres"

    @property
    def objects(self) -> Path:
        """Return the object store's folder."""
        return self.root / "objects"

    @property
    def keys(self) -> Path:
        """Return where signing keys live."""
        return self.root / "keys"

    @property
    def logs(self) -> Path:
        """Return where each function's log lives."""
        return self.root / "logs"


def open_data_dir(root: Path) -> DataDir:
    """Create the directory, or accept one that an earlier runtime created.

    Raises
    ------
    ConfigurationError
        When the path is a file, cannot be written, or holds files that are not this product's.
    """
    root = root.expanduser().absolute()
    try:
        root.mkdir(parents=True, exist_ok=True)
        foreign = not (root / MARKER).exists() and any(child.name != LOCK for child in root.iterdir())
        if foreign:
            raise ConfigurationError(
                f"{root} holds files that are not a data directory of e2i; nothing was touched.",
                field="data_dir",
                expected="an empty directory, a new path, or one made by an earlier `e2i up`",
                hint="choose another path with --data-dir",
            )
        (root / MARKER).write_text(FORMAT)
        data_dir = DataDir(root)
        for folder in (data_dir.objects, data_dir.keys, data_dir.logs):
            folder.mkdir(exist_ok=True)
        data_dir.keys.chmod(0o700)
    except OSError as error:
        raise ConfigurationError(
            f"The data directory {root} cannot be used: {error.strerror or error}.",
            field="data_dir",
            expected="a directory that can be written",
            hint="choose another path with --data-dir, or free some space",
        ) from error
    return data_dir


def wipe(data_dir: DataDir) -> None:
    """Remove everything in a data directory of ours, but the lock and the marker."""
    for child in data_dir.root.iterdir():
        if child.name in {MARKER, LOCK}:
            continue
        if child.is_dir() and not child.is_symlink():
            shutil.rmtree(child)
        else:
            child.unlink()
    open_data_dir(data_dir.root)


@contextmanager
def locked(data_dir: DataDir, url: str) -> Iterator[None]:
    """Hold the directory alone; the lock ends with the process, however it ends.

    Raises
    ------
    AlreadyRunningError
        When another live runtime holds it; names its process and URL.
    """
    descriptor = os.open(data_dir.root / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise AlreadyRunningError(
                f"{data_dir.root} is in use by {_holder(descriptor)}; nothing was disturbed.",
                field="data_dir",
                hint="stop that one first, or choose another path with --data-dir",
            ) from error
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, json.dumps({"pid": os.getpid(), "url": url}).encode(), 0)
        yield
        os.ftruncate(descriptor, 0)
    finally:
        os.close(descriptor)


def _holder(descriptor: int) -> str:
    with suppress(ValueError, KeyError):
        holder = json.loads(os.pread(descriptor, 4096, 0))
        return f"the runtime at {holder['url']} (process {holder['pid']})"
    return "another runtime that is just starting"
