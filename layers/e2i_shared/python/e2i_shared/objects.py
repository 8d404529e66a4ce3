"""Objects too large for a request or a row: uploads, outputs of steps. Kept in a bucket, or on one machine in a folder.

A local upload URL is ``{address}/{key}?expires={unix seconds}&signature={hex}``; whoever serves the folder checks it with ``verify``.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, Protocol

from e2i_shared.api.datasets import UploadTicket
from e2i_shared.errors import NotFoundError, StorageFullError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

TICKET_SECONDS = 900


class Objects(Protocol):
    """Where uploads live."""

    def ticket(self, key: str) -> UploadTicket:
        """Return where to PUT an object, valid for ``TICKET_SECONDS``."""
        ...

    def open(self, key: str) -> BinaryIO:
        """Return the object's bytes as a seekable file; raise NotFoundError."""
        ...

    def put(self, key: str, body: bytes) -> None:
        """Write an object, whole or not at all."""
        ...


def signature(secret: str, method: str, key: str, expires: int) -> str:
    """Return the HMAC-SHA-256 (hex) over method, key and expiry (unix seconds)."""
    return hmac.new(secret.encode(), f"{method}\n{key}\n{expires}".encode(), hashlib.sha256).hexdigest()


def verify(secret: str, method: str, key: str, expires: str, given: str, *, now: float | None = None) -> bool:
    """Return whether a signed address is genuine and still valid."""
    if not expires.isascii() or not expires.isdigit() or int(expires) < (time.time() if now is None else now):
        return False
    return hmac.compare_digest(signature(secret, method, key, int(expires)), given)


@dataclass(frozen=True, slots=True)
class FolderObjects:
    """Objects in a folder that the local gateway serves at ``address``."""

    root: Path
    address: str
    secret: str
    clock: Callable[[], float] = time.time

    def ticket(self, key: str) -> UploadTicket:
        """Return a signed local address."""
        expires = int(self.clock()) + TICKET_SECONDS
        query = f"expires={expires}&signature={signature(self.secret, 'PUT', key, expires)}"
        url = f"{self.address.rstrip('/')}/{key}?{query}"
        return UploadTicket(upload_key=key, url=url, expires_in_seconds=TICKET_SECONDS)

    def open(self, key: str) -> BinaryIO:
        """Return the file; a key that leaves the folder is not found."""
        path = (self.root / key).resolve()
        if not path.is_relative_to(self.root.resolve()) or not path.is_file():
            raise NotFoundError("There is no upload of that key.", field="upload_key", got=key)
        return path.open("rb")

    def put(self, key: str, body: bytes) -> None:
        """Write the file under another name first, so that nobody reads half of it."""
        path = self.root / key
        path.parent.mkdir(parents=True, exist_ok=True)
        written = path.with_name(f".{path.name}.{os.getpid()}")
        try:
            written.write_bytes(body)
            written.replace(path)
        except OSError as error:
            written.unlink(missing_ok=True)
            raise StorageFullError("The object store has no room left; nothing was kept.") from error
