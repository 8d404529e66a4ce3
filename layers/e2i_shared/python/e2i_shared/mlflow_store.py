"""Where MLflow keeps its log: an address that works for a database, with a token for its password where IAM guards it, or for a server.

MLflow tries an address that does not answer for minutes; ``reach`` tells in seconds.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit, urlunsplit
from urllib.request import urlopen

if TYPE_CHECKING:
    from collections.abc import Callable

CONNECT_SECONDS = 5
POSTGRES = frozenset({"postgres", "postgresql", "postgresql+psycopg", "postgresql+psycopg2"})
PATIENCE = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2", "MLFLOW_HTTP_REQUEST_TIMEOUT": "20"}


def is_postgres(uri: str) -> bool:
    """Return whether an address is that of a Postgres database."""
    return urlsplit(uri).scheme in POSTGRES


def address(uri: str, token: Callable[[str], str] | None = None) -> str:
    """Return an address as MLflow takes it: Postgres by the driver that is installed, with the password that ``token`` makes."""
    if not is_postgres(uri):
        return uri
    parts = urlsplit(uri)
    place = parts.netloc
    if token is not None:
        user, _, host = place.rpartition("@")
        place = f"{user.partition(':')[0]}:{quote(token(_libpq(uri)), safe='')}@{host}"
    return urlunsplit(("postgresql+psycopg", place, parts.path, parts.query, ""))


def _libpq(uri: str) -> str:
    """Return an address as libpq takes it."""
    return f"postgresql://{uri.partition('://')[2]}"


def reach(uri: str) -> None:
    """Raise what keeps a store from answering: psycopg.Error for a database, OSError for a server."""
    if is_postgres(uri):
        import psycopg

        psycopg.connect(_libpq(uri), connect_timeout=CONNECT_SECONDS).close()
    elif uri.startswith(("http://", "https://")):
        with urlopen(f"{uri.rstrip('/')}/health", timeout=CONNECT_SECONDS):  # noqa: S310 - the scheme was just looked at
            return


def be_impatient(uri: str) -> None:
    """Let MLflow give a server up soon, and keep no connection to a database open that outlives its token."""
    once = {"MLFLOW_SQLALCHEMYSTORE_POOLCLASS": "NullPool"} if is_postgres(uri) else {}
    for name, value in (PATIENCE | once).items():
        os.environ.setdefault(name, value)
