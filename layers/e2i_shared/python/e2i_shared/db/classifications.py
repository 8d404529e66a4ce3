"""classification_logs: questions with every stage's result, and the judgement users gave."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from psycopg.types.json import Jsonb

from e2i_shared.api.classification import (
    AccuracyRow,
    Classification,
    ClassificationFeedback,
    StoredClassification,
)
from e2i_shared.db.queries import query
from e2i_shared.db.repository import Repository, iso, json_of, known_id, new_id_from, not_found

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

TOTAL = "total"


class PostgresClassifications(Repository):
    """A ClassificationRepository over Postgres."""

    def save(
        self, classification: Classification, query_hash: str, session_id: str | None, user_id: str | None
    ) -> None:
        """Insert a row with every stage's result; the same id again changes nothing."""
        c = classification
        latency = c.latency_ms
        self._do(
            query("classifications", "save"),
            classification_id=new_id_from(c.classification_id, "classification_id"),
            query_text=c.query,
            query_hash=query_hash,
            routing_pattern=c.routing_pattern.value,
            target_agents=list(c.target_agents),
            confidence=c.confidence,
            features_extracted=json_of(c.features),
            domain_mapping=json_of(c.domains),
            dependency_analysis=Jsonb(c.model_dump(mode="json", include={"reason", "clarification"})),
            sub_questions=json_of(c.sub_questions),
            dependencies=json_of(c.dependencies),
            used_llm_layer=c.used_llm,
            classification_latency_ms=latency.get(TOTAL, sum(latency.values())),
            stage_latency_ms=Jsonb(latency),
            session_id=session_id,
            user_id=user_id,
            is_followup=c.is_followup,
        )

    def cached(self, query_hash: str, max_age_hours: float = 24) -> Classification | None:
        """Return the newest classification of the same hash that is young enough."""
        row = self._row(query("classifications", "cached"), query_hash=query_hash, max_age_seconds=max_age_hours * 3600)
        return None if row is None else _classification(row)

    def get(self, classification_id: str) -> StoredClassification:
        """Return one with its feedback; raise NotFoundError."""
        identity = known_id(classification_id, "classification")
        row = self._row(query("classifications", "get"), classification_id=identity)
        if row is None:
            raise not_found("classification", classification_id)
        return _stored(row)

    def save_feedback(self, classification_id: str, feedback: ClassificationFeedback) -> None:
        """Store the judgement, the last one counts; raise NotFoundError."""
        row = self._row(
            query("classifications", "save_feedback"),
            classification_id=known_id(classification_id, "classification"),
            **feedback.model_dump(mode="json"),
        )
        if row is None:
            raise not_found("classification", classification_id)

    def judged(self, limit: int = 1000) -> Sequence[StoredClassification]:
        """Return classifications with feedback, the last judged first."""
        return [_stored(row) for row in self._rows(query("classifications", "judged"), limit=limit)]

    def accuracy(self) -> Sequence[AccuracyRow]:
        """Return v_classification_accuracy."""
        return [AccuracyRow.model_validate(row) for row in self._rows(query("classifications", "accuracy"))]

    def session_turns(self, session_id: str, limit: int = 5) -> Sequence[Classification]:
        """Return the session's last turns, newest first."""
        rows = self._rows(query("classifications", "session_turns"), session_id=session_id, limit=limit)
        return [_classification(row) for row in rows]


def _stored(row: Mapping[str, Any]) -> StoredClassification:
    return StoredClassification(
        classification=_classification(row), created_at=iso(row["created_at"]), feedback=_feedback(row)
    )


def _classification(row: Mapping[str, Any]) -> Classification:
    return Classification.model_validate(
        {
            "classification_id": str(row["classification_id"]),
            "query": row["query_text"],
            "routing_pattern": row["routing_pattern"],
            "target_agents": row["target_agents"],
            "domains": row["domain_mapping"],
            "sub_questions": row["sub_questions"],
            "dependencies": row["dependencies"],
            "confidence": row["confidence"],
            "features": row["features_extracted"],
            "is_followup": row["is_followup"],
            "used_llm": row["used_llm_layer"],
            "latency_ms": row["stage_latency_ms"],
            **row["dependency_analysis"],
        }
    )


def _feedback(row: Mapping[str, Any]) -> ClassificationFeedback | None:
    if row["was_correct"] is None:
        return None
    return ClassificationFeedback(
        was_correct=row["was_correct"], correct_pattern=row["correct_pattern"], notes=row["feedback_notes"]
    )
