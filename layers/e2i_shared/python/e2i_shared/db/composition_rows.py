"""Rows of composer_episodes and composition_steps as the composer's models, and back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from psycopg.types.json import Jsonb

from e2i_shared import paging
from e2i_shared.api.composition import CompositionSummary
from e2i_shared.composer.model import CompositionRecord, Decomposition, StepRecord
from e2i_shared.db.repository import iso, iso_or_none

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from e2i_shared.api.common import Page
    from e2i_shared.composer.model import CompositionQuery

    Row = Mapping[str, Any]

PHASES = ("decompose", "plan", "execute", "synthesize", "total")


def record(row: Row) -> CompositionRecord:
    """Return an episode."""
    latency = {phase: row[f"{phase}_latency_ms"] for phase in PHASES if row[f"{phase}_latency_ms"] is not None}
    return CompositionRecord.model_validate(
        {
            "composition_id": row["composition_id"],
            "query": row["query_text"],
            "status": row["status"],
            "session_id": row["session_id"],
            "dataset": row["dataset"],
            "classification_id": row["classification_id"],
            "user_id": row["user_id"],
            "deadline_seconds": row["deadline_seconds"],
            "max_cost_usd": row["max_cost_usd"],
            "decomposition": _decomposition(row),
            "plan": row["tool_plan"],
            "answer": row["answer"],
            "missing": row["missing"],
            "error_message": row["error_message"],
            "latency_ms": latency | row["other_latency_ms"],
            "created_at": iso(row["created_at"]),
            "completed_at": iso_or_none(row["completed_at"]),
            "attempt": row["attempt"],
            "attempted_at": iso_or_none(row["attempted_at"]),
        }
    )


def step(row: Row) -> StepRecord:
    """Return a step with what it was planned as."""
    return StepRecord.model_validate(
        {
            "step": {
                "step_number": row["step_number"],
                "name": row["step_name"],
                "tool": row["tool_name"],
                "runtime": row["runtime"],
                "inputs": row["input_params"],
                "depends_on": row["depends_on_steps"],
                "serves": row["serves_sub_question"],
                "level": row["level"],
            },
            "status": row["status"],
            "resolved_inputs": row["resolved_inputs"],
            "output": row["output_result"],
            "latency_ms": row["latency_ms"],
            "retry_count": row["retry_count"],
            "error_message": row["error_message"],
            "started_at": iso_or_none(row["started_at"]),
            "completed_at": iso_or_none(row["completed_at"]),
            "output_ref": row["output_ref"],
        }
    )


def latency_values(latency_ms: Mapping[str, float]) -> dict[str, Any]:
    """Return the parameters of the five phases' columns, and the rest as JSON."""
    known: dict[str, Any] = {phase: latency_ms.get(phase) for phase in PHASES}
    return known | {"other": Jsonb({name: ms for name, ms in latency_ms.items() if name not in PHASES})}


def list_values(query: CompositionQuery) -> dict[str, Any]:
    """Return the parameters of a list; raise MalformedRequestError for a time or cursor that is none."""
    after = paging.decode(query.cursor)
    return {
        "status": query.status and query.status.value,
        "session_id": query.session_id,
        "since": paging.moment_of(query.since, "since"),
        "until": paging.moment_of(query.until, "until"),
        "after_time": after and after.moment,
        "after_id": after and after.identity,
        "limit": query.limit + 1,
    }


def page(rows: Sequence[Row], limit: int) -> Page[CompositionSummary]:
    """Return a page of summaries out of up to ``limit + 1`` rows."""
    found = [
        CompositionSummary(
            composition_id=row["composition_id"],
            query=row["query_text"],
            status=row["status"],
            session_id=row["session_id"],
            created_at=iso(row["created_at"]),
            completed_at=iso_or_none(row["completed_at"]),
        )
        for row in rows
    ]
    return paging.page(found, limit, position)


def position(summary: CompositionSummary) -> paging.Position:
    """Return where a page that ends with this composition ends."""
    from datetime import datetime

    return paging.Position(datetime.fromisoformat(summary.created_at), summary.composition_id)


def _decomposition(row: Row) -> Decomposition | None:
    if row["sub_questions"] is None:
        return None
    return Decomposition(
        sub_questions=row["sub_questions"], dependencies=row["dependencies"], source=row["decomposition_source"]
    )
