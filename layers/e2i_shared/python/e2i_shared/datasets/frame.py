"""Columns of a data set in memory, and the Protocol by which tools read them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from e2i_shared.api.common import Filter
    from e2i_shared.api.datasets import Dataset


@dataclass(frozen=True, slots=True)
class Numbers:
    """A numeric or boolean column: float64 of shape (n,), NaN where missing."""

    values: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Categories:
    """A text-like column: int32 codes of shape (n,) into sorted ``levels``; -1 where missing."""

    codes: NDArray[np.int32]
    levels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Dates:
    """A date or datetime column: datetime64[s] of shape (n,), NaT where missing."""

    values: NDArray[np.datetime64]


FrameColumn = Numbers | Categories | Dates


@dataclass(frozen=True, slots=True)
class Frame:
    """Aligned columns of ``n`` rows, in the order the rows were loaded."""

    n: int
    columns: Mapping[str, FrameColumn]

    def numbers(self, name: str) -> NDArray[np.float64]:
        """Return a numeric column as float64 of shape (n,); a two-level category becomes 0/1 in level order."""
        column = self.columns[name]
        if isinstance(column, Numbers):
            return column.values
        if isinstance(column, Dates):
            return column.values.astype("datetime64[D]").astype(np.float64)
        return np.where(column.codes < 0, np.nan, column.codes.astype(np.float64))

    def take(self, mask: NDArray[np.bool_]) -> Frame:
        """Return the rows where ``mask`` (n,) is true."""
        return Frame(int(mask.sum()), {name: _take(column, mask) for name, column in self.columns.items()})


def _take(column: FrameColumn, mask: NDArray[np.bool_]) -> FrameColumn:
    if isinstance(column, Categories):
        return Categories(column.codes[mask], column.levels)
    if isinstance(column, Dates):
        return Dates(column.values[mask])
    return Numbers(column.values[mask])


class DataSource(Protocol):
    """Where tools get data: the tenant's catalogue and rows."""

    def describe(self, dataset: str) -> Dataset:
        """Return the newest version of a data set by name or id; raise UnknownDatasetError with candidates."""
        ...

    def read(self, dataset: str, columns: Sequence[str], filters: Sequence[Filter] = ()) -> Frame:
        """Read columns of the rows that pass every filter; raise UnknownColumnError or UnknownValueError with candidates."""
        ...
