"""Events written in the transaction that caused them, leased and published by a relay at least once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from psycopg.types.json import Jsonb

from e2i_shared.db.queries import query
from e2i_shared.db.repository import Repository, iso

if TYPE_CHECKING:
    from collections.abc import Sequence

    from e2i_shared.api.common import Json
    from e2i_shared.db.connection import Connection


@dataclass(frozen=True, slots=True)
class OutboxEvent:
    """A claimed event; ``attempts`` counts the claims, this one included."""

    outbox_id: str
    topic: str
    payload: Json
    attempts: int
    created_at: str


class PostgresOutbox(Repository):
    """The outbox of one tenant."""

    def append(self, topic: str, payload: Json) -> str:
        """Write an event in its own transaction and return its id."""
        return self._run(lambda connection: append(connection, topic, payload))

    def claim(self, limit: int = 100, lease_seconds: float = 60) -> Sequence[OutboxEvent]:
        """Lease the oldest waiting events, oldest first; whoever dies loses the lease and another relay publishes again."""
        rows = self._rows(query("outbox", "claim"), limit=limit, lease=lease_seconds)
        rows.sort(key=lambda row: (row["created_at"], row["outbox_id"]))
        return [OutboxEvent(**{**row, "created_at": iso(row["created_at"])}) for row in rows]

    def mark_published(self, ids: Sequence[str]) -> int:
        """Record that the bus took events; return how many were waiting until now."""
        return self._do(query("outbox", "mark_published"), ids=list(ids))

    def release(self, ids: Sequence[str], error: str) -> int:
        """Give leased events back at once, with the reason."""
        return self._do(query("outbox", "release"), ids=list(ids), error=error[:1000])


def append(connection: Connection, topic: str, payload: dict[str, Any]) -> str:
    """Write an event in the caller's transaction and return its id."""
    row = connection.execute(query("outbox", "append"), {"topic": topic, "payload": Jsonb(payload)}).fetchone()
    return "" if row is None else str(row["outbox_id"])
