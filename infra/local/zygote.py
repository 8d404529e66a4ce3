"""Processes that others are forked from: they import once and never run a handler.

The root is started as ``python -m infra.local.zygote FD MODULE…`` and imports the libraries. From it a template is forked per function, which takes
the function's environment and imports its handler; the function's workers are forked from that. Each reads one specification and one descriptor at
a time and answers the new process's id. All stay single-threaded, so that forking is safe; numeric libraries are held to one thread by the environment.
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
import traceback
from typing import Any

from infra.local import frames, worker

SIZE = struct.Struct("!I")
PID = struct.Struct("!q")


def serve(connection: socket.socket, preload: list[str]) -> None:
    """Import, then fork a process for each request until the runtime closes its end."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel reaps
    for name in preload:
        try:
            importlib.import_module(name)
        except Exception:  # noqa: BLE001 - whoever needs it imports it again and reports what happens then
            traceback.print_exc()
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
            _become(specification, descriptor)
        finally:
            os._exit(0)
    os.close(descriptor)
    connection.sendall(PID.pack(pid))


def _become(specification: dict[str, Any], descriptor: int) -> None:
    """Be the process that was asked for, to its end."""
    worker.settle(specification)
    if specification["kind"] == "template":
        serve(socket.socket(fileno=descriptor), [specification["handler"].rpartition(".")[0]])
    else:
        worker.main(specification, descriptor)


if __name__ == "__main__":
    worker.die_with_parent()  # also while it imports and listens to nobody
    serve(socket.socket(fileno=int(sys.argv[1])), sys.argv[2:])
