"""datasets and dataset_columns: the catalogue of one tenant."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import TYPE_CHECKING, Any

from e2i_shared import paging
from e2i_shared.api.datasets import Dataset, DatasetSummary
from e2i_shared.db.queries import query
from e2i_shared.db.repository import Repository, iso, json_of
from e2i_shared.errors import UnknownDatasetError
from e2i_shared.ids import new_id

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import NoReturn

    from e2i_shared.api.common import Page, PageQuery
    from e2i_shared.api.datasets import ColumnPatch
    from e2i_shared.db.connection import Connection, Database


class PostgresCatalogue(Repository):
    """A CatalogueRepository over Postgres. A name is the same whatever its case."""

    def __init__(self, database: Database, tenant_id: str) -> None:
        super().__init__(database, tenant_id)
        self._known: tuple[Any, Sequence[Dataset]] | None = None

    def find(self, name_or_id: str, version: int | None = None) -> Dataset:
        """Return the newest (or given) version; raise UnknownDatasetError with the nearest names."""
        return dataset_of(self._run(lambda connection: find_row(connection, name_or_id, version)))

    def rows_table(self, name_or_id: str, version: int | None = None) -> tuple[Dataset, str]:
        """Return a data set with the qualified name of the table that holds its rows; raise UnknownDatasetError."""
        row = self._run(lambda connection: find_row(connection, name_or_id, version))
        return dataset_of(row), str(row["rows_table"])

    def all(self) -> Sequence[Dataset]:
        """Return the newest version of every data set, with columns: what grounding searches.

        Read again only when something changed: parsing many profiles costs more than asking whether they changed.
        """

        def work(connection: Connection) -> tuple[Any, Sequence[Dataset]]:
            stamp = connection.execute(query("catalogue", "stamp")).fetchone()
            if self._known is not None and self._known[0] == stamp:
                return self._known
            return stamp, [dataset_of(row) for row in connection.execute(query("catalogue", "all"))]

        self._known = self._run(work)
        return self._known[1]

    def list(self, query: PageQuery) -> Page[DatasetSummary]:
        """Return newest first."""
        after = paging.decode(query.cursor)
        rows = self._rows(
            _LIST, after_time=after and after.moment, after_id=after and after.identity, limit=query.limit + 1
        )
        found = [DatasetSummary(**{**row, "created_at": iso(row["created_at"])}) for row in rows]
        return paging.page(found, query.limit, _position)

    def patch_column(self, name_or_id: str, column: str, patch: ColumnPatch) -> Dataset:
        """Change role, unit, description or synonyms of the newest version; raise UnknownColumnError with candidates."""

        def work(connection: Connection) -> Mapping[str, Any]:
            row = find_row(connection, name_or_id, None)
            values = patch.model_dump(mode="json") | {
                "dataset_id": row["dataset_id"],
                "version": row["version"],
                "column": column,
            }
            if connection.execute(query("catalogue", "patch_column"), values).fetchone() is None:
                _raise_unknown_column(dataset_of(row), column)
            connection.execute(query("catalogue", "touch"), values)
            return find_row(connection, name_or_id, None)

        return dataset_of(self._run(work))

    def delete(self, name_or_id: str) -> None:
        """Soft-delete every version; raise UnknownDatasetError."""

        def work(connection: Connection) -> None:
            row = find_row(connection, name_or_id, None)
            connection.execute(query("catalogue", "delete"), {"dataset_id": row["dataset_id"]})

        self._run(work)


def next_version(connection: Connection, name: str) -> tuple[str, int]:
    """Return the data set id and version of a load of this name; other loads of it wait until the transaction ends."""
    connection.execute(query("catalogue", "lock_name"), {"name": name})
    row = connection.execute(query("catalogue", "newest"), {"name": name}).fetchone()
    return (new_id(), 1) if row is None else (row["dataset_id"], row["version"] + 1)


def save_version(connection: Connection, dataset: Dataset, rows_table: str | None = None) -> Dataset:
    """Write a version and its columns in the caller's transaction; return it with the time it was stored.

    ``rows_table`` is the sealed table of its rows (see ``rows_table_name`` in the schema).
    """
    values = dataset.model_dump(exclude={"columns", "created_at"}) | {"rows_table": rows_table}
    row = connection.execute(query("catalogue", "insert_version"), values).fetchone()
    connection.execute(query("catalogue", "insert_columns"), values | {"columns": json_of([*dataset.columns])})
    return dataset.model_copy(update={"created_at": iso(row["created_at"]) if row else dataset.created_at})


def find_row(connection: Connection, name_or_id: str, version: int | None) -> Mapping[str, Any]:
    """Return a version's row with its columns and rows_table; raise UnknownDatasetError with the nearest names."""
    values = {"dataset_id": _uuid_or_none(name_or_id), "name": name_or_id, "version": version}
    row = connection.execute(query("catalogue", "find"), values).fetchone()
    if row is None:
        raise unknown_dataset(name_or_id, version, [r["name"] for r in connection.execute(query("catalogue", "names"))])
    return row


def unknown_dataset(wanted: str, version: int | None, names: Sequence[str]) -> UnknownDatasetError:
    """Return the error for a data set, or a version of one, that is not in the catalogue."""
    from e2i_shared.datasets.filters import nearest

    suffix = "" if version is None else f" with version {version}"
    return UnknownDatasetError(
        f"There is no data set {wanted[:100]!r}{suffix}.",
        field="dataset",
        got=wanted[:100],
        candidates=nearest(wanted[:100], names),
        hint="GET /datasets lists them.",
    )


_LIST = query("catalogue", "list")


def _raise_unknown_column(dataset: Dataset, column: str) -> NoReturn:
    from e2i_shared.datasets.filters import find_column

    find_column(dataset, column)
    raise AssertionError  # pragma: no cover


def _uuid_or_none(text: str) -> str | None:
    try:
        return str(uuid.UUID(text))
    except ValueError:
        return None


def dataset_of(row: Mapping[str, Any]) -> Dataset:
    """Return a row of the catalogue, with its columns, as a data set."""
    fields = {name: row[name] for name in Dataset.model_fields if name != "created_at"}
    return Dataset.model_validate(fields | {"created_at": iso(row["created_at"])})


def _position(summary: DatasetSummary) -> paging.Position:
    return paging.Position(datetime.fromisoformat(summary.created_at), summary.dataset_id)
