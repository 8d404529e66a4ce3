"""What a data set's names, synonyms and values are called, ready to be looked up by their stems."""

from __future__ import annotations

import difflib
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

from e2i_shared.api.datasets import ColumnKind, ColumnRole
from e2i_shared.composer.words import distance, is_common, key, pieces, stem, tolerance

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from e2i_shared.api.datasets import Column, Dataset

_VALUE_KINDS = {ColumnKind.CATEGORY, ColumnKind.ID, ColumnKind.TEXT}
_ANALYSED = {ColumnRole.TREATMENT, ColumnRole.OUTCOME}
_NAME_COLUMNS = ("brand", "product", "drug", "name")
_MOST_LISTED = 12
_SHORT = 4  # letters; what is shorter stands inside too many words and must be one


@dataclass(frozen=True, slots=True)
class Target:
    """A column, or one value of it; ``weak`` when its name is ordinary English and needs a sign that the column is meant."""

    column: str
    value: str | None = None
    weak: bool = False


@dataclass(frozen=True, slots=True)
class Lexicon:
    """The names of one data set by their keys."""

    dataset: Dataset
    names: dict[str, list[Target]] = field(default_factory=dict)

    def exact(self, phrase_key: str) -> list[Target]:
        """Return what is called exactly that (up to stems)."""
        return self.names.get(phrase_key, [])

    def near(self, phrase_key: str) -> list[Target]:
        """Return the targets within the tolerated number of typing errors, nearest only."""
        limit = tolerance(phrase_key)
        if not limit:
            return []
        first = phrase_key[0]
        found = [(distance(phrase_key, n, limit), n) for n in self.names if n[0] == first and tolerance(n)]
        best = min((d for d, _ in found), default=limit + 1)
        if best > limit:
            return []
        targets = [t for d, name in found if d == best for t in self.names[name]]
        return list(dict.fromkeys(targets))

    def partial(self, phrase_key: str) -> list[Target]:
        """Return the columns whose name or synonym holds the phrase as a part: ``campaign`` for ``email_campaign``."""
        if len(phrase_key) < _SHORT:
            return [Target(c.name) for c in self.dataset.columns if phrase_key in map(stem, pieces(c.name))]
        found = (t for name, targets in self.names.items() if phrase_key in name for t in targets if t.value is None)
        return list(dict.fromkeys(Target(t.column) for t in found))


def build_lexicon(dataset: Dataset) -> Lexicon:
    """Return the lexicon of a data set; names win over synonyms, synonyms over values."""
    lexicon = Lexicon(dataset)
    for source in (_column_names, _column_synonyms, _column_values):
        taken = set(lexicon.names)
        for name_key, target in (found for column in dataset.columns for found in source(column)):
            known = lexicon.names.setdefault(name_key, [])
            if name_key not in taken and target not in known:
                known.append(target)
    return lexicon


def _weak(column: Column, name: str, value: str | None = None) -> bool:
    return is_common(name) and (value is not None or column.role not in _ANALYSED)


def _column_names(column: Column) -> Iterator[tuple[str, Target]]:
    if column.role != ColumnRole.IGNORE:
        yield key(column.name), Target(column.name, weak=_weak(column, column.name))


def _column_synonyms(column: Column) -> Iterator[tuple[str, Target]]:
    for synonym in column.synonyms:
        if key(synonym):
            yield key(synonym), Target(column.name, weak=_weak(column, synonym))


def _column_values(column: Column) -> Iterator[tuple[str, Target]]:
    if column.kind not in _VALUE_KINDS or column.role == ColumnRole.IGNORE:
        return
    for value, _count in column.statistics.top_values:
        if len(value) > 1 and not value.replace(".", "").isdigit() and key(value):
            yield key(value), Target(column.name, value, weak=_weak(column, value, value))


def values_of(column: Column) -> list[str]:
    """Return the values the catalogue knows of a text-like column, in the catalogue's order."""
    return [value for value, _ in column.statistics.top_values] if column.kind in _VALUE_KINDS else []


@lru_cache(maxsize=16384)
def _likeness(left: str, right: str) -> float:
    return difflib.SequenceMatcher(None, left, right).ratio()


def nearest_columns(phrase: str, dataset: Dataset, roles: Sequence[ColumnRole] = ()) -> list[str]:
    """Return up to eight columns a phrase may have meant: those of the roles first, nearest spelling first."""

    def likeness(column: Column) -> float:
        names = [column.name, *column.synonyms]
        return max(_likeness(key(phrase), key(name)) for name in names)

    columns = [c for c in dataset.columns if c.role not in {ColumnRole.IGNORE, ColumnRole.ID}]
    ranked = sorted(columns, key=lambda c: (c.role not in roles if roles else 0, -likeness(c)))
    return [c.name for c in ranked[:8]]


def nearest_values(phrase: str, dataset: Dataset, taken: Sequence[str] = ()) -> list[str]:
    """Return up to twelve values a name may have meant: near spellings first, then those of name-like columns not yet filtered."""
    columns = [c for c in dataset.columns if c.name not in taken and c.role != ColumnRole.IGNORE and values_of(c)]
    close = [v for c in columns for v in difflib.get_close_matches(phrase.title(), values_of(c), n=3, cutoff=0.6)]
    listed = [c for c in columns if c.kind == ColumnKind.CATEGORY and len(values_of(c)) <= _MOST_LISTED]
    ordered = sorted(listed, key=lambda c: not any(n in c.name.lower() for n in _NAME_COLUMNS))
    return list(dict.fromkeys([*close, *(v for c in ordered for v in sorted(values_of(c)))]))[:_MOST_LISTED]
