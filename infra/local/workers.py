"""A pool of worker processes per function: one event per process at a time, limits as Lambda sets them."""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from infra.local import frames
from infra.local.asl.errors import dumps
from infra.local.forks import Forker, Worker, WorkerGoneError, Zygote

if TYPE_CHECKING:
    from pathlib import Path

    from infra.functions import FunctionDescription

REQUEST_LIMIT = 6_291_456  # bytes of a synchronous call
MAX_WAITING = 1024
LOG_LIMIT = 20 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a call came to; a failed one's payload is ``{"errorType", "errorMessage"}``."""

    ok: bool
    payload: bytes

    @property
    def document(self) -> Any:
        """Return the payload as data."""
        return json.loads(self.payload)

    @property
    def error_type(self) -> str:
        """Return the error's name, or nothing when the call succeeded."""
        return "" if self.ok else str(self.document["errorType"])


def failure(kind: str, message: str) -> Outcome:
    """Return a failed outcome in Lambda's words."""
    return Outcome(ok=False, payload=dumps({"errorType": kind, "errorMessage": message}).encode())


class TooBusyError(Exception):
    """All workers are busy and the queue before them is full, or the wait was too long."""


@dataclass(slots=True)
class Pool:
    """The workers of one function."""

    description: FunctionDescription
    zygote: Zygote
    environment: dict[str, str]
    log: Path
    template: Forker = field(init=False)
    _idle: list[Worker] = field(default_factory=list)
    _live: set[Worker] = field(default_factory=set)
    _waiting: deque[asyncio.Future[Worker]] = field(default_factory=deque)
    _starting: set[asyncio.Task[None]] = field(default_factory=set)

    def __post_init__(self) -> None:
        """Draw the line to the function's template; nothing starts yet."""
        self.template = self.zygote.template(self._specification())

    async def invoke(
        self, payload: bytes, *, wait_seconds: float | None = None, limit_seconds: float | None = None
    ) -> Outcome:
        """Run one event and return its outcome; a handler's error, crash or timeout is an outcome, not an exception.

        Parameters
        ----------
        payload
            The event as JSON.
        wait_seconds
            How long to wait for a free worker; without it, for as long as it takes.
        limit_seconds
            An earlier end than the function's own timeout.

        Raises
        ------
        TooBusyError
            When no worker came free in time, or too many calls wait already.
        """
        if len(payload) > REQUEST_LIMIT:
            return failure(
                "RequestTooLargeException", f"The request is {len(payload)} bytes; {REQUEST_LIMIT} is the most."
            )
        try:
            worker = await self._take(wait_seconds)
        except WorkerGoneError:
            return failure("Lambda.ServiceException", f"No process for {self.description.name} could be started.")
        return await self._run(worker, payload, min(limit_seconds or 900, self.description.timeout_seconds))

    async def _run(self, worker: Worker, payload: bytes, limit: float) -> Outcome:
        request_id = str(uuid.uuid4())
        head = {"request_id": request_id, "deadline": time.time() + limit}
        answered = False
        try:
            async with asyncio.timeout(limit):
                kind, body = await worker.call(head, payload)
                answered = True
        except TimeoutError:
            return failure(
                "Sandbox.Timedout", f"RequestId: {request_id} Error: Task timed out after {limit:.2f} seconds"
            )
        except WorkerGoneError:
            return failure(
                "Runtime.ExitError", f"RequestId: {request_id} Error: Runtime exited without providing a reason"
            )
        else:
            self._offer(worker)
            return Outcome(ok=kind == frames.RESULT, payload=body)
        finally:
            if not answered:  # timed out, died, or nobody waits for it any more
                self._end(worker)
                self._grow()

    async def _take(self, wait_seconds: float | None) -> Worker:
        while self._idle:
            worker = self._idle.pop()
            if not worker.gone:
                return worker
            self._end(worker)
        if len(self._waiting) >= MAX_WAITING:
            raise TooBusyError
        turn: asyncio.Future[Worker] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        self._grow()
        taken = False
        try:
            async with asyncio.timeout(wait_seconds):
                worker = await turn
                taken = True
        except TimeoutError as error:
            raise TooBusyError from error
        finally:
            if not taken:
                self._leave(turn)
        return worker

    def _leave(self, turn: asyncio.Future[Worker]) -> None:
        """Take a caller out of the queue; a worker handed to it in the same moment goes to the next."""
        with suppress(ValueError):
            self._waiting.remove(turn)
        if turn.done() and not turn.cancelled() and turn.exception() is None:
            self._offer(turn.result())

    def _grow(self) -> None:
        """Start processes for those who wait, up to the function's limit."""
        room = self.description.local_workers - len(self._live) - len(self._starting)
        for _ in range(min(room, len(self._waiting) - len(self._starting))):
            self.warm()

    def warm(self) -> asyncio.Task[None]:
        """Start one process; the task ends when it is ready, or could not be."""
        task = asyncio.get_running_loop().create_task(self._start())
        self._starting.add(task)
        task.add_done_callback(self._starting.discard)
        return task

    async def _start(self) -> None:
        with suppress(OSError):
            if self.log.exists() and self.log.stat().st_size > LOG_LIMIT:
                self.log.replace(self.log.with_suffix(".log.1"))
        try:
            worker = await self.template.fork(self._specification())
        except WorkerGoneError as error:
            self._refuse_next(error)
            self._starting.discard(asyncio.current_task())
            self._grow()
        else:
            self._live.add(worker)
            self._offer(worker)

    def _end(self, worker: Worker) -> None:
        self._live.discard(worker)
        worker.kill()

    def _specification(self) -> dict[str, Any]:
        return {
            "name": self.description.name,
            "handler": self.description.handler,
            "memory_mb": self.description.memory_mb,
            "environment": self.environment,
            "log": str(self.log),
        }

    def _offer(self, worker: Worker) -> None:
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(worker)
                return
        self._idle.append(worker)

    def _refuse_next(self, error: WorkerGoneError) -> None:
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_exception(error)
                return

    @property
    def pids(self) -> list[int]:
        """Return the processes that live now."""
        return [worker.pid for worker in self._live]

    def stop(self) -> None:
        """End every process of the pool."""
        for task in self._starting:
            task.cancel()
        for worker in self._live:
            worker.kill()
        self._live.clear()
        self._idle.clear()
        self.template.close()
