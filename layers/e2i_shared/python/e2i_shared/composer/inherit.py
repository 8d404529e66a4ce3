"""What a sub-question leaves unsaid it takes from the one it depends on: cause, outcome, filters, data set."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from e2i_shared.api.datasets import ColumnRole
from e2i_shared.composer.intents import DECISION, Intent
from e2i_shared.composer.refusals import unnamed_column
from e2i_shared.composer.scope import time_column
from e2i_shared.errors import UnprocessableError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from e2i_shared.api.classification import Dependency
    from e2i_shared.api.datasets import Dataset
    from e2i_shared.composer.binding import Bound
    from e2i_shared.composer.model import Decomposition

_NEEDS_CAUSE = {Intent.EFFECT, Intent.ROBUSTNESS, Intent.SEGMENTS, Intent.SIMULATION, Intent.POLICY}
_MAY_BORROW_CAUSE = _NEEDS_CAUSE | {Intent.POWER, Intent.DESIGN}
_TEST = re.compile(r"\b(?:test|experiment|trial|pilot)\b", re.IGNORECASE)
_MEASURED = {Intent.CHANGE, Intent.DRIVERS, Intent.FORECAST}
_NEEDS_MEASURE = {Intent.GAP, Intent.KPI, Intent.ROI, *_MEASURED}


def inherit(
    decomposition: Decomposition,
    bound: dict[str, Bound],
    failures: dict[str, UnprocessableError],
    whole: Bound | None = None,
) -> tuple[dict[str, Bound], dict[str, UnprocessableError]]:
    """Return the sub-questions completed from those before them, at last from the ``whole`` text; the incomplete become failures."""
    done: dict[str, Bound] = {}
    failures = dict(failures)
    for question in answer_order(decomposition):
        if question not in bound:
            continue
        producers = [d.from_ for d in decomposition.dependencies if d.to == question]
        producers = producers or _implied(bound[question], done)
        try:
            earlier = [*([whole] if whole else []), *done.values()]
            own = replace(bound[question], depends_on=tuple(producers))
            done[question] = _complete(own, [done[p] for p in producers if p in done], earlier)
        except UnprocessableError as error:
            failures[question] = _caused(error, [failures[p] for p in producers if p in failures])
    return done, failures


def answer_order(decomposition: Decomposition) -> list[str]:
    """Return the sub-question ids so that each comes after those it needs; by number otherwise. A cycle is broken by number."""
    waiting = [q.id for q in decomposition.sub_questions]
    ordered: list[str] = []
    while waiting:
        ready = [q for q in waiting if not _blocked(q, waiting, decomposition.dependencies)]
        ordered.append((ready or waiting)[0])
        waiting.remove(ordered[-1])
    return ordered


def _blocked(question: str, waiting: Sequence[str], dependencies: Sequence[Dependency]) -> bool:
    return any(d.to == question and d.from_ in waiting and d.from_ != question for d in dependencies)


def _implied(own: Bound, done: dict[str, Bound]) -> list[str]:
    """Return what a question of money, or of a gap it does not name, is about where the router saw no reference.

    The last gap or effect before it; "and what is the opportunity" is about a gap.
    """
    about = {Intent.GAP, Intent.EFFECT} if own.intent == Intent.ROI else {Intent.GAP}
    before = [q for q, b in done.items() if b.intent in about]
    unnamed = own.intent == Intent.GAP and not own.covered
    return before[-1:] if own.intent == Intent.ROI or unnamed else []


def _caused(error: UnprocessableError, causes: Sequence[UnprocessableError]) -> UnprocessableError:
    return causes[0] if causes else error


def _complete(own: Bound, producers: Sequence[Bound], earlier: Sequence[Bound]) -> Bound:
    lender = _lender(own, producers, earlier)
    if lender is not None:
        own = _borrow(own, lender)
    elif producers:
        own = _narrow(own, producers[-1])
    return _with_defaults(_with_segments(own, (*reversed(producers), *reversed(earlier))))


def _with_segments(own: Bound, others: Sequence[Bound]) -> Bound:
    """Return a question about segments that names none with those that were just compared: "and which should we prioritise"."""
    if own.intent != Intent.SEGMENTS or own.splits:
        return own
    lender = next((b for b in others if b.intent == Intent.SEGMENTS and b.dataset == own.dataset and b.splits), None)
    return replace(own, splits=lender.splits) if lender else own


def _lender(own: Bound, producers: Sequence[Bound], earlier: Sequence[Bound]) -> Bound | None:
    """Return the nearest sub-question that says what this one leaves out."""
    if own.intent in _MAY_BORROW_CAUSE and not (own.treatments and own.outcomes):
        return next((b for b in (*reversed(producers), *reversed(earlier)) if b.treatments and b.outcomes), None)
    if own.intent in _NEEDS_MEASURE and not (own.measures or own.kpi):
        return next((b for b in (*reversed(producers), *reversed(earlier)) if b.outcomes or b.measures or b.kpi), None)
    return None


def _borrow(own: Bound, lender: Bound) -> Bound:
    if not (own.treatments or own.outcomes or own.measures or own.splits or own.filters):
        own = replace(own, dataset=lender.dataset)
    if own.dataset != lender.dataset:
        return own
    measures = own.measures or lender.measures or lender.outcomes if own.intent in _NEEDS_MEASURE else own.measures
    return _narrow(
        replace(
            own,
            treatments=own.treatments or lender.treatments,
            outcomes=own.outcomes or lender.outcomes,
            measures=measures,
            kpi=own.kpi or (lender.kpi if own.intent == Intent.KPI else None),
        ),
        lender,
    )


def _narrow(own: Bound, lender: Bound) -> Bound:
    """Take over the filters on columns that the sub-question neither filters nor splits by.

    A trend's period is its own: a gap, a forecast or an effect asked for beside it looks at all the data.
    """
    if own.dataset != lender.dataset:
        return own
    mine = {f.column for f in own.filters} | set(own.splits)
    dates = time_column(own.dataset)
    if dates and lender.intent == Intent.KPI and own.intent not in {Intent.KPI, Intent.CHANGE}:
        mine.add(dates.name)
    return replace(own, filters=(*own.filters, *(f for f in lender.filters if f.column not in mine)))


def _with_defaults(own: Bound) -> Bound:
    if own.intent in _NEEDS_CAUSE and not own.treatments:
        raise unnamed_column(ColumnRole.TREATMENT, own.dataset)
    tests = own.intent == Intent.DESIGN and _TEST.search(own.question.text)
    if (own.intent in _NEEDS_CAUSE | {Intent.POWER} or tests) and own.treatments and not own.outcomes:
        outcome = _first_outcome(own.dataset, own.treatments)
        return replace(own, outcomes=(outcome,), notes=(*own.notes, _assumed(outcome)))
    if own.intent == Intent.CHANGE and own.filters and not (own.measures or own.outcomes or own.kpi):
        outcome = _first_outcome(own.dataset, ())
        return replace(own, measures=(outcome,), notes=(*own.notes, _assumed(outcome)))
    if own.intent in _MEASURED and not (own.measures or own.kpi):
        raise unnamed_column(ColumnRole.OUTCOME, own.dataset)
    if (
        own.intent == Intent.GAP or (own.intent == Intent.ROI and own.treatments and DECISION.search(own.question.text))
    ) and not own.measures:
        outcome = _first_outcome(own.dataset, ())
        return replace(own, measures=(outcome,), notes=(*own.notes, _assumed(outcome)))
    return own


def _assumed(outcome: str) -> str:
    return f"The question names no outcome: {outcome} is used, the data set's first outcome column."


def _first_outcome(dataset: Dataset, taken: Sequence[str]) -> str:
    outcomes = [c.name for c in dataset.columns if c.role == ColumnRole.OUTCOME and c.name not in taken]
    if not outcomes:
        raise unnamed_column(ColumnRole.OUTCOME, dataset)
    return outcomes[0]
