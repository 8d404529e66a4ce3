"""Stored work products as the API shows them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from e2i_shared.api.composition import (
    TERMINAL,
    CompositionEvents,
    CompositionEventView,
    CompositionStatus,
    CompositionView,
    Progress,
    StepProgress,
    StepView,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from e2i_shared.api.classification import RoutingPattern
    from e2i_shared.api.composition import Answer, AskedPhase, PartialResult, RelatedComposition
    from e2i_shared.composer.model import CompositionEvent, CompositionRecord, Decomposition, Plan, StepRecord

# Percent done when a phase begins; the steps share what lies between EXECUTING and SYNTHESIZING.
_BEGINS = {
    CompositionStatus.PENDING: 0,
    CompositionStatus.DECOMPOSING: 5,
    CompositionStatus.PLANNING: 10,
    CompositionStatus.EXECUTING: 15,
    CompositionStatus.SYNTHESIZING: 95,
}


def composition(
    record: CompositionRecord,
    steps: Sequence[StepRecord] = (),
    routing: RoutingPattern | None = None,
    *,
    partial: Sequence[PartialResult] = (),
    related: Sequence[RelatedComposition] = (),
) -> CompositionView:
    """Return a composition with its progress; ``steps`` are those of the plan so far."""
    return CompositionView(
        composition_id=record.composition_id,
        query=record.query,
        status=record.status,
        routing_pattern=routing,
        progress=progress(record.status, steps),
        attempt=record.attempt,
        levels=record.plan.levels if record.plan else [],
        steps=[step_progress(each) for each in steps],
        partial=list(partial),
        related=list(related),
        plan=record.plan.model_dump(mode="json") if record.plan else None,
        used_llm=used_llm(record),
        answer=record.answer,
        missing=record.missing,
        error=record.error_message,
        latency_ms=record.latency_ms,
        classification_id=record.classification_id,
        created_at=record.created_at,
        completed_at=record.completed_at,
    )


def used_llm(record: CompositionRecord) -> list[AskedPhase]:
    """Return the phases whose result is a language model's, not the rules' or the template's."""
    made: dict[AskedPhase, Decomposition | Plan | Answer | None] = {
        "decompose": record.decomposition,
        "plan": record.plan,
        "synthesize": record.answer,
    }
    return [phase for phase, result in made.items() if result is not None and result.source == "llm"]


def progress(status: CompositionStatus, steps: Sequence[StepRecord]) -> Progress:
    """Return how far a composition is, in whole percent."""
    done = sum(step.status in TERMINAL for step in steps)
    percent = 100 if status in TERMINAL else _BEGINS[status]
    if status is CompositionStatus.EXECUTING and steps:
        percent += round(80 * done / len(steps))
    return Progress(phase=status, steps_total=len(steps), steps_done=done, percent=percent)


def step_progress(record: StepRecord) -> StepProgress:
    """Return where one step stands."""
    return StepProgress(
        step_number=record.step.step_number,
        name=record.step.name,
        tool=record.step.tool,
        level=record.step.level,
        status=record.status,
        depends_on_steps=record.step.depends_on,
        latency_ms=record.latency_ms,
        error=record.error_message,
    )


def events(
    record: CompositionRecord, found: Sequence[CompositionEvent], after: int, partial: Sequence[PartialResult] = ()
) -> CompositionEvents:
    """Return events as a page that says where to go on, with what finished steps say."""
    said = {each.step: each.text for each in partial}
    items = [
        CompositionEventView(
            seq=each.seq,
            at=each.at,
            kind=each.kind,
            detail=each.detail,
            text=said.get(each.detail["step_number"]) if each.kind == "partial" else None,
        )
        for each in found
    ]
    last = found[-1].seq if found else after
    return CompositionEvents(items=items, next_after=last, status=record.status, ended=record.status in TERMINAL)


def step(record: StepRecord) -> StepView:
    """Return one step."""
    return StepView(
        step_number=record.step.step_number,
        step_name=record.step.name,
        tool_name=record.step.tool,
        status=record.status,
        level=record.step.level,
        serves_sub_question=record.step.serves,
        depends_on_steps=record.step.depends_on,
        input_params=record.resolved_inputs if record.resolved_inputs is not None else record.step.inputs,
        output_result=record.output,
        output_ref=record.output_ref,
        latency_ms=record.latency_ms,
        retry_count=record.retry_count,
        error_message=record.error_message,
        started_at=record.started_at,
        completed_at=record.completed_at,
    )
