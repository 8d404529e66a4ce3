"""How many levels each column has, and the most frequent ones with their counts."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from psycopg import sql
from psycopg.rows import tuple_row

from e2i_shared.datasets.describe import LISTED
from e2i_shared.db.copying import physical
from e2i_shared.db.queries import query

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from e2i_shared.datasets.plan import ColumnPlan
    from e2i_shared.db.connection import Connection

Levels: TypeAlias = "tuple[int, list[tuple[str, int]]]"
# Levels in the sample up to which all levels of a large table's column are counted.
_FEW_TEXTS: Final = 500
_FEW_NUMBERS: Final = 16
_JOINT_GROUPS: Final = 4_096


def of_small(
    connection: Connection, table: sql.Identifier, _part: sql.Identifier, columns: Sequence[ColumnPlan], _rows: int
) -> list[Levels]:
    """Count the levels of each column exactly."""
    statement = sql.SQL(query("loading", "levels"))
    found = []
    for index, column in enumerate(columns):
        name, text = _named(index, column)
        composed = statement.format(table=table, column=name, text=text, limit=sql.Literal(LISTED))
        rows = connection.execute(composed).fetchall()
        found.append(((rows[0]["levels"] if rows else 0), [(row["level"], row["n"]) for row in rows]))
    return found


def of_large(
    connection: Connection, table: sql.Identifier, part: sql.Identifier, columns: Sequence[ColumnPlan], rows: int
) -> list[Levels]:
    """Count the levels of columns that have few in the sample ``part`` exactly, and estimate how many the others have.

    Columns with few levels are grouped by together, so that the table is scanned once for several of them.
    """
    statement = sql.SQL(query("loading", "sample_levels"))
    seen: list[Mapping[str, Any]] = []
    for index in range(len(columns)):
        name = sql.Identifier(physical(index))
        seen.append(connection.execute(statement.format(table=part, column=name)).fetchone() or {})
    few = {
        index: int(seen[index]["levels"])
        for index, column in enumerate(columns)
        if seen[index]["levels"] <= (_FEW_TEXTS if column.storage == "text" else _FEW_NUMBERS)
    }
    counted: dict[int, Counter[str]] = {}
    for group in together(few):
        counted |= _joint(connection, table, {index: columns[index] for index in group})
    return [
        (len(counted[index]), counted[index].most_common(LISTED)) if index in few else (estimate(seen[index], rows), [])
        for index in range(len(columns))
    ]


def together(few: Mapping[int, int]) -> Iterator[list[int]]:
    """Yield groups of columns whose levels, given by column, combine to at most _JOINT_GROUPS."""
    group: list[int] = []
    combined = 1
    for index, levels in sorted(few.items(), key=lambda item: item[1]):
        if group and combined * (levels + 1) > _JOINT_GROUPS:
            yield group
            group, combined = [], 1
        group.append(index)
        combined *= levels + 1
    if group:
        yield group


def estimate(seen: Mapping[str, Any], rows: int) -> int:
    """Return how many levels a column of ``rows`` values has, given those in a sample.

    Haas and Stokes (1998), as ANALYZE does: n·d / (n − f₁ + f₁·n/N) for d levels, f₁ of them seen once, among n of N values.
    """
    levels, singles, count = int(seen["levels"]), int(seen["singles"]), int(seen["seen"])
    return round(count * levels / (count - singles + singles * count / rows))


def _joint(connection: Connection, table: sql.Identifier, columns: Mapping[int, ColumnPlan]) -> dict[int, Counter[str]]:
    named = [_named(index, column) for index, column in columns.items()]
    statement = sql.SQL(query("loading", "joint_levels")).format(
        table=table,
        columns=sql.SQL(", ").join(name for name, _ in named),
        texts=sql.SQL(", ").join(text for _, text in named),
    )
    counters: dict[int, Counter[str]] = {index: Counter() for index in columns}
    for *texts, count in connection.cursor(row_factory=tuple_row).execute(statement):
        for counter, text in zip(counters.values(), texts, strict=True):
            if text is not None:
                counter[text] += count
    return counters


def _named(index: int, column: ColumnPlan) -> tuple[sql.Identifier, sql.Composed]:
    name = sql.Identifier(physical(index))
    form = "datetime" if column.storage == "timestamptz" else "plain"
    return name, sql.SQL(query("loading", f"level_{form}")).format(column=name)
