"""What was served, held against itself: every number of an answer in a tool's output, every sub-question answered or reported."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from e2i_shared.api.composition import Answer, CompositionStatus, MissingPart
from e2i_shared.composer.claims.told import filters_of, scope_texts
from e2i_shared.composer.grounding import check_answer
from e2i_shared.composer.model import Plan, StepRecord
from e2i_shared.composer.narrative import method_texts
from e2i_shared.composer.numbers import find_numbers
from e2i_shared.composer.scope import describe_filter

if TYPE_CHECKING:
    from collections.abc import Iterable

    import httpx

    from benchmarks.composer_asking import Measured

    Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Audit:
    """How many numbers answers show and how many sub-questions were asked; what of them has no source, or was passed over."""

    numbers: int = 0
    untraced: tuple[str, ...] = ()
    sub_questions: int = 0
    passed_over: tuple[str, ...] = ()

    def __add__(self, other: Audit) -> Audit:
        """Return both together."""
        return Audit(
            self.numbers + other.numbers,
            self.untraced + other.untraced,
            self.sub_questions + other.sub_questions,
            self.passed_over + other.passed_over,
        )

    def shares(self) -> Json:
        """Return the two shares in percent, and of how many."""
        return {
            "numbers": self.numbers,
            "traced_percent": _percent(self.numbers, len(self.untraced)),
            "sub_questions": self.sub_questions,
            "accounted_percent": _percent(self.sub_questions, len(self.passed_over)),
        }


def _percent(of: int, bad: int) -> float:
    return round(100 * (1 - min(bad, of) / of), 2) if of else 0.0


def audit(client: httpx.Client, runs: Iterable[Measured]) -> Audit:
    """Read what each answered question was made of and check it; a service that served no answer at all passes nothing."""
    total = Audit()
    for run in runs:
        if run.view.get("answer"):
            path = f"/api/v1/classifications/{run.view['classification_id']}"
            asked = client.get(path).raise_for_status().json() if run.view.get("classification_id") else {}
            total += check(run, [q["id"] for q in _questions(asked)])
    return total


def _questions(stored: Json) -> list[Json]:
    found: list[Json] = stored.get("classification", stored).get("sub_questions", [])
    return found


def check(run: Measured, asked: list[str]) -> Audit:
    """Check one answer as served: with the outputs of its steps as served, and the ids of the sub-questions that were asked."""
    view, answer = run.view, Answer.model_validate(run.view["answer"])
    missing = [MissingPart.model_validate(each) for each in view["missing"]]
    plan = Plan.model_validate(view["plan"])
    records = [_record(plan, step) for step in run.steps]
    problems = check_answer(
        answer,
        {r.step.step_number: r.output for r in records if r.output is not None},
        view["query"],
        missing=missing,
        extra=_extra(plan, answer, missing, records),
        reports=[*(r.error_message for r in records if r.error_message), *method_texts(records)],
        names=[b.phrase for b in plan.bindings],
    )
    told = {part.sub_question for part in answer.parts} | {each.sub_question for each in missing}
    passed_over = tuple(f"{view['query']!r}: {each}" for each in asked if each not in told)
    return Audit(len(find_numbers(answer.text)), tuple(problems), len(asked), passed_over)


def _record(plan: Plan, step: Json) -> StepRecord:
    planned = next(each for each in plan.steps if each.step_number == step["step_number"])
    return StepRecord(
        step=planned,
        status=CompositionStatus(step["status"]),
        resolved_inputs=step["input_params"],
        output=step["output_result"],
        error_message=step["error_message"],
    )


def _extra(plan: Plan, answer: Answer, missing: list[MissingPart], records: list[StepRecord]) -> list[str]:
    """Return what the plan said in words, whose numbers an answer may use."""
    ran = [filters_of(r.output or {}, r.resolved_inputs or r.step.inputs) for r in records]
    scopes = [text for filters in ran for text in (*map(describe_filter, filters), *scope_texts(filters, {}))]
    questions = [part.question for part in answer.parts] + [each.question for each in missing]
    bound = [each.bound_to for each in plan.bindings]
    return [*questions, *bound, *plan.notes, *(describe_filter(f) for f in plan.filters), *scopes]
