"""What every repository shares: a database, one tenant, and a transaction per method."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from psycopg.types.json import Jsonb

from e2i_shared.errors import MalformedRequestError, NotFoundError

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import LiteralString, TypeVar

    from psycopg.rows import DictRow
    from pydantic import BaseModel

    from e2i_shared.db.connection import Connection, Database

    T = TypeVar("T")


class Repository:
    """Bound to one database and one tenant; row-level security hides all other tenants' rows."""

    def __init__(self, database: Database, tenant_id: str) -> None:
        self._database = database
        self._tenant_id = tenant_id

    def _run(self, work: Callable[[Connection], T]) -> T:
        return self._database.run(self._tenant_id, work)

    def _rows(self, statement: LiteralString, **parameters: Any) -> list[DictRow]:
        return self._run(lambda connection: connection.execute(statement, parameters).fetchall())

    def _row(self, statement: LiteralString, **parameters: Any) -> DictRow | None:
        return self._run(lambda connection: connection.execute(statement, parameters).fetchone())

    def _do(self, statement: LiteralString, **parameters: Any) -> int:
        return self._run(lambda connection: connection.execute(statement, parameters).rowcount)


def json_of(value: BaseModel | list[Any]) -> Jsonb:
    """Return a wire model, or a list of them, as a JSON parameter."""
    if isinstance(value, list):
        return Jsonb([item.model_dump(mode="json", by_alias=True) for item in value])
    return Jsonb(value.model_dump(mode="json", by_alias=True))


def iso(moment: datetime) -> str:
    """Return a stored time as ISO 8601 in UTC."""
    return moment.astimezone(UTC).isoformat()


def iso_or_none(moment: datetime | None) -> str | None:
    """Return a stored time as ISO 8601, or None."""
    return None if moment is None else iso(moment)


def known_id(value: str, what: str) -> str:
    """Return an id in canonical form; what is no UUID cannot exist, so raise NotFoundError."""
    try:
        return str(uuid.UUID(value))
    except ValueError:
        raise not_found(what, value) from None


def new_id_from(value: str, field: str) -> str:
    """Return the id of something to be created; raise MalformedRequestError when it is no UUID."""
    try:
        return str(uuid.UUID(value))
    except ValueError:
        raise MalformedRequestError(f"The {field} is not a UUID.", field=field, expected="a UUID", got=value) from None


def not_found(what: str, identity: object) -> NotFoundError:
    """Return the error for an object this tenant does not have."""
    return NotFoundError(f"There is no {what} {str(identity)[:100]!r}.", field=what, got=str(identity)[:100])
