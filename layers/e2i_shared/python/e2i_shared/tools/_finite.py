"""Data as tools may read them: every number finite, and small enough to be squared and summed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from e2i_shared.datasets.frame import Numbers
from e2i_shared.errors import EstimationError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from e2i_shared.api.common import Filter
    from e2i_shared.api.datasets import Dataset
    from e2i_shared.datasets.frame import DataSource, Frame

LARGEST = 1e30  # as single precision, which trees read, it is finite, and so are sums of its fourth powers


@dataclass(frozen=True, slots=True)
class FiniteData:
    """A DataSource that refuses infinite and overlarge values of another."""

    source: DataSource

    def describe(self, dataset: str) -> Dataset:
        """Return the data set; raise UnknownDatasetError with candidates."""
        return self.source.describe(dataset)

    def read(self, dataset: str, columns: Sequence[str], filters: Sequence[Filter] = ()) -> Frame:
        """Read columns; raise EstimationError, naming the column, for values no mean can be taken of."""
        frame = self.source.read(dataset, columns, filters)
        for name, column in frame.columns.items():
            if isinstance(column, Numbers):
                _check(name, int((np.abs(column.values) > LARGEST).sum()))
        return frame


def _check(name: str, bad: int) -> None:
    if bad:
        raise EstimationError(
            f"Column {name!r} holds {bad:,} infinite values, or values too large to compute with.",
            field="filters",
            expected=f"numbers up to {LARGEST:g} in size, or missing",
            got=name,
            hint=f"Correct these values, filter them out, or leave {name} out.",
        )
