"""Judged classifications as labelled rows, in the form of the training corpus."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from e2i_shared.api.classification import Dependency, Domain, RoutingPattern, SubQuestion
from e2i_shared.classifier.routes import pattern_of
from e2i_shared.classifier.second_opinion import domains_in_order

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from e2i_shared.api.classification import Classification, StoredClassification

_DOMAIN = re.compile(rf"\b({'|'.join(Domain)})\b")
_EDGE = re.compile(r"\b(Q\d+)\s*(?:->|→|to)\s*(Q\d+)(?:\s*:?\s*([A-Z_]+))?")


@dataclass(frozen=True, slots=True)
class Export:
    """Rows that say all a row must say, and the ids of judged classifications whose labels cannot be told."""

    rows: list[dict[str, Any]]
    unclear: list[str]


def export(stored: Iterable[StoredClassification]) -> Export:
    """Return judged classifications as rows of the corpus.

    A right one labels itself. For a wrong one the right pattern is taken from ``correct_pattern``; its notes may name the
    domains in order of mention and the edges ("CAUSAL, SEGMENTATION, Q1 -> Q2 REFERENCE_CHAIN"). Where pattern, domains and
    edges do not add up to a label, the id is listed as unclear and nothing is made up.
    """
    rows, unclear = [], []
    for one in stored:
        if one.feedback is None:
            continue
        row = _row(one)
        if row is None:
            unclear.append(one.classification.classification_id)
        else:
            rows.append(row)
    return Export(rows, unclear)


def _row(stored: StoredClassification) -> dict[str, Any] | None:
    """Return the row of one judged classification, or None where its labels cannot be told."""
    said, feedback = stored.classification, stored.feedback
    if feedback is None:
        return None
    if feedback.was_correct:
        return _written(said, said.routing_pattern, said.sub_questions, said.dependencies)
    pattern, notes = feedback.correct_pattern, feedback.notes or ""
    if pattern is None:
        return None
    if pattern is RoutingPattern.CLARIFICATION_NEEDED:
        return _written(said, pattern, [], [])
    parts = _parts(said, pattern, [Domain(name) for name in _DOMAIN.findall(notes)])
    if parts is None:
        return None
    return _written(said, pattern, parts, _edges(said, pattern, parts, notes))


def _parts(said: Classification, pattern: RoutingPattern, named: Sequence[Domain]) -> list[SubQuestion] | None:
    """Return the parts with the named domains; a single named domain is that of the whole question."""
    if pattern is RoutingPattern.SINGLE_AGENT and len(set(named)) == 1:
        text = said.query
        return [SubQuestion(id="Q1", text=text, domain=named[0], confidence=1.0, start=0, end=len(text))]
    if not named:
        return list(said.sub_questions)
    if len(named) != len(said.sub_questions):
        return None
    return [part.model_copy(update={"domain": domain}) for part, domain in zip(said.sub_questions, named, strict=True)]


def _edges(
    said: Classification, pattern: RoutingPattern, parts: Sequence[SubQuestion], notes: str
) -> Sequence[Dependency]:
    """Return the edges that the notes name, else those that were found; none where parts stand alone."""
    if pattern is not RoutingPattern.TOOL_COMPOSER:
        return []
    ids = {part.id for part in parts}
    named = [
        Dependency.model_validate({"from": source, "to": to, "type": kind or "REFERENCE_CHAIN"})
        for source, to, kind in _EDGE.findall(notes)
        if {source, to} <= ids
    ]
    return named or said.dependencies


def _written(
    said: Classification, pattern: RoutingPattern, parts: Sequence[SubQuestion], edges: Sequence[Dependency]
) -> dict[str, Any] | None:
    """Return the row, or None where the pattern does not follow from domains and edges."""
    domains = domains_in_order(parts, edges)
    if domains is None or pattern_of(domains, len(edges)) is not pattern:
        return None
    context = [said.features.inherited_query] if said.features.inherited_query else []
    return {
        "idea": f"feedback-{hashlib.sha256(said.query.encode('utf-8', 'surrogatepass')).hexdigest()[:10]}",
        "query": said.query,
        "context": context,
        "pattern": pattern.value,
        "domains": [domain.value for domain in domains],
        "sub_questions": [part.model_dump(mode="json", exclude={"confidence"}) for part in parts],
        "dependencies": [edge.model_dump(mode="json", by_alias=True) for edge in edges],
    }
