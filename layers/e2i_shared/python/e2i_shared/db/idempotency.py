"""Idempotency keys: the first request with a key runs, its repeats get the first one's response."""

from __future__ import annotations

from typing import TYPE_CHECKING

from psycopg.types.json import Jsonb

from e2i_shared.db.queries import query
from e2i_shared.db.repository import Repository
from e2i_shared.errors import ConflictError

if TYPE_CHECKING:
    from e2i_shared.api.common import Json
    from e2i_shared.db.connection import Connection, Database

DAY = 24 * 3600.0


class PostgresIdempotency(Repository):
    """The keys of one tenant.

    A key is kept for ``keep_seconds``; one whose first request died without an answer is free again after ``lease_seconds``.
    """

    def __init__(
        self, database: Database, tenant_id: str, *, lease_seconds: float = 60, keep_seconds: float = DAY
    ) -> None:
        super().__init__(database, tenant_id)
        self._times = {"lease": lease_seconds, "keep": keep_seconds}

    def begin(self, key: str, body_hash: str) -> Json | None:
        """Take a key for the caller and return None, or return the response of the request that took it before.

        Raises ConflictError when the key came with another body, or when its first request is still being served.
        """

        def work(connection: Connection) -> Json | None:
            values = {"key": key, "body_hash": body_hash} | self._times
            if connection.execute(query("idempotency", "reserve"), values).fetchone():
                return None
            held = connection.execute(query("idempotency", "read"), {"key": key}).fetchone()
            return replay(held["body_hash"] if held else body_hash, held["response"] if held else None, body_hash)

        return self._run(work)

    def finish(self, key: str, response: Json) -> None:
        """Keep the response for repeats; a second time changes nothing."""
        self._do(query("idempotency", "finish"), key=key, response=Jsonb(response))

    def abandon(self, key: str) -> None:
        """Free a key whose request failed for a passing reason; one with a response stays."""
        self._do(query("idempotency", "abandon"), key=key)

    def purge(self) -> int:
        """Delete what has expired and return how many keys that were."""
        return self._do(query("idempotency", "purge"))


def replay(held_hash: str, response: Json | None, body_hash: str) -> Json:
    """Return the kept response, or raise ConflictError: another body, or not finished yet."""
    if held_hash != body_hash:
        raise ConflictError(
            "The Idempotency-Key was used before with another body.",
            field="Idempotency-Key",
            expected="the same body",
            hint="Use a new key for a new request.",
        )
    if response is None:
        raise ConflictError(
            "The first request with this Idempotency-Key is still being served.",
            field="Idempotency-Key",
            hint="Repeat in a moment.",
        )
    return response
