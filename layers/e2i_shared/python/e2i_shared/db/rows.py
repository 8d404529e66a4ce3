"""Columns of a data set out of Postgres into numpy: one packed value per column, parsed in one go."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeAlias, cast

import numpy as np
from psycopg import sql

from e2i_shared.api.datasets import ColumnKind
from e2i_shared.datasets import filters as conditions
from e2i_shared.datasets.frame import Categories, Dates, Frame, Numbers
from e2i_shared.datasets.plan import STORAGE
from e2i_shared.db.catalogue import dataset_of, find_row
from e2i_shared.db.copying import physical
from e2i_shared.db.frame_cache import FrameCache
from e2i_shared.db.queries import query

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from e2i_shared.api.common import Filter
    from e2i_shared.api.datasets import Column, Dataset
    from e2i_shared.datasets.filters import Condition, Operand
    from e2i_shared.datasets.frame import FrameColumn
    from e2i_shared.db.connection import Connection, Database

Levels: TypeAlias = "tuple[int, dict[int, str]]"
_PACKED: Final = {
    "double precision": "number",
    "boolean": "boolean",
    "date": "date",
    "timestamptz": "datetime",
    "text": "text",
}
_EPOCH: Final = np.datetime64("2000-01-01", "s")
# Versions never change, so that what was read of one stays right for the life of the process.
_FRAMES: Final = FrameCache(max_bytes=192 << 20)


class PostgresDataSource:
    """A DataSource of one tenant."""

    def __init__(self, database: Database, tenant_id: str, cache: FrameCache | None = None) -> None:
        self._database = database
        self._tenant_id = tenant_id
        self._cache = _FRAMES if cache is None else cache

    def describe(self, dataset: str) -> Dataset:
        """Return the newest version of a data set by name or id; raise UnknownDatasetError with the nearest names."""
        return dataset_of(self._database.run(self._tenant_id, lambda connection: find_row(connection, dataset, None)))

    def read(self, dataset: str, columns: Sequence[str], filters: Sequence[Filter] = ()) -> Frame:
        """Read columns of the rows that pass every filter, in the order in which they were loaded.

        Raises UnknownDatasetError, UnknownColumnError or UnknownValueError, each with the nearest candidates.
        """
        return self._database.run(self._tenant_id, lambda connection: self._read(connection, dataset, columns, filters))

    def _read(self, connection: Connection, name: str, columns: Sequence[str], filters: Sequence[Filter]) -> Frame:
        row = find_row(connection, name, None)
        dataset = dataset_of(row)
        for column in columns:
            conditions.find_column(dataset, column)
        resolved = conditions.resolve(dataset, filters)
        key = (self._tenant_id, dataset.dataset_id, dataset.version, tuple(columns), repr(filters))
        frame = self._cache.get(key)
        if frame is None:
            frame = _Reading(connection, dataset, str(row["rows_table"]), self._cache).frame(columns, resolved)
            self._cache.put(key, frame, sum(_size(c) for c in frame.columns.values()))
        return frame


class _Reading:
    """One read of one version inside a transaction."""

    def __init__(self, connection: Connection, dataset: Dataset, table: str, cache: FrameCache) -> None:
        self._connection = connection
        self._dataset = dataset
        self._table_name = table
        self._table = sql.Identifier(*table.split("."))
        self._positions = {column.name: i for i, column in enumerate(dataset.columns)}
        self._cache = cache

    def frame(self, names: Sequence[str], resolved: Sequence[Condition]) -> Frame:
        self._connection.execute(query("rows", "steady"))
        wanted = list(dict.fromkeys(names))
        described = [self._dataset.columns[self._positions[name]] for name in wanted]
        levels = {column.name: self._levels(column) for column in described if column.kind in conditions.TEXT_KINDS}
        self._check_held(resolved)
        packed = [self._packed(column, levels) for column in described]
        statement = sql.SQL(query("rows", "read")).format(
            columns=sql.SQL(", ").join(packed or [sql.NULL]), table=self._table, conditions=self._where(resolved)
        )
        cursor = self._connection.cursor(binary=True)
        row = cast("Mapping[str, Any]", cursor.execute(statement, _parameters(resolved)).fetchone())
        values = list(row.values())
        columns = {
            column.name: unpack(column, raw or b"", levels.get(column.name))
            for column, raw in zip(described, values[1:], strict=False)
        }
        return Frame(int(values[0]), columns)

    def _packed(self, column: Column, levels: Mapping[str, Levels]) -> sql.Composable:
        fragment = sql.SQL(query("rows", f"pack_{_PACKED[STORAGE[column.kind]]}"))
        seed = levels[column.name][0] if column.name in levels else 0
        aliased = sql.Identifier(column_alias(self._positions[column.name]))
        packed = fragment.format(column=self._identifier(column), seed=sql.Literal(seed))
        return sql.Composed([packed, sql.SQL(" AS "), aliased])

    def _identifier(self, column: Column) -> sql.Identifier:
        return sql.Identifier(physical(self._positions[column.name]))

    def _levels(self, column: Column) -> Levels:
        """Return a seed under which no two levels of the column share a hash, and the level of each hash."""
        key = (self._table_name, column.name)
        found: Levels | None = self._cache.get_levels(key)
        if found is None:
            statement = sql.SQL(query("rows", "levels"))
            for seed in range(8):
                composed = statement.format(column=self._identifier(column), table=self._table, seed=sql.Literal(seed))
                rows = self._connection.execute(composed).fetchall()
                by_hash = {row["hash"]: row["level"] for row in rows}
                if len(by_hash) == len(rows) and 0 not in by_hash:
                    break
            found = (seed, by_hash)
            self._cache.put_levels(key, found)
        return found

    def _check_held(self, resolved: Sequence[Condition]) -> None:
        """Refuse a text value that its column does not hold."""
        for condition in resolved:
            if condition.column.kind in conditions.TEXT_KINDS:
                held = set(self._levels(condition.column)[1].values())
                for operand in condition.operands:
                    if operand not in held:
                        raise conditions.unknown_value(condition.column, str(operand), sorted(held))

    def _where(self, resolved: Sequence[Condition]) -> sql.Composable:
        if not resolved:
            return sql.SQL(query("rows", "every_row"))
        return sql.SQL(" AND ").join(self._condition(i, condition) for i, condition in enumerate(resolved))

    def _condition(self, index: int, condition: Condition) -> sql.Composable:
        boolean = condition.column.kind is ColumnKind.BOOLEAN
        compared = sql.SQL(query("rows", "compare_boolean" if boolean else "compare_plain"))
        return sql.SQL(query("rows", f"where_{condition.op}")).format(
            column=compared.format(column=self._identifier(condition.column)),
            first=sql.Placeholder(f"first{index}"),
            last=sql.Placeholder(f"last{index}"),
            all=sql.Placeholder(f"all{index}"),
        )


def column_alias(position: int) -> str:
    """Return the name under which a packed column is selected."""
    return f"p{position + 1}"


def _parameters(resolved: Sequence[Condition]) -> dict[str, Any]:
    """Return the operands of each condition under the names its statement may ask for."""
    parameters: dict[str, Any] = {}
    for index, condition in enumerate(resolved):
        operands = [bound(operand) for operand in condition.operands]
        parameters |= {f"first{index}": operands[0], f"last{index}": operands[-1], f"all{index}": operands}
    return parameters


def bound(operand: Operand) -> Any:
    """Return a filter's operand as the value psycopg adapts: numbers as float, dates as naive UTC datetimes."""
    if isinstance(operand, np.datetime64):
        return operand.astype("datetime64[s]").item()
    return float(operand) if isinstance(operand, bool) else operand


