"""Does the database answer, how fast, and with which schema."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from e2i_shared.db.queries import query

if TYPE_CHECKING:
    from e2i_shared.db.connection import Database


@dataclass(frozen=True, slots=True)
class DatabaseHealth:
    """A round trip in milliseconds and the newest migration applied."""

    latency_ms: float
    migration: int


def ping(database: Database) -> DatabaseHealth:
    """Ask the database for its schema version; raise DatabaseUnavailableError."""
    started = time.perf_counter()
    with database.transaction(None) as connection:
        row = connection.execute(query("connection", "ping")).fetchone()
    return DatabaseHealth((time.perf_counter() - started) * 1000, row["version"] if row else 0)
