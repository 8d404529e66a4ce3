"""The middle of the story without wire models: clauses, domains and edges of one reading. Training and serving share it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from e2i_shared.api.classification import Domain, RoutingPattern
from e2i_shared.classifier.absorb import Asked, absorb, without_statements
from e2i_shared.classifier.clauses import Clause, split
from e2i_shared.classifier.dependencies import answer_order, link
from e2i_shared.classifier.domains import NONE, Asks, is_bare_condition, score
from e2i_shared.classifier.reading import is_code, is_english
from e2i_shared.classifier.routes import Evidence, pattern_of
from e2i_shared.classifier.session import Session, is_followup
from e2i_shared.classifier.signs import Edge, Part, leans

if TYPE_CHECKING:
    from collections.abc import Sequence

    from e2i_shared.classifier.reading import Reading
    from e2i_shared.classifier.weights import Weights

MAX_PARTS = 12
_DOUBT = 0.5
_DOUBT_WITH_SIGN = 0.75


@dataclass(frozen=True, slots=True)
class Cut:
    """The clauses of a query, how sure their boundaries are, and whether the query leans on the session."""

    clauses: tuple[Clause, ...]
    sure: float
    followup: bool = False


@dataclass(frozen=True, slots=True)
class Domains:
    """What stage 2 found: parts that ask something, and parts that do not."""

    asked: tuple[Asked, ...]
    silent: tuple[Asked, ...]


@dataclass(frozen=True, slots=True)
class Edges:
    """What stage 3 found, and how sure it is that there is an edge, or that there is none."""

    edges: tuple[Edge, ...]
    sure: float


@dataclass(frozen=True, slots=True)
class RouteFound:
    """What stage 4 decided: domains in the order in which they are answered."""

    pattern: RoutingPattern
    domains: tuple[tuple[Domain, float], ...]
    evidence: Evidence


def cut(reading: Reading, weights: Weights, session: Session) -> Cut:
    """Cut a query into clauses (the last part of stage 1)."""
    clauses, sure = split(reading, weights.boundary, weights.second, Asks(weights.domain))
    clauses = _attach_conditions(reading, clauses)
    return Cut(tuple(clauses), sure, is_followup(reading, clauses, session))


def find_domains(reading: Reading, clauses: Cut, weights: Weights, session: Session) -> Domains:
    """Score each clause (stage 2)."""
    scores = score(reading, clauses.clauses, weights.domain, session.domain)
    scored = [Asked(clause, found) for clause, found in zip(clauses.clauses, scores, strict=True)]
    readable = is_english(reading) and not is_code(reading)
    asked = [part for part in scored if readable and _asks(reading, part)]
    silent = tuple(part for part in scored if part not in asked)
    return Domains(tuple(absorb(reading, without_statements(reading, asked))[:MAX_PARTS]), silent)


def _asks(reading: Reading, part: Asked) -> bool:
    """Tell whether a part asks something: more likely than not, or not unlikely and with a sign of its kind."""
    signs = _cues(reading, Clause(part.clause.core, part.clause.core, part.clause.last))
    return part.probabilities[NONE] < (_DOUBT_WITH_SIGN if signs else _DOUBT)


def find_edges(reading: Reading, domains: Domains, weights: Weights) -> Edges:
    """Link the parts (stage 3)."""
    edges, sure = link(reading, [Part(part.clause, part.domain) for part in domains.asked], weights.link)
    return Edges(tuple(edges), sure)


def find_route(reading: Reading, clauses: Cut, domains: Domains, edges: Edges) -> RouteFound:
    """Decide the pattern and gather how sure everything is (stage 4)."""
    ordered = _order(domains.asked, edges.edges)
    pattern = pattern_of([name for name, _ in ordered], len(edges.edges))
    return RouteFound(pattern, tuple(ordered), _evidence(reading, clauses, domains, edges))


def _attach_conditions(reading: Reading, clauses: list[Clause]) -> list[Clause]:
    """Join a bare condition ("if so") to the clause that it governs."""
    joined: list[Clause] = []
    waiting: Clause | None = None
    for clause in clauses:
        if waiting is None and is_bare_condition(reading, clause) and clause is not clauses[-1]:
            waiting = clause
            continue
        joined.append(Clause(waiting.first, waiting.body, clause.last, clause.body) if waiting else clause)
        waiting = None
    return joined


def _order(asked: tuple[Asked, ...], edges: Sequence[Edge]) -> list[tuple[Domain, float]]:
    """Return the distinct domains in the order in which they are answered, with the best probability of each."""
    best: dict[Domain, float] = {}
    for at in answer_order(len(asked), edges):
        name = Domain(asked[at].domain)
        best[name] = max(best.get(name, 0.0), asked[at].probabilities[name])
    return list(best.items())


def _evidence(reading: Reading, clauses: Cut, domains: Domains, edges: Edges) -> Evidence:
    """Return how sure each stage was."""
    tops = [max(part.probabilities.values()) for part in domains.asked]
    silent = [part.probabilities[NONE] for part in domains.silent]
    return Evidence(
        boundary=clauses.sure,
        domain=min(tops or silent or [0.5]),
        link=edges.sure,
        parts=len(domains.asked),
        nothing=max((part.probabilities[NONE] for part in domains.asked), default=min(silent or [1.0])),
        followup=clauses.followup,
        strange_share=sum(reading.strange) / max(1, len(reading.words)),
        kinds=max((len(_cues(reading, part.clause)) for part in domains.asked), default=1),
        longest=max((part.clause.last - part.clause.first for part in domains.asked), default=1),
        signed=any(leans(reading, Part(part.clause, part.domain)) for part in domains.asked[1:]),
    )


def _cues(reading: Reading, clause: Clause) -> set[str]:
    """Return the kinds of question that the words of a clause are cues of."""
    return {cue for cue in reading.cues[clause.first : clause.last] if cue and cue != "OFF_TOPIC"}
