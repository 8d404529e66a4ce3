"""Finding the columns a caller means, and grouping rows by them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from e2i_shared.api.datasets import ColumnKind, ColumnRole
from e2i_shared.datasets.filters import find_column
from e2i_shared.datasets.frame import Categories, Dates
from e2i_shared.errors import UnprocessableError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from e2i_shared.api.datasets import Column, Dataset
    from e2i_shared.datasets.frame import Frame

NUMERIC_KINDS = frozenset({ColumnKind.NUMBER, ColumnKind.INTEGER, ColumnKind.BOOLEAN})
DATE_KINDS = frozenset({ColumnKind.DATE, ColumnKind.DATETIME})


@dataclass(frozen=True, slots=True)
class Groups:
    """``codes`` (n,) into ``labels``; -1 where the column is missing."""

    codes: NDArray[np.intp]
    labels: tuple[str, ...]


def match_column(dataset: Dataset, phrase: str) -> Column:
    """Return the column named, or known by the synonym, ``phrase``; raise UnknownColumnError with candidates."""
    exact = dataset.column(phrase)
    if exact is not None:
        return exact
    wanted = plain(phrase)
    named = [c for c in dataset.columns if wanted in {plain(c.name), *map(plain, c.synonyms)}]
    return named[0] if named else find_column(dataset, phrase)


def numeric_column(dataset: Dataset, phrase: str, field: str) -> Column:
    """Return a number or true/false column; raise UnprocessableError for text and dates."""
    column = match_column(dataset, phrase)
    if column.kind not in NUMERIC_KINDS:
        raise UnprocessableError(
            f"Column {column.name!r} holds {column.kind.value} values, which cannot be summed or averaged.",
            field=field,
            expected="a numeric or true/false column",
            got=column.name,
            candidates=[c.name for c in dataset.columns if c.kind in NUMERIC_KINDS and c.role is ColumnRole.OUTCOME],
        )
    return column


def time_column(dataset: Dataset, field: str) -> Column:
    """Return the data set's time column; raise UnprocessableError where it has none."""
    dates = [c for c in dataset.columns if c.kind in DATE_KINDS]
    times = [c for c in dates if c.role is ColumnRole.TIME] or dates
    if not times:
        raise UnprocessableError(
            f"Data set {dataset.name!r} has no date column, so it cannot be cut by period.",
            field=field,
            expected="a data set with a column of dates",
            got=dataset.name,
            hint=f"Leave {field} out, or choose a data set with dates.",
        )
    return times[0]


def plain(text: str) -> str:
    """Return a name as it is compared: lower case, underscores and hyphens as spaces."""
    return " ".join(text.casefold().replace("_", " ").replace("-", " ").split())


def group(frame: Frame, column: Column, *, most: int, field: str) -> Groups:
    """Group rows by a column's values, sorted; only values held are labelled.

    Raises UnprocessableError where a numeric column has more than ``most`` values.
    """
    values = frame.columns[column.name]
    if isinstance(values, Categories):
        held, codes = np.unique(values.codes, return_inverse=True)
        return _without_missing(codes, [values.levels[i] if i >= 0 else None for i in held])
    if isinstance(values, Dates):
        days, codes = np.unique(values.values.astype("datetime64[D]"), return_inverse=True)
        return _without_missing(codes, [None if np.isnat(day) else str(day) for day in days])
    numbers, codes = np.unique(values.values, return_inverse=True)
    if len(numbers) > most:
        raise UnprocessableError(
            f"Column {column.name!r} has {len(numbers):,} different numbers; a breakdown needs at most {most}.",
            field=field,
            expected="a column with few values",
            got=column.name,
        )
    return _without_missing(codes, [_number_label(value, column.kind) for value in numbers])


def combine(parts: Sequence[Groups]) -> Groups:
    """Cross several groupings into one; a row missing in any is missing in all. Labels are joined with " · "."""
    codes, labels = parts[0].codes, parts[0].labels
    for part in parts[1:]:
        missing = (codes < 0) | (part.codes < 0)
        codes = np.where(missing, -1, codes * len(part.labels) + part.codes)
        labels = tuple(f"{a} · {b}" for a in labels for b in part.labels)
    return Groups(codes, labels)


def _without_missing(codes: NDArray[np.intp], labels: Sequence[str | None]) -> Groups:
    kept = [i for i, label in enumerate(labels) if label is not None]
    lookup = np.full(len(labels), -1, dtype=np.intp)
    lookup[kept] = np.arange(len(kept))
    return Groups(lookup[codes.ravel()], tuple(label for label in labels if label is not None))


def _number_label(value: float, kind: ColumnKind) -> str | None:
    if np.isnan(value):
        return None
    if kind is ColumnKind.BOOLEAN:
        return "true" if value else "false"
    return f"{value:g}"
