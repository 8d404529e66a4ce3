"""The catalogue in memory."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from e2i_shared import paging
from e2i_shared.api.datasets import DatasetSummary
from e2i_shared.db.catalogue import unknown_dataset
from e2i_shared.ids import new_id
from e2i_shared.testing.clock import FixedClock

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from e2i_shared.api.common import Page, PageQuery
    from e2i_shared.api.datasets import ColumnPatch, Dataset


class FakeCatalogue:
    """A CatalogueRepository in memory; ``add`` stands for a load."""

    def __init__(self, datasets: Iterable[Dataset] = (), clock: FixedClock | None = None) -> None:
        self._clock = clock or FixedClock()
        self._versions: dict[str, list[Dataset]] = {}
        for dataset in datasets:
            self.add(dataset)

    def add(self, dataset: Dataset) -> Dataset:
        """Store the next version of a data set of this name and return it, with its id and number."""
        versions = self._versions.setdefault(dataset.name.lower(), [])
        stored = dataset.model_copy(
            update={
                "dataset_id": versions[0].dataset_id if versions else new_id(),
                "version": len(versions) + 1,
                "created_at": self._clock().isoformat(),
            }
        )
        versions.append(stored)
        return stored

    def find(self, name_or_id: str, version: int | None = None) -> Dataset:
        """Return the newest (or given) version; raise UnknownDatasetError with the nearest names."""
        for versions in self._versions.values():
            if name_or_id in {d.dataset_id for d in versions} or name_or_id.lower() == versions[0].name.lower():
                if version is None:
                    return versions[-1]
                if 1 <= version <= len(versions):
                    return versions[version - 1]
        raise unknown_dataset(name_or_id, version, [d.name for d in self.all()])

    def all(self) -> Sequence[Dataset]:
        """Return the newest version of every data set, by name."""
        return [self._versions[name][-1] for name in sorted(self._versions)]

    def list(self, query: PageQuery) -> Page[DatasetSummary]:
        """Return newest first."""
        after = paging.decode(query.cursor)
        found = sorted((_summary(d) for d in self.all()), key=_position, reverse=True)
        found = [s for s in found if after is None or _position(s) < after]
        return paging.page(found[: query.limit + 1], query.limit, _position)

    def patch_column(self, name_or_id: str, column: str, patch: ColumnPatch) -> Dataset:
        """Change role, unit, description or synonyms of the newest version; raise UnknownColumnError with candidates."""
        from e2i_shared.datasets.filters import find_column

        dataset = self.find(name_or_id)
        find_column(dataset, column)
        changes = {
            name: value
            for name in ("role", "unit", "description", "synonyms")
            if (value := getattr(patch, name)) is not None
        }
        changes |= {"role_guessed": False} if patch.role else {}
        columns = [c.model_copy(update=changes) if c.name == column else c for c in dataset.columns]
        patched = dataset.model_copy(update={"columns": columns})
        self._versions[dataset.name.lower()][-1] = patched
        return patched

    def delete(self, name_or_id: str) -> None:
        """Soft-delete every version; raise UnknownDatasetError."""
        del self._versions[self.find(name_or_id).name.lower()]


def _summary(dataset: Dataset) -> DatasetSummary:
    return DatasetSummary(
        dataset_id=dataset.dataset_id,
        name=dataset.name,
        version=dataset.version,
        rows=dataset.rows,
        columns=len(dataset.columns),
        unit=dataset.unit,
        created_at=dataset.created_at,
    )


def _position(summary: DatasetSummary) -> paging.Position:
    return paging.Position(datetime.fromisoformat(summary.created_at), summary.dataset_id)
