"""Files to load: bytes, a path or a seekable stream, opened as often as a load needs."""

from __future__ import annotations

import io
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

from e2i_shared.errors import BadFileError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

CHUNK_BYTES = 1 << 18


@dataclass(frozen=True, slots=True)
class FileSource:
    """A file of ``size`` bytes (None: unknown); ``open`` gives its bytes from the beginning, each time."""

    name: str
    open: Callable[[], BinaryIO]
    size: int | None = None

    def head(self, limit: int) -> bytes:
        """Return the first ``limit`` bytes, or fewer where the file is shorter."""
        with self.open() as stream:
            return stream.read(limit)

    def chunks(self) -> Iterator[bytes]:
        """Yield the bytes in pieces of constant size."""
        with self.open() as stream:
            while chunk := stream.read(CHUNK_BYTES):
                yield chunk


def from_bytes(content: bytes, name: str = "content") -> FileSource:
    """Return a source over bytes in memory."""
    return FileSource(name, lambda: io.BytesIO(content), len(content))


def from_path(path: Path) -> FileSource:
    """Return a source over a file; raise BadFileError when it cannot be read."""
    try:
        size = path.stat().st_size
        path.open("rb").close()
    except OSError as error:
        raise BadFileError(
            f"{path.name} cannot be read: {os.strerror(error.errno or 0)}.", field="file", got=path.name
        ) from error
    return FileSource(path.name, lambda: path.open("rb"), size)


def from_stream(stream: BinaryIO, name: str = "upload") -> FileSource:
    """Return a source over a seekable stream, which it never closes."""
    size = stream.seek(0, os.SEEK_END)

    def rewound() -> BinaryIO:
        stream.seek(0)
        return _Kept(stream)

    return FileSource(name, rewound, size)


class _Kept(io.BufferedIOBase, BinaryIO):
    """A stream that stays open when its reader is done with it."""

    def __init__(self, stream: BinaryIO) -> None:
        super().__init__()
        self._stream = stream

    def read(self, size: int | None = -1, /) -> bytes:
        return self._stream.read(-1 if size is None else size)

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        return self._stream.seek(offset, whence)

    def tell(self) -> int:
        return self._stream.tell()

    def seekable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True
