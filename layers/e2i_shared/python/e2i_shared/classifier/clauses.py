"""Where one part of a question ends and the next begins: candidate places from grammar, decided by a linear model."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Protocol

from e2i_shared.classifier.grammar import (
    ABBREVIATIONS,
    ASKING,
    AUXILIARIES,
    CONNECTORS,
    DETERMINERS,
    PREPOSITIONS,
    PRONOUNS,
    SUBJECTS,
    SUBORDINATORS,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from e2i_shared.classifier.linear import LinearModel
    from e2i_shared.classifier.reading import Reading

MAX_CLAUSES = 20
MAX_PLACES = 80
_OPEN = 0.12
_CERTAIN = 0.9
_TURNED = 0.97
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


class Differ(Protocol):
    """Tells how likely it is that two clauses ask different kinds of question."""

    def __call__(self, reading: Reading, left: Clause, right: Clause) -> float:
        """Return a probability."""
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
    opens = purpose or text in CONNECTORS or text in SUBORDINATORS or text in ASKING or is_marker(reading, at)
    return "\n" in gap or opens or is_turned(reading, at)


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


def split(reading: Reading, model: LinearModel, differ: Differ | None = None) -> tuple[list[Clause], float]:
    """Return the clauses, and how sure the least sure decision was.

    Where grammar leaves it open, ``differ`` is asked: two pieces that ask different kinds of question are two clauses.
    """
    places = candidates(reading)
    odds = {
        at: _TURNED if is_turned(reading, at) else model.probabilities(boundary_features(reading, places, i))["1"]
        for i, at in enumerate(places)
    }
    certain = [at for at in places if odds[at] >= _CERTAIN]
    starts, sure = [0] * bool(reading.words), 1.0
    for at in places:
        yes = odds[at]
        if differ and _OPEN <= yes < _CERTAIN:
            end = next((later for later in certain if later > at), len(reading.words))
            apart = differ(reading, _clause(reading, starts[-1], at), _clause(reading, at, end))
            yes = yes + (1 - yes) * apart if yes < 0.5 else yes
        sure = min(sure, max(yes, 1 - yes))
        if yes >= 0.5 and len(starts) < MAX_CLAUSES:
            starts.append(at)
    starts.append(len(reading.words))
    return [_clause(reading, first, last) for first, last in pairwise(starts)], sure


def _clause(reading: Reading, first: int, last: int) -> Clause:
    """Return the clause of these words."""
    return Clause(first, body_of(reading, first, last), last)
