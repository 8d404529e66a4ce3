"""The runtime's side of the processes in ``zygote`` and ``worker``."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from infra.local import frames
from infra.local.zygote import PID, SIZE

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence
    from pathlib import Path

READY_SECONDS = 60.0  # importing on a loaded machine; Lambda's own limit of 10 s counts on an idle one


class WorkerGoneError(Exception):
    """The worker process ended."""


@dataclass(slots=True, eq=False)
class Worker:
    """One live worker process and the socket to it."""

    pid: int
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    @property
    def gone(self) -> bool:
        """Return whether the process has already hung up."""
        return self.reader.at_eof() or self.writer.is_closing()

    async def call(self, head: dict[str, Any], payload: bytes) -> tuple[bytes, bytes]:
        """Send one event and return the answer's kind and body."""
        try:
            self.writer.write(frames.pack(frames.CALL, json.dumps(head).encode() + b"\n" + payload))
            await self.writer.drain()
            return await frames.read_async(self.reader)
        except (EOFError, OSError) as error:
            raise WorkerGoneError from error

    def kill(self) -> None:
        """End the process now."""
        if not self.reader.at_eof():
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)
        self.writer.close()


@dataclass(slots=True)
class Forker:
    """The line to a process that others are forked from; opened on first use, and again when it broke."""

    connect: Callable[[], Awaitable[socket.socket]]
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    _connection: socket.socket | None = None

    async def request(self, specification: dict[str, Any]) -> tuple[int, socket.socket]:
        """Return a new process's id and our end of the socket to it.

        Raises
        ------
        OSError
            When there is none: the line broke.
        """
        async with self._lock:
            if self._connection is not None:
                with suppress(OSError):
                    return await _ask(self._connection, specification)
                self.close()  # the process is gone: begin anew
            self._connection = await self.connect()
            return await _ask(self._connection, specification)

    async def fork(self, specification: dict[str, Any]) -> Worker:
        """Return a new worker once its handler is imported.

        Raises
        ------
        WorkerGoneError
            When the process could not be started or died while importing.
        """
        try:
            pid, connection = await self.request({**specification, "kind": "worker"})
            reader, writer = await asyncio.open_unix_connection(sock=connection)
        except OSError as error:
            raise WorkerGoneError from error
        worker = Worker(pid, reader, writer)
        try:
            async with asyncio.timeout(READY_SECONDS):
                await frames.read_async(reader)
        except (EOFError, OSError, TimeoutError) as error:
            worker.kill()
            raise WorkerGoneError from error
        return worker

    def close(self) -> None:
        """Hang up; the process ends, and with it those it forked."""
        if self._connection is not None:
            self._connection.close()
        self._connection = None


async def _ask(connection: socket.socket, specification: dict[str, Any]) -> tuple[int, socket.socket]:
    body = json.dumps(specification).encode()
    ours, theirs = socket.socketpair()
    try:
        ours.setblocking(False)  # noqa: FBT003 - the socket API's own positional
        socket.send_fds(connection, [SIZE.pack(len(body)) + body], [theirs.fileno()])
        return int(PID.unpack(await _receive(connection, PID.size))[0]), ours
    except BaseException:
        ours.close()
        raise
    finally:
        theirs.close()


async def _receive(connection: socket.socket, size: int) -> bytes:
    loop = asyncio.get_running_loop()
    answer = b""
    while len(answer) < size:
        part = await loop.sock_recv(connection, size - len(answer))
        if not part:
            raise ConnectionResetError
        answer += part
    return answer


class Zygote:
    """The root of a tree of forked processes, with libraries preloaded; started on first use, and again when it died."""

    def __init__(self, environment: Mapping[str, str], preload: Sequence[str], log: Path) -> None:
        self._environment = dict(environment)
        self._preload = list(preload)
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None
        self._line: socket.socket | None = None  # to a process that nobody has asked for anything yet
        self._forker = Forker(self._start)

    def template(self, specification: dict[str, Any]) -> Forker:
        """Return the line to a process that has one function's handler imported."""

        async def connect() -> socket.socket:
            _, connection = await self._forker.request({**specification, "kind": "template"})
            return connection

        return Forker(connect)

    async def _start(self) -> socket.socket:
        if self._process is None or self._process.poll() is not None:
            self.begin()
        if self._line is None:  # the line broke before the process did
            self.begin()
        if self._line is None:
            raise ConnectionResetError
        line, self._line = self._line, None
        return line

    def begin(self) -> None:
        """Start the process now; returns before its imports are done."""
        self.stop()
        ours, theirs = socket.socketpair()
        command = [sys.executable, "-m", "infra.local.zygote", str(theirs.fileno()), *self._preload]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
                command,
                env=self._environment,
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # a Ctrl-C in the terminal is the runtime's to handle
            )
        theirs.close()
        ours.setblocking(False)  # noqa: FBT003 - the socket API's own positional
        self._line = ours

    def stop(self) -> None:
        """End the process; all that were forked from it end, too."""
        self._forker.close()
        if self._line is not None:
            self._line.close()
            self._line = None
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        self._process = None
