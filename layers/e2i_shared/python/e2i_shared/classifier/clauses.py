"""Where one part of a question ends and the next begins: candidate places from grammar, decided by a linear model."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Protocol

from e2i_shared.classifier.domains import NONE
from e2i_shared.classifier.grammar import (
    ABBREVIATIONS,
    ASKING,
    AUXILIARIES,
    CONNECTORS,
    DETERMINERS,
    PICKED,
    PICKING,
    PREPOSITIONS,
    PRONOUNS,
    RANKED,
    RELATIVE,
    SUBJECTS,
    SUBORDINATORS,
    THING,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from e2i_shared.classifier.linear import LinearModel
    from e2i_shared.classifier.reading import Reading

MAX_CLAUSES = 20
MAX_PLACES = 80
_OPEN = 0.02
_CERTAIN = 0.985
_LEAST = 1e-3
_CLEARLY = 0.99
_BREAK = re.compile(r"[?!;:,()\n\r\u2022\u2013\u2014|\u3002\uff1f\uff0c\uff1b]|\.(?=\s|$)|\s[-/*+&]+\s|->")
_STOPS = ".?!;\n"
_MARKER = re.compile(r"[.):]\s")
_GAPS = (
    ("?", "question"),
    ("\n", "line"),
    (";", "semicolon"),
    ("!", "stop"),
    (".", "stop"),
    (":", "colon"),
    (",", "comma"),
)


class Scorer(Protocol):
    """Tells how likely a clause asks each kind of question, or nothing."""

    def __call__(self, reading: Reading, clause: Clause) -> dict[str, float]:
        """Return a probability by domain, and of NONE."""
        ...


@dataclass(frozen=True, slots=True)
class Clause:
    """Words ``first`` to ``last`` (exclusive); ``body`` is the first word after connecting words.

    ``main`` is the first word of the main clause where a subordinate one was taken in before it.
    """

    first: int
    body: int
    last: int
    main: int | None = None

    @property
    def core(self) -> int:
        """The first word that says what is asked."""
        return self.body if self.main is None else self.main

    def span(self, reading: Reading) -> tuple[int, int]:
        """Return start and end in the query, without connecting words."""
        return reading.words[self.body].start, reading.words[self.last - 1].end


def candidates(reading: Reading) -> list[int]:
    """Return the positions of words that may begin a clause."""
    places: list[int] = []
    for at in range(1, len(reading.words)):
        if len(places) == MAX_PLACES:
            break
        if _opens(reading, at) and not _only_connects(reading, places[-1] if places else 0, at):
            places.append(at)
    return places


def is_marker(reading: Reading, at: int) -> bool:
    """Tell whether a word is a list marker such as "2.", "2)" or "(b)"; "2." only after a break or in a list begun with 1."""
    text, after = reading.texts[at], reading.gap(at + 1)
    if not _MARKER.match(after):
        return False
    if after[0] == ")":
        return (text.isdigit() and len(text) <= 2) or (len(text) == 1 and text in "abcdefgh")
    listed = (
        at == 0
        or bool(reading.gap(at).strip(" \t"))
        or (reading.texts[0] == "1" and bool(_MARKER.match(reading.gap(1))))
    )
    return text.isdigit() and len(text) <= 2 and listed


def _opens(reading: Reading, at: int) -> bool:
    """Tell whether a clause may begin at a word: after a break, at a connecting or a question word, at a list marker."""
    gap, text = reading.gap(at), reading.texts[at]
    if "\n" not in gap and _BREAK.search(gap):
        inside_number = gap in {",", ".", ":"} and reading.texts[at - 1].isdigit() and text[0].isdigit()
        return not inside_number and not (gap[0] == "." and reading.texts[at - 1] in ABBREVIATIONS)
    purpose = text == "to" and at + 1 < len(reading.words) and reading.texts[at + 1] in reading.asked
    purpose = purpose or text in RELATIVE or _picks(reading, at)
    opens = purpose or text in CONNECTORS or text in SUBORDINATORS or text in ASKING or is_marker(reading, at)
    return "\n" in gap or opens or is_turned(reading, at)


def _picks(reading: Reading, at: int) -> bool:
    """Tell whether a preposition leads to a set that may have to be found first: "for those", "in the 100", "among our ten biggest"."""
    if reading.texts[at] not in PICKING or at + 2 >= len(reading.words):
        return False
    near = range(at + 1, min(at + 4, len(reading.words)))
    counted = reading.texts[at + 1] in DETERMINERS and any(
        reading.texts[k] in RANKED or reading.tags[k] == "<num>" for k in near[1:]
    )
    return counted or any(reading.texts[k] in PICKED for k in near)


def is_turned(reading: Reading, at: int) -> bool:
    """Tell whether a main clause begins at a word by inversion: "only if it worked | would I size a test"."""
    if reading.texts[at] not in AUXILIARIES or at + 1 >= len(reading.words) or reading.texts[at + 1] not in SUBJECTS:
        return False
    first = next((k for k in range(at, 0, -1) if any(sign in reading.gap(k) for sign in _STOPS)), 0)
    return reading.texts[first] == "only" and at > first + 3


def _only_connects(reading: Reading, first: int, at: int) -> bool:
    """Tell whether the words from ``first`` to ``at`` are connecting words or a list marker only."""
    return all(reading.texts[k] in CONNECTORS or (k == first and is_marker(reading, k)) for k in range(first, at))


def word_class(reading: Reading, at: int) -> str:
    """Return the part a word plays in the grammar of questions."""
    if at >= len(reading.words):
        return "end"
    tag, text = reading.tags[at], reading.texts[at]
    if tag[0] == "<":
        return tag
    sets = (
        (ASKING, "wh"),
        (AUXILIARIES, "aux"),
        (PRONOUNS, "pron"),
        (PREPOSITIONS, "prep"),
        (DETERMINERS, "det"),
        (CONNECTORS, "conn"),
    )
    for names, label in (*sets, (SUBORDINATORS, "sub"), (SUBJECTS, "subj"), (reading.asked, "ask")):
        if text in names:
            return label
    if text.endswith("ing") and len(text) > 4:
        return "ing"
    return f"cue_{reading.cues[at]}" if reading.cues[at] else "word"


def body_of(reading: Reading, first: int, last: int) -> int:
    """Return the first word of a clause that is no connecting word or list marker."""
    body = first
    while body < last - 1 and (reading.texts[body] in CONNECTORS or (body == first and is_marker(reading, body))):
        body += 1
    return body


def _gap_class(gap: str) -> str:
    """Name the strongest break in a gap."""
    return next((name for sign, name in _GAPS if sign in gap), "dash" if gap.strip() else "none")


def _length(count: int) -> str:
    """Return a coarse length."""
    return "1" if count <= 1 else "2" if count == 2 else "3-4" if count <= 4 else "5-8" if count <= 8 else "9+"


def boundary_features(reading: Reading, places: Sequence[int], index: int) -> dict[str, float]:
    """Return what can be seen around one candidate place."""
    at = places[index]
    left = places[index - 1] if index else 0
    right = places[index + 1] if index + 1 < len(places) else len(reading.words)
    body = body_of(reading, at, right)
    gap = _gap_class(reading.gap(at))
    c1, c2 = word_class(reading, body), word_class(reading, body + 1)
    names = [
        f"gap={gap}",
        f"conn={' '.join(reading.texts[at:body])}",
        f"gap={gap}|conn={' '.join(reading.texts[at:body])}",
        f"w1={reading.tags[body]}",
        f"w12={' '.join(reading.tags[body : body + 2])}",
        f"c1={c1}",
        f"c12={c1} {c2}",
        f"gap={gap}|c1={c1}",
        f"prev={word_class(reading, at - 1)}",
        f"prev={word_class(reading, at - 1)}|c1={c1}|{gap}",
        *_chunk_features(reading, left, at, body, right),
    ]
    return dict.fromkeys(names, 1.0)


def _chunk_features(reading: Reading, left: int, at: int, body: int, right: int) -> list[str]:
    """Return features of the pieces on both sides."""
    left_body = body_of(reading, left, at)
    left_cues = {cue for cue in reading.cues[left:at] if cue}
    right_cues = {cue for cue in reading.cues[at:right] if cue}
    left_sub = reading.texts[left_body] if reading.texts[left_body] in SUBORDINATORS else "-"
    left_asks, right_asks = _asks(reading, left_body, at), _asks(reading, body, right)
    return [
        f"left_sub={left_sub}",
        f"left_sub={left_sub}|next={word_class(reading, left_body + 1)}",
        f"left_len={_length(at - left)}",
        f"right_len={_length(right - body)}",
        f"asks={left_asks}{right_asks}",
        f"asks={left_asks}{right_asks}|len={_length(right - body)}",
        f"cues={bool(left_cues)}{bool(right_cues)}{bool(right_cues - left_cues)}",
        f"right_aux={any(text in AUXILIARIES for text in reading.texts[body:right])}",
        f"right_wh={any(text in ASKING for text in reading.texts[body:right])}",
        f"right_pron={any(text in PRONOUNS for text in reading.texts[body:right])}",
    ]


def _asks(reading: Reading, first: int, last: int) -> str:
    """Tell by which sign a piece asks for something: a question word, an auxiliary, an asking verb, none."""
    for at in range(first, min(first + 3, last)):
        if reading.texts[at] in ASKING:
            return "w"
        if reading.texts[at] in AUXILIARIES:
            return "a"
        if at == first and reading.texts[at] in reading.asked:
            return "v"
    return "n"


def first_look(reading: Reading, model: LinearModel) -> dict[int, float]:
    """Return by candidate place how likely a clause begins there, by grammar and the words around it."""
    places = candidates(reading)
    return {
        at: _CLEARLY if _begins(reading, at) else model.probabilities(boundary_features(reading, places, i))["1"]
        for i, at in enumerate(places)
    }


def _begins(reading: Reading, at: int) -> bool:
    """Tell whether a question begins at a place beyond doubt: by inversion, or "…, does that hold", or "… and why"."""
    if is_turned(reading, at):
        return True
    asked = reading.texts[at : at + 2]
    back = asked[0] in AUXILIARIES and asked[-1] in THING and "," in reading.gap(at) and at + 2 < len(reading.words) - 1
    return back or (at > 2 and reading.texts[at:] in {("and", "why"), ("why",)})


def open_places(odds: Mapping[int, float]) -> list[int]:
    """Return the places that a first look leaves open."""
    return [at for at, yes in odds.items() if _OPEN <= yes < _CERTAIN]


def second_features(reading: Reading, odds: Mapping[int, float], at: int, scorer: Scorer) -> dict[str, float]:
    """Return what a second look at one place sees: what each of the pieces that would touch there asks.

    The pieces reach to the nearest places where a first look put a boundary.
    """
    left = max((place for place, yes in odds.items() if yes >= 0.5 and place < at), default=0)
    right = min((place for place, yes in odds.items() if yes >= 0.5 and place > at), default=len(reading.words))
    pieces = _clause(reading, left, at), _clause(reading, at, right)
    one, other = (scorer(reading, piece) for piece in pieces)
    both = scorer(reading, _clause(reading, left, right))
    top_one, top_other, top = (max(found, key=lambda name: found[name]) for found in (one, other, both))
    apart = sum(p * q for a, p in one.items() for b, q in other.items() if a != b and NONE not in {a, b})
    gap, asks = _gap_class(reading.gap(at)), _asks(reading, pieces[1].body, right)
    alike = "same" if top_one == top_other else "nothing" if NONE in {top_one, top_other} else "other"
    short = f"{_length(at - pieces[0].body)}-{_length(right - pieces[1].body)}"
    names = [
        f"alike={alike}",
        f"alike={alike}|gap={gap}|asks={asks}",
        f"alike={alike}|lengths={short}",
        f"alike={alike}|conn={' '.join(reading.texts[at : pieces[1].body])}",
        f"alike={alike}|c1={word_class(reading, pieces[1].body)}",
        f"tops={top_one}>{top_other}",
        f"whole={top}|{top == top_one}|{top == top_other}",
        f"gap={gap}",
        f"asks={asks}",
        f"lengths={short}",
    ]
    shares = {
        "first": math.log(max(odds[at], _LEAST) / max(1 - odds[at], _LEAST)),
        "apart": apart,
        "left_nothing": one[NONE],
        "right_nothing": other[NONE],
        "whole_nothing": both[NONE],
        "surer_apart": min(one[top_one], other[top_other]) - both[top],
        "sure": min(one[top_one], other[top_other]),
        "sure_whole": both[top],
        f"apart|{gap}": apart,
        f"apart|asks={asks}": apart,
    }
    return dict.fromkeys(names, 1.0) | shares


def split(
    reading: Reading, model: LinearModel, second: LinearModel | None = None, scorer: Scorer | None = None
) -> tuple[list[Clause], float]:
    """Return the clauses, and how sure the least sure decision was.

    Where grammar leaves a place open, ``second`` looks at what the pieces on both sides ask, as ``scorer`` tells it.
    """
    odds = first_look(reading, model)
    seen = dict(odds)
    if second and scorer:
        seen |= {at: second.probabilities(second_features(reading, odds, at, scorer))["1"] for at in open_places(odds)}
    starts = [0] * bool(reading.words)
    starts += [at for at, yes in seen.items() if yes >= 0.5][: MAX_CLAUSES - 1]
    sure = min((max(yes, 1 - yes) for yes in seen.values()), default=1.0)
    return [_clause(reading, first, last) for first, last in pairwise([*starts, len(reading.words)])], sure


def _clause(reading: Reading, first: int, last: int) -> Clause:
    """Return the clause of these words."""
    return Clause(first, body_of(reading, first, last), last)
