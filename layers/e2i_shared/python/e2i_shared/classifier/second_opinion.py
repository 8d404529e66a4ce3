"""Asking another judge, such as a language model, where the rules are unsure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from pydantic import ValidationError

from e2i_shared.api.classification import Classification, Dependency, Domain, RoutingPattern, SubQuestion
from e2i_shared.api.common import Wire
from e2i_shared.classifier.routes import agents_of, pattern_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from e2i_shared.api.common import Json

THRESHOLD = 0.6


class Opinion(Wire):
    """What the judge must answer: no maps, no defaults, so that strict structured output can hold it."""

    sub_questions: list[SubQuestion]
    dependencies: list[Dependency]
    reason: str


class SecondOpinion(Protocol):
    """Anything that reads a query and the rules' answer and returns data in the form of ``Opinion``."""

    def __call__(self, query: str, context: list[str], draft: Classification) -> Json:
        """Return the opinion as plain data; may raise, which counts as no opinion."""
        ...


def is_unsure(draft: Classification) -> bool:
    """Tell whether the pattern, or the kind of any part, is too doubtful to go by the rules alone."""
    return min([draft.confidence, *(score.confidence for score in draft.domains)]) < THRESHOLD


def consult(draft: Classification, context: list[str], judge: SecondOpinion) -> Classification:
    """Return the judge's classification if it is valid, else the draft; either way it is recorded which."""
    try:
        opinion = Opinion.model_validate(judge(draft.query, context, draft))
        domains = check(opinion)
    except ValidationError as error:
        return draft.model_copy(update={"second_opinion": f"not used: {error.error_count()} fields outside the schema"})
    except Exception as error:  # noqa: BLE001 - whatever fails in the judge, the rules' answer stands
        return draft.model_copy(update={"second_opinion": f"not used: {type(error).__name__}"})
    pattern = pattern_of(domains, len(opinion.dependencies))
    if pattern == draft.routing_pattern and domains == [score.domain for score in draft.domains]:
        return draft.model_copy(update={"second_opinion": "agreed", "used_llm": True})
    if pattern is RoutingPattern.CLARIFICATION_NEEDED:
        return draft.model_copy(update={"second_opinion": "not used: it found nothing to answer"})
    return _overrule(draft, opinion, domains, pattern)


def check(opinion: Opinion) -> list[Domain]:
    """Return the domains in order of answering; raise ValueError where ids are not Q1…Qn or edges run in a circle."""
    ids = [part.id for part in opinion.sub_questions]
    if ids != [f"Q{number}" for number in range(1, len(ids) + 1)]:
        raise ValueError("sub-questions are numbered Q1, Q2, … in order of mention")
    if any(edge.from_ not in ids or edge.to not in ids for edge in opinion.dependencies):
        raise ValueError("every edge joins two sub-questions")
    order = domains_in_order(opinion.sub_questions, opinion.dependencies)
    if order is None:
        raise ValueError("the edges run in a circle")
    return order


def domains_in_order(parts: Sequence[SubQuestion], edges: Sequence[Dependency]) -> list[Domain] | None:
    """Return the distinct domains in the order in which they can be answered, or None where edges run in a circle."""
    waiting, order = list(parts), list[Domain]()
    while waiting:
        left = {part.id for part in waiting}
        free = next((p for p in waiting if not any(e.to == p.id and e.from_ in left for e in edges)), None)
        if free is None:
            return None
        waiting.remove(free)
        order += [free.domain] * (free.domain not in order)
    return order


def _overrule(
    draft: Classification, opinion: Opinion, domains: list[Domain], pattern: RoutingPattern
) -> Classification:
    """Return the draft with the judge's route."""
    scores = {score.domain: score.confidence for score in draft.domains}
    update = {
        "routing_pattern": pattern,
        "target_agents": agents_of(domains),
        "domains": [{"domain": domain, "confidence": max(scores.get(domain, 0.0), THRESHOLD)} for domain in domains],
        "sub_questions": [part.model_dump() for part in opinion.sub_questions],
        "dependencies": [edge.model_dump(by_alias=True) for edge in opinion.dependencies],
        "confidence": max(draft.confidence, THRESHOLD),
        "reason": opinion.reason,
        "clarification": None,
        "used_llm": True,
        "second_opinion": "overruled",
    }
    return Classification.model_validate(draft.model_dump(by_alias=True) | update)
