"""The runtime's side of a zygote and of one worker process."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from infra.local import frames
from infra.local.zygote import PID, SIZE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

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


class Zygote:
    """A forking server with libraries preloaded; started on first use, and again when it died."""

    def __init__(self, environment: Mapping[str, str], preload: Sequence[str]) -> None:
        self._environment = dict(environment)
        self._preload = list(preload)
        self._lock = asyncio.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._connection: socket.socket | None = None

    def start(self) -> None:
        """Start the process unless it runs; returns before its imports are done."""
        if self._process is not None and self._process.poll() is None:
            return
        self.stop()
        ours, theirs = socket.socketpair()
        command = [sys.executable, "-m", "infra.local.zygote", str(theirs.fileno()), *self._preload]
        self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
            command,
            env=self._environment,
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            start_new_session=True,  # a Ctrl-C in the terminal is the runtime's to handle
        )
        theirs.close()
        ours.setblocking(False)  # noqa: FBT003 - the socket API's own positional
        self._connection = ours

    async def fork(self, specification: dict[str, Any]) -> Worker:
        """Return a new worker once its handler is imported.

        Raises
        ------
        WorkerGoneError
            When the process could not be started or died while importing.
        """
        ours, theirs = socket.socketpair()
        try:
            pid = await self._request(specification, theirs.fileno())
            reader, writer = await asyncio.open_unix_connection(sock=ours)
        except OSError as error:
            ours.close()
            raise WorkerGoneError from error
        finally:
            theirs.close()
        worker = Worker(pid, reader, writer)
        try:
            async with asyncio.timeout(READY_SECONDS):
                await frames.read_async(reader)
        except (EOFError, OSError, TimeoutError) as error:
            worker.kill()
            raise WorkerGoneError from error
        return worker

    async def _request(self, specification: dict[str, Any], descriptor: int) -> int:
        async with self._lock:
            self.start()
            connection = self._connection
            if connection is None:
                raise ConnectionResetError
            body = json.dumps(specification).encode()
            socket.send_fds(connection, [SIZE.pack(len(body)) + body], [descriptor])
            loop = asyncio.get_running_loop()
            answer = b""
            while len(answer) < PID.size:
                part = await loop.sock_recv(connection, PID.size - len(answer))
                if not part:
                    raise ConnectionResetError
                answer += part
            return int(PID.unpack(answer)[0])

    def stop(self) -> None:
        """End the process; its workers end with it."""
        if self._connection is not None:
            self._connection.close()
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        self._process = self._connection = None
