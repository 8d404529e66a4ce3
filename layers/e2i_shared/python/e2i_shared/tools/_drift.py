"""The population stability index of a data set's column between two spans of dates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from e2i_shared.api.common import Filter
from e2i_shared.api.datasets import ColumnRole
from e2i_shared.causal.clustered_counts import design_effect
from e2i_shared.causal.stability import Stability, population_stability
from e2i_shared.datasets.frame import Dates
from e2i_shared.errors import ContractError, InsufficientDataError, UnprocessableError
from e2i_shared.tools._binning import (
    COMPARABLE_KINDS,
    MISSING,
    Bins,
    bin_column,
    cluster_codes,
    cluster_column,
    comparable_column,
)
from e2i_shared.tools._columns import NUMERIC_KINDS, match_column, time_column
from e2i_shared.tools._periods import Period, Span, covered, last_complete

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from e2i_shared.api.common import Json
    from e2i_shared.api.datasets import Column, Dataset
    from e2i_shared.datasets.frame import DataSource, Frame
    from e2i_shared.tools._periods import Grain

    Counts = NDArray[np.float64]

LEAST_ROWS = 20  # in each period


@dataclass(frozen=True, slots=True)
class DriftQuestion:
    """A column and the two spans it is compared over."""

    dataset: Dataset
    column: Column
    time: Column
    cluster: Column | None
    reference: Span
    comparison: Span

    def names(self) -> list[str]:
        """Return the columns to read."""
        return list(dict.fromkeys(c.name for c in (self.column, self.time, self.cluster) if c))


@dataclass(frozen=True, slots=True)
class Drift:
    """What was found; ``counts`` are rows (B,) per bin of the reference and the comparison."""

    question: DriftQuestion
    bins: Bins
    counts: tuple[Counts, Counts]
    stability: Stability
    design_effect: float
    means: tuple[float | None, float | None]

    @property
    def reference_n(self) -> int:
        """Return the rows of the reference."""
        return int(self.counts[0].sum())

    @property
    def comparison_n(self) -> int:
        """Return the rows of the comparison."""
        return int(self.counts[1].sum())

    def largest(self) -> str:
        """Return the bin that contributes most."""
        return self.bins.labels[int(np.argmax(self.stability.contributions))]

    def summary(self) -> Json:
        """Return rows, means and missing shares of both periods, and the design effect."""
        missing = [
            float(counts[-1] / counts.sum()) if self.bins.labels[-1] == MISSING else 0.0 for counts in self.counts
        ]
        return {
            "reference_n": self.reference_n,
            "comparison_n": self.comparison_n,
            "reference_mean": self.means[0],
            "comparison_mean": self.means[1],
            "reference_missing_share": missing[0],
            "comparison_missing_share": missing[1],
            "design_effect": self.design_effect,
        }


def settle(dataset: Dataset, feature: str, reference: Period | None, comparison: Period | None) -> DriftQuestion:
    """Resolve column and periods; raise UnprocessableError for an unfit column, no dates, or periods that overlap."""
    column = comparable_column(match_column(dataset, feature), "feature_name")
    time = time_column(dataset, "comparison_period")
    before, after = spans(time, reference, comparison)
    return DriftQuestion(dataset, column, time, cluster_column(dataset), before, after)


def spans(time: Column, reference: Period | None, comparison: Period | None) -> tuple[Span, Span]:
    """Return the reference and comparison spans; what is left out is the last complete month and all before it."""
    available = covered(time)
    if available is None:
        raise InsufficientDataError(
            f"Column {time.name!r} holds no date.", field="comparison_period", expected="rows with dates"
        )
    after = comparison.span() if comparison else last_complete(available, "month")
    before = reference.span() if reference else Span(min(available.start, after.start), after.start)
    if before.start >= before.end:
        raise InsufficientDataError(
            f"There are no dates before {after.text()} to compare with; the data cover {available.text()}.",
            field="reference_period",
            expected="dates before the comparison period",
            got=after.text(),
            hint="Choose a later comparison_period, or name the reference_period.",
        )
    if before.start < after.end and after.start < before.end:
        raise UnprocessableError(
            f"The periods overlap: {before.text()} and {after.text()}.",
            field="reference_period",
            expected="periods without a common day",
            got=before.text(),
        )
    return before, after


def measure(question: DriftQuestion, filters: Sequence[Filter], data: DataSource, *, bins: int) -> Drift:
    """Read the rows of both spans and compare them; raise InsufficientDataError where either has too few."""
    first, last = (
        min(question.reference.start, question.comparison.start),
        max(question.reference.end, question.comparison.end),
    )
    dates = [
        Filter(column=question.time.name, op="ge", value=str(first)),
        Filter(column=question.time.name, op="lt", value=str(last)),
    ]
    return drift_of(question, data.read(question.dataset.name, question.names(), [*filters, *dates]), bins=bins)


def drift_of(question: DriftQuestion, frame: Frame, *, bins: int, level: float = 0.95) -> Drift:
    """Compare the rows of a frame that holds the question's columns."""
    days = days_of(frame, question.time)
    before, after = question.reference.holds(days), question.comparison.holds(days)
    for rows, span, field in (
        (before, question.reference, "reference_period"),
        (after, question.comparison, "comparison_period"),
    ):
        _enough(int(rows.sum()), span, field)
    made = bin_column(frame, question.column, before, before | after, bins=bins)
    counts = made.counts(before), made.counts(after)
    clusters = cluster_codes(frame, question.cluster)
    widening = 1.0
    if clusters is not None:
        inside = before | after
        widening = design_effect(made.codes[inside], after[inside], clusters[inside])
    means = (_mean(frame, question.column, before), _mean(frame, question.column, after))
    return Drift(
        question, made, counts, population_stability(*counts, level=level, design_effect=widening), widening, means
    )


