"""Labelled rows to what the linear models learn from."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache
from typing import TYPE_CHECKING

from e2i_shared.classifier.clauses import boundary_features, candidates, first_look, open_places, second_features
from e2i_shared.classifier.corpus import Row, gold_clauses, gold_starts
from e2i_shared.classifier.dependencies import NO_EDGE, pair_features
from e2i_shared.classifier.domains import GRAMMAR, NONE, Asks, clause_features
from e2i_shared.classifier.reading import Reading, read
from e2i_shared.classifier.signs import Part
from e2i_shared.classifier.text import fold, words
from e2i_shared.classifier.vocabulary import vocabulary

if TYPE_CHECKING:
    from collections.abc import Sequence

    from e2i_shared.classifier.linear import LinearModel

DAY = date(2026, 10, 1)
SEED = 20261001
HIDDEN = 0.5
LETTERS = "abcdefghijklmnopqrstuvwxyz"
Example = tuple[dict[str, float], str]


def known_words(rows: Sequence[Row]) -> frozenset[str]:
    """Return the words that at least two ideas use: those are spelt as meant."""
    seen = {(word.text, row.idea) for row in rows for word in words(fold(" ".join((row.query, *row.context))))}
    counts = Counter(word for word, _ in seen)
    return frozenset(word for word, count in counts.items() if count >= 2)


@dataclass(frozen=True, slots=True)
class Words:
    """The word lists of a training set."""

    known: frozenset[str]
    familiar: frozenset[str]


def word_lists(rows: Sequence[Row]) -> Words:
    """Return the words that at least two ideas use, in all rows and in those that can be answered."""
    meant = frozenset(vocabulary().concepts.words())
    return Words(known_words(rows) | meant, known_words([row for row in rows if row.spans]) | meant)


@lru_cache(maxsize=65536)
def read_row(query: str, lists: Words) -> Reading:
    """Return the reading of a query as of a fixed day; kept, for every model reads every row."""
    return read(query, DAY, lists)


def boundary_examples(rows: Sequence[Row], lists: Words) -> list[Example]:
    """Return every candidate place with whether the labels put a boundary there."""
    examples = []
    for row in rows:
        reading = read_row(row.query, lists)
        places, gold = candidates(reading), gold_starts(row, reading)
        examples += [(boundary_features(reading, places, i), str(int(at in gold))) for i, at in enumerate(places)]
    return examples


def second_examples(rows: Sequence[Row], lists: Words, boundary: LinearModel, domain: LinearModel) -> list[Example]:
    """Return every place that a first look leaves open, as the second look sees it, with the label; models have not seen the rows."""
    examples = []
    for row in rows:
        reading = read_row(row.query, lists)
        odds, gold, asks = first_look(reading, boundary), gold_starts(row, reading), Asks(domain)
        examples += [(second_features(reading, odds, at, asks), str(int(at in gold))) for at in open_places(odds)]
    return examples


def domain_examples(rows: Sequence[Row], lists: Words, primary: dict[str, str]) -> list[Example]:
    """Return every clause with its domain; a short clause sees the domain before it as labelled."""
    examples = []
    for row in rows:
        reading = read_row(row.query, lists)
        before = primary.get(row.context[-1], "") if row.context else ""
        for clause, domain, _ in gold_clauses(row, reading):
            examples.append((clause_features(reading, clause, before), domain))
            before = domain if domain != NONE else before
    return examples


def blurred(rows: Sequence[Row], lists: Words, primary: dict[str, str]) -> list[Example]:
    """Return the clauses with names and words of no known sense made unreadable: a stranger's brand is no sign of nonsense."""
    chance = random.Random(SEED)  # noqa: S311 - reproducible training, nothing secret
    examples = []
    for row in rows:
        reading = read_row(row.query, lists)
        before = primary.get(row.context[-1], "") if row.context else ""
        hidden = _hide(reading, chance)
        for clause, domain, _ in gold_clauses(row, reading):
            if any(hidden.tags[at] != reading.tags[at] for at in range(clause.core, clause.last)):
                examples.append((clause_features(hidden, clause, before), domain))
            before = domain if domain != NONE else before
    return examples


def _hide(reading: Reading, chance: random.Random) -> Reading:
    """Return the reading with half of its plain words of no sense, and of its brands, replaced by letters at random."""
    tags, strange = list(reading.tags), list(reading.strange)
    for at, tag in enumerate(tags):
        plain = not (reading.concepts[at] or reading.cues[at] or tag in GRAMMAR or tag[0] == "<")
        if (plain or tag == "<brand=>") and chance.random() < HIDDEN:
            tags[at], strange[at] = "".join(chance.choices(LETTERS, k=8)), True
    return replace(reading, tags=tuple(tags), strange=tuple(strange))


def link_examples(rows: Sequence[Row], lists: Words) -> list[Example]:
    """Return every pair of parts with the label of its edge: ``-``, ``>TYPE`` forward, ``<TYPE`` backward."""
    examples = []
    for row in rows:
        reading = read_row(row.query, lists)
        parts = {part: Part(clause, domain) for clause, domain, part in gold_clauses(row, reading) if part >= 0}
        if sorted(parts) != list(range(len(row.spans))):
            continue
        ordered = [parts[i] for i in range(len(parts))]
        labels = {(min(a, b), max(a, b)): (">" if a < b else "<") + kind for a, b, kind in row.edges}
        examples += [
            (pair_features(reading, ordered, i, j), labels.get((i, j), NO_EDGE))
            for j in range(len(ordered))
            for i in range(j)
        ]
    return examples


def primary_domains(rows: Sequence[Row]) -> dict[str, str]:
    """Return the primary domain of each labelled query without a context: what a context query lends."""
    return {row.query: row.domains[0] for row in rows if row.domains and not row.context}
