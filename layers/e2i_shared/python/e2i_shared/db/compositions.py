"""composer_episodes and composition_steps: what the workflow's states leave for each other."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from psycopg.types.json import Jsonb

from e2i_shared.api.composition import TERMINAL, CompositionStatus
from e2i_shared.db import composition_rows, outbox
from e2i_shared.db.composition_attempts import WHAT, Attempts, hold, read, require
from e2i_shared.db.composition_memory import Memory
from e2i_shared.db.queries import query
from e2i_shared.db.repository import json_of, known_id, new_id_from, not_found
from e2i_shared.db.step_outputs import StepOutputs
from e2i_shared.errors import ConfigurationError, ConflictError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from e2i_shared.api.common import Json, Page
    from e2i_shared.api.composition import Answer, CompositionFeedback, CompositionSummary, MissingPart
    from e2i_shared.composer.model import (
        CompositionQuery,
        CompositionRecord,
        Decomposition,
        NewComposition,
        Plan,
        StepRecord,
    )
    from e2i_shared.db.connection import Connection, Database
    from e2i_shared.objects import Objects


class PostgresCompositions(Attempts, Memory):
    """A CompositionRepository over Postgres: each method is one transaction; ``objects`` keeps outputs too large for a row."""

    def __init__(self, database: Database, tenant_id: str, objects: Callable[[], Objects] | None = None) -> None:
        super().__init__(database, tenant_id)
        self._outputs = StepOutputs(tenant_id, objects)

    def create(self, new: NewComposition) -> None:
        """Insert PENDING with an outbox row ``composition.requested``; raise ConflictError if the id exists."""
        values = new.model_dump() | {
            "composition_id": new_id_from(new.composition_id, "composition_id"),
            "classification_id": new.classification_id and new_id_from(new.classification_id, "classification_id"),
            "embedding": new.embedding and json.dumps(new.embedding),
        }

        def work(connection: Connection) -> None:
            connection.execute(query("compositions", "lock_id"), values)
            if connection.execute(query("compositions", "create"), values).fetchone() is None:
                raise ConflictError(f"Composition {new.composition_id} exists already.", field="composition_id")
            outbox.append(connection, "composition.requested", {"composition_id": values["composition_id"]})

        self._run(work)

    def get(self, composition_id: str) -> CompositionRecord:
        """Return the episode; raise NotFoundError."""
        identity = known_id(composition_id, WHAT)
        return self._run(lambda connection: read(connection, identity))

    def list(self, query: CompositionQuery) -> Page[CompositionSummary]:
        """Return newest first."""
        return composition_rows.page(self._rows(_LIST, **composition_rows.list_values(query)), query.limit)

    def begin(self, composition_id: str, phase: CompositionStatus) -> CompositionRecord:
        """Move forward to ``phase`` unless already there or further; return the episode as it then is."""
        identity = known_id(composition_id, WHAT)
        if phase in TERMINAL:
            raise ConfigurationError(f"{phase} is an end, not a phase: use save_answer or fail.", field="phase")

        def work(connection: Connection) -> CompositionRecord:
            hold(connection, identity)
            connection.execute(query("compositions", "advance"), {"composition_id": identity, "phase": phase.value})
            return read(connection, identity)

        return self._run(work)

    def save_decomposition(self, composition_id: str, decomposition: Decomposition, latency_ms: float) -> None:
        """Store phase 1; a second call changes nothing."""
        values = {
            "composition_id": known_id(composition_id, WHAT),
            "sub_questions": json_of(decomposition.sub_questions),
            "dependencies": json_of(decomposition.dependencies),
            "source": decomposition.source,
            "latency_ms": latency_ms,
        }

        def work(connection: Connection) -> None:
            if connection.execute(query("compositions", "save_decomposition"), values).fetchone() is None:
                require(connection, composition_id)

        self._run(work)

    def save_plan(self, composition_id: str, plan: Plan, latency_ms: float, key: str | None = None) -> None:
        """Store phase 2, under its key where it may be used again, with its steps as PENDING; a second call changes nothing."""
        identity = known_id(composition_id, WHAT)
        values = {
            "composition_id": identity,
            "plan": json_of(plan),
            "levels": Jsonb(plan.levels),
            "latency_ms": latency_ms,
            "steps": json_of(plan.steps),
            "key": key,
        }

        def work(connection: Connection) -> None:
            hold(connection, identity)
            episode = connection.execute(query("compositions", "save_plan"), values).fetchone()
            if episode is None:
                require(connection, composition_id)
            else:
                connection.execute(query("compositions", "insert_steps"), values | episode)

        self._run(work)

    def steps(self, composition_id: str) -> Sequence[StepRecord]:
        """Return the steps by number; raise NotFoundError."""
        values = {"composition_id": known_id(composition_id, WHAT)}

        def work(connection: Connection) -> Sequence[StepRecord]:
            rows = connection.execute(query("compositions", "steps"), values).fetchall()
            if not rows:
                require(connection, composition_id)
            return [composition_rows.step(row) for row in rows]

        return self._outputs.whole(self._run(work))

    def start_step(self, composition_id: str, step_number: int, resolved_inputs: Json) -> bool:
        """Mark EXECUTING (again, counting a retry) and return True; False when the step is already finished."""
        values = {
            "composition_id": known_id(composition_id, WHAT),
            "step_number": step_number,
            "resolved_inputs": Jsonb(resolved_inputs),
        }
        return self._run(lambda connection: _change_step(connection, "start_step", values))

    def finish_step(
        self,
        composition_id: str,
        step_number: int,
        status: CompositionStatus,
        *,
        output: Json | None = None,
        error: str | None = None,
        latency_ms: float | None = None,
    ) -> bool:
        """Store COMPLETED, FAILED or SKIPPED; the first terminal state wins (False for later ones)."""
        if status not in TERMINAL:
            raise ConfigurationError(f"{status} does not finish a step.", field="status")
        identity = known_id(composition_id, WHAT)
        kept, reference = self._outputs.keep(identity, step_number, output)
        values = {
            "composition_id": identity,
            "step_number": step_number,
            "status": status.value,
            "output": None if kept is None else Jsonb(kept),
            "output_ref": reference,
            "error": error,
            "latency_ms": latency_ms,
        }
        return self._run(lambda connection: _change_step(connection, "finish_step", values))

    def save_answer(
        self, composition_id: str, answer: Answer, missing: Sequence[MissingPart], latency_ms: dict[str, float]
    ) -> None:
        """Store phase 4 and COMPLETED with an outbox row ``composition.completed``; a second call changes nothing."""
        values = composition_rows.latency_values(latency_ms) | {
            "composition_id": known_id(composition_id, WHAT),
            "answer": json_of(answer),
            "text": answer.text,
            "missing": json_of([*missing]),
            "success": not missing,
        }
        self._run(lambda connection: _end(connection, "save_answer", values, CompositionStatus.COMPLETED))

    def fail(self, composition_id: str, status: CompositionStatus, message: str) -> bool:
        """End as FAILED, TIMEOUT or CANCELLED unless finished; running steps become FAILED, waiting ones SKIPPED."""
        if status not in TERMINAL - {CompositionStatus.COMPLETED}:
            raise ConfigurationError(f"A composition does not fail as {status}.", field="status")
        values = {"composition_id": known_id(composition_id, WHAT), "status": status.value, "message": message}

        def work(connection: Connection) -> bool:
            ended = _end(connection, "fail", values, status)
            if ended:
                connection.execute(query("compositions", "fail_steps"), values)
            return ended

        return self._run(work)

    def save_feedback(self, composition_id: str, feedback: CompositionFeedback) -> None:
        """Store the rating; raise NotFoundError."""
        values = feedback.model_dump() | {"composition_id": known_id(composition_id, WHAT)}
        if self._row(query("compositions", "save_feedback"), **values) is None:
            raise not_found(WHAT, composition_id)

    def unstarted(self, older_than_seconds: float) -> Sequence[str]:
        """Return ids of PENDING episodes older than that, and of running ones a minute older: nobody may work on them."""
        rows = self._rows(query("compositions", "unstarted"), older_than_seconds=older_than_seconds)
        return [row["composition_id"] for row in rows]

    def ensure_partitions(self, months_ahead: int = 12) -> int:
        """Create the months ahead that are missing and return how many."""
        row = self._row(query("compositions", "ensure_partitions"), months_ahead=months_ahead)
        return int(row["created"]) if row else 0


_LIST = query("compositions", "list")


def _change_step(connection: Connection, statement: str, values: Json) -> bool:
    hold(connection, values["composition_id"])
    if connection.execute(query("compositions", statement), values).fetchone() is not None:
        return True
    if connection.execute(query("compositions", "step_exists"), values).fetchone() is None:
        raise not_found("step", f"{values['composition_id']} / {values['step_number']}")
    return False


def _end(connection: Connection, statement: str, values: Json, status: CompositionStatus) -> bool:
    hold(connection, values["composition_id"])
    row = connection.execute(query("compositions", statement), values).fetchone()
    if row is None:
        require(connection, values["composition_id"])
        return False
    topic = f"composition.{status.lower()}"
    payload = {"composition_id": values["composition_id"], "status": status.value, "session_id": row["session_id"]}
    outbox.append(connection, topic, payload)
    return True
