"""classification_logs in memory."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from e2i_shared.api.classification import AccuracyRow, RoutingPattern, StoredClassification
from e2i_shared.db.repository import known_id, new_id_from, not_found
from e2i_shared.testing.clock import FixedClock

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from e2i_shared.api.classification import Classification, ClassificationFeedback


@dataclass
class _Row:
    classification: Classification
    query_hash: str
    session_id: str | None
    user_id: str | None
    created_at: datetime
    feedback: ClassificationFeedback | None = None


class FakeClassifications:
    """A ClassificationRepository in memory."""

    def __init__(self, clock: FixedClock | None = None) -> None:
        self._clock = clock or FixedClock()
        self._rows: dict[str, _Row] = {}
        self._judged: list[_Row] = []

    def save(
        self, classification: Classification, query_hash: str, session_id: str | None, user_id: str | None
    ) -> None:
        """Insert a row with every stage's result; the same id again changes nothing."""
        identity = new_id_from(classification.classification_id, "classification_id")
        kept = classification.model_copy(update={"classification_id": identity, "cached": False})
        self._rows.setdefault(identity, _Row(kept, query_hash, session_id, user_id, self._clock()))

    def cached(self, query_hash: str, max_age_hours: float = 24) -> Classification | None:
        """Return the newest classification of the same hash that is young enough."""
        oldest = self._clock() - timedelta(hours=max_age_hours)
        found = (r.classification for r in self._newest() if r.query_hash == query_hash and r.created_at > oldest)
        return next(found, None)

    def get(self, classification_id: str) -> StoredClassification:
        """Return one with its feedback; raise NotFoundError."""
        return _stored(self._row(classification_id))

    def save_feedback(self, classification_id: str, feedback: ClassificationFeedback) -> None:
        """Store the judgement, the last one counts; raise NotFoundError."""
        row = self._row(classification_id)
        row.feedback = feedback
        self._judged = [row, *(other for other in self._judged if other is not row)]

    def judged(self, limit: int = 1000) -> Sequence[StoredClassification]:
        """Return classifications with feedback, the last judged first."""
        return [_stored(row) for row in self._judged[:limit]]

    def accuracy(self) -> Sequence[AccuracyRow]:
        """Return judged routes by pattern."""
        return [row for pattern in RoutingPattern if (row := self._accuracy(pattern)).classified]

    def session_turns(self, session_id: str, limit: int = 5) -> Sequence[Classification]:
        """Return the session's last turns, newest first."""
        return [r.classification for r in self._newest() if r.session_id == session_id][:limit]

    def _newest(self) -> list[_Row]:
        return list(reversed(self._rows.values()))

    def _row(self, classification_id: str) -> _Row:
        row = self._rows.get(known_id(classification_id, "classification"))
        if row is None:
            raise not_found("classification", classification_id)
        return row

    def _accuracy(self, pattern: RoutingPattern) -> AccuracyRow:
        rows = [r for r in self._rows.values() if r.classification.routing_pattern is pattern]
        judged = [r.feedback.was_correct for r in rows if r.feedback]
        return AccuracyRow(
            routing_pattern=pattern,
            classified=len(rows),
            judged=len(judged),
            correct=sum(judged),
            accuracy=sum(judged) / len(judged) if judged else None,
        )


def _stored(row: _Row) -> StoredClassification:
    return StoredClassification(
        classification=row.classification, created_at=row.created_at.isoformat(), feedback=row.feedback
    )
