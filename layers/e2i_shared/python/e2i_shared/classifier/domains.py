"""What kind of question each clause is."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING

from e2i_shared.classifier.grammar import (
    AUXILIARIES,
    BACK,
    CONNECTORS,
    CONTINUING,
    DETERMINERS,
    EMPTY,
    MODIFYING,
    PREPOSITIONS,
    PRONOUNS,
    SUBORDINATORS,
    TELLING,
    WH,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from e2i_shared.classifier.clauses import Clause
    from e2i_shared.classifier.linear import LinearModel
    from e2i_shared.classifier.reading import Reading

NONE = "NONE"
MAX_WORDS = 60
_STRUCTURE = 0.35
_CHARACTERS = 0.8
_TOGETHER = 0.7
_SENSES = 1.5
_SHAPE = 1.2
_MAX_KEYS = 10
_INHERITED = 0.9
_CLEAR = 0.8
_ANCHORS = frozenset(("<kpi", "<tre", "<bra", "<hcp", "<pat", "<ter", "<seg", "<spe"))
GRAMMAR = WH | AUXILIARIES | PRONOUNS | DETERMINERS | PREPOSITIONS | CONNECTORS | SUBORDINATORS
_MODIFIERS = frozenset(("KPI", "COHORT"))


def clause_features(reading: Reading, clause: Clause, before: str = "") -> dict[str, float]:
    """Return the features of a clause: words and pairs, pieces of words, structure.

    Each block has length one times its own scale, so that a long clause counts no more than a short one. ``before`` is the
    domain of the part before it, which only a clause too short to speak for itself looks at.
    """
    tags = _collapse(reading.tags[clause.core : clause.last])[:MAX_WORDS]
    features = _unit([*tags, *_pairs(tags)], 1.0)
    features |= _unit(_pieces(tags), _CHARACTERS)
    features |= _unit(_together(reading, clause), _TOGETHER)
    features |= _unit(_senses(reading, clause), _SENSES)
    features |= _unit(_shape(reading, clause), _SHAPE)
    features |= dict.fromkeys(_structure(reading, clause, tags, before), _STRUCTURE)
    return features


def _collapse(tags: tuple[str, ...]) -> list[str]:
    """Return the tags with the words of one entity counted once."""
    return [tag for at, tag in enumerate(tags) if at == 0 or tag[0] != "<" or tags[at - 1] != tag]


def _pairs(tags: list[str]) -> list[str]:
    """Return pairs of neighbours, also over one word between."""
    padded = ["^", *tags, "$"]
    near = [f"{left} {right}" for left, right in itertools.pairwise(padded)]
    return near + [f"{left} _ {right}" for left, right in zip(padded, padded[2:], strict=False)]


def _pieces(tags: list[str]) -> list[str]:
    """Return the pieces of three to five letters of each plain word."""
    pieces = []
    for tag in tags:
        if tag[0] != "<":
            word = f"_{tag[:20]}_"
            pieces += [f"#{word[at : at + size]}" for size in (3, 4, 5) for at in range(len(word) - size + 1)]
    return pieces


def _together(reading: Reading, clause: Clause) -> list[str]:
    """Return pairs of telling words, however far apart: "effect … across" asks something else than "effect … on"."""
    span = range(clause.core, clause.last)
    telling = [at for at in span if reading.cues[at] or reading.hints[at] or reading.texts[at] in TELLING]
    keys = sorted({reading.tags[at] for at in telling})[:_MAX_KEYS]
    signs = sorted(
        {f"{reading.cues[at] or reading.hints[at]}!" for at in telling if reading.cues[at] or reading.hints[at]}
    )
    pairs = [f"{left}&{right}" for i, left in enumerate(keys) for right in keys[i + 1 :]]
    return pairs + [f"{left}&{right}" for i, left in enumerate(signs) for right in signs[i + 1 :]]


def _senses(reading: Reading, clause: Clause) -> list[str]:
    """Return the groups of one sense that a clause's words stand in, and their pairs, however far apart."""
    span = range(clause.core, clause.last)
    found = sorted({name for at in span for name in reading.concepts[at]} | {_kind(reading, at) for at in span} - {""})
    found = found[: 2 * _MAX_KEYS]
    return [f"={name}" for name in found] + [
        f"={left}&{right}" for i, left in enumerate(found) for right in found[i + 1 :]
    ]


