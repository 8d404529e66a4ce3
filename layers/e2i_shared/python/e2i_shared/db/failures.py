"""message_failures: why a queue's message could not be served the last time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from e2i_shared.db import audit
from e2i_shared.db.queries import query
from e2i_shared.db.repository import Repository
from e2i_shared.ports import Failure

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

LONGEST = 1_000


class PostgresFailures(Repository):
    """MessageFailures over Postgres."""

    def note(self, queue: str, message_id: str, topic: str, failure: Failure) -> None:
        """Keep why a message failed, and that it did once more."""
        named = {"queue": queue, "message_id": message_id, "topic": topic[:200]}
        self._do(query("failures", "note"), **named, error_type=failure.error_type, reason=failure.reason[:LONGEST])

    def of(self, queue: str, message_ids: Sequence[str]) -> Mapping[str, Failure]:
        """Return what is known of messages."""
        rows = self._rows(query("failures", "of"), queue=queue, ids=[*message_ids])
        return {row["message_id"]: Failure(row["error_type"], row["reason"], row["failures"]) for row in rows}

    def settle(self, queue: str, message_ids: Sequence[str]) -> None:
        """Forget why messages failed: they were served, or are tried anew."""
        self._do(query("failures", "settle"), queue=queue, ids=[*message_ids])

    def audited(self, queue: str, message_id: str, actor: str, role: str, request_id: str) -> None:
        """Record who puts a message back."""
        entry = audit.AuditEntry(
            actor=actor,
            actor_role=role,
            action="redrive",
            object_type="message",
            object_id=f"{queue}/{message_id}",
            request_id=request_id,
        )
        self._run(lambda connection: audit.record(connection, entry))
