from __future__ import annotations

import psycopg
import pytest
from builders_db import tool
from e2i_shared.db.migrate import bootstrap_database, create_tenant, discover, from_files, main, migrate, rollback
from e2i_shared.db.tools import sync_tools
from e2i_shared.errors import ConfigurationError
from psycopg import sql
from psycopg.conninfo import make_conninfo

CATALOG = """
SELECT 'table' AS kind, n.nspname || '.' || c.relname AS name FROM pg_class AS c
JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname IN ('public', 'rows') AND c.relowner = 'e2i_owner'::regrole
UNION ALL SELECT 'function', proname FROM pg_proc WHERE proowner = 'e2i_owner'::regrole
UNION ALL SELECT 'type', typname FROM pg_type WHERE typowner = 'e2i_owner'::regrole AND typtype = 'e'
UNION ALL SELECT 'schema', nspname FROM pg_namespace WHERE nspowner = 'e2i_owner'::regrole AND nspname <> 'migrations'
ORDER BY 1, 2
"""


def objects(conninfo: str) -> list[tuple[str, str]]:
    with psycopg.connect(conninfo) as connection:
        return connection.execute(CATALOG).fetchall()


@pytest.fixture
def empty(postgres_server):
    name = postgres_server.create()
    yield postgres_server.admin_of(name)
    postgres_server.drop(name)


def test_migrating_twice_applies_nothing_the_second_time(empty):
    assert len(migrate(empty)) == len(discover())
    assert migrate(empty) == []


def test_every_rollback_undoes_its_own_migration_and_nothing_else(empty):
    migrations = discover()
    states = [[]]
    for count in range(1, len(migrations) + 1):
        migrate(empty, migrations[:count])
        states.append(objects(empty))

    for version in range(len(migrations) - 1, -1, -1):
        rollback(empty, version)
        assert objects(empty) == states[version], f"rollback to {version}"

    migrate(empty)
    assert objects(empty) == states[-1]


def test_an_edited_migration_is_refused_by_name(empty):
    migrations = discover()
    migrate(empty, migrations)
    edited = [*migrations[:1], migrations[1].__class__(2, "classifier", "SELECT 1", "SELECT 1"), *migrations[2:]]

    with pytest.raises(ConfigurationError, match="0002_classifier was edited"):
        migrate(empty, edited)


def test_a_failing_migration_leaves_nothing_behind(empty):
    broken = from_files({"0001_bad.sql": "CREATE TABLE half (x int); SELECT 1/0;", "0001_bad.rollback.sql": ""})

    with pytest.raises(ConfigurationError, match="0001_bad failed"):
        migrate(empty, broken)

    assert objects(empty) == []


def test_code_older_than_the_database_is_refused(empty):
    migrations = discover()
    migrate(empty, migrations)

    with pytest.raises(ConfigurationError, match="does not know"):
        migrate(empty, migrations[:-1])


def test_bootstrapping_twice_gives_the_same_application_conninfo(postgres_server):
    first = bootstrap_database(postgres_server.admin, database="e2i_bootstrap_test")
    second = bootstrap_database(postgres_server.admin, database="e2i_bootstrap_test")

    with psycopg.connect(first) as connection:
        assert connection.execute("SELECT current_user, current_database()").fetchone() == (
            "e2i_app",
            "e2i_bootstrap_test",
        )
        connection.execute("SELECT set_config('app.tenant_id', '00000000-0000-7000-8000-000000000001', true)")
        assert connection.execute("SELECT name FROM tenants").fetchall() == [("default",)]
    assert first == second
    postgres_server.drop("e2i_bootstrap_test")


def test_two_migrators_at_once_apply_each_migration_once(empty):
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(2) as pool:
        names = [name for applied in pool.map(migrate, [empty, empty]) for name in applied]

    assert sorted(names) == [f"{m.version:04d}_{m.name}" for m in discover()]


def test_the_command_line_says_what_it_did(empty, capsys):
    assert main(["--conninfo", empty]) == 0
    assert "applied 0001_foundation" in capsys.readouterr().out
    assert main(["--conninfo", empty]) == 0
    assert capsys.readouterr().out == "nothing to do\n"
    newest = discover()[-1]
    assert main(["--conninfo", empty, "--to", str(newest.version - 1)]) == 0
    assert capsys.readouterr().out == f"rolled back {newest.version:04d}_{newest.name}\n"


@pytest.fixture
def managed(postgres_server):
    """A database of a deploying role that may create roles and databases but is no superuser, as on RDS."""
    name = postgres_server.create()
    with psycopg.connect(postgres_server.admin, autocommit=True) as connection:
        connection.execute("CREATE ROLE deployer LOGIN CREATEROLE CREATEDB")
        connection.execute("GRANT e2i_owner, e2i_app, e2i_mlflow TO deployer WITH ADMIN TRUE, INHERIT FALSE, SET FALSE")
        connection.execute(sql.SQL("ALTER DATABASE {} OWNER TO deployer").format(sql.Identifier(name)))
    with psycopg.connect(postgres_server.admin_of(name)) as connection:
        connection.execute("CREATE EXTENSION vector")
    yield make_conninfo(postgres_server.admin, dbname=name, user="deployer")
    postgres_server.drop(name)
    with psycopg.connect(postgres_server.admin, autocommit=True) as connection:
        connection.execute("DROP OWNED BY deployer CASCADE")
        connection.execute("DROP ROLE deployer")


def test_a_deploying_role_that_is_no_superuser_migrates_adds_tenants_and_tools(migrated, managed):
    assert len(migrate(managed)) == len(discover())
    assert migrate(managed) == []
    create_tenant(managed, "00000000-0000-7000-8000-000000000001", "default")

    assert sync_tools(managed, [tool("estimate"), tool("rank", "estimate")]).added == ("estimate", "rank")
    assert rollback(managed, len(discover()) - 1) == [f"{discover()[-1].version:04d}_{discover()[-1].name}"]
    with psycopg.connect(managed) as connection:
        assert connection.execute(
            "SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'public'"
        ).fetchall() == [("e2i_owner",)]


def test_synchronising_tools_adds_updates_and_deprecates_and_says_so(migrated):
    first = sync_tools(migrated.admin, [tool("a"), tool("b", "a")])
    again = sync_tools(migrated.admin, [tool("a"), tool("b", "a")])
    changed = sync_tools(migrated.admin, [tool("a", version="2.0.0"), tool("c", "a")])
    back = sync_tools(migrated.admin, [tool("a", version="2.0.0"), tool("b"), tool("c", "a")])

    assert (first.added, first.updated, first.deprecated) == (("a", "b"), (), ())
    assert (again.added, again.updated, again.deprecated) == ((), (), ())
    assert (changed.added, changed.updated, changed.deprecated) == (("c",), ("a",), ("b",))
    assert (back.added, back.updated, back.deprecated) == ((), ("b",), ())
    assert migrated.as_admin("SELECT consumer, producer FROM tool_dependencies") == [("c", "a")]


def test_an_edge_from_an_undeclared_tool_is_refused_by_name_and_changes_nothing(migrated):
    before = migrated.as_admin("SELECT name, version, deprecated_at FROM tool_registry ORDER BY name")

    with pytest.raises(ConfigurationError, match="'rank' consumes from 'segment'") as refused:
        sync_tools(migrated.admin, [tool("estimate"), tool("rank", "segment")])

    assert refused.value.field == "rank.edges"
    assert migrated.as_admin("SELECT name, version, deprecated_at FROM tool_registry ORDER BY name") == before