def _kind(reading: Reading, at: int) -> str:
    """Return the kind of thing or the question word at a place."""
    tag = reading.tags[at]
    return tag if tag[0] == "<" else reading.texts[at] if reading.texts[at] in WH else ""


def _shape(reading: Reading, clause: Clause) -> list[str]:
    """Return runs of two and three of a clause's words, each seen as its sense, its kind or its place in grammar."""
    line = ["^"]
    for at in range(clause.core, clause.last):
        sense = sense_of(reading, at)
        if sense != line[-1]:
            line.append(sense)
    line = [*line[: MAX_WORDS + 1], "$"]
    return [f"~{' '.join(line[at : at + size])}" for size in (2, 3) for at in range(len(line) - size + 1)]


def sense_of(reading: Reading, at: int) -> str:
    """Return what stands for a word when its sense counts and not its letters."""
    tag, text = reading.tags[at], reading.texts[at]
    if tag[0] == "<" or text in GRAMMAR:
        return tag
    return reading.concepts[at][0] if reading.concepts[at] else "w"


def _unit(names: list[str], scale: float) -> dict[str, float]:
    """Return binary features scaled to a common length."""
    unique = set(names)
    return dict.fromkeys(unique, scale / math.sqrt(len(unique))) if unique else {}


def _structure(reading: Reading, clause: Clause, tags: list[str], before: str) -> list[str]:
    """Return what the shape of a clause says."""
    cues = {cue for cue in reading.cues[clause.core : clause.last] if cue}
    hints = {hint for hint in reading.hints[clause.core : clause.last] if hint}
    kinds = {tag for tag in tags if tag[0] == "<"}
    opening = next((tag for tag in tags if tag in WH), "-")
    names = [f"@cue={cue}" for cue in cues] + [f"@hint={hint}" for hint in hints] + [f"@kind={kind}" for kind in kinds]
    names += [
        f"@cues={len(cues)}",
        f"@first={tags[0] if tags else ''}",
        f"@wh={opening}",
        f"@words={min(len(tags), 12) // 3}",
    ]
    if is_elliptic(reading, clause):
        names += ["@elliptic", f"@before={before or '-'}", f"@before={before or '-'}|{tags[0] if tags else ''}"]
    if not cues and not kinds:
        names.append("@bare")
    if any(reading.terms[clause.core : clause.last]):
        names += ["@term", f"@term|{tags[0]}", f"@term|{opening}", f"@term|{' '.join(tags[:2])}"]
    strange = min(sum(reading.strange[clause.core : clause.last]), 3)
    anchored = any(tag[:4] in _ANCHORS for tag in tags)
    names += [
        f"@strange={strange}",
        f"@strange={strange}|{anchored}",
        f"@strange={strange}|{anchored}|{min(len(tags), 8) // 3}",
    ]
    return names


def is_elliptic(reading: Reading, clause: Clause) -> bool:
    """Tell whether a clause leans on what was said before: very short, or a pronoun and no cue of its own."""
    texts = reading.texts[clause.body : clause.last]
    cued = any(reading.cues[clause.body : clause.last])
    measured = any(tag in {"<kpi>", "<treatment>"} for tag in reading.tags[clause.body : clause.last])
    return (len(texts) <= 4 and not (cued and measured)) or (not cued and any(text in PRONOUNS for text in texts))


def is_bare_condition(reading: Reading, clause: Clause) -> bool:
    """Tell whether a clause is only a condition on what was said before ("if so", "if that is the case")."""
    texts = reading.texts[clause.body : clause.last]
    named = any(tag[0] == "<" for tag in reading.tags[clause.body : clause.last])
    orders = any(text in reading.asked for text in texts[2:])
    short = len(texts) <= 3 or (len(texts) <= 5 and texts[1] in BACK and not orders)
    return texts[0] in SUBORDINATORS and short and not named


