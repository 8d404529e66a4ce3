"""Joins clauses that are no questions of their own to the one they belong to: a premise before it, an exclusion after it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from e2i_shared.api.classification import Dependency, Domain, SubQuestion

if TYPE_CHECKING:
    from collections.abc import Sequence

_ASKS = re.compile(
    r"\b(?:who|whom|whose|which|what|where|when|why|how|whether|did|does|do|is|are|was|were|will|would|can you|could you|should|forecast|predict|build|compare|"
    r"show|rank|list|explain|estimate|find|tell|give|size|run|check)\b",
    re.IGNORECASE,
)
_PREMISE = re.compile(
    r"^\W*(?:(?:given|with|assuming|suppose|supposing|if|say|now|so)\b|(?:we|i|there)(?:['’]ve|['’]re)?\s+(?:have|has|got|can|could|are|is|want|plan)\b|\d)",
    re.IGNORECASE,
)
_EXCLUSION = re.compile(
    r"^\W*(?:and\s+|but\s+)?(?:excluding|exclude|except|without|including|leaving out|not counting|with|who|that)\b",
    re.IGNORECASE,
)
_QUANTITY = re.compile(r"\d")
_JOINS_COHORTS = {Domain.COHORT}


def join_fragments(
    query: str, questions: Sequence[SubQuestion], dependencies: Sequence[Dependency]
) -> tuple[list[SubQuestion], list[Dependency]]:
    """Return the sub-questions without fragments, renumbered, and the dependencies between what is left."""
    groups: list[list[SubQuestion]] = []
    for question in questions:
        if groups and (_is_premise(groups[-1][-1]) or _is_exclusion(question, groups[-1][-1])):
            groups[-1].append(question)
        else:
            groups.append([question])
    if len(groups) == len(questions):
        return list(questions), list(dependencies)
    numbers = {q.id: f"Q{i}" for i, group in enumerate(groups, 1) for q in group}
    joined = [_joined(query, group, f"Q{i}") for i, group in enumerate(groups, 1)]
    moved = {(numbers[d.from_], numbers[d.to]): d.type for d in dependencies}
    kept = [Dependency.model_validate({"from": a, "to": b, "type": t}) for (a, b), t in moved.items() if a != b]
    return joined, kept


def _is_premise(question: SubQuestion) -> bool:
    """Return whether a clause only says what there is to be given away: "We have 500 extra calls"."""
    text = question.text
    return bool(_PREMISE.match(text) and _QUANTITY.search(text) and not _ASKS.search(text))


def _is_exclusion(question: SubQuestion, before: SubQuestion) -> bool:
    return {question.domain, before.domain} == _JOINS_COHORTS and bool(_EXCLUSION.match(question.text))


def _joined(query: str, group: Sequence[SubQuestion], identity: str) -> SubQuestion:
    """Return one sub-question of a group: its words as they stand in the query, the domain of the last that asks."""
    first, last = group[0], group[-1]
    start = query.find(first.text)
    end = query.find(last.text, max(start, 0)) + len(last.text)
    text = query[start:end] if 0 <= start < end and query.find(last.text) >= 0 else " ".join(q.text for q in group)
    return SubQuestion(id=identity, text=text, domain=last.domain, confidence=last.confidence)
