"""One lazily opened connection, transactions bound to a tenant, and Postgres' errors in the product's words."""

from __future__ import annotations

import random
import threading
import time
import uuid
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, TypeVar

import psycopg
from psycopg import errors as pg
from psycopg import sql
from psycopg.rows import DictRow, dict_row

from e2i_shared.db.queries import query
from e2i_shared.errors import (
    ConfigurationError,
    ConflictError,
    DatabaseUnavailableError,
    E2IError,
    MalformedRequestError,
    StorageFullError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

T = TypeVar("T")
Connection = psycopg.Connection[DictRow]

_NO_TENANT = ""


class LostConnectionError(DatabaseUnavailableError):
    """The connection broke before COMMIT was sent: the server rolled back, so that the work may run again."""


class RolledBackError(DatabaseUnavailableError):
    """The server rolled the transaction back in favour of another one (serialization failure, deadlock)."""


class Database:
    """A connection string and, once needed, one connection.

    Parameters
    ----------
    conninfo
        A libpq connection string of the application role.
    connect_timeout
        Seconds to wait for the server.
    statement_timeout
        Seconds after which a statement is cancelled.
    """

    def __init__(self, conninfo: str, *, connect_timeout: int = 5, statement_timeout: float = 30) -> None:
        self._conninfo = conninfo
        self._connect_timeout = connect_timeout
        self._timeout = f"{round(statement_timeout * 1000)}ms"
        self._connection: Connection | None = None
        self._lock = threading.Lock()
        self._holder: int | None = None
        self._shared: tuple[str | None, Connection] | None = None
        self._openings: dict[str, bytes] = {}

    @contextmanager
    def transaction(self, tenant_id: str | None) -> Iterator[Connection]:
        """Run a block in one transaction that sees the rows of one tenant (None: of nobody) and commit it.

        Raises DatabaseUnavailableError, StorageFullError, or MalformedRequestError for a value no column can hold.
        """
        tenant = _NO_TENANT if tenant_id is None else _valid(tenant_id)
        with self._exclusively():
            connection = self._begin(tenant)
            committing = False
            try:
                yield connection
                committing = True
                connection.commit()
            except (psycopg.Error, UnicodeEncodeError) as error:
                self._abandon(connection)
                raise translate(error, in_doubt=committing) from None
            except BaseException:
                self._abandon(connection)
                raise

    def run(self, tenant_id: str | None, work: Callable[[Connection], T], *, attempts: int = 3) -> T:
        """Return ``work(connection)`` from its own transaction; repeat it when the server surely kept nothing.

        A serialization failure, a deadlock or a connection lost before COMMIT is repeated with jitter; a failure
        during COMMIT is not, for nobody knows what was kept.
        """
        if (shared := self._joined(tenant_id)) is not None:
            return work(shared)
        for attempt in range(1, attempts + 1):
            try:
                with self.transaction(tenant_id) as connection:
                    return work(connection)
            except (LostConnectionError, RolledBackError):
                if attempt == attempts:
                    raise
                time.sleep(random.uniform(0, 0.02 * 2**attempt))  # noqa: S311 - jitter, not a secret
        raise AssertionError  # pragma: no cover

    def together(self, tenant_id: str, work: Callable[[], T]) -> T:
        """Return ``work()``, all of whose calls of ``run`` for this tenant share one transaction: fewer round trips, all kept or none.

        The work is repeated as a whole where ``run`` would repeat; it must be quick, for it holds the transaction open.
        """

        def share(connection: Connection) -> T:
            self._shared = (tenant_id, connection)
            try:
                return work()
            finally:
                self._shared = None

        return self.run(tenant_id, share)

    def _joined(self, tenant_id: str | None) -> Connection | None:
        """Return this thread's shared transaction, where there is one of the tenant."""
        if self._shared is None or self._holder != threading.get_ident() or self._shared[0] != tenant_id:
            return None
        return self._shared[1]

    def close(self) -> None:
        """Close the connection; the next transaction opens a new one."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(psycopg.Error):
                connection.close()

    @contextmanager
    def _exclusively(self) -> Iterator[None]:
        if self._holder == threading.get_ident():
            raise ConfigurationError("Transactions do not nest: pass the open connection on instead.")
        with self._lock:
            self._holder = threading.get_ident()
            try:
                yield
            finally:
                self._holder = None

    def _begin(self, tenant: str) -> Connection:
        reused = self._connection is not None
        try:
            return self._opened(tenant)
        except psycopg.Error as error:
            self.close()
            if not reused:
                raise translate(error) from None
        # An idle connection died (failover, timeout): nothing had been sent on it, so nothing is in doubt.
        try:
            return self._opened(tenant)
        except psycopg.Error as error:
            self.close()
            raise translate(error) from None

    def _opened(self, tenant: str) -> Connection:
        if self._connection is None:
            self._connection = psycopg.connect(
                self._conninfo,
                autocommit=True,  # BEGIN goes with the first statement instead of before it
                connect_timeout=self._connect_timeout,
                prepare_threshold=None,
                row_factory=dict_row,
                application_name="e2i",
            )
        self._connection.execute(self._opening(tenant))
        return self._connection

    def _opening(self, tenant: str) -> bytes:
        """Return what begins a tenant's transaction, as one message: without parameters two statements may go in one."""
        if tenant not in self._openings:
            begin = sql.SQL(query("connection", "begin")).format(tenant_id=tenant, timeout=self._timeout)
            self._openings[tenant] = b"BEGIN; " + begin.as_bytes(self._connection)
        return self._openings[tenant]

    def _abandon(self, connection: Connection) -> None:
        try:
            connection.rollback()
        except psycopg.Error:
            self.close()
        if connection.closed:
            self.close()


def translate(error: psycopg.Error | UnicodeEncodeError, *, in_doubt: bool = False) -> E2IError:
    """Return the product's error for one of Postgres; its message holds neither SQL nor values."""
    for kinds, kind, message, hint in _TRANSLATIONS:
        if isinstance(error, kinds):
            return kind(message, hint=hint)
    if isinstance(error, (psycopg.OperationalError, psycopg.InterfaceError)):
        if in_doubt:
            message = "The database went away while it was committing."
            return DatabaseUnavailableError(message, hint="Read the object before trying again.")
        return LostConnectionError("The database did not answer; nothing was kept.", hint="Try again in a moment.")
    state = getattr(error, "sqlstate", None) or "unknown"
    constraint = error.diag.constraint_name if isinstance(error, psycopg.Error) else None
    return E2IError(f"The database refused the request (SQLSTATE {state}, constraint {constraint or 'none'}).")


_TRANSLATIONS: tuple[tuple[tuple[type[Exception], ...], type[E2IError], str, str], ...] = (
    (
        (psycopg.DataError, UnicodeEncodeError),
        MalformedRequestError,
        "A value cannot be stored: it holds characters or numbers outside the permitted range.",
        "Remove control characters and check the numbers.",
    ),
    (
        (pg.DiskFull, pg.OutOfMemory),
        StorageFullError,
        "The database has no room left; nothing was kept.",
        "Free disk space, then try again.",
    ),
    (
        (pg.SerializationFailure, pg.DeadlockDetected),
        RolledBackError,
        "Another transaction won; nothing was kept.",
        "Try again.",
    ),
    (
        (pg.QueryCanceled,),
        DatabaseUnavailableError,
        "The database took too long; nothing was kept.",
        "Ask for less, or try again.",
    ),
    (
        (pg.UniqueViolation, pg.ExclusionViolation),
        ConflictError,
        "It exists already.",
        "Read it, or choose another name.",
    ),
)


def active_tenants(database: Database) -> list[str]:
    """Return the ids of all tenants, for a background job that sets each in turn."""
    with database.transaction(None) as connection:
        return [row["tenant_id"] for row in connection.execute(query("connection", "active_tenants"))]


def _valid(tenant_id: str) -> str:
    try:
        return str(uuid.UUID(tenant_id))
    except ValueError:
        raise ConfigurationError("The tenant id is not a UUID.", field="tenant_id", got=tenant_id) from None
