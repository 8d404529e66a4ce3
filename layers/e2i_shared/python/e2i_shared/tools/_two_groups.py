"""Two groups of a data set's rows, by conditions or dates, and the tests of whether a column is distributed alike in them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from e2i_shared.api.datasets import ColumnKind
from e2i_shared.causal.clustered_counts import design_effect
from e2i_shared.causal.contingency import Homogeneity, homogeneity
from e2i_shared.causal.kolmogorov import Gap, two_sample_gap, two_sample_p
from e2i_shared.datasets import filters as conditions
from e2i_shared.errors import InsufficientDataError, UnprocessableError
from e2i_shared.tools._binning import Bins, bin_column, cluster_codes
from e2i_shared.tools._columns import NUMERIC_KINDS
from e2i_shared.tools._drift import days_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from e2i_shared.api.common import Filter
    from e2i_shared.api.datasets import Column, Dataset
    from e2i_shared.datasets.frame import DataSource, Frame
    from e2i_shared.tools.distribution_comparator import Group

    Mask = NDArray[np.bool_]
    Counts = NDArray[np.float64]

LEAST_ROWS = 5  # with a value, in each group
_BINS = 10


@dataclass(frozen=True, slots=True)
class Sides:
    """The rows read, and which of them (n,) are in group a and in group b."""

    frame: Frame
    a: Mask
    b: Mask
    cluster: Column | None


@dataclass(frozen=True, slots=True)
class Compared:
    """One column in both groups; ``smirnov`` is (gap, p) for numbers, else ``counted`` the chi-square; ``counts`` rows (B,) a bin."""

    column: Column
    bins: Bins
    counts: tuple[Counts, Counts]
    rows: tuple[int, int]
    missing: tuple[int, int]
    means: tuple[float, float] | None
    standardised: float | None
    smirnov: tuple[Gap, float] | None
    counted: Homogeneity | None
    design_effect: float

    def shares(self) -> tuple[Counts, Counts]:
        """Return the share (B,) of each bin in both groups."""
        a, b = self.counts
        return a / a.sum(), b / b.sum()

    def widest(self) -> str:
        """Return the bin whose shares differ most."""
        a, b = self.shares()
        return self.bins.labels[int(np.argmax(np.abs(b - a)))]


def read_sides(
    dataset: Dataset, columns: Sequence[Column], groups: tuple[Group, Group | None], *, time: Column | None,
    cluster: Column | None, filters: Sequence[Filter], data: DataSource,
) -> Sides:  # fmt: skip
    """Read the rows once and split them; raise UnprocessableError for groups that share rows, InsufficientDataError for an empty one."""
    said = [f.column for group in groups if group for f in group.filters]
    names = [*(c.name for c in columns), *said, *(c.name for c in (time, cluster) if c)]
    frame = data.read(dataset.name, list(dict.fromkeys(names)), list(filters))
    a = _members(dataset, frame, groups[0], time)
    b = ~a if groups[1] is None else _members(dataset, frame, groups[1], time)
    shared = int((a & b).sum())
    if shared:
        raise UnprocessableError(
            f"The groups share {shared:,} rows.",
            field="group_b",
            expected="groups without a common row",
            got=f"{shared:,} rows in both",
            hint="Leave group_b out to compare with all other rows.",
        )
    for rows, field in ((a, "group_a"), (b, "group_b")):
        if not rows.any():
            raise InsufficientDataError(f"No row is in {field}.", field=field, expected="rows", got="0 rows")
    return Sides(frame, a, b, cluster)


def compare(column: Column, sides: Sides, tests: Sequence[str], seed: int) -> Compared:
    """Test one column; raise InsufficientDataError where a group has too few values."""
    known = _known(sides.frame, column)
    a, b = sides.a & known, sides.b & known
    rows = int(a.sum()), int(b.sum())
    _enough(column, rows)
    inside = a | b
    bins = bin_column(sides.frame, column, inside, inside, bins=_BINS)
    clusters = cluster_codes(sides.frame, sides.cluster)
    widening = 1.0 if clusters is None else design_effect(bins.codes[inside], b[inside], clusters[inside])
    counts = bins.counts(a), bins.counts(b)
    smirnov, means, standardised = None, None, None
    if column.kind in NUMERIC_KINDS:
        numbers = sides.frame.numbers(column.name)
        first, second = np.sort(numbers[a]), np.sort(numbers[b])
        means, standardised = (float(first.mean()), float(second.mean())), _standardised(first, second)
        if "ks" in tests and takes_ks(column):
            gap = two_sample_gap(first, second)
            smirnov = gap, two_sample_p(gap.distance, *rows, design_effect=widening)
    counted = None if smirnov else homogeneity(*counts, seed=seed, design_effect=widening)
    missing = int(sides.a.sum()) - rows[0], int(sides.b.sum()) - rows[1]
    return Compared(column, bins, counts, rows, missing, means, standardised, smirnov, counted, widening)


def takes_ks(column: Column) -> bool:
    """Return whether the column has an order fine enough for Kolmogorov and Smirnov's test."""
    return column.kind in NUMERIC_KINDS and column.kind is not ColumnKind.BOOLEAN


def _members(dataset: Dataset, frame: Frame, group: Group, time: Column | None) -> Mask:
    rows = conditions.mask(frame, conditions.resolve(dataset, group.filters))
    if group.period is not None and time is not None:
        rows &= group.period.span().holds(days_of(frame, time))
    return rows


def _known(frame: Frame, column: Column) -> Mask:
    values = frame.columns[column.name]
    return np.asarray(values.codes >= 0) if hasattr(values, "codes") else ~np.isnan(frame.numbers(column.name))


def _enough(column: Column, rows: tuple[int, int]) -> None:
    if min(rows) < LEAST_ROWS:
        raise InsufficientDataError(
            f"Column {column.name!r} has {rows[0]} values in group a and {rows[1]} in group b.",
            field="columns",
            expected=f"at least {LEAST_ROWS} values in each group",
            got=f"{min(rows)} values",
        )


def _standardised(a: NDArray[np.float64], b: NDArray[np.float64]) -> float | None:
    """Return (mean of b − mean of a)/√((s²_a + s²_b)/2); None for constants."""
    spread = float(np.sqrt((a.var(ddof=1) + b.var(ddof=1)) / 2.0))
    return float((b.mean() - a.mean()) / spread) if spread else None
