"""Phase 4: the answer, from the steps' outputs through claims; a writer may phrase it, the grounding check has the last word."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from e2i_shared.api.composition import Answer, AnswerPart, CompositionStatus, MissingPart
from e2i_shared.composer.caveats import caveats_of, next_step_of
from e2i_shared.composer.claims import claims_of
from e2i_shared.composer.claims.labels import labels_of
from e2i_shared.composer.claims.told import Told, filters_of, scope_texts
from e2i_shared.composer.confidence import part_confidence
from e2i_shared.composer.grounding import check_answer, require_grounded
from e2i_shared.composer.intents import RANKING, Intent, intent_of
from e2i_shared.composer.narrative import executive_summary, full_report, method_texts
from e2i_shared.composer.recipes.gap import OPPORTUNITY
from e2i_shared.composer.render import render_claim, render_part, render_text
from e2i_shared.composer.scope import describe_filter
from e2i_shared.composer.wording import wording_problems
from e2i_shared.errors import UngroundedAnswerError, UnprocessableError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from e2i_shared.api.common import Json
    from e2i_shared.api.composition import Claim
    from e2i_shared.api.datasets import Dataset
    from e2i_shared.composer.model import CompositionRecord, DetailedSubQuestion, Plan, StepRecord
    from e2i_shared.tools._registry import ToolSpec

_ATTEMPTS = 2
_ANSWERING = (
    "intervention_prescreener",
    "counterfactual_simulator",
    "policy_optimizer",
    "roi_estimator",
    "power_calculator",
    "refutation_runner",
)
_NEEDED = frozenset({"causal_effect_estimator", "kpi_lookup"})
_ASKS_FOR_THEM = {Intent.EFFECT, Intent.DRIVERS, Intent.KPI}


class Writer(Protocol):
    """Phrases a part's claims in other words; its numbers stay references."""

    def __call__(self, question: str, claims: Sequence[Claim], problems: Sequence[str]) -> Sequence[Claim]:
        """Return claims for a sub-question; ``problems`` say what was ungrounded in the attempt before."""
        ...


def synthesize(
    record: CompositionRecord,
    steps: Sequence[StepRecord],
    tools: Mapping[str, ToolSpec],
    datasets: Sequence[Dataset] = (),
    writer: Writer | None = None,
) -> tuple[Answer, list[MissingPart]]:
    """Return the answer and what is missing.

    A writer's answer that is not grounded is asked for once more, then replaced by the template's.

    Raises
    ------
    UnprocessableError
        No part could be answered; the message says why.
    UngroundedAnswerError
        The template's own answer is not grounded.
    """
    if record.plan is None or record.decomposition is None:
        raise UnprocessableError("The composition has no plan.", field="composition_id", got=record.composition_id)
    book = {s.step.step_number: s for s in steps}
    missing = _missing(record.plan, record.decomposition.sub_questions, book)
    told, names = _told(record, record.plan, book, datasets), _names(record.plan, datasets)
    template = {q.id: _claims(q, told, book) for q in record.decomposition.sub_questions}
    outputs = {n: s.output for n, s in book.items() if s.output is not None}
    template = {q: sound for q, claims in template.items() if (sound := _sound(claims, outputs))}
    if not template:
        raise UnprocessableError(
            "Nothing could be answered. " + " ".join(dict.fromkeys(m.reason for m in missing)),
            field="query",
            got=record.query,
            candidates=[m.sub_question for m in missing],
        )
    if writer and (phrased := _phrased(record, template, writer, missing, book, tools, names)):
        return phrased, missing
    answer = _compose(record, template, missing, book, tools)
    require_grounded(problems_of(record, answer, missing, book, names))
    return answer, missing


def _sound(claims: Sequence[Claim], outputs: Mapping[int, Json]) -> list[Claim]:
    """Return the claims whose words their values bear out: better one sentence less than a whole answer lost."""
    return [claim for claim in claims if not any(wording_problems(claim.text, [claim], outputs))]


def _phrased(
    record: CompositionRecord,
    template: Mapping[str, list[Claim]],
    writer: Writer,
    missing: Sequence[MissingPart],
    book: Mapping[int, StepRecord],
    tools: Mapping[str, ToolSpec],
    names: Sequence[str],
) -> Answer | None:
    """Return the writer's answer once it is grounded; None after two attempts that are not."""
    problems: list[str] = []
    for _ in range(_ATTEMPTS):
        try:
            written = _written(record, template, writer, problems)
            answer = _compose(record, written, missing, book, tools)
        except UngroundedAnswerError as error:
            problems = [error.message]
            continue
        problems = problems_of(record, answer, missing, book, names)
        if not problems:
            return answer.model_copy(update={"source": "template" if written == template else "llm"})
    return None


def _written(
    record: CompositionRecord, template: Mapping[str, list[Claim]], writer: Writer, problems: Sequence[str]
) -> dict[str, list[Claim]]:
    questions = {q.id: q.text for q in record.decomposition.sub_questions} if record.decomposition else {}
    return {q: list(writer(questions[q], claims, problems)) for q, claims in template.items()}


