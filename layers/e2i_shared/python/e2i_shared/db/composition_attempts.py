"""A composition opened again, its plans found again, and what happened to it in order."""

from __future__ import annotations

from typing import TYPE_CHECKING

from e2i_shared.api.composition import CompositionStatus
from e2i_shared.composer.model import CompositionEvent, Plan, ReusablePlan
from e2i_shared.db import composition_rows, outbox
from e2i_shared.db.queries import query
from e2i_shared.db.repository import Repository, iso, known_id, not_found
from e2i_shared.errors import ConflictError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from e2i_shared.composer.model import CompositionRecord
    from e2i_shared.db.connection import Connection

WHAT = "composition"


class Attempts(Repository):
    """The part of a CompositionRepository that is about attempts, events and plans used again."""

    def retry(self, composition_id: str) -> CompositionRecord:
        """Open an ended composition again as PENDING with its next attempt; raise ConflictError where nothing failed."""
        values = {"composition_id": known_id(composition_id, WHAT)}

        def work(connection: Connection) -> CompositionRecord:
            hold(connection, values["composition_id"])
            row = connection.execute(query("compositions", "retry"), values).fetchone()
            if row is None:
                raise not_retryable(read(connection, values["composition_id"]))
            connection.execute(query("compositions", "reopen_steps"), values)
            record = read(connection, values["composition_id"])
            payload = {**values, "attempt": record.attempt, "session_id": row["session_id"]}
            outbox.append(connection, "composition.retried", payload)
            return record

        return self._run(work)

    def events(self, composition_id: str, after: int = 0, limit: int = 200) -> Sequence[CompositionEvent]:
        """Return what happened after a number, in order; raise NotFoundError."""
        values = {"composition_id": known_id(composition_id, WHAT), "after": after, "limit": limit}

        def work(connection: Connection) -> Sequence[CompositionEvent]:
            rows = connection.execute(query("compositions", "events"), values).fetchall()
            if not rows:
                require(connection, str(values["composition_id"]))
            return [CompositionEvent(**row | {"at": iso(row["at"])}) for row in rows]

        return self._run(work)

    def reusable_plan(self, key: str) -> ReusablePlan | None:
        """Return the newest plan stored under the key whose composition answered everything."""
        row = self._row(query("compositions", "reusable_plan"), key=key)
        if row is None:
            return None
        return ReusablePlan(composition_id=row["composition_id"], plan=Plan.model_validate(row["tool_plan"]))


def not_retryable(record: CompositionRecord) -> ConflictError:
    """Return why a composition cannot be tried again."""
    whole = record.status is CompositionStatus.COMPLETED
    return ConflictError(
        f"The composition cannot be retried: {'every step of it completed' if whole else 'it has not ended'}.",
        field="status",
        expected="FAILED, TIMEOUT, CANCELLED, or COMPLETED with a step that did not complete",
        got=record.status.value,
        hint="Ask the question anew with POST /compose." if record.completed_at else "Cancel it first, or wait.",
    )


def hold(connection: Connection, identity: str) -> None:
    """Let changes of one composition wait for each other, before any row is locked: their events are numbered in this order."""
    connection.execute(query("compositions", "lock_id"), {"composition_id": identity})


def read(connection: Connection, identity: str) -> CompositionRecord:
    """Return the episode; raise NotFoundError."""
    row = connection.execute(query("compositions", "get"), {"composition_id": identity}).fetchone()
    if row is None:
        raise not_found(WHAT, identity)
    return composition_rows.record(row)


def require(connection: Connection, identity: str) -> None:
    """Raise NotFoundError unless there is such an episode."""
    if connection.execute(query("compositions", "exists"), {"composition_id": identity}).fetchone() is None:
        raise not_found(WHAT, identity)
