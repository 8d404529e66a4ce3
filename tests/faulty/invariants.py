"""What holds of every composition that ended, whatever went wrong on its way."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from e2i_shared.api.composition import TERMINAL, CompositionStatus
from e2i_shared.composer import synthesize

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from e2i_shared.api.datasets import Dataset
    from e2i_shared.composer.model import CompositionEvent, CompositionRecord, StepRecord

Row = dict[str, Any]
GRACE_SECONDS = 3.0  # a loaded machine's, beside the second kept for the answer
RAN = {CompositionStatus.COMPLETED, CompositionStatus.FAILED}


@dataclass(frozen=True)
class History:
    """Everything that is known of one composition after its end."""

    record: CompositionRecord
    steps: Sequence[StepRecord]
    events: Sequence[CompositionEvent]
    performance: Sequence[Row] = ()  # tool_performance: step_number, success
    usage: Sequence[Row] = ()  # llm_usage: outcome, cost_usd
    outbox: Sequence[Row] = ()  # topic, published_at
    running: Sequence[str] = ()  # executions of it that still run
    others_see: int = 404  # what another tenant gets
    logs: str = ""
    secrets: Sequence[str] = ()
    datasets: Sequence[Dataset] = ()
    late_seconds: float = field(default=0.0)  # what a step's own limit may add to the deadline


def violations(seen: History) -> list[str]:
    """Return which invariants do not hold, and why; empty when all do."""
    checks = {
        "I1": _one_end,
        "I2": _one_entry_each,
        "I3": _all_settled,
        "I4": _one_tenant,
        "I5": _delivered,
        "I6": _silent,
        "I7": _grounded,
    }
    return [f"{name}: {problem}" for name, check in checks.items() for problem in check(seen)]


def _one_end(seen: History) -> Iterator[str]:
    record = seen.record
    if record.status not in TERMINAL:
        yield f"it is {record.status.value}"
    if open_steps := [s.step.step_number for s in seen.steps if s.status not in TERMINAL]:
        yield f"steps {open_steps} have not ended"
    ends: dict[int, list[str]] = {}
    for event in seen.events:
        if event.kind == "status" and event.detail["status"] in {s.value for s in TERMINAL}:
            ends.setdefault(event.detail["attempt"], []).append(event.detail["status"])
    if list(ends) != list(range(1, record.attempt + 1)) or any(len(each) > 1 for each in ends.values()):
        yield f"{record.attempt} attempts have these ends: {ends}"
    if [e.seq for e in seen.events] != list(range(1, len(seen.events) + 1)):
        yield "its events are not numbered without gaps"
    if seen.running:
        yield f"executions still run: {list(seen.running)}"
    begun = datetime.fromisoformat(record.attempted_at or record.created_at)
    took = (datetime.fromisoformat(record.completed_at) - begun).total_seconds() if record.completed_at else 0.0
    if took > record.deadline_seconds + seen.late_seconds + GRACE_SECONDS:
        yield f"it took {took:.1f} s of {record.deadline_seconds}"


def _one_entry_each(seen: History) -> Iterator[str]:
    for step in seen.steps:
        entries = [row for row in seen.performance if row["step_number"] == step.step.step_number]
        if step.status in RAN and len(entries) != 1:
            yield f"step {step.step.step_number} is {step.status.value} and has {len(entries)} entries"
        if (step.status is CompositionStatus.COMPLETED) != (step.output is not None):
            yield f"step {step.step.step_number} is {step.status.value}, output: {step.output is not None}"


def _all_settled(seen: History) -> Iterator[str]:
    if held := [row for row in seen.usage if row["outcome"] == "reserved" or row["cost_usd"] is None]:
        yield f"{len(held)} calls of a language model are not settled"


def _one_tenant(seen: History) -> Iterator[str]:
    if seen.others_see != 404:
        yield f"another tenant gets {seen.others_see}"


def _delivered(seen: History) -> Iterator[str]:
    if waiting := [row["topic"] for row in seen.outbox if row["published_at"] is None]:
        yield f"not published: {waiting}"
    asked = [row for row in seen.outbox if row["topic"] == "composition.requested"]
    ended = [row for row in seen.outbox if row["topic"].rpartition(".")[2].upper() in {s.value for s in TERMINAL}]
    if len(asked) != 1 or len(ended) != seen.record.attempt:
        yield f"{seen.record.attempt} attempts left {[row['topic'] for row in seen.outbox]}"


def _silent(seen: History) -> Iterator[str]:
    for secret in (seen.record.query, *seen.secrets):
        if secret in seen.logs:
            yield f"the logs hold {secret[:40]!r}"


def _grounded(seen: History) -> Iterator[str]:
    record = seen.record
    if record.answer is None:
        if record.status is CompositionStatus.COMPLETED:
            yield "it completed without an answer"
        return
    book = {s.step.step_number: s for s in seen.steps}
    if record.plan is not None:
        names = synthesize._names(record.plan, seen.datasets)
        yield from synthesize.problems_of(record, record.answer, record.missing, book, names)
    unsaid = {q.id for q in record.decomposition.sub_questions} if record.decomposition else set()
    unsaid -= {part.sub_question for part in record.answer.parts} | {m.sub_question for m in record.missing}
    if unsaid:
        yield f"{sorted(unsaid)} are neither answered nor said to be missing"
