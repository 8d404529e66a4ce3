"""Clauses that are no question of their own are taken into the part that they belong to."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING

from e2i_shared.classifier.clauses import Clause
from e2i_shared.classifier.domains import NONE
from e2i_shared.classifier.grammar import ACTORS, ASKING, AUXILIARIES, CONDITIONS, HANGING, MODALS, TOLD, WISHES
from e2i_shared.classifier.signs import partner_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from e2i_shared.classifier.reading import Reading

DOUBTFUL = 0.6
WEAK = 0.5
STRONG = 0.8
EXPERIMENT = "EXPERIMENT"


@dataclass(frozen=True, slots=True)
class Asked:
    """One part of a query with its probabilities over domains (and NONE)."""

    clause: Clause
    probabilities: dict[str, float]

    @property
    def domain(self) -> str:
        """The likeliest domain, whatever the chance that nothing is asked."""
        return max((name for name in self.probabilities if name != NONE), key=lambda name: self.probabilities[name])

    @property
    def sure(self) -> float:
        """The probability of the likeliest domain."""
        return self.probabilities[self.domain]


def absorb(reading: Reading, asked: Sequence[Asked]) -> list[Asked]:
    """Return the parts after joining, one by one, those that only qualify a neighbour."""
    parts = list(asked)
    at = 0
    while at < len(parts):
        into = _belongs_to(reading, parts, at) if len(parts) > 1 else None
        if into is None:
            at += 1
            continue
        kept, lost = parts[into], parts.pop(at)
        into -= at < into
        surer = max(kept, lost, key=lambda part: part.sure) if _supposes(reading, lost, kept) else kept
        clause = _join(kept.clause, lost.clause)
        main = kept.clause.core if lost.clause.first < kept.clause.first else clause.main
        parts[into] = Asked(replace(clause, main=main), surer.probabilities)
        at = 0
    return parts


def _supposes(reading: Reading, part: Asked, main: Asked) -> bool:
    """Tell whether a condition is an action that is tried out ("if we cut calls", "if every doctor got a card, what would …")."""
    opening = reading.texts[part.clause.body : part.clause.body + 2]
    if opening[0] not in CONDITIONS:
        return False
    would = any(text in MODALS for text in reading.texts[main.clause.body : main.clause.last])
    tried = EXPERIMENT in {part.domain, main.domain}
    return (opening[-1] in ACTORS and (would or tried)) or (would and part.domain == EXPERIMENT)


def without_statements(reading: Reading, asked: Sequence[Asked]) -> list[Asked]:
    """Return the parts without what is merely told before something is asked ("Starts fell in May. Why?")."""
    last = len(asked) - 1
    return [part for at, part in enumerate(asked) if at == last or not is_statement(reading, part.clause)]


def is_statement(reading: Reading, clause: Clause) -> bool:
    """Tell whether a clause tells something: it has a subject and a verb, and neither asks, nor orders, nor wishes."""
    texts = reading.texts[clause.first : clause.last]
    ends = reading.gap(clause.last)
    asks = any(text in ASKING or text in AUXILIARIES or text in reading.asked or text in HANGING for text in texts[:2])
    broken = range(clause.first + 1, clause.last)
    asks = asks or any(reading.texts[at] in ASKING | AUXILIARIES and reading.gap(at).strip() for at in broken)
    orders = any(b in reading.asked and a in {"to", "you", "please"} for a, b in pairwise(texts[:7]))
    wishes = orders or any(text in WISHES for text in texts[:6])
    if asks or wishes or "?" in ends or not any(sign in ends for sign in ".;-,:\u2013\u2014"):
        return False
    verbs = (at for at, text in enumerate(texts) if at and (text in TOLD or (text.endswith("ed") and len(text) > 4)))
    return any(texts[at - 1] not in ASKING and texts[at - 1] != "that" for at in verbs)


def _join(left: Clause, right: Clause) -> Clause:
    """Return the clause that covers both; the later one is the main one where the earlier is subordinate."""
    begin, end = sorted((left, right), key=lambda clause: clause.first)
    return Clause(begin.first, begin.body, end.last, begin.main)


def _belongs_to(reading: Reading, parts: Sequence[Asked], at: int) -> int | None:
    """Return the neighbour that a part only qualifies, or None.

    A subordinate clause of the same kind as its main clause, or of no clear kind, is no question of its own; nor is a
    condition that restates an earlier part, an action that is supposed ("if we cut calls"), or a weak piece that does not ask.
    """
    part, clauses = parts[at], [other.clause for other in parts]
    opening = reading.texts[part.clause.body : part.clause.body + 3]
    if opening[0] in HANGING:
        into = partner_of(reading, clauses, at)
        if into is None or not _touch(clauses[at], clauses[into]):
            return None
        restates = opening[0] in CONDITIONS and into > at and any(other.domain == part.domain for other in parts[:at])
        supposes = _supposes(reading, part, parts[into])
        same = part.domain == parts[into].domain
        return into if same or restates or supposes or part.sure < DOUBTFUL else None
    asks = any(text in ASKING or text in AUXILIARIES or text in reading.asked for text in opening)
    weak = at > 0 and not asks and part.sure < WEAK and parts[at - 1].sure > STRONG
    return at - 1 if weak and _touch(clauses[at - 1], clauses[at]) else None


def _touch(left: Clause, right: Clause) -> bool:
    """Tell whether nothing stands between two clauses."""
    return left.last == right.first or right.last == left.first
