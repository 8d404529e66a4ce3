"""How the runtime and its worker processes talk: length-prefixed frames on a socket pair."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio
    import socket

HEADER = struct.Struct("!cI")

READY = b"R"
CALL = b"C"
RESULT = b"S"
ERROR = b"E"


def pack(kind: bytes, body: bytes) -> bytes:
    """Return the frame's header and body as one."""
    return HEADER.pack(kind, len(body)) + body


def read_exactly(connection: socket.socket, size: int) -> bytes:
    """Read ``size`` bytes; raises ``EOFError`` when the peer is gone."""
    parts = bytearray()
    while len(parts) < size:
        part = connection.recv(min(size - len(parts), 1 << 20))
        if not part:
            raise EOFError
        parts += part
    return bytes(parts)


def read(connection: socket.socket) -> tuple[bytes, bytes]:
    """Read one frame, blocking."""
    kind, size = HEADER.unpack(read_exactly(connection, HEADER.size))
    return kind, read_exactly(connection, size)


async def read_async(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    """Read one frame; raises ``asyncio.IncompleteReadError`` (an ``EOFError``) when the peer is gone."""
    kind, size = HEADER.unpack(await reader.readexactly(HEADER.size))
    return kind, await reader.readexactly(size)
