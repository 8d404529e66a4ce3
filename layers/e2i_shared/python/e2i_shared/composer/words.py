"""Words of a question: tokens with their places, light stems, and the distance of a typing error."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

_WORD = re.compile(r"[^\W_]+(?:[_'’][^\W_]+)*", re.UNICODE)
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z][a-z])")
_SUFFIXES = (
    ("ologists", "olog"),
    ("ologist", "olog"),
    ("ological", "olog"),
    ("ology", "olog"),
    ("eastern", "east"),
    ("western", "west"),
    ("southern", "south"),
    ("northern", "north"),
    ("ations", "at"),
    ("ation", "at"),
    ("ings", ""),
    ("ing", ""),
    ("ists", ""),
    ("ist", ""),
    ("ies", ""),
    ("ied", ""),
    ("ed", ""),
    ("es", ""),
    ("s", ""),
    ("y", ""),
    ("e", ""),
)


@dataclass(frozen=True, slots=True)
class Token:
    """A word of the text at ``[start, end)``; ``identifier`` marks snake_case and camelCase names."""

    text: str
    stem: str
    start: int
    end: int
    identifier: bool = False

    @property
    def capitalised(self) -> bool:
        """Return whether the word is written like a name (an upper-case letter anywhere)."""
        return any(c.isupper() for c in self.text)


@lru_cache(maxsize=4096)
def stem(word: str) -> str:
    """Return a crude stem, the same for singular, plural and the adjectives of places and specialties."""
    word = word.lower().removesuffix("'s").removesuffix("’s")
    for suffix, replacement in _SUFFIXES:
        if word.endswith(suffix) and len(word) - len(suffix) + len(replacement) >= 3:
            return word.removesuffix(suffix) + replacement
    return word


def pieces(name: str) -> list[str]:
    """Split a column name or a phrase into its lower-case words: ``basketSize`` and ``basket_size`` alike."""
    return [p.lower() for p in re.findall(r"[^\W_]+", _CAMEL.sub("_", name.replace("'s", "").replace("’s", "")))]


@lru_cache(maxsize=8192)
def key(phrase: str) -> str:
    """Return what two spellings of one phrase share: the joined stems of its pieces."""
    return "".join(stem(p) for p in pieces(phrase))


def tokenize(text: str) -> list[Token]:
    """Return the text's words in order."""
    tokens: list[Token] = []
    for match in _WORD.finditer(text):
        word = match.group()
        name = "_" in word or bool(_CAMEL.search(word))
        tokens.append(Token(word, key(word), match.start(), match.end(), name))
    return tokens


@lru_cache(maxsize=8192)
def distance(left: str, right: str, limit: int) -> int:
    """Return the optimal-string-alignment distance (insert, delete, replace, swap neighbours), or ``limit + 1`` when above."""
    if abs(len(left) - len(right)) > limit:
        return limit + 1
    before, previous = [0] * (len(right) + 1), list(range(len(right) + 1))
    for i, a in enumerate(left, 1):
        row = [i]
        for j, b in enumerate(right, 1):
            cost = min(previous[j] + 1, row[j - 1] + 1, previous[j - 1] + (a != b))
            if i > 1 and j > 1 and a == right[j - 2] and left[i - 2] == b:
                cost = min(cost, before[j - 2] + 1)
            row.append(cost)
        if min(row) > limit:
            return limit + 1
        before, previous = previous, row
    return min(previous[-1], limit + 1)


def tolerance(word: str) -> int:
    """Return how many typing errors a word of that length may hold and still be recognised."""
    return 0 if len(word) < 5 else 1 if len(word) < 8 else 2


@cache
def _english() -> frozenset[str]:
    words = (Path(__file__).parent / "english.txt").read_text(encoding="utf-8").split()
    return frozenset(words) | frozenset(stem(w) for w in words)


_NEVER_INFLECTED = frozenset(
    [
        "jan",
        "feb",
        "mar",
        "apr",
        "jun",
        "jul",
        "aug",
        "sep",
        "oct",
        "nov",
        "dec",
        "mon",
        "tue",
        "wed",
        "thu",
        "fri",
        "sat",
        "sun",
    ]
)


@lru_cache(maxsize=8192)
def is_common(word: str) -> bool:
    """Return whether a word is ordinary English of such questions, so that it need not be bound to data."""
    lower = word.lower().replace("’", "'").removesuffix("'s")
    root = stem(lower)
    return lower in _english() or (root in _english() and (root == lower or root not in _NEVER_INFLECTED))
