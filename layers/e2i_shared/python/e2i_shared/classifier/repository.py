"""Stored classifications of one tenant, as the domain sees them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from e2i_shared.api.classification import AccuracyRow, Classification, ClassificationFeedback, StoredClassification


class ClassificationRepository(Protocol):
    """classification_logs."""

    def save(
        self, classification: Classification, query_hash: str, session_id: str | None, user_id: str | None
    ) -> None:
        """Insert a row with every stage's result."""
        ...

    def cached(self, query_hash: str, max_age_hours: float = 24) -> Classification | None:
        """Return a classification of the same hash that is young enough."""
        ...

    def get(self, classification_id: str) -> StoredClassification:
        """Return one with its feedback; raise NotFoundError."""
        ...

    def save_feedback(self, classification_id: str, feedback: ClassificationFeedback) -> None:
        """Store the judgement; raise NotFoundError."""
        ...

    def judged(self, limit: int = 1000) -> Sequence[StoredClassification]:
        """Return classifications with feedback, the last judged first."""
        ...

    def accuracy(self) -> Sequence[AccuracyRow]:
        """Return v_classification_accuracy."""
        ...

    def session_turns(self, session_id: str, limit: int = 5) -> Sequence[Classification]:
        """Return the session's last turns, newest first."""
        ...
