"""More practice from labelled rows: the first part of a question is exchanged for another question of its kind."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from e2i_shared.classifier.corpus import Row
from e2i_shared.classifier.grammar import POINTERS
from e2i_shared.classifier.text import fold, words

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

SEED = 20261001
COPIES = 3
APART = 900
_LONGEST = 22
_LEANING = POINTERS | {"there", "he", "she", "his", "her", "its", "their", "also", "again", "instead", "same"}
_JOINS = (
    ", and ",
    " and ",
    "? ",
    "; ",
    ". ",
    "? Also, ",
    ". Separately, ",
    ", plus ",
    "\n",
    " + ",
    "? And ",
    " / ",
    " & ",
)


def recombined(rows: Sequence[Row], seed: int = SEED) -> list[Row]:
    """Return rows made of parts of the given ones; made of training rows only, they tell nothing of test rows."""
    chance = random.Random(seed)  # noqa: S311 - reproducible practice, nothing secret
    pool = _pool(rows)
    made = [
        _exchanged(row, chance.choice(pool[row.spans[0][2]]))
        for row in rows
        if _opens_freely(row) and row.spans[0][2] in pool
        for _ in range(COPIES)
    ]
    return made + [_side_by_side(pool, chance) for _ in range(APART * (len(pool) > 1))]


def _pool(rows: Iterable[Row]) -> dict[str, list[str]]:
    """Return, by domain, questions of one part that stand for themselves."""
    pool: dict[str, list[str]] = {}
    for row in rows:
        said = [word.text for word in words(fold(row.query))]
        if len(row.spans) == 1 and not row.context and 3 <= len(said) <= _LONGEST and not _LEANING.intersection(said):
            start, end, domain = row.spans[0]
            pool.setdefault(domain, []).append(row.query[start:end])
    return pool


def _opens_freely(row: Row) -> bool:
    """Tell whether the first part is a plain question that later parts follow: nothing before it, no edge into it."""
    return (
        len(row.spans) > 1
        and not row.context
        and row.spans[0][0] == 0
        and not any(edge[1] == 0 for edge in row.edges)
        and not row.query.lower().startswith(
            ("if ", "once ", "when ", "after ", "given ", "unless ", "since ", "because ")
        )
    )


def _exchanged(row: Row, opening: str) -> Row:
    """Return the row with another first part."""
    shift = len(opening) - row.spans[0][1]
    rest = tuple((start + shift, end + shift, domain) for start, end, domain in row.spans[1:])
    query = opening + row.query[row.spans[0][1] :]
    spans = ((0, len(opening), row.spans[0][2]), *rest)
    return Row(f"recombined-{query[:40]}", query, (), "", row.domains, spans, row.edges)


def _side_by_side(pool: dict[str, list[str]], chance: random.Random) -> Row:
    """Return two questions of different kinds that do not need each other."""
    left, right = chance.sample(sorted(pool), 2)
    first, join, second = chance.choice(pool[left]), chance.choice(_JOINS), chance.choice(pool[right])
    begin = len(first) + len(join)
    spans = ((0, len(first), left), (begin, begin + len(second), right))
    return Row(f"recombined-{first[:40]}", first + join + second, (), "", (left, right), spans, ())
