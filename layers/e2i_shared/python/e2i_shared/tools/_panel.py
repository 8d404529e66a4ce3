"""Which rows of a frame are one unit seen again, and from when on it is treated."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from e2i_shared.api.datasets import ColumnKind, ColumnRole
from e2i_shared.causal.panel import Panel
from e2i_shared.datasets.frame import Categories, Dates
from e2i_shared.errors import UnprocessableError
from e2i_shared.tools._columns import DATE_KINDS, match_column

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from e2i_shared.api.common import Scalar
    from e2i_shared.api.datasets import Column, Dataset
    from e2i_shared.datasets.frame import Frame

    Floats = NDArray[np.float64]
    Codes = NDArray[np.intp]

MOST_PERIODS = 120
UNIT_KINDS = frozenset({ColumnKind.ID, ColumnKind.CATEGORY, ColumnKind.TEXT, ColumnKind.INTEGER})


def time_of(dataset: Dataset, asked: str | None) -> Column:
    """Return the time column asked for, or the one of that role; raise UnprocessableError where there is none."""
    if asked is not None:
        column = match_column(dataset, asked)
        if column.kind in DATE_KINDS or column.kind in {ColumnKind.INTEGER, ColumnKind.NUMBER}:
            return column
        raise UnprocessableError(
            f"Column {column.name!r} holds {column.kind.value} values, which have no order in time.",
            field="time_col",
            expected="a column of dates or whole numbers",
            got=column.name,
            candidates=[c.name for c in dataset.columns if c.kind in DATE_KINDS],
        )
    found = next((c for c in dataset.columns if c.role is ColumnRole.TIME), None)
    if found is None:
        raise UnprocessableError(
            f"Data set {dataset.name!r} has no time column, so before and after cannot be told apart.",
            field="time_col",
            expected="a column of dates or whole numbers",
            got="none",
            candidates=[c.name for c in dataset.columns if c.kind in DATE_KINDS],
        )
    return found


def units_of(dataset: Dataset, asked: str | None, taken: set[str]) -> list[str]:
    """Return the columns that may name a unit: the one asked for, else those of role id and cluster, finest first."""
    if asked is not None:
        name = match_column(dataset, asked).name
        if name in taken:
            raise UnprocessableError(
                f"Unit column {name!r} is the treatment, the outcome or the time.", field="unit_col", got=name
            )
        return [name]
    roles = {ColumnRole.ID, ColumnRole.CLUSTER}
    fit = [c for c in dataset.columns if c.role in roles and c.kind in UNIT_KINDS and c.name not in taken]
    if not fit:
        raise UnprocessableError(
            f"Data set {dataset.name!r} has no column that names its units.",
            field="unit_col",
            expected="a column with one value per unit, seen again in several periods",
            got="none",
            candidates=[c.name for c in dataset.columns if c.kind in UNIT_KINDS],
        )
    return [c.name for c in sorted(fit, key=lambda c: -c.statistics.distinct)]


def panel_of(frame: Frame, candidates: list[str], time: str) -> tuple[Panel, str]:
    """Return the panel and the unit's column: the first candidate of which units are seen again.

    Raises UnprocessableError where no candidate is seen twice, or for more than 120 periods.
    """
    periods, labels = _periods(frame, time)
    if len(labels) > MOST_PERIODS:
        raise UnprocessableError(
            f"Column {time!r} holds {len(labels):,} different times: group them into periods.",
            field="time_col",
            expected=f"at most {MOST_PERIODS} periods, such as months",
            got=f"{len(labels):,} different values",
            hint="Filter to fewer periods, or load one row per unit and month.",
        )
    for name in candidates:
        units = unit_codes(frame, name)
        if int(units.max(initial=0)) + 1 < frame.n:
            return Panel(units, periods, labels, name, time), name
    raise UnprocessableError(
        f"Every row has its own {candidates[0]}: no unit is seen again.",
        field="unit_col",
        expected="a column whose values come back in several periods",
        got=candidates[0],
        hint="A difference in differences needs a panel; method aipw compares different units.",
    )


def unit_codes(frame: Frame, name: str) -> Codes:
    """Return codes 0 … N−1 (n,) of a column's values; missing values are a unit of their own."""
    column = frame.columns[name]
    values = column.codes if isinstance(column, Categories) else frame.numbers(name)
    return np.unique(values, return_inverse=True)[1].ravel().astype(np.intp)


def _periods(frame: Frame, name: str) -> tuple[Codes, tuple[str, ...]]:
    column = frame.columns[name]
    if isinstance(column, Dates):
        days, codes = np.unique(column.values.astype("datetime64[D]"), return_inverse=True)
        return codes.ravel().astype(np.intp), tuple(str(day) for day in days)
    numbers, codes = np.unique(frame.numbers(name), return_inverse=True)
    return codes.ravel().astype(np.intp), tuple(f"{number:g}" for number in numbers)


def treated_since(frame: Frame, time: Column, treated: Floats, since: Scalar) -> Floats:
    """Return treatment (n,) that starts at ``since`` for rows marked ``treated`` (n,).

    Raises UnprocessableError where ``since`` is no time, or lies outside the data.
    """
    values = frame.numbers(time.name)
    start = _as_time(since, time)
    if not np.nanmin(values, initial=np.inf) < start <= np.nanmax(values, initial=-np.inf):
        raise UnprocessableError(
            f"{since} is not after the first and up to the last {time.name} of the data.",
            field="treated_from",
            expected="a time with rows before and after it",
            got=str(since),
        )
    return np.where(np.isnan(treated), np.nan, treated * (values >= start))


def _as_time(since: Scalar, time: Column) -> float:
    try:
        if time.kind in DATE_KINDS:
            return float(np.datetime64(str(since), "D").astype(np.int64))
        return float(since)
    except ValueError as error:
        raise UnprocessableError(
            f"{since!r} is no value of {time.name!r}.",
            field="treated_from",
            expected="a date such as 2025-07-01" if time.kind in DATE_KINDS else "a number",
            got=str(since),
        ) from error
