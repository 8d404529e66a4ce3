"""Profiles of loaded columns, computed where the rows are.

Up to EXACT_ROWS everything is exact. Above, counts, bounds and moments stay exact, and so do the levels of columns with few;
quantiles, and how many levels a column has beyond, are estimated from a sample of SAMPLE_ROWS.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from psycopg import errors as pg
from psycopg import sql
from psycopg.rows import tuple_row

from e2i_shared.api.datasets import ColumnStatistics
from e2i_shared.datasets import refusals
from e2i_shared.datasets.describe import LISTED, QUANTILES, number_text, settled_kind
from e2i_shared.datasets.repository import CellError
from e2i_shared.db import levels
from e2i_shared.db.copying import physical
from e2i_shared.db.queries import query

if TYPE_CHECKING:
    from collections.abc import Sequence

    from e2i_shared.api.datasets import ColumnKind
    from e2i_shared.datasets.plan import ColumnPlan
    from e2i_shared.db.connection import Connection
    from e2i_shared.db.levels import Levels

EXACT_ROWS: Final = 200_000
SAMPLE_ROWS: Final = 30_000
_BATCH: Final = 200  # six values a column; a select list holds 1,664
_PART: Final = sql.Identifier("pg_temp", "part")
_FRAGMENT: Final = {
    "double precision": "number",
    "boolean": "boolean",
    "date": "date",
    "timestamptz": "datetime",
    "text": "text",
}


def profile(
    connection: Connection, table: sql.Identifier, columns: Sequence[ColumnPlan]
) -> list[tuple[ColumnKind, ColumnStatistics]]:
    """Return the settled kind and profile of each column of a rows table.

    Raises CellError for the first NaN or infinity, or for an empty text, that a COPY let through.
    """
    rows, moments = _moments(connection, table, columns)
    large = rows > EXACT_ROWS
    part = _sample(connection, table, rows) if large else table
    for index, (column, values) in enumerate(zip(columns, moments, strict=True)):
        _refuse_odd(connection, table, index, column, values)
    count = levels.of_large if large else levels.of_small
    found = []
    for index, counted in enumerate(count(connection, table, part, columns, rows)):
        column, values = columns[index], moments[index]
        name = sql.Identifier(physical(index))
        quantiles = _quantiles(connection, part, name) if column.storage == "double precision" and values[0] else []
        found.append(_settle(column, values, rows, counted, quantiles))
    return found


def _moments(
    connection: Connection, table: sql.Identifier, columns: Sequence[ColumnPlan]
) -> tuple[int, list[tuple[Any, ...]]]:
    statement = sql.SQL(query("loading", "moments"))
    cursor = connection.cursor(row_factory=tuple_row)
    rows, found = 0, []
    for start in range(0, len(columns), _BATCH):
        batch = columns[start : start + _BATCH]
        parts = [
            sql.SQL(query("loading", f"moments_{_FRAGMENT[column.storage]}")).format(
                column=sql.Identifier(physical(start + i))
            )
            for i, column in enumerate(batch)
        ]
        selected = sql.SQL(", ").join([sql.SQL("count(*)"), *parts])
        try:
            row = cursor.execute(statement.format(columns=selected, table=table)).fetchone() or ()
        except pg.NumericValueOutOfRange:
            raise refusals.too_large() from None
        rows = row[0]
        found += [row[1 + 6 * i : 7 + 6 * i] for i in range(len(batch))]
    return rows, found


def _refuse_odd(
    connection: Connection, table: sql.Identifier, index: int, column: ColumnPlan, values: Sequence[Any]
) -> None:
    if column.storage == "text" and values[1]:
        raise CellError(index, "")
    odd = {"nan", "inf", "-inf", "infinity", "-infinity"}
    if column.storage == "text" or not {str(values[1]).lower(), str(values[2]).lower()} & odd:
        return
    statement = sql.SQL(query("loading", "first_not_finite"))
    connection.execute(query("loading", "one_worker"))
    row = connection.execute(statement.format(table=table, column=sql.Identifier(physical(index)))).fetchone()
    if row is not None:
        raise CellError(index, row["value"], record=row["record"], infinite=row["value"] != "NaN")


def _sample(connection: Connection, table: sql.Identifier, rows: int) -> sql.Identifier:
    statement = sql.SQL(query("loading", "sample"))
    connection.execute(statement.format(part=_PART, table=table, percent=sql.Literal(100 * SAMPLE_ROWS / rows)))
    return _PART


def _quantiles(connection: Connection, part: sql.Composable, name: sql.Identifier) -> list[float]:
    statement = sql.SQL(query("loading", "quantiles"))
    row = connection.execute(
        statement.format(table=part, column=name, fractions=sql.Literal(list(QUANTILES)))
    ).fetchone()
    return (row["quantiles"] or []) if row else []


def _settle(
    column: ColumnPlan,
    values: Sequence[Any],
    rows: int,
    counted: Levels,
    quantiles: list[float],
) -> tuple[ColumnKind, ColumnStatistics]:
    distinct, top = counted
    present, low, high, mean, std, whole = values
    low = None if column.storage == "text" else low
    kind = settled_kind(column, present, distinct, whole=bool(whole))
    scalar = column.storage != "text"
    if column.storage in ("double precision", "boolean"):
        top = [(number_text(_number(text), kind), n) for text, n in top]
        std = (std or 0.0) if present else None
    if scalar and distinct > LISTED:
        top = []
    top = sorted(top, key=lambda level: (-level[1], level[0]))
    return kind, ColumnStatistics(
        missing=rows - present,
        distinct=distinct,
        minimum=low,
        maximum=high,
        mean=mean,
        std=std,
        quantiles=quantiles,
        top_values=top,
    )


def _number(text: str) -> float:
    return float({"true": "1", "false": "0"}.get(text, text))
