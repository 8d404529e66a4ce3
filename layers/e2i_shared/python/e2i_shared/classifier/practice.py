"""Practice sentences for training: patterns expanded with a fixed seed. They never become test rows."""

from __future__ import annotations

import math
import random
import re
from typing import TYPE_CHECKING, Any

import yaml

from e2i_shared.classifier.corpus import Row

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

_CHOICE = re.compile(r"\(([^()]*)\)")
_SLOT = re.compile(r"\{(\w+)\}")
_WORD = re.compile(r"[\w']+")
_SPACES = re.compile(r"\s+")
SEED = 20261001
PER_PATTERN = 10
_BACKGROUND = 0.12


def unlike(practice: Sequence[Row], tested: Sequence[Row], limit: float = 0.75) -> list[Row]:
    """Return the practice rows that share fewer than ``limit`` of their words with every tested row (Jaccard)."""
    by_size: dict[int, list[frozenset[str]]] = {}
    for row in tested:
        bag = _bag(row)
        by_size.setdefault(len(bag), []).append(bag)
    return [row for row in practice if not _is_like(_bag(row), by_size, limit)]


def _is_like(bag: frozenset[str], by_size: Mapping[int, Sequence[frozenset[str]]], limit: float) -> bool:
    """Tell whether a bag is close to one of the others; only bags of about its size can be."""
    sizes = range(math.floor(limit * len(bag)), math.ceil(len(bag) / limit) + 1)
    return any(_overlap(bag, other) >= limit for size in sizes for other in by_size.get(size, ()))


def _bag(row: Row) -> frozenset[str]:
    """Return the words of a row."""
    return frozenset(_WORD.findall(row.query.lower()))


def _overlap(left: frozenset[str], right: frozenset[str]) -> float:
    """Return the share of words that two bags have in common."""
    return len(left & right) / max(1, len(left | right))


class Practice:
    """Expands patterns. ``rows`` returns labelled queries of one part."""

    def __init__(self, path: Path, seed: int = SEED) -> None:
        self._patterns: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
        self._chance = random.Random(seed)  # noqa: S311 - reproducible practice, nothing secret

    def expand(self, pattern: str) -> str:
        """Return one sentence of a pattern, innermost choices first, then slots."""
        text = str(pattern)
        while choice := _CHOICE.search(text):
            text = text[: choice.start()] + self._chance.choice(choice.group(1).split("|")) + text[choice.end() :]
        text = _SLOT.sub(lambda match: self._chance.choice(self._patterns["slots"][match.group(1)]), text)
        return _SPACES.sub(" ", text).strip().replace(" ,", ",")

    def rows(self) -> list[Row]:
        """Return all practice rows."""
        return [
            self._single(domain, pattern)
            for domain, patterns in self._patterns["clauses"].items()
            for pattern in patterns * PER_PATTERN
        ]

    def _single(self, domain: str, pattern: str) -> Row:
        """Return a question of one part, sometimes with a polite opening."""
        polite = self._chance.choice(self._patterns["polite"]) if domain != "NONE" else ""
        if domain != "NONE" and self._chance.random() < _BACKGROUND:
            said = self.expand(self._chance.choice(self._patterns["backgrounds"]))
            polite = said + self._chance.choice((".", ".", ",", ";", ":", " -"))
        opening, text = f"{polite} " if polite else "", self.expand(pattern)
        query = opening + text + ("?" if self._chance.random() < 0.5 else "")
        query = query[0].upper() + query[1:] if self._chance.random() < 0.6 else query
        asked = domain != "NONE"
        spans = ((len(opening), len(opening) + len(text), domain),) if asked else ()
        return Row(f"practice-{query[:40]}", query, (), "", (domain,) if asked else (), spans, ())
