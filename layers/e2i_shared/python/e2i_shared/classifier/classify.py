"""From a question to a route: features, domains, dependencies, route."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from e2i_shared.api.classification import (
    Classification,
    Dependency,
    DependencyType,
    Domain,
    DomainScore,
    RoutingPattern,
    SubQuestion,
)
from e2i_shared.classifier.clarification import clarify
from e2i_shared.classifier.features import features_of
from e2i_shared.classifier.reading import read
from e2i_shared.classifier.routes import agents_of, confidence, reason_of
from e2i_shared.classifier.second_opinion import consult, is_unsure
from e2i_shared.classifier.session import replaceable, session_of
from e2i_shared.classifier.stages import cut, find_domains, find_edges, find_route
from e2i_shared.classifier.weights import weights as shipped_weights
from e2i_shared.ids import new_id

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from e2i_shared.api.classification import ClassifyRequest, Features
    from e2i_shared.api.datasets import Dataset
    from e2i_shared.classifier.absorb import Asked
    from e2i_shared.classifier.reading import Reading
    from e2i_shared.classifier.second_opinion import SecondOpinion
    from e2i_shared.classifier.session import Session
    from e2i_shared.classifier.signs import Edge
    from e2i_shared.classifier.stages import Cut, Domains, Edges, RouteFound
    from e2i_shared.classifier.weights import Weights

_REMEMBERED = 5


def classify(
    request: ClassifyRequest,
    catalogue: Sequence[Dataset] = (),
    turns: Sequence[Classification] = (),
    second_opinion: SecondOpinion | None = None,
    *,
    today: date,
    weights: Weights | None = None,
) -> Classification:
    """Classify a question.

    Parameters
    ----------
    request
        The question, with earlier questions of the conversation where the caller keeps them.
    catalogue
        Data sets that phrases are resolved against.
    turns
        Earlier classifications of the session, newest first; they come before ``request.context``.
    second_opinion
        Asked when the confidence is below the threshold; its failure leaves the answer of the rules.
    today
        The day from which "last quarter" is seen.
    weights
        Trained numbers, by default the shipped ones.

    Returns
    -------
    Classification
        With a new id and the milliseconds spent in each stage.
    """
    trained, clock = weights or shipped_weights(), Clock()
    session = session_of(turns) if turns else context_session(request.context, today, trained)
    reading, clauses, features = _features(request.query, catalogue, session, today, trained)
    clock.lap("features")
    domains = find_domains(reading, clauses, trained, session)
    clock.lap("domains")
    edges = find_edges(reading, domains, trained)
    clock.lap("dependencies")
    route = find_route(reading, clauses, domains, edges)
    answer = _classification(reading, features, domains, edges, route, trained)
    clock.lap("pattern")
    if second_opinion and is_unsure(answer):
        answer = consult(answer, list(request.context), second_opinion)
        clock.lap("second_opinion")
    return answer.model_copy(update={"latency_ms": clock.laps()})


class Clock:
    """Milliseconds by stage."""

    def __init__(self) -> None:
        self._begun = self._last = time.perf_counter()
        self._stages: dict[str, float] = {}

    def lap(self, stage: str) -> None:
        """Book the time since the last lap on a stage."""
        now = time.perf_counter()
        self._stages[stage] = round(1000 * (now - self._last), 3)
        self._last = now

    def laps(self) -> dict[str, float]:
        """Return every stage and the total."""
        return self._stages | {"total": round(1000 * (time.perf_counter() - self._begun), 3)}


def context_session(context: Sequence[str], today: date, trained: Weights) -> Session:
    """Return what earlier queries, oldest first, lend: each is classified with those before it."""
    turns: list[Classification] = []
    for query in context[-_REMEMBERED:]:
        session = session_of(turns)
        reading, clauses, features = _features(query, (), session, today, trained)
        domains = find_domains(reading, clauses, trained, session)
        edges = find_edges(reading, domains, trained)
        route = find_route(reading, clauses, domains, edges)
        turns.insert(0, _classification(reading, features, domains, edges, route, trained))
    return session_of(turns)


def _features(
    query: str, catalogue: Sequence[Dataset], session: Session, today: date, trained: Weights
) -> tuple[Reading, Cut, Features]:
    """Stage 1: read the query, cut it, resolve what it names, and take over what a follow-up leaves unsaid."""
    reading = read(query, today, trained)
    clauses = cut(reading, trained, session)
    features = features_of(reading, clauses.clauses, catalogue)
    if clauses.followup:
        inherited = replaceable(session.entities, features.entities)
        update = {"is_followup": True, "inherited_query": session.query, "inherited": inherited}
        features = features.model_copy(update=update)
    return reading, clauses, features


def _classification(
    reading: Reading, features: Features, domains: Domains, edges: Edges, route: RouteFound, trained: Weights
) -> Classification:
    """Write the result down in its wire shape."""
    names = [name for name, _ in route.domains]
    unclear = route.pattern is RoutingPattern.CLARIFICATION_NEEDED
    return Classification(
        classification_id=new_id(),
        query=reading.query,
        routing_pattern=route.pattern,
        target_agents=agents_of(names),
        domains=[DomainScore(domain=name, confidence=round(sure, 4)) for name, sure in route.domains],
        sub_questions=[_sub_question(reading, number, part) for number, part in enumerate(domains.asked, 1)],
        dependencies=[_dependency(edge) for edge in edges.edges],
        confidence=confidence(route.pattern, route.evidence, trained.confidence),
        reason=reason_of(route.pattern, names, len(domains.asked), [edge.kind for edge in edges.edges]),
        clarification=clarify(reading, features, features.is_followup) if unclear else None,
        features=features,
        is_followup=features.is_followup,
        latency_ms={},
    )


def _sub_question(reading: Reading, number: int, part: Asked) -> SubQuestion:
    """Return one part with its span in the query."""
    start, end = part.clause.span(reading)
    sure = round(part.probabilities[part.domain], 4)
    text = reading.query[start:end]
    return SubQuestion(id=f"Q{number}", text=text, domain=Domain(part.domain), confidence=sure, start=start, end=end)


def _dependency(edge: Edge) -> Dependency:
    """Return one edge with the ids of its ends."""
    kind = DependencyType(edge.kind)
    return Dependency.model_validate({"from": f"Q{edge.source + 1}", "to": f"Q{edge.to + 1}", "type": kind})
