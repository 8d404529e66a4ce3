"""tool_registry, tool_dependencies, tool_performance: the declared tools and how they do."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

import psycopg
from psycopg import errors as pg
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from e2i_shared.api.tools import ToolDescription
from e2i_shared.db.queries import query
from e2i_shared.db.repository import Repository
from e2i_shared.errors import ConfigurationError, InvalidPlanError, UnknownToolError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from e2i_shared.db.connection import Connection

CYCLE = "E2I01"
UNKNOWN = "E2I02"


@dataclass(frozen=True, slots=True)
class ToolReliability:
    """How a tool did in the last 7 days; latencies in milliseconds."""

    tool: str
    calls: int
    success_rate: float
    avg_latency_ms: float | None
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None


@dataclass(frozen=True, slots=True)
class ToolSync:
    """What a synchronisation changed, by tool name."""

    added: tuple[str, ...]
    updated: tuple[str, ...]
    deprecated: tuple[str, ...]


class PostgresTools(Repository):
    """The tools of one tenant: the product's and its own."""

    def list(self) -> Sequence[ToolDescription]:
        """Return every tool that is not deprecated, by name, with its edges."""
        return [ToolDescription.model_validate(row) for row in self._rows(query("tools", "list"))]

    def reliability(self) -> Sequence[ToolReliability]:
        """Return v_tool_reliability of this tenant."""
        return [ToolReliability(**row) for row in self._rows(query("tools", "reliability"))]

    def record_run(
        self,
        tool: str,
        *,
        success: bool,
        latency_ms: float | None = None,
        input_complexity: int | None = None,
        error_type: str | None = None,
        called_by: str = "api",
    ) -> None:
        """Record a call outside a composition; ``input_complexity`` is its number of input fields."""
        self._do(
            query("tools", "record_run"),
            tool=tool,
            success=success,
            latency_ms=latency_ms,
            input_complexity=input_complexity,
            error_type=error_type,
            called_by=called_by,
        )

    def update_metrics(self) -> int:
        """Refresh the registry's latency and success rate; return how many tools changed."""
        row = self._row(query("tools", "update_metrics"))
        return int(row["changed"]) if row else 0

    def execution_order(self, names: Sequence[str]) -> Sequence[Sequence[str]]:
        """Return the tools in levels, producers first.

        Raises InvalidPlanError for a cycle and UnknownToolError for a name that is not registered.
        """

        def work(connection: Connection) -> list[list[str]]:
            try:
                rows = connection.execute(query("tools", "execution_order"), {"names": [*names]}).fetchall()
            except pg.Error as error:
                raise _order_error(error) from None
            return [[row["tool_name"] for row in level] for _, level in groupby(rows, key=lambda row: row["level"])]

        return self._run(work)


def sync_tools(conninfo: str, descriptions: Sequence[ToolDescription]) -> ToolSync:
    """Bring the registry to the declared tools, in one transaction, as the deploying role.

    ``descriptions`` come with schemas. A tool that is no longer declared is deprecated, not deleted: history refers to it.
    Raises ConfigurationError, before anything changes, for an edge from a tool that is not declared.
    """
    _check_edges(descriptions)
    with psycopg.connect(conninfo, row_factory=dict_row, prepare_threshold=None) as connection:
        connection.execute(query("migrations", "become_owner"))
        changes = {d.name: _upsert(connection, d) for d in descriptions}
        names = {"names": [d.name for d in descriptions]}
        gone = [row["name"] for row in connection.execute(query("tools", "deprecate_others"), names)]
        connection.execute(query("tools", "clear_edges"))
        for description in descriptions:
            for edge in description.edges:
                connection.execute(query("tools", "insert_edge"), edge.model_dump() | {"consumer": description.name})
    return ToolSync(
        added=tuple(sorted(name for name, inserted in changes.items() if inserted)),
        updated=tuple(sorted(name for name, inserted in changes.items() if inserted is False)),
        deprecated=tuple(sorted(gone)),
    )


def _check_edges(descriptions: Sequence[ToolDescription]) -> None:
    names = {description.name for description in descriptions}
    for description in descriptions:
        for edge in description.edges:
            if edge.producer not in names:
                raise ConfigurationError(
                    f"Tool {description.name!r} consumes from {edge.producer!r}, which is not declared.",
                    field=f"{description.name}.edges",
                    expected="the name of a declared tool",
                    got=edge.producer,
                    candidates=sorted(names),
                )


def _upsert(connection: Connection, description: ToolDescription) -> bool | None:
    values = description.model_dump(mode="json", exclude={"edges"}) | {
        "input_schema": Jsonb(description.input_schema),
        "output_schema": Jsonb(description.output_schema),
        "examples": Jsonb(description.examples),
    }
    row = connection.execute(query("tools", "upsert"), values).fetchone()
    return None if row is None else bool(row["inserted"])


def _order_error(error: psycopg.Error) -> Exception:
    message = error.diag.message_primary or ""
    if error.sqlstate == CYCLE:
        return InvalidPlanError(message.capitalize() + ".", field="tools", hint="Remove one of the edges between them.")
    if error.sqlstate == UNKNOWN:
        return UnknownToolError(message.capitalize() + ".", field="tools", hint="GET /tools lists them.")
    return error
