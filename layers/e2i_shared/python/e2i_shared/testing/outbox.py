"""An outbox in memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from e2i_shared.db.outbox import OutboxEvent
from e2i_shared.ids import new_id
from e2i_shared.testing.clock import FixedClock

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from e2i_shared.api.common import Json


@dataclass
class _Waiting:
    outbox_id: str
    topic: str
    payload: Json
    created_at: datetime
    attempts: int = 0
    claimed_until: datetime | None = None
    published: bool = False
    last_error: str | None = None


class FakeOutbox:
    """Like PostgresOutbox. ``topics()`` lists all that was ever written, for assertions."""

    def __init__(self, clock: FixedClock | None = None) -> None:
        self._clock = clock or FixedClock()
        self._events: dict[str, _Waiting] = {}

    def append(self, topic: str, payload: Json) -> str:
        """Write an event and return its id."""
        event = _Waiting(new_id(), topic, payload, self._clock())
        self._events[event.outbox_id] = event
        return event.outbox_id

    def claim(self, limit: int = 100, lease_seconds: float = 60) -> Sequence[OutboxEvent]:
        """Lease the oldest waiting events, oldest first."""
        from datetime import timedelta

        now = self._clock()
        free = [
            e for e in self._events.values() if not e.published and (e.claimed_until is None or e.claimed_until < now)
        ]
        for event in free[:limit]:
            event.attempts += 1
            event.claimed_until = now + timedelta(seconds=lease_seconds)
        return [
            OutboxEvent(e.outbox_id, e.topic, e.payload, e.attempts, e.created_at.isoformat()) for e in free[:limit]
        ]

    def mark_published(self, ids: Sequence[str]) -> int:
        """Record that the bus took events; return how many were waiting until now."""
        waiting = [self._events[i] for i in ids if i in self._events and not self._events[i].published]
        for event in waiting:
            event.published = True
            event.claimed_until = None
        return len(waiting)

    def release(self, ids: Sequence[str], error: str) -> int:
        """Give leased events back at once, with the reason."""
        waiting = [self._events[i] for i in ids if i in self._events and not self._events[i].published]
        for event in waiting:
            event.claimed_until = None
            event.last_error = error[:1000]
        return len(waiting)

    def topics(self) -> list[str]:
        """Return the topics of all events ever written, in order."""
        return [event.topic for event in self._events.values()]
