"""The object store: files in a folder, written and read over HTTP by signed addresses that expire.

Functions reach the folder directly (``E2I_OBJECT_ROOT``) and sign addresses for others; see ``e2i_shared.objects``.
"""

from __future__ import annotations

import asyncio
import errno
import os
import re
import secrets
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, unquote

from e2i_shared.errors import (
    ForbiddenError,
    MalformedRequestError,
    NotFoundError,
    StorageFullError,
    TooLargeError,
)
from e2i_shared.objects import verify

from infra.local.replies import MethodNotAllowedError, reply

if TYPE_CHECKING:
    from pathlib import Path

    from infra.local.replies import Headers, Receive, Scope, Send

PREFIX = "/_objects/"
KEY = re.compile(r"(?!.*(?:^|/)\.)[\w.=/-]{1,1024}", re.ASCII)  # no segment may start with a dot
SIZE_LIMIT = 5 * 1024**3  # bytes; S3's for one PUT
CHUNK = 256 * 1024
SECRET_FILE = "object-signing-key"  # noqa: S105 - a file's name


def ensure_secret(keys: Path) -> str:
    """Return the signing secret of a data directory, made on first use."""
    path = keys / SECRET_FILE
    if not path.exists():
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(secrets.token_hex(32))
    return path.read_text()


@dataclass(frozen=True, slots=True)
class ObjectStore:
    """The folder and the secret its addresses are signed with."""

    root: Path
    secret: str

    async def __call__(self, scope: Scope, receive: Receive, send: Send, headers: Headers) -> None:
        """Serve one signed request.

        Raises
        ------
        ForbiddenError
            When the signature is wrong or has expired.
        MethodNotAllowedError
            For anything but PUT and GET.
        """
        method, key = scope["method"], unquote(scope["path"].removeprefix(PREFIX))
        if method not in {"PUT", "GET"}:
            raise MethodNotAllowedError(["GET", "PUT"])
        if not KEY.fullmatch(key) or "//" in key or key.startswith("/"):
            raise MalformedRequestError("This is no key of an object.", field="key", got=key[:100])
        self._check(method, key, scope["query_string"].decode("latin-1"))
        if method == "PUT":
            await self._put(key, receive)
            await reply(send, 200, headers, b"")
        else:
            await self._get(key, send, headers)

    def _check(self, method: str, key: str, query: str) -> None:
        values = {name: found[0] for name, found in parse_qs(query).items()}
        expires, signature = values.get("expires", ""), values.get("signature", "")
        if not signature.isascii() or len(expires) > 12 or not verify(self.secret, method, key, expires, signature):
            raise ForbiddenError("The address is not signed for this use, or has expired.", hint="ask for a new one")

    async def _put(self, key: str, receive: Receive) -> None:
        """Stream a body to disk; the object appears whole or not at all."""
        path = self.root / key
        partial = self.root / f".{secrets.token_hex(8)}.part"
        try:
            with partial.open("wb") as file:
                await _drain(receive, file.fileno())
            path.parent.mkdir(parents=True, exist_ok=True)
            partial.replace(path)
        except OSError as error:
            if error.errno in {errno.ENOSPC, errno.EDQUOT}:
                raise StorageFullError(
                    "The disk is full; nothing of the upload was kept.", hint="free some space"
                ) from error
            raise MalformedRequestError("An object cannot have this key.", field="key", got=key[:100]) from error
        finally:
            with suppress(FileNotFoundError):
                partial.unlink()

    async def _get(self, key: str, send: Send, headers: Headers) -> None:
        try:
            file = (self.root / key).open("rb")
        except OSError as error:
            raise NotFoundError("There is no such object.") from error
        with file:
            size = os.fstat(file.fileno()).st_size
            kind = [(b"content-type", b"application/octet-stream"), (b"content-length", str(size).encode())]
            await send({"type": "http.response.start", "status": 200, "headers": [*headers, *kind]})
            while chunk := await asyncio.to_thread(file.read, CHUNK):
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
            await send({"type": "http.response.body", "body": b""})


async def _drain(receive: Receive, descriptor: int) -> None:
    """Write the body as it comes, holding one chunk of it at a time."""
    written = 0
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise MalformedRequestError("The upload ended early; nothing of it was kept.")
        chunk = message.get("body", b"")
        written += len(chunk)
        if written > SIZE_LIMIT:
            raise TooLargeError(f"An object may have {SIZE_LIMIT} bytes.", expected=f"≤ {SIZE_LIMIT} bytes")
        if chunk:
            await asyncio.to_thread(_write_all, descriptor, chunk)
        more = message.get("more_body", False)
    await asyncio.to_thread(os.fsync, descriptor)


def _write_all(descriptor: int, chunk: bytes) -> None:
    view = memoryview(chunk)
    while view:
        view = view[os.write(descriptor, view) :]