def score(reading: Reading, clauses: Sequence[Clause], model: LinearModel, context: str = "") -> list[dict[str, float]]:
    """Return each clause's probabilities, read from left to right so that a short clause can lean on the one before."""
    scored: list[dict[str, float]] = []
    before = context
    for clause in clauses:
        probabilities = model.probabilities(clause_features(reading, clause, before))
        if context and clause is clauses[0] and is_modifier(reading, clause):
            probabilities = _lean(probabilities, context)
        elif asks_nothing(reading, clause, probabilities, alone=not context and len(clauses) == 1):
            probabilities = _lean(probabilities, NONE)
        scored.append(probabilities)
        best = max(probabilities, key=lambda name: probabilities[name])
        before = best if best != NONE else before
    return scored


def is_modifier(reading: Reading, clause: Clause) -> bool:
    """Tell whether a clause only changes a detail of the question before: "and in Ohio?", "by month", "make it 12 weeks"."""
    span = range(clause.body, clause.last)
    texts = reading.texts[clause.body : clause.last]
    first = clause.first
    about = len(texts) > 1 and texts[0] in {"what", "how"} and texts[1] in {"about", "if"}
    opens = (
        reading.texts[first] in CONTINUING | PREPOSITIONS
        or texts[0] in MODIFYING
        or reading.tags[clause.body][0] == "<"
    )
    asks = any(text in WH or text in AUXILIARIES for text in texts[2 if about else 0 :])
    cued = any(reading.cues[at] and reading.cues[at] not in _MODIFIERS for at in span)
    return len(texts) <= 8 and (about or opens) and not asks and not cued


def asks_nothing(reading: Reading, clause: Clause, probabilities: Mapping[str, float], *, alone: bool) -> bool:
    """Tell whether a clause asks nothing that can be answered.

    That is: it speaks of other things (weather, sports), names nothing of ours and is no clear question of any kind; or, standing ``alone``, it points back
    to what was never said, or only names things, or holds no word of content.
    """
    span = range(clause.body, clause.last)
    tags = reading.tags[clause.body : clause.last]
    anchored = any(tag[:4] in _ANCHORS for tag in tags) or any(reading.terms[at] for at in span)
    clear = max(p for name, p in probabilities.items() if name != NONE) >= _CLEAR
    if not anchored and not clear and any(reading.cues[at] == "OFF_TOPIC" for at in span):
        return True
    return alone and (
        _points_back(reading, clause) or _only_names(reading, clause) or all(tag in EMPTY for tag in tags)
    )


def _points_back(reading: Reading, clause: Clause) -> bool:
    """Tell whether a clause continues something: "and in Ohio?", "what about those"."""
    texts = reading.texts[clause.first : clause.last]
    about = texts[:2] in {("what", "about"), ("how", "about")}
    continues = about or texts[0] in {"and", "or", "also", "same", "only", "just", "instead"}
    asks = any(text in WH or text in AUXILIARIES for text in texts[2 if about else 0 :])
    return continues and len(texts) <= 7 and not asks and not any(reading.cues[clause.first : clause.last])


def _only_names(reading: Reading, clause: Clause) -> bool:
    """Tell whether a clause names things without a measure and something to measure it on: "Kisqali", "visits", "Q3"."""
    tags = reading.tags[clause.body : clause.last]
    kinds = {tag for tag in tags if tag[0] == "<"}
    plain = [tag for tag in tags if tag[0] != "<"]
    named = all(tag in CONNECTORS or tag in DETERMINERS or tag in {"in", "on", "of", "for"} for tag in plain)
    return bool(kinds) and named and (kinds == {"<kpi>"} or "<kpi>" not in kinds)


def _lean(probabilities: dict[str, float], name: str) -> dict[str, float]:
    """Return the probabilities with most of the weight on one name."""
    rest = 1 - _INHERITED
    return {other: p * rest + (_INHERITED if other == name else 0.0) for other, p in probabilities.items()}


class Asks:
    """How likely a clause asks each kind of question; scored once each."""

    def __init__(self, model: LinearModel) -> None:
        self._model = model
        self._seen: dict[tuple[int, int], dict[str, float]] = {}

    def __call__(self, reading: Reading, clause: Clause) -> dict[str, float]:
        """Return the probabilities of a clause of one reading."""
        key = (clause.first, clause.last)
        if key not in self._seen:
            self._seen[key] = self._model.probabilities(clause_features(reading, clause))
        return self._seen[key]