@dataclass(frozen=True, slots=True)
class AllDrifts:
    """The drift of every comparable column, the spans and their rows; ``skipped`` columns have no distribution to compare."""

    drifts: tuple[Drift, ...]
    reference: Span
    comparison: Span
    rows: tuple[int, int]
    skipped: tuple[str, ...]


def measure_all(dataset: Dataset, data: DataSource, grain: Grain) -> AllDrifts:
    """Compare every comparable column's last complete period with all before, judged for all columns together."""
    time = time_column(dataset, "dataset")
    available = covered(time)
    after = last_complete(available, grain) if available else None
    before, after = spans(time, None, Period(start=str(after.start), end=str(after.end)) if after else None)
    fit = [c for c in dataset.columns if c.kind in COMPARABLE_KINDS and c.role is not ColumnRole.ID]
    cluster = cluster_column(dataset)
    names = [*(c.name for c in fit), time.name, *([cluster.name] if cluster else [])]
    frame = data.read(dataset.name, list(dict.fromkeys(names)))
    days = days_of(frame, time)
    rows = int(before.holds(days).sum()), int(after.holds(days).sum())
    questions = [DriftQuestion(dataset, c, time, cluster, before, after) for c in fit]
    level = 1.0 - 0.05 / max(1, len(fit))
    drifts = tuple(drift_of(question, frame, bins=10, level=level) for question in questions)
    return AllDrifts(drifts, before, after, rows, tuple(c.name for c in dataset.columns if c not in fit))


def days_of(frame: Frame, time: Column) -> NDArray[np.datetime64]:
    """Return the day (n,) of each row; NaT where it is missing."""
    values = frame.columns[time.name]
    if not isinstance(values, Dates):
        raise ContractError(f"Column {time.name!r} is listed as {time.kind.value} but was read as numbers or text.")
    return values.values.astype("datetime64[D]")


def _mean(frame: Frame, column: Column, rows: NDArray[np.bool_]) -> float | None:
    if column.kind not in NUMERIC_KINDS:
        return None
    values = frame.numbers(column.name)[rows]
    known = values[~np.isnan(values)]
    return float(known.mean()) if known.size else None


def _enough(rows: int, span: Span, field: str) -> None:
    if rows < LEAST_ROWS:
        raise InsufficientDataError(
            f"Only {rows} rows lie in {span.text()}.",
            field=field,
            expected=f"at least {LEAST_ROWS} rows in each period",
            got=f"{rows} rows",
            hint="Widen the period or the filters.",
        )
