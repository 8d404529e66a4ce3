"""Compositions and their steps in memory."""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from e2i_shared import paging
from e2i_shared.api.composition import TERMINAL, CompositionStatus, CompositionSummary
from e2i_shared.composer.model import CompositionRecord, SimilarComposition, StepRecord
from e2i_shared.db.repository import known_id, new_id_from, not_found
from e2i_shared.errors import ConfigurationError, ConflictError
from e2i_shared.testing.clock import FixedClock
from e2i_shared.testing.outbox import FakeOutbox
from e2i_shared.testing.tools import FakeTools

if TYPE_CHECKING:
    from collections.abc import Sequence

    from e2i_shared.api.common import Json, Page
    from e2i_shared.api.composition import Answer, CompositionFeedback, MissingPart
    from e2i_shared.composer.model import CompositionQuery, Decomposition, NewComposition, Plan

_ORDER = list(CompositionStatus)
WHAT = "composition"


class FakeCompositions:
    """A CompositionRepository in memory; give it the outbox and tools whose rows it should write."""

    def __init__(
        self, outbox: FakeOutbox | None = None, tools: FakeTools | None = None, clock: FixedClock | None = None
    ) -> None:
        self.outbox = outbox or FakeOutbox()
        self._tools = tools or FakeTools()
        self._clock = clock or FixedClock()
        self._episodes: dict[str, CompositionRecord] = {}
        self._steps: dict[str, dict[int, StepRecord]] = {}
        self._new: dict[str, NewComposition] = {}
        self._success: dict[str, bool | None] = {}
        self.feedback: dict[str, CompositionFeedback] = {}

    def create(self, new: NewComposition) -> None:
        """Insert PENDING with an outbox row ``composition.requested``; raise ConflictError if the id exists."""
        identity = new_id_from(new.composition_id, "composition_id")
        if new.classification_id:
            new_id_from(new.classification_id, "classification_id")
        if identity in self._episodes:
            raise ConflictError(f"Composition {new.composition_id} exists already.", field="composition_id")
        kept = new.model_dump(exclude={"embedding", "embedding_model", "composition_id"})
        self._episodes[identity] = CompositionRecord(
            composition_id=identity, status=CompositionStatus.PENDING, created_at=self._now(), **kept
        )
        self._new[identity], self._steps[identity], self._success[identity] = new, {}, None
        self.outbox.append("composition.requested", {"composition_id": identity})

    def get(self, composition_id: str) -> CompositionRecord:
        """Return the episode; raise NotFoundError."""
        return self._episodes[self._known(composition_id)]

    def list(self, query: CompositionQuery) -> Page[CompositionSummary]:
        """Return newest first."""
        after = paging.decode(query.cursor)
        since, until = paging.moment_of(query.since, "since"), paging.moment_of(query.until, "until")
        found = sorted((_summary(record) for record in self._episodes.values()), key=_position, reverse=True)
        kept = [
            s
            for s in found
            if (query.status is None or s.status is query.status)
            and (query.session_id is None or s.session_id == query.session_id)
            and (since is None or _position(s).moment >= since)
            and (until is None or _position(s).moment < until)
            and (after is None or _position(s) < after)
        ]
        return paging.page(kept[: query.limit + 1], query.limit, _position)

    def begin(self, composition_id: str, phase: CompositionStatus) -> CompositionRecord:
        """Move forward to ``phase`` unless already there or further; return the episode as it then is."""
        record = self.get(composition_id)
        if phase in TERMINAL:
            raise ConfigurationError(f"{phase} is an end, not a phase: use save_answer or fail.", field="phase")
        if _ORDER.index(record.status) < _ORDER.index(phase):
            self._change(record.composition_id, status=phase)
        return self.get(composition_id)

    def save_decomposition(self, composition_id: str, decomposition: Decomposition, latency_ms: float) -> None:
        """Store phase 1; a second call changes nothing."""
        record = self.get(composition_id)
        if record.decomposition is None and record.status not in TERMINAL:
            latency = record.latency_ms | {"decompose": latency_ms}
            self._change(record.composition_id, decomposition=decomposition, latency_ms=latency)

    def save_plan(self, composition_id: str, plan: Plan, latency_ms: float) -> None:
        """Store phase 2 and insert its steps as PENDING; a second call changes nothing."""
        record = self.get(composition_id)
        if record.plan is None and record.status not in TERMINAL:
            self._change(record.composition_id, plan=plan, latency_ms=record.latency_ms | {"plan": latency_ms})
            self._steps[record.composition_id] = {
                step.step_number: StepRecord(step=step, status=CompositionStatus.PENDING) for step in plan.steps
            }

    def steps(self, composition_id: str) -> Sequence[StepRecord]:
        """Return the steps by number; raise NotFoundError."""
        steps = self._steps[self._known(composition_id)]
        return [steps[number] for number in sorted(steps)]

    def start_step(self, composition_id: str, step_number: int, resolved_inputs: Json) -> bool:
        """Mark EXECUTING (again, counting a retry) and return True; False when the step is already finished."""
        step = self._step(composition_id, step_number)
        if step.status in TERMINAL:
            return False
        retries = step.retry_count + (step.status is CompositionStatus.EXECUTING)
        started = step.started_at or self._now()
        changes = {"status": CompositionStatus.EXECUTING, "retry_count": retries, "started_at": started}
        self._change_step(composition_id, step, resolved_inputs=resolved_inputs, **changes)
        return True

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
        step = self._step(composition_id, step_number)
        if step.status in TERMINAL:
            return False
        self._finish(composition_id, step, status, output=output, error_message=error, latency_ms=latency_ms)
        return True

    def save_answer(
        self, composition_id: str, answer: Answer, missing: Sequence[MissingPart], latency_ms: dict[str, float]
    ) -> None:
        """Store phase 4 and COMPLETED with an outbox row ``composition.completed``; a second call changes nothing."""
        record = self.get(composition_id)
        latency = record.latency_ms | latency_ms
        changes = {"answer": answer, "missing": [*missing], "latency_ms": latency}
        self._end(record, CompositionStatus.COMPLETED, success=not missing, **changes)

    def fail(self, composition_id: str, status: CompositionStatus, message: str) -> bool:
        """End as FAILED, TIMEOUT or CANCELLED unless finished; running steps become FAILED, waiting ones SKIPPED."""
        if status not in TERMINAL - {CompositionStatus.COMPLETED}:
            raise ConfigurationError(f"A composition does not fail as {status}.", field="status")
        if not self._end(self.get(composition_id), status, success=False, error_message=message):
            return False
        for step in self.steps(composition_id):
            if step.status not in TERMINAL:
                running = step.status is CompositionStatus.EXECUTING
                ended = CompositionStatus.FAILED if running else CompositionStatus.SKIPPED
                self._finish(composition_id, step, ended, error_message=message)
        return True

    def save_feedback(self, composition_id: str, feedback: CompositionFeedback) -> None:
        """Store the rating; raise NotFoundError."""
        self.feedback[self._known(composition_id)] = feedback

    def similar(
        self, embedding: Sequence[float], model: str, limit: int = 5, min_similarity: float = 0.7
    ) -> Sequence[SimilarComposition]:
        """Return past episodes by cosine similarity among vectors of the same model."""
        found = [
            SimilarComposition(
                composition_id=identity,
                query=new.query,
                similarity=_cosine(embedding, new.embedding),
                success=self._judged(identity),
            )
            for identity, new in self._new.items()
            if new.embedding is not None
            and new.embedding_model == model
            and self._episodes[identity].status is CompositionStatus.COMPLETED
        ]
        near = [s for s in found if s.similarity >= min_similarity]
        return sorted(near, key=lambda s: (-s.similarity, s.composition_id))[:limit]

    def unstarted(self, older_than_seconds: float) -> Sequence[str]:
        """Return ids of PENDING episodes whose execution may never have been started."""
        before = self._clock() - timedelta(seconds=older_than_seconds)
        pending = (r for r in self._episodes.values() if r.status is CompositionStatus.PENDING)
        return [r.composition_id for r in pending if datetime.fromisoformat(r.created_at) < before]

    def _now(self) -> str:
        return self._clock().isoformat()

    def _known(self, composition_id: str) -> str:
        identity = known_id(composition_id, WHAT)
        if identity not in self._episodes:
            raise not_found(WHAT, composition_id)
        return identity

    def _step(self, composition_id: str, step_number: int) -> StepRecord:
        steps = self._steps.get(known_id(composition_id, WHAT), {})
        if step_number not in steps:
            raise not_found("step", f"{composition_id} / {step_number}")
        return steps[step_number]

    def _change(self, identity: str, **changes: Any) -> None:
        self._episodes[identity] = self._episodes[identity].model_copy(update=changes)

    def _change_step(self, composition_id: str, step: StepRecord, **changes: Any) -> None:
        number = step.step.step_number
        self._steps[known_id(composition_id, WHAT)][number] = step.model_copy(update=changes)

    def _finish(self, composition_id: str, step: StepRecord, status: CompositionStatus, **changes: Any) -> None:
        self._change_step(composition_id, step, status=status, completed_at=self._now(), **changes)
        if status in {CompositionStatus.COMPLETED, CompositionStatus.FAILED}:
            success = status is CompositionStatus.COMPLETED
            self._tools.record_run(step.step.tool, success=success, latency_ms=changes.get("latency_ms"))

    def _end(self, record: CompositionRecord, status: CompositionStatus, *, success: bool, **changes: Any) -> bool:
        if record.status in TERMINAL:
            return False
        self._change(record.composition_id, status=status, completed_at=self._now(), **changes)
        self._success[record.composition_id] = success
        payload = {"composition_id": record.composition_id, "status": status.value, "session_id": record.session_id}
        self.outbox.append(f"composition.{status.lower()}", payload)
        return True

    def _judged(self, identity: str) -> bool | None:
        said = self.feedback[identity].success if identity in self.feedback else None
        return self._success[identity] if said is None else said


def _summary(record: CompositionRecord) -> CompositionSummary:
    return CompositionSummary.model_validate(record.model_dump(include=set(CompositionSummary.model_fields)))


def _position(summary: CompositionSummary) -> paging.Position:
    return paging.Position(datetime.fromisoformat(summary.created_at), summary.composition_id)


def _cosine(a: Sequence[float], b: Sequence[float]) -> float:
    scale = math.hypot(*a) * math.hypot(*b)
    return sum(x * y for x, y in zip(a, b, strict=True)) / scale if scale else 0.0
