"""The catalogue of one tenant, as the domain sees it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from contextlib import AbstractContextManager

    from e2i_shared.api.common import Page, PageQuery
    from e2i_shared.api.datasets import ColumnKind, ColumnPatch, ColumnStatistics, Dataset, DatasetSummary
    from e2i_shared.datasets.plan import LoadPlan


class CellError(Exception):
    """A cell that its column cannot hold, as the store found it.

    ``line`` is the file's line where the store knows it, else ``record`` is the 1-based data row; ``infinite`` for a number that
    is none. ``column`` counts from 0.
    """

    def __init__(
        self, column: int, value: str, *, line: int | None = None, record: int | None = None, infinite: bool = False
    ) -> None:
        super().__init__(f"column {column}: {value!r}")
        self.column = column
        self.value = value
        self.line = line
        self.record = record
        self.infinite = infinite


class RowsTable(Protocol):
    """The table of one new data set version, seen by nobody until it is published."""

    dataset_id: str
    version: int
    previous: Dataset | None

    def fill(self, plan: LoadPlan, chunks: Iterable[bytes]) -> int:
        """Copy delimited UTF-8 text with a header line into the table; return the rows.

        Raises CellError for a cell, BadFileError for a row that is none.
        """
        ...

    def profile(self, plan: LoadPlan) -> Sequence[tuple[ColumnKind, ColumnStatistics]]:
        """Return each column's settled kind and profile; raise CellError for infinite or not-a-number values."""
        ...

    def publish(self, dataset: Dataset) -> Dataset:
        """Seal the rows and enter the version into the catalogue; return it as stored."""
        ...


class RowStore(Protocol):
    """Where rows of new versions go."""

    def begin(self, name: str) -> AbstractContextManager[RowsTable]:
        """Open the next version of a data set; leaving the block keeps everything, an error in it nothing."""
        ...


class CatalogueRepository(Protocol):
    """Data sets and their columns. A new load of the same name is a new version; old versions stay readable by id and version."""

    def find(self, name_or_id: str, version: int | None = None) -> Dataset:
        """Return the newest (or given) version; raise UnknownDatasetError with the nearest names."""
        ...

    def all(self) -> Sequence[Dataset]:
        """Return the newest version of every data set, with columns: what grounding searches."""
        ...

    def list(self, query: PageQuery) -> Page[DatasetSummary]:
        """Return newest first."""
        ...

    def patch_column(self, name_or_id: str, column: str, patch: ColumnPatch) -> Dataset:
        """Change role, unit, description or synonyms; raise UnknownColumnError with candidates."""
        ...

    def delete(self, name_or_id: str) -> None:
        """Soft-delete; raise UnknownDatasetError."""
        ...
