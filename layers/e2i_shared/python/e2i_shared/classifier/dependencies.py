"""Which sub-question needs another's answer, and why: seen pair by pair, then made acyclic."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING

from e2i_shared.classifier.domains import GRAMMAR, sense_of
from e2i_shared.classifier.grammar import THING
from e2i_shared.classifier.signs import Edge, Part, overt_edges, overt_kind, signs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from e2i_shared.classifier.linear import LinearModel
    from e2i_shared.classifier.reading import Reading

NO_EDGE = "-"
_POINTING = frozenset(("the", "that", "this", "those", "these", "its", "their", "same"))
_ASUNDER = frozenset(
    (
        "separately",
        "separate",
        "independently",
        "independent",
        "unrelated",
        "apart",
        "different",
        "unconnected",
        "linked",
    )
)
_APART_WORDS = 6
_MATTERS = frozenset(("subject", "matter", "topic", "note", "request", "question", "point", "theme", "issue"))
_SECOND_PARENT = 0.85
_LIKELY = 0.5


def _own(reading: Reading, part: Part, kind: str) -> set[str]:
    """Return the words of one kind that a part names."""
    span = range(part.clause.first, part.clause.last)
    return {reading.stems[at] for at in span if reading.tags[at].startswith(f"<{kind}")}


def _shared(reading: Reading, left: Part, right: Part, kind: str) -> str:
    """Tell how the names of one kind in two parts relate."""
    a, b = _own(reading, left, kind), _own(reading, right, kind)
    return "none" if not b else "new" if not a else "same" if a & b else "other"


def _again(reading: Reading, left: Part, right: Part) -> set[str]:
    """Return the words of content that both parts use."""
    a, b = ({reading.stems[at] for at in range(p.clause.body, p.clause.last)} for p in (left, right))
    return {word for word in a & b if len(word) > 3 and word not in GRAMMAR}


def _pointed(reading: Reading, part: Part, again: set[str]) -> bool:
    """Tell whether a part points to a word of the earlier part: "the campaign", "that list"."""
    span = range(part.clause.body + 1, part.clause.last)
    return any(
        reading.stems[at] in again and _POINTING & set(reading.texts[max(part.clause.body, at - 3) : at]) for at in span
    )


def _definite(reading: Reading, part: Part) -> list[str]:
    """Return what a part speaks of as known: the words after "the", "that", "those", as they are and by their sense."""
    found = []
    for at in range(part.clause.body, part.clause.last - 1):
        if reading.texts[at] in _POINTING:
            near = range(at + 1, min(at + 4, part.clause.last))
            named = next((k for k in near if reading.texts[k] in GRAMMAR), near[-1] + 1)
            head = max(at + 1, min(named, near[-1] + 1) - 1)
            found += [f"def={reading.stems[at + 1]}", f"head={reading.stems[head]}", f"head~{sense_of(reading, head)}"]
    return found


def _said_apart(reading: Reading) -> bool:
    """Tell whether the query says that its parts have nothing to do with each other."""
    return any(text in _ASUNDER for text in reading.texts)


def pair_features(reading: Reading, parts: Sequence[Part], first: int, second: int) -> dict[str, float]:
    """Return what can be seen of an earlier and a later part together."""
    left, right = parts[first], parts[second]
    near = "next" if second == first + 1 else "far"
    between = {parts[k].domain for k in range(first + 1, second)}
    signs_left = [f"L:{sign}" for sign in signs(reading, left)]
    signs_right = [f"R:{sign}" for sign in signs(reading, right)]
    domains = f"{left.domain}>{right.domain}"
    shared = [
        f"{kind}={_shared(reading, left, right, kind)}" for kind in ("brand", "kpi", "treatment", "region", "specialty")
    ]
    again = _again(reading, left, right)
    shared.append(f"again={min(len(again), 2)}")
    shared += [f"pointed={bool(_pointed(reading, right, again))}"]
    shared += [f"apart={_said_apart(reading)}"]
    known = _definite(reading, right)
    gap = "stop" if any(sign in reading.gap(right.clause.first) for sign in ".?!\n;") else "soft"
    names = [
        *signs_left,
        *signs_right,
        *(f"{near}|{sign}" for sign in signs_right),
        *(f"{right.domain}|{sign}" for sign in signs_right[:12]),
        *(
            f"{domains}|{sign}"
            for sign in signs_right
            if sign.startswith(("R:refers", "R:elliptic", "R:apart", "R:finding", "R:ranked", "R:own", "R:pron"))
        ),
        *shared,
        *(f"{near}|{item}" for item in shared),
        *known,
        *(f"{item}|{near}" for item in known),
        *(f"{item}|{left.domain}" for item in known if item.startswith("head")),
        f"known={bool(known)}|{domains}",
        f"domains={domains}",
        f"domains={domains}|{near}",
        f"from={left.domain}",
        f"to={right.domain}",
        near,
        f"{near}|first={first == 0}|last={second == len(parts) - 1}",
        f"gap={gap}",
        f"nearer_same={left.domain in between}",
        f"parts={min(len(parts), 4)}",
        *(f"between={domain}>{right.domain}" for domain in between),
    ]
    return dict.fromkeys(names, 1.0)


def link(reading: Reading, parts: Sequence[Part], model: LinearModel) -> tuple[list[Edge], float]:
    """Return the edges, strongest first to be kept where they would close a circle, and how sure it is that there are any.

    The pattern turns on whether there is an edge at all, so the pairs are taken together: none is there with the product of
    the chances that each is not. An edge that a conjunction states is doubted where the model sees none.
    """
    found: list[Edge] = []
    no_edge = 1.0
    for second in range(1, len(parts)):
        for first in range(second):
            probabilities = model.probabilities(pair_features(reading, parts, first, second))
            none = probabilities.pop(NO_EDGE)
            no_edge *= none
            if none < 1 - _LIKELY:
                kind = max(probabilities, key=lambda name: probabilities[name])
                ends = (first, second) if kind[0] == ">" else (second, first)
                found.append(Edge(*ends, kind[1:], 1 - none))
    stated = overt_edges(reading, parts)
    joined = {frozenset((edge.source, edge.to)) for edge in stated}
    bound = {edge.to for edge in stated if edge.kind == "CONDITIONAL"}
    free = [edge for edge in found if frozenset((edge.source, edge.to)) not in joined and edge.to not in bound]
    typed = [replace(edge, kind=overt_kind(reading, parts, edge)) for edge in free]
    joined_parts = [edge for edge in typed if not _opens_apart(reading, parts[edge.to])]
    kept = acyclic(_main_parents([*stated, *joined_parts]))
    return kept, 1 - no_edge if kept else no_edge


def _opens_apart(reading: Reading, part: Part) -> bool:
    """Tell whether a part opens as a matter of its own ("on another subject, …", "separately, …") and points to nothing before it."""
    texts = reading.texts[part.clause.first : part.clause.last]
    opening = texts[: part.clause.body - part.clause.first + _APART_WORDS]
    apart = any(text in _ASUNDER for text in opening) or any(
        a == "another" and b in _MATTERS for a, b in pairwise(opening)
    )
    return apart and not any(text in THING for text in texts)


def _main_parents(edges: Sequence[Edge]) -> list[Edge]:
    """Return the strongest edge into each part, and others only where they are nearly certain."""
    best = {to: max(edge.probability for edge in edges if edge.to == to) for to in {edge.to for edge in edges}}
    return [edge for edge in edges if edge.probability >= min(best[edge.to], _SECOND_PARENT)]


def acyclic(edges: Sequence[Edge]) -> list[Edge]:
    """Return the edges without those that would close a circle, weakest dropped first; in order of the dependent part."""
    kept: list[Edge] = []
    for edge in sorted(edges, key=lambda e: -e.probability):
        if not _reaches(kept, edge.to, edge.source):
            kept.append(edge)
    return sorted(kept, key=lambda e: (e.to, e.source))


def _reaches(edges: Sequence[Edge], start: int, goal: int) -> bool:
    """Tell whether a path leads from ``start`` to ``goal``."""
    seen, open_ends = set[int](), [start]
    while open_ends:
        at = open_ends.pop()
        if at == goal:
            return True
        if at not in seen:
            seen.add(at)
            open_ends += [edge.to for edge in edges if edge.source == at]
    return False


def answer_order(count: int, edges: Sequence[Edge]) -> list[int]:
    """Return the parts in the order in which they can be answered, ties in order of mention."""
    waiting = set(range(count))
    order: list[int] = []
    while waiting:
        free = min(
            (at for at in waiting if not any(e.to == at and e.source in waiting for e in edges)), default=min(waiting)
        )
        order.append(free)
        waiting.remove(free)
    return order