def unpack(column: Column, raw: bytes, levels: Levels | None) -> FrameColumn:
    """Parse one packed column of n rows into its numpy form."""
    storage = STORAGE[column.kind]
    if storage == "text":
        return _categories(np.frombuffer(raw, ">i8").astype(np.int64), levels[1] if levels else {})
    if storage == "boolean":
        flags = np.frombuffer(raw, ">i2").astype(np.float64)
        return Numbers(_kept(np.where(flags < 0, np.nan, flags)))
    if storage == "double precision":
        return Numbers(_kept(np.frombuffer(raw, ">f8").astype(np.float64)))
    if storage == "date":
        days = np.frombuffer(raw, ">i4").astype(np.int64)
        return Dates(_kept(_moments(days, np.iinfo(np.int32).min, 86_400)))
    micros = np.frombuffer(raw, ">i8").astype(np.int64)
    missing = micros == np.iinfo(np.int64).min
    return Dates(_kept(np.where(missing, np.datetime64("NaT", "s"), _EPOCH + (micros // 1_000_000))))


def _moments(counts: np.ndarray[Any, Any], missing: int, seconds: int) -> np.ndarray[Any, Any]:
    return np.where(counts == missing, np.datetime64("NaT", "s"), _EPOCH + counts * seconds)


def _categories(hashes: np.ndarray[Any, Any], by_hash: Mapping[int, str]) -> Categories:
    """Return codes into the column's sorted levels."""
    levels = tuple(sorted(by_hash.values()))
    code_of = {level: code for code, level in enumerate(levels)}
    known = np.array([*by_hash, 0], dtype=np.int64)
    codes = np.array([*(code_of[level] for level in by_hash.values()), -1], dtype=np.int32)
    order = np.argsort(known)
    return Categories(_kept(codes[order][np.searchsorted(known[order], hashes)]), levels)


def _kept(values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Return the array read-only: frames are shared by whoever reads the same columns."""
    values.flags.writeable = False
    return values


def _size(column: FrameColumn) -> int:
    return int(column.codes.nbytes if isinstance(column, Categories) else column.values.nbytes)
