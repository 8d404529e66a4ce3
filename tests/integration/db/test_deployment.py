"""The deployment's own step, on a real server."""

from __future__ import annotations

import psycopg
import pytest
from e2i_shared.deployment import APP_ROLE, MLFLOW_ROLE, prepare_database, set_password
from e2i_shared.tools._registry import catalogue
from psycopg.conninfo import make_conninfo

pytestmark = pytest.mark.postgres


@pytest.fixture
def admin(postgres_server):
    yield postgres_server.admin
    postgres_server.drop("e2i")


def test_a_deployment_migrates_and_registers_every_declared_tool_with_its_edges(admin):
    prepare_database(admin)

    with psycopg.connect(make_conninfo(admin, dbname="e2i")) as connection:
        names = {row[0] for row in connection.execute("SELECT name FROM tool_registry WHERE deprecated_at IS NULL")}
        edges = connection.execute("SELECT count(*) FROM tool_dependencies").fetchone()
    assert names == set(catalogue())
    assert edges == (sum(len(tool.edges) for tool in catalogue().values()),)


def test_a_second_deployment_changes_nothing(admin):
    first = prepare_database(admin)
    with psycopg.connect(make_conninfo(admin, dbname="e2i")) as connection:
        before = connection.execute("SELECT name, updated_at FROM tool_registry ORDER BY name").fetchall()

    assert prepare_database(admin) == first
    with psycopg.connect(make_conninfo(admin, dbname="e2i")) as connection:
        assert connection.execute("SELECT name, updated_at FROM tool_registry ORDER BY name").fetchall() == before


@pytest.mark.parametrize("role", [APP_ROLE, MLFLOW_ROLE])
def test_a_role_gets_its_password_whatever_characters_it_holds(admin, role):
    prepare_database(admin)

    set_password(admin, role, "it's; DROP ROLE e2i_app; --\\")

    with psycopg.connect(admin) as connection:
        row = connection.execute("SELECT rolpassword FROM pg_authid WHERE rolname = %s", [role]).fetchone()
    assert row is not None
    assert row[0].startswith("SCRAM-SHA-256$")
