"""The population stability index of a data set's column between two spans of dates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from e2i_shared.api.common import Filter
from e2i_shared.causal.clustered_counts import design_effect
from e2i_shared.causal.stability import Stability, population_stability
from e2i_shared.datasets.frame import Dates
from e2i_shared.errors import ContractError, InsufficientDataError, UnprocessableError
from e2i_shared.tools._binning import MISSING, Bins, bin_column, cluster_codes, cluster_column, comparable_column
from e2i_shared.tools._columns import NUMERIC_KINDS, match_column, time_column
from e2i_shared.tools._periods import Span, covered, last_complete

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from e2i_shared.api.common import Json
    from e2i_shared.api.datasets import Column, Dataset
    from e2i_shared.datasets.frame import DataSource, Frame
    from e2i_shared.tools._periods import Period

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
