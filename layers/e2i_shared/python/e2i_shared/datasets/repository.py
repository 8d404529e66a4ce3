"""The catalogue of one tenant, as the domain sees it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from e2i_shared.api.common import Page, PageQuery
    from e2i_shared.api.datasets import ColumnPatch, Dataset, DatasetSummary


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