def problems_of(
    record: CompositionRecord,
    answer: Answer,
    missing: Sequence[MissingPart],
    book: Mapping[int, StepRecord],
    names: Sequence[str],
) -> list[str]:
    """Return what of an answer is not grounded in the composition's steps, its plan and its question; ``names`` are columns."""
    outputs = {n: s.output for n, s in book.items() if s.output is not None}
    plan, questions = record.plan, record.decomposition.sub_questions if record.decomposition else []
    extra = [q.text for q in questions]
    if plan is not None:
        extra += [*(b.bound_to for b in plan.bindings), *plan.notes, *(describe_filter(f) for f in plan.filters)]
    ran = [filters_of(s.output or {}, s.resolved_inputs or s.step.inputs) for s in book.values()]
    extra += [text for filters in ran for text in (*map(describe_filter, filters), *scope_texts(filters, {}))]
    reports = [s.error_message for s in book.values() if s.error_message] + method_texts(book.values())
    return check_answer(answer, outputs, record.query, missing=missing, extra=extra, reports=reports, names=names)


def _missing(plan: Plan, questions: Sequence[DetailedSubQuestion], book: Mapping[int, StepRecord]) -> list[MissingPart]:
    """Return the parts that were not planned, and those of whose answering steps none completed."""
    planned = {m.sub_question: m for m in plan.missing}
    found = []
    for question in questions:
        own = [s for s in book.values() if question.id in s.step.serves.split(",")]
        asked = [s for s in own if s.step.tool in _ANSWERING] or own
        failed = [s for s in asked if s.status != CompositionStatus.COMPLETED]
        if question.id in planned:
            found.append(planned[question.id])
        elif failed and len(failed) == len(asked):
            found.append(MissingPart(sub_question=question.id, question=question.text, reason=_reason(failed[0])))
    return found


def _reason(step: StepRecord) -> str:
    return f"{step.step.name}: {step.error_message or 'it did not finish'}"


def _told(
    record: CompositionRecord, plan: Plan, book: Mapping[int, StepRecord], datasets: Sequence[Dataset]
) -> dict[int, Told]:
    read = {plan.dataset, *(str(s.step.inputs.get("dataset")) for s in book.values())}
    labels = labels_of(plan, [d for d in datasets if d.name in read], record.query)
    questions = {q.id: q.text for q in record.decomposition.sub_questions} if record.decomposition else {}
    said = {n: " ".join(questions.get(q, "") for q in s.step.serves.split(",")) for n, s in book.items()}
    return {
        number: Told(number, s.step.tool, s.output, s.resolved_inputs or s.step.inputs, labels, said[number])
        for number, s in book.items()
        if s.status == CompositionStatus.COMPLETED and s.output is not None
    }


def _names(plan: Plan, datasets: Sequence[Dataset]) -> list[str]:
    """Return what columns are called, in the data and in the question."""
    columns = [c.name for d in datasets for c in d.columns]
    return [*columns, *(c.replace("_", " ") for c in columns), *(b.phrase for b in plan.bindings)]


def _claims(question: DetailedSubQuestion, told: Mapping[int, Told], book: Mapping[int, StepRecord]) -> list[Claim]:
    """Return what was asked for, before what it needed."""
    own = [t for n, t in sorted(told.items()) if question.id in book[n].step.serves.split(",")]
    last = _NEEDED if intent_of(question.domain, question.text) not in _ASKS_FOR_THEM else frozenset[str]()
    own.sort(key=lambda t: (t.tool in last, _ANSWERING.index(t.tool) if t.tool in _ANSWERING else len(_ANSWERING)))
    return _in_focus(question, [claim for t in own for claim in claims_of(replace(t, question=question.text))])


def _in_focus(question: DetailedSubQuestion, claims: list[Claim]) -> list[Claim]:
    """Return only what a question about the size of an opportunity asks for, where it names nothing else."""
    sized = [c for c in claims if any(r.pointer.startswith("/total_opportunity") for r in c.value_refs)]
    return sized if sized and OPPORTUNITY.search(question.text) and not RANKING.search(question.text) else claims


def _compose(
    record: CompositionRecord,
    claims: Mapping[str, Sequence[Claim]],
    missing: Sequence[MissingPart],
    book: Mapping[int, StepRecord],
    tools: Mapping[str, ToolSpec],
) -> Answer:
    outputs = {n: s.output for n, s in book.items() if s.output is not None}
    questions = {q.id: q.text for q in record.decomposition.sub_questions} if record.decomposition else {}
    parts = [_part(q, questions[q], own, book) for q, own in claims.items()]
    headline = render_claim(next(iter(claims.values()))[0], outputs)
    caveats = caveats_of(record.plan, book, [m.sub_question for m in missing]) if record.plan else []
    step = next_step_of(parts, missing, book)
    summary = executive_summary(headline, parts, missing, caveats, step, outputs)
    return Answer(
        headline=headline,
        parts=parts,
        caveats=caveats,
        next_step=step,
        charts=[
            c
            for n, s in sorted(book.items())
            if n in outputs and s.step.tool in tools
            for c in tools[s.step.tool].charts(outputs[n])
        ],
        text=render_text(headline, parts, missing, caveats, step),
        summary=summary,
        report=full_report(record.query, summary, parts, missing, caveats, [s for _, s in sorted(book.items())]),
    )


def _part(identity: str, question: str, claims: Sequence[Claim], book: Mapping[int, StepRecord]) -> AnswerPart:
    outputs = {n: s.output for n, s in book.items() if s.output is not None}
    cited = list(dict.fromkeys(r.step for c in claims for r in c.value_refs))
    return AnswerPart(
        sub_question=identity,
        question=question,
        text=render_part(claims, outputs),
        claims=list(claims),
        citations=cited,
        confidence=part_confidence(cited, book),
    )
