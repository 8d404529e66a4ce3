"""Rows as plain arrays: numbers with NaN where missing, categories as codes with a level of their own where missing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from e2i_shared.causal.design import Covariate
from e2i_shared.datasets.frame import Categories, Dates, Frame, Numbers

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from e2i_shared.datasets.frame import FrameColumn

    Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Table:
    """``n`` rows; ``numbers`` by name, ``categories`` by name with the levels in ``levels``; ``dates`` are numbers in days.

    A category's code ``len(levels)`` means missing.
    """

    n: int
    numbers: Mapping[str, Floats]
    categories: Mapping[str, Floats]
    levels: Mapping[str, tuple[str, ...]]
    dates: frozenset[str]

    @property
    def names(self) -> tuple[str, ...]:
        """All columns."""
        return (*self.numbers, *self.categories)

    def values(self, name: str) -> Floats:
        """Return a column (n,) as numbers or codes."""
        return self.numbers[name] if name in self.numbers else self.categories[name]

    def take(self, rows: NDArray[np.intp] | NDArray[np.bool_]) -> Table:
        """Return the rows given."""
        numbers = {name: column[rows] for name, column in self.numbers.items()}
        categories = {name: column[rows] for name, column in self.categories.items()}
        return Table(len(np.arange(self.n)[rows]), numbers, categories, self.levels, self.dates)

    def matrix(self) -> Floats:
        """Return all columns (n, p), in the order of ``names``."""
        return np.column_stack([self.values(name) for name in self.names])

    def frame(self) -> Frame:
        """Return the rows as a frame."""
        columns: dict[str, FrameColumn] = {}
        for name, values in self.numbers.items():
            columns[name] = _dates(values) if name in self.dates else Numbers(values)
        for name, codes in self.categories.items():
            known = codes < len(self.levels[name])
            columns[name] = Categories(np.where(known, codes, -1).astype(np.int32), self.levels[name])
        return Frame(self.n, columns)

    def covariates(self) -> list[Covariate]:
        """Return the columns as covariates, numbers first."""
        found = [Covariate(name, values) for name, values in self.numbers.items()]
        for name, codes in self.categories.items():
            known = np.where(codes < len(self.levels[name]), codes, np.nan)
            found.append(Covariate(name, known, self.levels[name]))
        return found


def stacked(first: Table, second: Table) -> Table:
    """Return the rows of two tables of the same columns, one below the other."""
    numbers = {name: np.concatenate([values, second.numbers[name]]) for name, values in first.numbers.items()}
    categories = {name: np.concatenate([codes, second.categories[name]]) for name, codes in first.categories.items()}
    return Table(first.n + second.n, numbers, categories, first.levels, first.dates)


def table_of(frame: Frame, extra: Mapping[str, Floats] | None = None) -> Table:
    """Return the frame's columns, and ``extra`` numeric ones (n,)."""
    numbers: dict[str, Floats] = {}
    categories: dict[str, Floats] = {}
    levels: dict[str, tuple[str, ...]] = {}
    dates = set()
    for name, column in frame.columns.items():
        if isinstance(column, Categories):
            codes = np.where(column.codes < 0, len(column.levels), column.codes)
            categories[name], levels[name] = codes.astype(np.float64), column.levels
            continue
        if isinstance(column, Dates):
            dates.add(name)
            days = column.values.astype("datetime64[D]").astype(np.float64)
            numbers[name] = np.where(np.isnat(column.values), np.nan, days)
        else:
            numbers[name] = column.values
    return Table(frame.n, numbers | dict(extra or {}), categories, levels, frozenset(dates))


def _dates(values: Floats) -> Dates:
    whole = np.where(np.isnan(values), 0, values).astype("datetime64[D]").astype("datetime64[s]")
    return Dates(np.where(np.isnan(values), np.datetime64("NaT", "s"), whole))
