"""Rows of a new data set version: COPY into a table that nobody sees until it is sealed and in the catalogue."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, LiteralString, cast

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

from e2i_shared.datasets.cells import NA_SPELLINGS
from e2i_shared.datasets.plan import STORAGE
from e2i_shared.datasets.repository import CellError
from e2i_shared.db import profile
from e2i_shared.db.catalogue import dataset_of, find_row, next_version, save_version
from e2i_shared.db.copying import explain, physical
from e2i_shared.db.queries import query

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from e2i_shared.api.datasets import ColumnKind, ColumnStatistics, Dataset
    from e2i_shared.datasets.plan import ColumnPlan, LoadPlan
    from e2i_shared.db.connection import Connection, Database

_STAGING: Final = sql.Identifier("pg_temp", "staging")
# Column types are a closed set, so that they may be part of a statement.
_TYPES: Final = {storage: sql.SQL(cast("LiteralString", storage)) for storage in STORAGE.values()}


class PostgresRowStore:
    """A RowStore of one tenant."""

    def __init__(self, database: Database, tenant_id: str) -> None:
        self._database = database
        self._tenant_id = tenant_id

    @contextmanager
    def begin(self, name: str) -> Iterator[PostgresRowsTable]:
        """Open the next version of a data set in one transaction; another load of the same name waits for it."""
        with self._database.transaction(self._tenant_id) as connection:
            connection.execute(query("loading", "prepare"), {"datestyle": "ISO, MDY"})
            dataset_id, version = next_version(connection, name)
            previous = dataset_of(find_row(connection, dataset_id, version - 1)) if version > 1 else None
            yield PostgresRowsTable(connection, dataset_id, version, previous)


@dataclass(slots=True)
class PostgresRowsTable:
    """The table of one new version; its columns are c1, c2, … in the file's order."""

    connection: Connection
    dataset_id: str
    version: int
    previous: Dataset | None
    _name: str = ""

    def fill(self, plan: LoadPlan, chunks: Iterable[bytes]) -> int:
        """Copy delimited text into the table; return the rows. Raises CellError or BadFileError."""
        run = self.connection.execute
        run(query("loading", "prepare"), {"datestyle": f"ISO, {plan.date_order}"})
        columns = [{"name": physical(i), "type": column.storage} for i, column in enumerate(plan.columns)]
        made = run(query("loading", "create_table"), self._key() | {"columns": Jsonb(columns)}).fetchone()
        self._name = made["name"] if made else ""
        return self._copy(plan, chunks) if plan.clean else self._convert(plan, chunks)

    def profile(self, plan: LoadPlan) -> Sequence[tuple[ColumnKind, ColumnStatistics]]:
        """Return each column's settled kind and profile; raise CellError for values that are not finite."""
        return profile.profile(self.connection, self._table(), plan.columns)

    def publish(self, dataset: Dataset) -> Dataset:
        """Seal the rows and enter the version into the catalogue; return it as stored."""
        self.connection.execute(query("loading", "seal_table"), self._key())
        return save_version(self.connection, dataset, self._name)

    def _key(self) -> dict[str, Any]:
        return {"dataset_id": self.dataset_id, "version": self.version}

    def _table(self) -> sql.Identifier:
        return sql.Identifier(*self._name.split("."))

    def _copy(self, plan: LoadPlan, chunks: Iterable[bytes]) -> int:
        return self._stream(sql.SQL(query("loading", "copy")), self._table(), plan, chunks)

    def _convert(self, plan: LoadPlan, chunks: Iterable[bytes]) -> int:
        """Stage the file as text and convert it; a cell that cannot be is found by its row."""
        names = [sql.Identifier(physical(i)) for i in range(len(plan.columns))]
        column = sql.SQL(query("loading", "staging_column"))
        definitions = sql.SQL(", ").join(column.format(column=name) for name in names)
        create = sql.SQL(query("loading", "create_staging"))
        self.connection.execute(create.format(table=_STAGING, columns=definitions))
        rows = self._stream(sql.SQL(query("loading", "copy_staging")), _STAGING, plan, chunks)
        self.connection.execute(query("loading", "one_worker"))
        texts = [_text(column, name, plan) for column, name in zip(plan.columns, names, strict=True)]
        cast_ = sql.SQL(query("loading", "cast"))
        values = [
            cast_.format(expression=text, type=_TYPES[column.storage])
            for text, column in zip(texts, plan.columns, strict=True)
        ]
        statement = sql.SQL(query("loading", "convert"))
        try:
            with self.connection.transaction():
                self.connection.execute(
                    statement.format(table=self._table(), expressions=sql.SQL(", ").join(values), staging=_STAGING)
                )
        except psycopg.DataError:
            self._raise_first_invalid(plan, texts)
            raise
        except psycopg.errors.ProgramLimitExceeded as error:
            raise explain(error, len(plan.columns)) or error from None
        return rows

    def _stream(self, statement: sql.SQL, table: sql.Identifier, plan: LoadPlan, chunks: Iterable[bytes]) -> int:
        columns = sql.SQL(", ").join(sql.Identifier(physical(i)) for i in range(len(plan.columns)))
        composed = statement.format(
            table=table, delimiter=sql.Literal(plan.dialect.delimiter), null=sql.Literal(plan.null), columns=columns
        )
        cursor = self.connection.cursor()
        try:
            with cursor.copy(composed) as copy:
                for chunk in chunks:
                    copy.write(chunk)
        except psycopg.Error as error:
            raise explain(error, len(plan.columns)) or error from None
        return cursor.rowcount

    def _raise_first_invalid(self, plan: LoadPlan, texts: Sequence[sql.Composable]) -> None:
        statement = sql.SQL(query("loading", "first_invalid"))
        found = []
        for index, (column, text) in enumerate(zip(plan.columns, texts, strict=True)):
            if column.storage != "text":
                search = statement.format(expression=text, staging=_STAGING, type=sql.Literal(column.storage))
                row = self.connection.execute(search).fetchone()
                found += [(row["record"], index, row["value"])] if row else []
        if found:
            record, index, value = min(found)
            raise CellError(index, value, record=record) from None


def _text(column: ColumnPlan, name: sql.Identifier, plan: LoadPlan) -> sql.Composable:
    """Return the SQL that cleans a staged cell's text."""
    kind = "text" if column.storage == "text" else "number" if column.form == "plain" else column.form
    fragment = sql.SQL(query("loading", f"convert_{kind}"))
    tokens = sql.Literal(sorted(NA_SPELLINGS | plan.missing))
    return fragment.format(column=name, tokens=tokens, missing=sql.Literal(sorted(plan.missing)))
