"""The process that workers are forked from: it imports the heavy libraries once and never runs a handler.

Started as ``python -m infra.local.zygote FD MODULE…``; reads one specification and one descriptor at a time, answers the new process's id.
It stays single-threaded, so that forking is safe; numeric libraries are held to one thread by its environment.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import signal
import socket
import struct
import sys
from contextlib import suppress
from typing import Any

from infra.local import frames, worker

SIZE = struct.Struct("!I")
PID = struct.Struct("!q")


def main(descriptor: int, preload: list[str]) -> None:
    """Preload, then fork a worker for each request until the runtime closes its end."""
    connection = socket.socket(fileno=descriptor)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel reaps
    for name in preload:
        with suppress(ImportError):
            importlib.import_module(name)
    gc.collect()
    gc.freeze()
    while request := receive(connection):
        _fork(connection, *request)


def receive(connection: socket.socket) -> tuple[dict[str, Any], int] | None:
    """Return the next specification and descriptor, or ``None`` when the runtime is gone."""
    try:
        start, descriptors, _, _ = socket.recv_fds(connection, SIZE.size, 1)
        if not start:
            return None
        start += frames.read_exactly(connection, SIZE.size - len(start)) if len(start) < SIZE.size else b""
        body = frames.read_exactly(connection, SIZE.unpack(start)[0])
    except (EOFError, OSError):
        return None
    return json.loads(body), descriptors[0]


def _fork(connection: socket.socket, specification: dict[str, Any], descriptor: int) -> None:
    pid = os.fork()
    if pid == 0:
        connection.close()
        try:
            worker.main(specification, descriptor)
        finally:
            os._exit(0)
    os.close(descriptor)
    connection.sendall(PID.pack(pid))


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
