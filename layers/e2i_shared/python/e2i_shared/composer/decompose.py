"""Phase 1: the classifier's sub-questions, each with what its own text says about entities, measure and period."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from e2i_shared.api.classification import Domain, RoutingPattern
from e2i_shared.api.classification import SubQuestion as PlainSubQuestion
from e2i_shared.composer.fragments import join_fragments
from e2i_shared.composer.intents import settled_domain
from e2i_shared.composer.model import Decomposition, DetailedSubQuestion
from e2i_shared.errors import UnprocessableError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from e2i_shared.api.classification import Classification, Entity, Period, SubQuestion

_MEASURES = ("kpi",)
_SOMEWHERE = re.compile(
    r"^(?!.*\b(?:mean|means|defin\w*|formula|calculat\w*|comput\w*|explain\w*|term|words?)\b)\W*what(?:['’]s| is| was| were| are)\b.*\b(?:in|on|at|among)\s+\w",
    re.IGNORECASE | re.DOTALL,
)


def decompose(query: str, classification: Classification) -> Decomposition:
    """Return the sub-questions with their entities and periods; raise UnprocessableError when the question needs clarifying."""
    if classification.routing_pattern == RoutingPattern.CLARIFICATION_NEEDED:
        raise _needs_clarification(classification)
    questions, dependencies = join_fragments(
        query, classification.sub_questions or [_whole(query, classification)], classification.dependencies
    )
    if classification.is_followup and len(questions) == 1:
        questions = [_with_inherited(questions[0], classification)]
    spans = [_place(question.text, query) for question in questions]
    everywhere = [p for p in classification.features.periods if not any(_says(p, q) for q in questions)]
    detailed = [_detail(q, span, classification, everywhere) for q, span in zip(questions, spans, strict=True)]
    return Decomposition(sub_questions=detailed, dependencies=dependencies)


def _whole(query: str, classification: Classification) -> SubQuestion:
    return PlainSubQuestion(id="Q1", text=query, domain=classification.domains[0].domain)


def _with_inherited(question: SubQuestion, classification: Classification) -> SubQuestion:
    """Return a follow-up with the words it takes from the question before, so that it is bound as if they had been said again."""
    lent = dict.fromkeys(
        e.text for e in classification.features.inherited if e.text.lower() not in question.text.lower()
    )
    if not lent:
        return question
    return question.model_copy(update={"text": f"{question.text.rstrip('?.! ')} ({', '.join(lent)})"})


def _needs_clarification(classification: Classification) -> UnprocessableError:
    asked = classification.clarification
    message = (
        asked.message if asked else "The question does not say what is wanted: name an outcome, and what to do with it."
    )
    examples = asked.rephrasings if asked else []
    shown = f" For example: {' / '.join(examples)}" if examples else ""
    return UnprocessableError(message + shown, field="query", got=classification.query, candidates=examples)


def _place(text: str, query: str) -> tuple[int, int] | None:
    start = query.lower().find(text.lower().rstrip("?.! "))
    return (start, start + len(text)) if start >= 0 else None


def _says(period: Period, question: SubQuestion) -> bool:
    return period.text.lower() in question.text.lower()


def _detail(
    question: SubQuestion, span: tuple[int, int] | None, classification: Classification, everywhere: Sequence[Period]
) -> DetailedSubQuestion:
    features = classification.features
    entities = [e for e in features.entities if _belongs(e, question.text, span)]
    entities += features.inherited if classification.is_followup and not span else []
    periods = [*(p for p in features.periods if _says(p, question)), *everywhere]
    return DetailedSubQuestion(
        id=question.id,
        text=question.text,
        domain=_domain(question, entities),
        entities=entities,
        measure=_measure(entities),
        periods=_distinct(periods),
    )


def _domain(question: SubQuestion, entities: Sequence[Entity]) -> Domain:
    """Return the domain; a measure somewhere is looked up, not explained: "what is TRx on the coast"."""
    settled = settled_domain(question.domain, question.text)
    looked_up = settled == Domain.EXPLANATION and _measure(entities) and _SOMEWHERE.search(question.text)
    return Domain.KPI if looked_up else settled


def _belongs(entity: Entity, text: str, span: tuple[int, int] | None) -> bool:
    if span:
        return span[0] <= entity.start and entity.end <= span[1]
    return entity.text.lower() in text.lower()


def _measure(entities: Sequence[Entity]) -> str | None:
    return next((e.canonical for e in entities if e.kind in _MEASURES), None)


def _distinct(periods: Sequence[Period]) -> list[Period]:
    """Keep one of the phrases that mean the same dates, the one that compares."""
    ordered = sorted(periods, key=lambda p: p.comparison != "none")
    return list({(p.start, p.end): p for p in ordered}.values())
