"""The signs by which one part of a question shows that it needs another."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

from e2i_shared.classifier.domains import is_elliptic, sense_of
from e2i_shared.classifier.grammar import (
    ACTORS,
    APART,
    BACK,
    CONDITIONS,
    CONNECTORS,
    DETERMINERS,
    FINDING,
    IF,
    LEADING,
    ORDER,
    PRONOUNS,
    RANKED,
    REPORTING,
    SEQUENCE,
    SUBORDINATORS,
    SUBSET,
    THEN,
    THING,
    WH,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from e2i_shared.classifier.clauses import Clause
    from e2i_shared.classifier.reading import Reading

CERTAIN = 0.97
_ENDS = ".?!\n;"
_COUNTED = frozenset(("<num>", "<segment>", "<territory>", "<region>", "<specialty>", "<hcp>", "<patient>"))
_COUNTS = frozenset(("one", "two", "three", "five", "ten", "quarter", "half", "risk", "few"))
_POINTING = frozenset(("those", "these", "that", "the"))
_OF_THEM = frozenset(
    (
        ("of", "them"),
        ("of", "those"),
        ("of", "these"),
        ("for", "them"),
        ("for", "those"),
        ("for", "these"),
        ("in", "those"),
        ("to", "those"),
        ("to", "them"),
        ("are", "those"),
        ("do", "those"),
        ("enrolling", "them"),
    )
)
_NAMED = frozenset(("TACTIC", "MEASURE", "PLACE", "DOCTOR", "PATIENT", "ORG", "CLINICAL", "DATA", "TERM"))
_OPENING = 9
_YIELDS_SETS = frozenset(("SEGMENTATION", "GAP", "PREDICTION", "KPI", "COHORT"))


@dataclass(frozen=True, slots=True)
class Part:
    """A sub-question as stage 3 sees it."""

    clause: Clause
    domain: str


@dataclass(frozen=True, slots=True)
class Edge:
    """Part ``to`` needs the answer of part ``source`` (positions, from 0)."""

    source: int
    to: int
    kind: str
    probability: float


def signs(reading: Reading, part: Part) -> list[str]:
    """Return the signs by which a part shows that it leans on another."""
    first, last = part.clause.first, part.clause.last
    texts, tags = reading.texts[first:last], reading.tags[first:last]
    pairs = set(itertools.pairwise(texts))
    head = next((text for text in texts if text in SUBORDINATORS), "-") if texts else "-"
    at_head = reading.texts[part.clause.body] if reading.texts[part.clause.body] in SUBORDINATORS else "-"
    things = [text for text in texts if text in THING]
    opening = texts[: part.clause.body - first + 3]
    head_class = _head_class(opening, part.clause.body - first)
    return [
        f"class={head_class}",
        f"class={head_class}|actor={any(text in ACTORS for text in opening)}",
        f"if_so={is_if_so(reading, part)}",
        f"head={at_head}",
        f"sub={head}",
        *(f"lead={text}" for text in texts[: part.clause.body - first + 1] if text in CONNECTORS),
        *(f"thing={text}" for text in things),
        f"refers={bool(things)}",
        f"finding={any((a in THING or a == 'the') and b in FINDING for a, b in pairs)}",
        f"ranked={is_ranked(reading, part)}",
        f"subset={is_subset(reading, part)}",
        f"first={'first' in (texts[-1], texts[min(part.clause.body - first, len(texts) - 1)])}",
        f"then={any(text in THEN for text in texts[:4])}",
        f"apart={any(text in APART for text in texts[:3])}",
        f"first_pair={' '.join(texts[:2])}",
        f"wh={next((text for text in texts[:4] if text in WH), '-')}",
        f"elliptic={is_elliptic(reading, part.clause)}",
        f"kpi={'<kpi>' in tags}|treatment={'<treatment>' in tags}",
        *_senses(reading, part),
    ]


def _senses(reading: Reading, part: Part) -> list[str]:
    """Return the pronouns of a part, what it names itself, and its opening words as senses."""
    span = range(part.clause.body, part.clause.last)
    own = {name for at in span for name in reading.concepts[at]} & _NAMED
    own |= {"thing"} if any(reading.tags[at][0] == "<" for at in span) else set()
    pronouns = sorted({reading.texts[at] for at in span} & PRONOUNS)
    line = ["^", *(sense_of(reading, at) for at in span[:_OPENING])]
    return [
        *(f"pron={text}" for text in pronouns),
        f"own={min(len(own), 2)}",
        f"own={min(len(own), 2)}|pron={bool(pronouns)}|words={min(len(span), 12) // 3}",
        f"the={any(reading.texts[at] == 'the' for at in span)}|own={min(len(own), 2)}",
        *(f"~{' '.join(line[at : at + 2])}" for at in range(len(line) - 1)),
        *(f"~{' '.join(line[at : at + 3])}" for at in range(min(len(line), 5) - 2)),
    ]


def _head_class(opening: Sequence[str], body: int) -> str:
    """Name what the opening words of a part announce: a condition, an order, something apart, or nothing."""
    if opening[body] in IF or (
        opening[body] in {"only", "even"} and len(opening) > body + 1 and opening[body + 1] in IF
    ):
        return "if"
    if any(text in ORDER for text in opening):
        return "order"
    return "apart" if any(text in APART for text in opening) else "-"


def is_if_so(reading: Reading, part: Part) -> bool:
    """Tell whether a part opens with a condition on what was said before ("if so", "only if it has", "otherwise")."""
    texts = reading.texts[part.clause.body : part.clause.body + 3]
    if texts and texts[0] in {"otherwise", "else"}:
        return True
    rest = texts[1:] if texts[:2] == ("only", "if") else texts
    return len(rest) > 1 and rest[0] in {"if", "only", "unless"} and rest[1] in BACK


def is_ranked(reading: Reading, part: Part) -> bool:
    """Tell whether a part speaks of a ranked or filtered subset ("the top 3", "low responders", "the worst one")."""
    span = range(part.clause.first, part.clause.last - 1)
    return any(
        reading.texts[at] in RANKED
        and (reading.texts[at + 1] in SUBSET or reading.tags[at + 1] in _COUNTED or reading.texts[at + 1] in _COUNTS)
        for at in span
    )


def is_subset(reading: Reading, part: Part) -> bool:
    """Tell whether a part points to a set found before ("those territories", "of them", "that cohort")."""
    pairs = itertools.pairwise(reading.texts[part.clause.first : part.clause.last])
    return any((a in _POINTING and b in SUBSET) or (a, b) in _OF_THEM for a, b in pairs)


def leans(reading: Reading, part: Part) -> bool:
    """Tell whether a part holds a word that can stand for an earlier answer, or opens as something that follows."""
    texts = reading.texts[part.clause.first : part.clause.last]
    opening = texts[: part.clause.body - part.clause.first + 2]
    return any(text in THING or text in FINDING for text in texts) or any(t in THEN or t in CONDITIONS for t in opening)


def overt_edges(reading: Reading, parts: Sequence[Part]) -> list[Edge]:
    """Return the edges that a conjunction states: if, unless, provided; before, after, once; if so, otherwise."""
    found = [edge for at in range(len(parts)) if len(parts) > 1 and (edge := _overt(reading, parts, at))]
    first = {
        (edge.source, edge.to): edge for edge in sorted(found, key=lambda e: e.kind != "CONDITIONAL", reverse=True)
    }
    return list(first.values())


def _overt(reading: Reading, parts: Sequence[Part], at: int) -> Edge | None:
    """Return the edge that the opening conjunction of one part states."""
    partner = partner_of(reading, [part.clause for part in parts], at)
    if is_if_so(reading, parts[at]):
        source, to, kind = _hangs_on(reading, parts, at), at, "CONDITIONAL"
    elif states_condition(reading, parts[at]):
        inside = parts[at].clause.main is not None or partner is None
        source, to, kind = (at - 1 if at else None, at, "CONDITIONAL") if inside else (at, partner or 0, "CONDITIONAL")
    else:
        return _ordered(reading, parts[at].clause, at, partner)
    return None if source is None else Edge(source, to, kind, CERTAIN)


def _ordered(reading: Reading, clause: Clause, at: int, partner: int | None) -> Edge | None:
    """Return the edge stated by a word of order, or by a set named up front ("for patients at risk, …")."""
    if partner is None or clause.main is not None:
        return None
    if reading.texts[clause.body] in LEADING and partner > at and is_bare_phrase(reading, clause):
        return Edge(at, partner, "ENTITY_TRANSFORMATION", CERTAIN)
    needs = _needs(reading, clause)
    if needs is None:
        return None
    return Edge(partner, at, "LOGICAL_SEQUENCE", CERTAIN) if needs else Edge(at, partner, "LOGICAL_SEQUENCE", CERTAIN)


def is_bare_phrase(reading: Reading, clause: Clause) -> bool:
    """Tell whether a clause only names something ("for patients at risk"), not "for the review I need …" or "for the deck: …"."""
    inside = range(clause.body + 1, clause.last)
    return not any(reading.texts[at] in {"i", "me"} or ":" in reading.gap(at) for at in inside)


def _prior_to(reading: Reading, clause: Clause) -> bool:
    """Tell whether a clause opens with "prior to"."""
    return reading.texts[clause.body : clause.body + 2] == ("prior", "to")


def _hangs_on(reading: Reading, parts: Sequence[Part], at: int) -> int | None:
    """Return the part on whose answer "if so" or "otherwise" hangs: a condition that was stated, else the last question."""
    earlier = [k for k in range(at) if not is_if_so(reading, parts[k])]
    otherwise = reading.texts[parts[at].clause.body] in {"otherwise", "else"}
    stated = [k for k in earlier if states_condition(reading, parts[k])] if otherwise else []
    return stated[-1] if stated else earlier[-1] if earlier else None


def _needs(reading: Reading, clause: Clause) -> bool | None:
    """Tell whether a subordinate clause needs its main clause (before, so that) or is needed by it (after, once, … first)."""
    lead, body = reading.texts[clause.first : clause.body], reading.texts[clause.body]
    last = reading.texts[clause.last - 1]
    if body == "before" or _prior_to(reading, clause) or ("so" in lead and body in {"that", "we", "i"}):
        return True
    if body in {"after", "once", "having"} or last == "first" or ("but" in lead and body == "first"):
        return False
    return None


def states_condition(reading: Reading, part: Part) -> bool:
    """Tell whether a part is a fact on which another hangs ("if samples worked", "only when it is clean", "should it fail, …").

    An action that is tried out ("if we cut calls") is none, nor is what one wants to know ("tell me if samples worked").
    """
    clause = part.clause
    texts = reading.texts[clause.body : clause.last]
    if is_inverted_condition(reading, clause):
        return True
    at = next((k for k, text in enumerate(texts[:2]) if text in CONDITIONS), None)
    if at is None and _only_when(reading, clause):
        at = texts.index("when")
    if at is None or (at == 1 and texts[0] not in {"only", "even", "but"}) or is_reported(reading, clause):
        return False
    acts = texts[at + 1 : at + 2] and texts[at + 1] in ACTORS and part.domain == "EXPERIMENT"
    return len(texts) > at + 2 and not acts and not is_if_so(reading, part)


def is_reported(reading: Reading, clause: Clause) -> bool:
    """Tell whether "if" means whether: a verb of asking or knowing stands right before it."""
    before = clause.body - 1
    return before >= 0 and reading.texts[before] in REPORTING and not reading.gap(clause.body).strip()


def is_inverted_condition(reading: Reading, clause: Clause) -> bool:
    """Tell whether a clause is a condition by its order of words: "should the check fail, …"."""
    opening = reading.texts[clause.body : clause.body + 2]
    goes_on = clause.last < len(reading.words) and "," in reading.gap(clause.last)
    return opening[0] == "should" and opening[-1] in DETERMINERS | PRONOUNS and goes_on


def _only_when(reading: Reading, clause: Clause) -> bool:
    """Tell whether a clause opens with "only when"."""
    at = clause.body + (reading.texts[clause.body] == "only")
    return reading.texts[at : at + 1] == ("when",) and at > 0 and reading.texts[at - 1] == "only"


def partner_of(reading: Reading, clauses: Sequence[Clause], at: int) -> int | None:
    """Return the part that a subordinate clause belongs to: the next one if it opens its sentence, else the one before."""
    begins = at == 0 or any(sign in reading.gap(clauses[at].first) for sign in _ENDS)
    if not begins:
        return at - 1
    follows = at + 1 < len(clauses) and not any(sign in reading.gap(clauses[at + 1].first) for sign in _ENDS)
    return at + 1 if follows else None


def overt_kind(reading: Reading, parts: Sequence[Part], edge: Edge) -> str:
    """Return the type that the signs of an edge demand, in the order in which types take precedence, else its own."""
    dependent = parts[edge.to]
    if edge.kind == "CONDITIONAL":
        return edge.kind
    if parts[edge.source].domain in _YIELDS_SETS and (is_ranked(reading, dependent) or is_subset(reading, dependent)):
        return "ENTITY_TRANSFORMATION"
    lead = reading.texts[dependent.clause.first : dependent.clause.body + 3]
    used = any(a in {"use", "using"} and b in THING for a, b in itertools.pairwise(lead))
    ordered = used or any(text in SEQUENCE for text in lead[:-2])
    return "LOGICAL_SEQUENCE" if ordered and (used or edge.kind == "REFERENCE_CHAIN") else edge.kind
