"""Text to words, without losing where each word stood in the query."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

INVISIBLE = "\u00ad\u200b\u200c\u200d\u2060\ufeff"
_WORD = re.compile(rf"[^\W_]+(?:['{INVISIBLE}]+[^\W_]+)*")
_APOSTROPHES = {"\u2018": "'", "\u2019": "'", "\u02bc": "'", "\uff07": "'", "`": "'"}
_INVISIBLE = re.compile(f"[{INVISIBLE}]")
_SPACES = re.compile(r"\s+")


_SHORT = {
    "pls": "please",
    "plz": "please",
    "bc": "because",
    "cuz": "because",
    "coz": "because",
    "em": "them",
    "u": "you",
    "ur": "your",
    "abt": "about",
    "w": "with",
    "wo": "without",
}
_ALSO = ("and", "also", "plus")
_PHRASES: dict[tuple[str, ...], tuple[str, ...]] = {
    ("as", "well", "as"): _ALSO,
    ("along", "with"): ("and", "also"),
    ("together", "with"): ("and", "also"),
    ("in", "addition", "to"): _ALSO,
    ("in", "addition"): ("and", "also"),
    ("followed", "by"): ("and", "then"),
    ("as", "soon", "as"): ("once", "soon", "as"),
    ("so", "long", "as"): ("if", "long", "as"),
    ("as", "long", "as"): ("if", "long", "as"),
    ("on", "condition"): ("if", "condition"),
    ("on", "the", "condition"): ("if", "the", "condition"),
    ("in", "case"): ("if", "case"),
    ("in", "the", "event"): ("if", "the", "event"),
}
_OPENINGS = frozenset(phrase[0] for phrase in _PHRASES)


@dataclass(frozen=True, slots=True)
class Word:
    """A folded word and its span in the query."""

    text: str
    start: int
    end: int


def _fold_char(char: str) -> str:
    """Return one character: lower case, compatibility form, straight apostrophe."""
    if char in _APOSTROPHES:
        return _APOSTROPHES[char]
    folded = unicodedata.normalize("NFKC", char).lower()
    return folded if len(folded) == 1 else char


def fold(text: str) -> str:
    """Return the text in lower case and compatibility form, character for character (offsets stay valid)."""
    if text.isascii():
        return text.lower().replace("`", "'")
    return "".join(char.lower() if char.isascii() and char != "`" else _fold_char(char) for char in text)


def words(folded: str) -> list[Word]:
    """Return the words of a folded text; underscores and hyphens separate, invisible characters vanish."""
    found = []
    for match in _WORD.finditer(folded):
        word = match.group()
        found.append(Word(word if word.isascii() else _INVISIBLE.sub("", word), match.start(), match.end()))
    return found


def in_full(texts: Sequence[str]) -> tuple[str, ...]:
    """Return words with short forms written out and phrases that join clauses in the words of the plainest one, place by place."""
    full = [_SHORT.get(text, text) for text in texts]
    for at, text in enumerate(texts):
        if text == "n" and 0 < at < len(texts) - 1 and texts[at - 1].isalpha() and texts[at + 1].isalpha():
            full[at] = "and"
        if text in _OPENINGS:
            plain = next(
                (plain for phrase, plain in _PHRASES.items() if tuple(texts[at : at + len(phrase)]) == phrase), ()
            )
            full[at : at + len(plain)] = plain
    return tuple(full)


def normalise(text: str) -> str:
    """Return the form under which two spellings of one query are the same for the cache."""
    return _SPACES.sub(" ", _INVISIBLE.sub("", fold(text))).strip()


@lru_cache(maxsize=20_000)
def stem(word: str) -> str:
    """Strip the possessive and the plural: enough to match names of things, too little to merge verbs."""
    word = word.removesuffix("'s")
    if len(word) > 4 and word.endswith("ies"):
        return word[:-3] + "y"
    if len(word) > 4 and word.endswith(("ches", "shes", "sses", "xes")):
        return word[:-2]
    if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return word[:-1]
    return word


def within_edits(left: str, right: str, limit: int) -> bool:
    """Tell whether two words are at most ``limit`` insertions, deletions, substitutions or swaps apart."""
    if abs(len(left) - len(right)) > limit:
        return False
    before: list[int] = []
    row = list(range(len(right) + 1))
    for i, a in enumerate(left, 1):
        older, before, row = before, row, [i]
        for j, b in enumerate(right, 1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (a != b))
            if i > 1 and j > 1 and a == right[j - 2] and left[i - 2] == b:
                cost = min(cost, older[j - 2] + 1)
            row.append(cost)
        if min(row) > limit:
            return False
    return row[-1] <= limit
