"""Finds where a text names columns and values of a data set, and which of its words it does not."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING

from e2i_shared.composer.words import Token, is_common, key, tokenize

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from e2i_shared.api.classification import Entity
    from e2i_shared.composer.lexicon import Lexicon, Target

_LONGEST_PHRASE = 6
_JOINED = re.compile(r"[\s\-–/]*")
_MODIFIER = re.compile(r"(al|ive|ed|ly|able|ible|ic|ous|ing|ful|less|ary|ant|ent|er|ers|or|wide)$", re.IGNORECASE)
_HAVING = re.compile(r"\b(?:with|without|having|lacking|on|taking)\s+(?:an?\s+|no\s+|the\s+)?$", re.IGNORECASE)
_PLACE = re.compile(
    r"\b(?:in|on|at|within|inside|near|throughout)\s+(?:the\s+)?(?:(?:new|san|los|saint|st|north|south|east|west|central|great)\s+)?$",
    re.IGNORECASE,
)
_PEOPLE = {"men", "women", "people", "persons", "patients", "doctors", "physicians", "customers", "members"}
_COUNTED = re.compile(r"\b(?:how many|number of)\s+\w+\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Mention:
    """A phrase at ``[start, end)`` of a text that names ``targets`` (more than one: ambiguous)."""

    phrase: str
    start: int
    end: int
    targets: tuple[Target, ...]
    fuzzy: bool = False

    @property
    def column(self) -> str:
        """Return the (first) column named."""
        return self.targets[0].column

    @property
    def value(self) -> str | None:
        """Return the value named, or None when the column itself is."""
        return self.targets[0].value

    @property
    def weak(self) -> bool:
        """Return whether the words are ordinary English too."""
        return all(t.weak for t in self.targets)


_TWIN = re.compile(r"\bdigital\s+twins?\b", re.IGNORECASE)  # a way to answer, never a column


@dataclass(frozen=True, slots=True)
class Reading:
    """A text read against one data set: mentions in order, and the words that are neither bound nor ordinary."""

    text: str
    tokens: tuple[Token, ...]
    mentions: tuple[Mention, ...]
    unknown: tuple[Token, ...]

    @property
    def columns(self) -> list[Mention]:
        """Return the mentions of columns."""
        return [m for m in self.mentions if m.value is None]

    @property
    def values(self) -> list[Mention]:
        """Return the mentions of values."""
        return [m for m in self.mentions if m.value is not None]


def read_text(text: str, lexicon: Lexicon, entities: Sequence[Entity] = ()) -> Reading:
    """Read a text: longest exact phrases first, then what the classifier resolved, then words with typing errors."""
    tokens = tokenize(text)
    mentions: list[Mention] = []
    for start, stop, targets in _exact(text, tokens, lexicon):
        _add(mentions, _mention(text, tokens[start].start, tokens[stop - 1].end, targets))
    for entity in entities:
        for mention in _from_entity(text, entity, lexicon):
            _add(mentions, mention)
    for mention in _near(text, tokens, lexicon, mentions):
        _add(mentions, mention)
    twins = [found.span() for found in _TWIN.finditer(text)]
    mentions = [m for m in mentions if not any(start <= m.start < end for start, end in twins)]
    mentions = _narrow(sorted(mentions, key=lambda m: m.start))
    free = [t for t in tokens if not _covered(t, mentions) and not is_common(t.text) and not t.text.isdigit()]
    return Reading(text, tuple(tokens), tuple(mentions), tuple(free))


def must_bind(reading: Reading) -> list[Token]:
    """Return the unknown words that cannot be passed over: names, identifiers, places, and what qualifies a bound noun."""
    starts = {m.start for m in reading.mentions}
    return [t for t in reading.unknown if _is_essential(t, reading, starts)]


def _is_essential(token: Token, reading: Reading, starts: set[int]) -> bool:
    index = reading.tokens.index(token)
    following = reading.tokens[index + 1] if index + 1 < len(reading.tokens) else None
    if token.text.lower() == "digital" and following is not None and following.text.lower() in {"twin", "twins"}:
        return False
    joined = following is not None and bool(_JOINED.fullmatch(reading.text[token.end : following.start]))
    qualifies = following is not None and joined and following.start in starts
    opens = index == 0 or bool(re.search(r"[.?!:;]\s*$", reading.text[: token.start]))
    if token.identifier or (token.capitalised and (qualifies or not opens)):
        return True
    if qualifies and not token.capitalised:
        return not (_MODIFIER.search(token.text) or token.text.lower() in _PEOPLE)
    return stands_as_place(token, reading) or bool(_HAVING.search(reading.text[: token.start]))


def stands_as_place(token: Token, reading: Reading) -> bool:
    """Return whether a word stands where a place does: "on mars", "at the acropolis"; an adjective before a noun does not."""
    if token.text.lower() in _PEOPLE or not _PLACE.search(reading.text[: token.start]):
        return False
    following = next((t for t in reading.tokens if t.start > token.start), None)
    joined = following is not None and bool(_JOINED.fullmatch(reading.text[token.end : following.start]))
    qualifies = following is not None and joined and not is_common(following.text)
    return not (qualifies and _MODIFIER.search(token.text))


def _exact(text: str, tokens: Sequence[Token], lexicon: Lexicon) -> Iterator[tuple[int, int, list[Target]]]:
    for size in range(min(_LONGEST_PHRASE, len(tokens)), 0, -1):
        for start in range(len(tokens) - size + 1):
            group = tokens[start : start + size]
            targets = lexicon.exact("".join([t.stem for t in group]))
            if targets and (size == 1 or _adjacent(text, group)):
                yield start, start + size, targets


def _adjacent(text: str, tokens: Sequence[Token]) -> bool:
    return all(_JOINED.fullmatch(text[a.end : b.start]) for a, b in pairwise(tokens))


def _from_entity(text: str, entity: Entity, lexicon: Lexicon) -> Iterator[Mention]:
    place = text.lower().find(entity.text.lower()) if entity.text else -1
    if place < 0 or entity.kind == "period":
        return
    names = [n for n in (entity.value, entity.column, entity.canonical) if n]
    targets = next((found for n in names if (found := lexicon.exact(key(n)))), [])
    if targets:
        end = place + len(entity.text)
        yield Mention(text[place:end], place, end, tuple(targets), entity.fuzzy)


def _near(text: str, tokens: Sequence[Token], lexicon: Lexicon, mentions: list[Mention]) -> Iterator[Mention]:
    for size in (3, 2, 1):
        for start in range(len(tokens) - size + 1):
            group = tokens[start : start + size]
            if any(_covered(t, mentions) for t in group) or not _adjacent(text, group):
                continue
            if all(is_common(t.text) for t in group) or any(t.text.isdigit() for t in group):
                continue
            if size > 1 and (is_common(group[0].text) != is_common(group[-1].text)) and len(group[0].text) < 3:
                continue
            targets = lexicon.near("".join(t.stem for t in group))
            if targets:
                yield _mention(text, group[0].start, group[-1].end, targets, fuzzy=True)


def _mention(text: str, start: int, end: int, targets: Sequence[Target], *, fuzzy: bool = False) -> Mention:
    return Mention(text[start:end], start, end, tuple(targets), fuzzy)


def _covered(token: Token, mentions: Sequence[Mention]) -> bool:
    return any(token.start < m.end and m.start < token.end for m in mentions)


def _add(mentions: list[Mention], new: Mention) -> None:
    if not any(new.start < m.end and m.start < new.end for m in mentions):
        mentions.append(new)


def _narrow(mentions: list[Mention]) -> list[Mention]:
    """Resolve a value that several columns hold by a mention of one of these columns beside it."""
    result = []
    for i, mention in enumerate(mentions):
        beside = {m.column for m in mentions[max(0, i - 1) : i + 2] if m is not mention and m.value is None}
        kept = tuple(t for t in mention.targets if t.column in beside)
        narrowed = len(mention.targets) > 1 and kept
        result.append(Mention(mention.phrase, mention.start, mention.end, kept, mention.fuzzy) if narrowed else mention)
    return result


def without_counted(reading: Reading) -> Reading:
    """Return the reading of a test's size without whom it counts: "how many HCPs per arm" names no column of HCPs."""
    counted = _COUNTED.search(reading.text)
    if counted is None:
        return reading
    kept = tuple(m for m in reading.mentions if not counted.start() <= m.start < counted.end())
    return replace(reading, mentions=kept)
