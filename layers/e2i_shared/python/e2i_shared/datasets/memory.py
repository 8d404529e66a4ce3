"""Data sets held in memory, read through the same Protocol as the database's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from e2i_shared.datasets import filters as conditions
from e2i_shared.datasets.frame import Frame
from e2i_shared.errors import UnknownDatasetError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from e2i_shared.api.common import Filter
    from e2i_shared.api.datasets import Dataset


class MemoryDataSource:
    """A DataSource over frames, by data set name or id."""

    def __init__(self, tables: Mapping[str, tuple[Dataset, Frame]]) -> None:
        self._tables = dict(tables)

    def describe(self, dataset: str) -> Dataset:
        """Return the data set of that name or id; raise UnknownDatasetError with the nearest names."""
        return self._find(dataset)[0]

    def read(self, dataset: str, columns: Sequence[str], filters: Sequence[Filter] = ()) -> Frame:
        """Read columns of the rows that pass every filter; raise UnknownColumnError or UnknownValueError with candidates."""
        entry, frame = self._find(dataset)
        for name in columns:
            conditions.find_column(entry, name)
        wanted = Frame(frame.n, {name: frame.columns[name] for name in columns})
        resolved = conditions.resolve(entry, filters)
        return wanted.take(conditions.mask(frame, resolved)) if resolved else wanted

    def _find(self, name: str) -> tuple[Dataset, Frame]:
        if name in self._tables:
            return self._tables[name]
        for entry in self._tables.values():
            if name in (entry[0].name, entry[0].dataset_id):
                return entry
        raise UnknownDatasetError(
            f"There is no data set {name!r}.",
            field="dataset",
            got=name,
            candidates=conditions.nearest(name, (entry.name for entry, _ in self._tables.values())),
        )
