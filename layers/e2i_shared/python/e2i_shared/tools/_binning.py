"""Rows of one column as bins: equal shares of a number, the values of a category, and one bin for what is missing."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from e2i_shared.api.datasets import ColumnKind, ColumnRole
from e2i_shared.causal import stability
from e2i_shared.datasets.frame import Categories
from e2i_shared.errors import UnprocessableError
from e2i_shared.tools._columns import NUMERIC_KINDS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from e2i_shared.api.datasets import Column, Dataset
    from e2i_shared.datasets.frame import Frame

    Codes = NDArray[np.intp]
    Mask = NDArray[np.bool_]

MISSING, OTHER = "(missing)", "(other)"
COMPARABLE_KINDS = NUMERIC_KINDS | {ColumnKind.CATEGORY, ColumnKind.TEXT}
_MOST_LEVELS = 50


@dataclass(frozen=True, slots=True)
class Bins:
    """``codes`` (n,) into ``labels``; ``lower`` and ``upper`` (B,) bound a number's bins, None at the ends and for text."""

    codes: Codes
    labels: tuple[str, ...]
    lower: tuple[float | None, ...]
    upper: tuple[float | None, ...]

    def counts(self, rows: Mask) -> NDArray[np.float64]:
        """Return rows (B,) in each bin among ``rows`` (n,)."""
        return np.bincount(self.codes[rows], minlength=len(self.labels)).astype(np.float64)


def comparable_column(column: Column, field: str) -> Column:
    """Return the column; raise UnprocessableError for identifiers and dates, whose distribution moves by nature."""
    if column.kind in COMPARABLE_KINDS and column.role is not ColumnRole.ID:
        return column
    raise UnprocessableError(
        f"Column {column.name!r} holds {column.kind.value} values in the role {column.role.value}: its distribution says nothing of drift.",
        field=field,
        expected="a number, true/false or category column",
        got=column.name,
        hint="Identifiers and dates change from period to period by nature.",
    )


def cluster_column(dataset: Dataset) -> Column | None:
    """Return the column whose rows belong together: the one in the role cluster, where it repeats."""
    found = [c for c in dataset.columns if c.role is ColumnRole.CLUSTER and c.statistics.distinct < dataset.rows]
    return found[0] if found else None


def cluster_codes(frame: Frame, column: Column | None) -> Codes | None:
    """Return the cluster (n,) of each row; None without a cluster column."""
    if column is None:
        return None
    values = frame.columns[column.name]
    if isinstance(values, Categories):
        return values.codes.astype(np.intp)
    return np.unique(frame.numbers(column.name), return_inverse=True)[1].ravel()


def bin_column(frame: Frame, column: Column, reference: Mask, inside: Mask, *, bins: int) -> Bins:
    """Bin the rows ``inside`` (n,); a number by equal shares of the ``reference`` rows (n,), text by its values.

    Beyond the 50 commonest values text falls into "(other)"; values the reference lacks keep bins of their own.
    """
    values = frame.columns[column.name]
    made = _levels(values, inside) if isinstance(values, Categories) else _ranges(frame, column, reference, bins)
    missing = made.codes < 0
    if not (missing & inside).any():
        return made
    codes = np.where(missing, len(made.labels), made.codes)
    return Bins(codes, (*made.labels, MISSING), (*made.lower, None), (*made.upper, None))


def _levels(values: Categories, inside: Mask) -> Bins:
    held = np.bincount(values.codes[inside & (values.codes >= 0)], minlength=len(values.levels))
    listed = np.argsort(-held, kind="stable")[:_MOST_LEVELS]
    listed = np.sort(listed[held[listed] > 0])
    pooled = int((held > 0).sum()) > len(listed)
    lookup = np.full(len(values.levels) + 1, len(listed), dtype=np.intp)
    lookup[listed] = np.arange(len(listed))
    lookup[-1] = -1
    labels = (*(values.levels[i] for i in listed), *([OTHER] if pooled else []))
    none = (None,) * len(labels)
    return Bins(lookup[values.codes], labels, none, none)


def _ranges(frame: Frame, column: Column, reference: Mask, bins: int) -> Bins:
    numbers = frame.numbers(column.name)
    known = numbers[reference]
    known = known[~np.isnan(known)]
    edges = stability.quantile_edges(known, bins)
    bounds = [None, *(float(edge) for edge in edges), None]
    if column.kind is ColumnKind.BOOLEAN:
        edges = np.array([0.5])
        labels: tuple[str, ...] = ("false", "true")
        bounds = [None, 0.5, None]
    else:
        labels = tuple(_range_label(*pair) for pair in itertools.pairwise(bounds))
    return Bins(stability.bin_numbers(numbers, edges), labels, tuple(bounds[:-1]), tuple(bounds[1:]))


def _range_label(lower: float | None, upper: float | None) -> str:
    if lower is None and upper is None:
        return "all values"
    if lower is None:
        return f"≤ {upper:.4g}"
    return f"> {lower:.4g}" if upper is None else f"{lower:.4g} – {upper:.4g}"
