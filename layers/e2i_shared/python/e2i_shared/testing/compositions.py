"""Compositions and their steps in memory."""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

from e2i_shared import paging
from e2i_shared.api.composition import TERMINAL, CompositionStatus, CompositionSummary
from e2i_shared.composer.model import CompositionEvent, CompositionRecord, ReusablePlan, SimilarComposition, StepRecord
from e2i_shared.composer.plan_shape import Shape, shape_of
from e2i_shared.db.composition_attempts import not_retryable
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
        self._events: dict[str, list[CompositionEvent]] = {}
        self._keys: dict[str, str] = {}

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
        self._note_status(identity)

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
            self._note_status(record.composition_id)
        return self.get(composition_id)

    def save_decomposition(self, composition_id: str, decomposition: Decomposition, latency_ms: float) -> None:
        """Store phase 1; a second call changes nothing."""
        record = self.get(composition_id)
        if record.decomposition is None and record.status not in TERMINAL:
            latency = record.latency_ms | {"decompose": latency_ms}
            self._change(record.composition_id, decomposition=decomposition, latency_ms=latency)

    def save_plan(self, composition_id: str, plan: Plan, latency_ms: float, key: str | None = None) -> None:
        """Store phase 2, under its key where it may be used again, with its steps as PENDING; a second call changes nothing."""
        record = self.get(composition_id)
        if record.plan is None and record.status not in TERMINAL:
            self._change(record.composition_id, plan=plan, latency_ms=record.latency_ms | {"plan": latency_ms})
            self._steps[record.composition_id] = {
                step.step_number: StepRecord(step=step, status=CompositionStatus.PENDING) for step in plan.steps
            }
            for step in plan.steps:
                self._note_step(record.composition_id, step.step_number)
            if key:
                self._keys[record.composition_id] = key

    def reusable_plan(self, key: str) -> ReusablePlan | None:
        """Return the newest plan stored under the key whose composition answered everything."""
        for identity, record in reversed(self._episodes.items()):
            if self._keys.get(identity) == key and self._success[identity] and record.plan:
                return ReusablePlan(composition_id=identity, plan=record.plan)
        return None

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
        if step.status is not CompositionStatus.EXECUTING:
            self._note_step(composition_id, step_number)
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

    def retry(self, composition_id: str) -> CompositionRecord:
        """Open an ended composition again as PENDING with its next attempt; raise ConflictError where nothing failed."""
        record = self.get(composition_id)
        failed = [s for s in self.steps(composition_id) if s.status in TERMINAL - {CompositionStatus.COMPLETED}]
        ended = record.status in TERMINAL - {CompositionStatus.COMPLETED}
        if not ended and not (failed and record.status is CompositionStatus.COMPLETED):
            raise not_retryable(record)
        self._reopen(record)
        for each in failed:
            again = StepRecord(step=each.step, status=CompositionStatus.PENDING)
            self._steps[record.composition_id][each.step.step_number] = again
            self._note_step(composition_id, each.step.step_number)
        return self.get(composition_id)

    def _reopen(self, record: CompositionRecord) -> None:
        identity, attempt = record.composition_id, record.attempt + 1
        kept = {phase: ms for phase, ms in record.latency_ms.items() if phase in {"decompose", "plan"}}
        again = {"status": CompositionStatus.PENDING, "attempt": attempt, "attempted_at": self._now()}
        ended: Json = {"answer": None, "missing": [], "error_message": None, "completed_at": None, "latency_ms": kept}
        self._change(identity, **again, **ended)
        self._success[identity] = None
        self._note_status(identity)
        payload = {"composition_id": identity, "attempt": attempt, "session_id": record.session_id}
        self.outbox.append("composition.retried", payload)

    def events(self, composition_id: str, after: int = 0, limit: int = 200) -> Sequence[CompositionEvent]:
        """Return what happened after a number, in order; raise NotFoundError."""
        return [each for each in self._events[self._known(composition_id)] if each.seq > after][:limit]

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

    def neighbours(
        self, composition_id: str, limit: int = 5, min_similarity: float = 0.7
    ) -> Sequence[SimilarComposition]:
        """Return past episodes near this one by their stored vectors of the same model, without itself."""
        identity = known_id(composition_id, WHAT)
        new = self._new.get(identity)
        if new is None or new.embedding is None or new.embedding_model is None:
            return []
        near = self.similar(new.embedding, new.embedding_model, len(self._new), min_similarity)
        return [each for each in near if each.composition_id != identity][:limit]

    def answered_alike(self, domains: Sequence[str], edges: Sequence[str], limit: int) -> Sequence[str]:
        """Return ids of episodes of the same shape that were answered in full, newest first; edges are ``Q1>Q2:TYPE``, sorted."""
        wanted = Shape(list(domains), sorted(edges))
        alike = [
            record.composition_id
            for record in reversed(self._episodes.values())
            if record.plan and record.decomposition and shape_of(record.decomposition) == wanted
        ]
        return [i for i in alike if self._episodes[i].status is CompositionStatus.COMPLETED and self._judged(i)][:limit]

    def unstarted(self, older_than_seconds: float) -> Sequence[str]:
        """Return ids of PENDING episodes older than that, and of running ones a minute older: nobody may work on them."""
        before = self._clock() - timedelta(seconds=older_than_seconds)
        running = [r for r in self._episodes.values() if r.status not in TERMINAL]
        grace = {r.composition_id: timedelta(minutes=r.status is not CompositionStatus.PENDING) for r in running}
        begun = {r.composition_id: datetime.fromisoformat(r.attempted_at or r.created_at) for r in running}
        return [identity for identity in begun if begun[identity] + grace[identity] < before]

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
        self._note_step(composition_id, step.step.step_number)
        if status in {CompositionStatus.COMPLETED, CompositionStatus.FAILED}:
            success = status is CompositionStatus.COMPLETED
            self._tools.record_run(step.step.tool, success=success, latency_ms=changes.get("latency_ms"))

    def _end(self, record: CompositionRecord, status: CompositionStatus, *, success: bool, **changes: Any) -> bool:
        if record.status in TERMINAL:
            return False
        self._change(record.composition_id, status=status, completed_at=self._now(), **changes)
        self._success[record.composition_id] = success
        self._note_status(record.composition_id)
        payload = {"composition_id": record.composition_id, "status": status.value, "session_id": record.session_id}
        self.outbox.append(f"composition.{status.lower()}", payload)
        return True

    def _note_status(self, identity: str) -> None:
        record = self._episodes[identity]
        detail = {"status": record.status.value, "attempt": record.attempt, "error": record.error_message}
        self._note(identity, "status", detail)

    def _note_step(self, composition_id: str, step_number: int) -> None:
        identity = known_id(composition_id, WHAT)
        record = self._steps[identity][step_number]
        step = {
            "step_number": step_number,
            "name": record.step.name,
            "tool": record.step.tool,
            "level": record.step.level,
        }
        state = {"status": record.status.value, "latency_ms": record.latency_ms, "error": record.error_message}
        self._note(identity, "step", step | state)
        if record.status is CompositionStatus.COMPLETED:
            self._note(identity, "partial", {"step_number": step_number, "sub_question": record.step.serves})

    def _note(self, identity: str, kind: Literal["status", "step", "partial"], detail: Json) -> None:
        noted = self._events.setdefault(identity, [])
        told = {name: value for name, value in detail.items() if value is not None}
        noted.append(CompositionEvent(seq=len(noted) + 1, at=self._now(), kind=kind, detail=told))

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
