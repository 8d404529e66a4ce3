"""Labelled queries: one JSON object a line, split into training and test by a fixed rule."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from e2i_shared.classifier.clauses import Clause, body_of, candidates

if TYPE_CHECKING:
    from pathlib import Path

    from e2i_shared.classifier.reading import Reading

TEST_SHARE = 4  # one idea in four
_HARD = ".?!\n;"


@dataclass(frozen=True, slots=True)
class Row:
    """A labelled query. ``spans`` are (start, end, domain) in order of mention; ``edges`` are (from, to, type), from 0."""

    idea: str
    query: str
    context: tuple[str, ...]
    pattern: str
    domains: tuple[str, ...]
    spans: tuple[tuple[int, int, str], ...]
    edges: tuple[tuple[int, int, str], ...]

    @property
    def is_test(self) -> bool:
        """Tell on which side of the split the idea falls; all phrasings of an idea fall on the same side."""
        return bool(int(hashlib.sha256(self.idea.encode()).hexdigest(), 16) % TEST_SHARE == 0)


def load(path: Path) -> list[Row]:
    """Read the corpus."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return [_row(json.loads(line)) for line in lines if line.strip()]


def _row(data: dict[str, Any]) -> Row:
    """Build a row from its JSON object."""
    return Row(
        idea=data["idea"],
        query=data["query"],
        context=tuple(data["context"]),
        pattern=data["pattern"],
        domains=tuple(data["domains"]),
        spans=tuple((sub["start"], sub["end"], sub["domain"]) for sub in data["sub_questions"]),
        edges=tuple((_number(edge["from"]), _number(edge["to"]), edge["type"]) for edge in data["dependencies"]),
    )


def _number(name: str) -> int:
    """Return the position, from 0, of a part named Q1, Q2 and so on."""
    return int(name[1:]) - 1


def gold_starts(row: Row, reading: Reading) -> set[int]:
    """Return the candidate places at which the labels put a boundary.

    Between two labelled parts it is the first place after the earlier one; around text that asks for nothing, the places
    after a full stop.
    """
    places = candidates(reading)
    owners = [
        next((i for i, (start, end, _) in enumerate(row.spans) if start <= w.start < end), -1) for w in reading.words
    ]
    starts = set()
    for left, right in pairwise(owners_last(owners)):
        between = [at for at in places if left[1] < at <= right[0]]
        starts.update(between[:1])
    starts.update(at for at in places if owners[at - 1] != owners[at] and any(s in reading.gap(at) for s in _HARD))
    starts.update(
        at for at in places if owners[at - 1] == owners[at] == -1 and any(s in reading.gap(at) for s in _HARD)
    )
    return starts


def owners_last(owners: list[int]) -> list[tuple[int, int]]:
    """Return (first word, last word) of each labelled part."""
    parts = sorted(set(owners) - {-1})
    return [(owners.index(part), len(owners) - 1 - owners[::-1].index(part)) for part in parts]


def gold_clauses(row: Row, reading: Reading) -> list[tuple[Clause, str, int]]:
    """Return the clauses with their domain (NONE for what asks nothing) and the number of their part (-1 for none)."""
    starts = [0, *sorted(gold_starts(row, reading)), len(reading.words)] if reading.words else []
    found = []
    for first, last in pairwise(starts):
        clause = Clause(first, body_of(reading, first, last), last)
        middle = [
            i
            for at in range(first, last)
            for i, (start, end, _) in enumerate(row.spans)
            if start <= reading.words[at].start < end
        ]
        part = max(set(middle), key=middle.count) if middle else -1
        found.append((clause, row.spans[part][2] if part >= 0 else "NONE", part))
    return found
