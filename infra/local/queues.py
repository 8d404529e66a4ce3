"""SQS queues that feed a function: visibility, receive counts, partial batch failures, dead letters, redrive."""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import psycopg

from infra.local.asl.errors import dumps
from infra.local.executions import ACCOUNT, REGION
from infra.local.store import Statement

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from infra.functions import Queue
    from infra.local.store import Row, Store
    from infra.local.workers import Outcome

LONGEST_SLEEP = 30.0
BODY_LIMIT = 262_144
log = logging.getLogger(__name__)


def dead_letters(queue: str) -> str:
    """Return the name of a queue's dead-letter queue."""
    return f"{queue}-dlq"


@dataclass(slots=True)
class QueueFeed:
    """One queue and the loop that hands its messages to the function."""

    queue: Queue
    store: Store
    invoke: Callable[[bytes], Awaitable[Outcome]]
    _wake: asyncio.Event = field(default_factory=asyncio.Event)
    _task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin receiving."""
        self._task = asyncio.create_task(self._poll())

    async def close(self) -> None:
        """Stop receiving; messages in flight come back after their visibility timeout."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    def wake(self) -> None:
        """Look for messages now."""
        self._wake.set()

    async def send(self, body: str, *, delay_seconds: float = 0) -> str:
        """Add a message and return its id."""
        values = {"queue": self.queue.name, "body": body, "attributes": "{}", "delay": delay_seconds}
        rows = await self.store.write(Statement("send_message", [values]))
        self.wake()
        return str(rows[0]["id"])

    async def redrive(self) -> int:
        """Move the dead letters back, to be tried anew; returns how many."""
        values = {"queue": self.queue.name, "dead": dead_letters(self.queue.name)}
        rows = await self.store.write(Statement("redrive_messages", [values]))
        self.wake()
        return len(rows)

    async def deliver(self) -> int:
        """Hand one batch to the function and return its size; messages past their receives go to the dead letters first."""
        name = self.queue.name
        values = {"queue": name, "max_receives": self.queue.max_receives, "dead": dead_letters(name)}
        received = values | {"visibility": self.queue.visibility_seconds, "most": self.queue.batch_size}
        rows = await self.store.write(Statement("bury_messages", [values]), Statement("receive_messages", [received]))
        if not rows:
            return 0
        outcome = await self.invoke(dumps({"Records": [_record(name, row) for row in rows]}).encode())
        failed = _failed(outcome, rows)
        done = [{"id": row["id"], "receives": row["receives"]} for row in rows if str(row["id"]) not in failed]
        if done:
            await self.store.write(Statement("delete_message", done))
        return len(rows)

    async def _poll(self) -> None:
        while True:
            self._wake.clear()
            try:
                if await self.deliver():
                    continue
                rows = await self.store.read("next_visible", queue=self.queue.name)
            except psycopg.Error as error:
                log.warning("queue %s cannot be read: %s", self.queue.name, error)
                rows = [{"seconds": 5.0}]
            seconds = rows[0]["seconds"]
            pause = LONGEST_SLEEP if seconds is None else min(LONGEST_SLEEP, max(0.05, seconds))
            with suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._wake.wait()


def _failed(outcome: Outcome, rows: list[Row]) -> set[str]:
    """Return the ids to be tried again: all after an error or an answer that makes no sense, else those the function names."""
    everything = {str(row["id"]) for row in rows}
    if not outcome.ok:
        log.warning("a batch failed: %s", outcome.payload.decode(errors="replace")[:300])
        return everything
    document = outcome.document
    if not isinstance(document, dict):
        return set() if document is None else everything
    failures = document.get("batchItemFailures") or []
    named = {str(item.get("itemIdentifier")) if isinstance(item, dict) else "" for item in failures}
    return named if named.issubset(everything) else everything


def received(row: Row) -> dict[str, Any]:
    """Return a message as ``ReceiveMessage`` tells it."""
    return {
        "MessageId": str(row["id"]),
        "ReceiptHandle": f"{row['id']}:{row['receives']}",
        "Body": row["body"],
        "MD5OfBody": hashlib.md5(row["body"].encode(), usedforsecurity=False).hexdigest(),
        "Attributes": {"SentTimestamp": str(int(row["sent_at"].timestamp() * 1000))},
    }


def _record(queue: str, row: Row) -> dict[str, Any]:
    return {
        "messageId": str(row["id"]),
        "receiptHandle": f"{row['id']}:{row['receives']}",
        "body": row["body"],
        "attributes": {
            "ApproximateReceiveCount": str(row["receives"]),
            "SentTimestamp": str(int(row["sent_at"].timestamp() * 1000)),
            "SenderId": ACCOUNT,
            "ApproximateFirstReceiveTimestamp": str(int(row["first_received_at"].timestamp() * 1000)),
        },
        "messageAttributes": json.loads(row["attributes"]),
        "md5OfBody": hashlib.md5(row["body"].encode(), usedforsecurity=False).hexdigest(),
        "eventSource": "aws:sqs",
        "eventSourceARN": f"arn:aws:sqs:{REGION}:{ACCOUNT}:{queue}",
        "awsRegion": REGION,
    }
