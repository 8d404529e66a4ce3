"""The runtime's own tables, through two connections: one reads, one writes with its callers' changes grouped into one commit."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, LiteralString

import psycopg
from e2i_shared.db.queries import parse
from psycopg.rows import dict_row

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

SQL = Path(__file__).parent / "sql"
RECONNECT_SECONDS = 20.0

Row = dict[str, Any]
Connection = psycopg.AsyncConnection[Row]


@cache
def queries() -> dict[str, LiteralString]:
    """Return the named statements of ``sql/queries.sql``."""
    return {name: named.sql for name, named in parse((SQL / "queries.sql").read_text()).items()}


@dataclass(frozen=True, slots=True)
class Statement:
    """A named statement with its values; with several sets of values it is run once for each."""

    name: str
    values: Sequence[Mapping[str, Any]]


Follow = Callable[[list[Row]], "Sequence[Statement]"]


@dataclass(slots=True)
class Batch:
    """Statements that must be committed together, and who waits for them."""

    statements: Sequence[Statement]
    then: Follow | None
    done: asyncio.Future[list[Row]]


@dataclass(slots=True)
class Store:
    """The database ``e2i_runtime``."""

    conninfo: str
    _writer: Connection | None = None
    _reader: Connection | None = None
    _pending: list[Batch] = field(default_factory=list)
    _wake: asyncio.Event = field(default_factory=asyncio.Event)
    _reading: asyncio.Lock = field(default_factory=asyncio.Lock)
    _loop: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Connect, create the tables where they are missing, and start writing."""
        self._writer = await self._connect()
        await self._writer.execute((SQL / "schema.sql").read_bytes())
        await self._writer.commit()
        self._loop = asyncio.create_task(self._write_forever())
        await self.write(Statement("forget_old_executions", [{}]), Statement("forget_old_events", [{}]))

    async def close(self) -> None:
        """Write what is pending and disconnect."""
        if self._loop is not None and not self._loop.done():
            await self.write()
        if self._loop is not None:
            self._loop.cancel()
            with suppress(asyncio.CancelledError):
                await self._loop
        for connection in (self._writer, self._reader):
            if connection is not None:
                await connection.close()

    async def write(self, *statements: Statement, then: Follow | None = None) -> list[Row]:
        """Commit the statements as one, with those that ``then`` makes of the last one's rows; return those rows once they are durable."""
        batch = Batch(statements, then, asyncio.get_running_loop().create_future())
        self._pending.append(batch)
        self._wake.set()
        return await asyncio.shield(batch.done)

    async def read(self, query: str, **values: Any) -> list[Row]:
        """Run a named query and return its rows."""
        async with self._reading:
            for last in (False, True):
                try:
                    if self._reader is None or self._reader.closed:
                        self._reader = await self._connect()
                        await self._reader.set_autocommit(True)
                    return await (await self._reader.execute(queries()[query], values)).fetchall()
                except psycopg.OperationalError:
                    if last:
                        raise
        return []

    async def _connect(self) -> Connection:
        deadline = asyncio.get_running_loop().time() + RECONNECT_SECONDS
        while True:
            try:
                return await psycopg.AsyncConnection.connect(self.conninfo, row_factory=dict_row)
            except psycopg.OperationalError:
                if asyncio.get_running_loop().time() > deadline:
                    raise
                await asyncio.sleep(0.2)

    async def _write_forever(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            batches, self._pending = self._pending, []
            if not await self._commit(batches):
                for batch in batches:  # one of them is at fault: find it
                    await self._commit([batch], last=True)

    async def _commit(self, batches: list[Batch], *, last: bool = False) -> bool:
        try:
            if self._writer is None or self._writer.closed:
                self._writer = await self._connect()
            results = [await self._execute(self._writer, batch) for batch in batches]
            await self._writer.commit()
        except Exception as error:  # noqa: BLE001 - whatever a caller's values bring about is the caller's, not the loop's
            await self._undo()
            if last:
                _settle(batches[0], error)
            return False
        for batch, rows in zip(batches, results, strict=True):
            _settle(batch, rows)
        return True

    async def _undo(self) -> None:
        try:
            if self._writer is not None and not self._writer.closed:
                await self._writer.rollback()
        except psycopg.Error:
            self._writer = None

    async def _execute(self, connection: Connection, batch: Batch) -> list[Row]:
        async with connection.cursor() as cursor:
            rows = await _run(cursor, batch.statements)
            if batch.then is not None:
                await _run(cursor, batch.then(rows))
        return rows


async def _run(cursor: psycopg.AsyncCursor[Row], statements: Sequence[Statement]) -> list[Row]:
    rows: list[Row] = []
    for statement in statements:
        if len(statement.values) == 1:
            await cursor.execute(queries()[statement.name], statement.values[0])
            rows = await cursor.fetchall() if cursor.description else []
        else:
            await cursor.executemany(queries()[statement.name], statement.values)
    return rows


def _settle(batch: Batch, result: list[Row] | Exception) -> None:
    if batch.done.done():
        return
    if isinstance(result, Exception):
        batch.done.set_exception(result)
    else:
        batch.done.set_result(result)
