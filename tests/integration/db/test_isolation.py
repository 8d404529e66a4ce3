"""No tenant sees, changes or names another's rows: by policy, whatever a query forgets."""

from __future__ import annotations

import psycopg
import pytest
from builders_db import a_classification, a_composition, a_dataset, a_decomposition, a_plan, an_answer
from e2i_shared.api.cohorts import CohortDefinition
from e2i_shared.api.composition import CompositionStatus
from e2i_shared.composer.plan_shape import shape_of
from e2i_shared.db.audit import AuditEntry, PostgresAudit
from e2i_shared.db.catalogue import next_version, save_version
from e2i_shared.db.classifications import PostgresClassifications
from e2i_shared.db.cohorts import PostgresCohorts
from e2i_shared.db.compositions import PostgresCompositions
from e2i_shared.db.connection import Database, active_tenants
from e2i_shared.db.idempotency import PostgresIdempotency
from e2i_shared.db.tools import PostgresTools, sync_tools
from e2i_shared.errors import E2IError
from psycopg import sql

TABLES = """
SELECT c.oid::regclass::text AS name, c.relrowsecurity, c.relforcerowsecurity,
       EXISTS (SELECT FROM pg_policy AS p WHERE p.polrelid = c.oid AND p.polname = 'tenant_isolation' AND p.polcmd = '*'
               AND p.polqual IS NOT NULL AND p.polwithcheck IS NOT NULL) AS both_clauses,
       c.relowner::regrole::text AS owner
FROM pg_class AS c
WHERE c.relkind IN ('r', 'p') AND c.relnamespace IN ('public'::regnamespace, 'rows'::regnamespace)
ORDER BY 1
"""


@pytest.fixture(scope="module")
def filled(migrated):
    """A row of the first tenant in every table that the application writes, and none of the second's."""
    sync_tools(migrated.admin, [])
    database = Database(migrated.app)
    compositions = PostgresCompositions(database, migrated.tenant)
    new = a_composition(embedding=[1.0] * 1536, embedding_model="m")
    compositions.create(new)
    compositions.save_plan(new.composition_id, a_plan(), 1.0)
    compositions.start_step(new.composition_id, 1, {})
    compositions.fail(new.composition_id, CompositionStatus.FAILED, "x")
    PostgresClassifications(database, migrated.tenant).save(a_classification(), "hash", "s", "u")
    PostgresIdempotency(database, migrated.tenant).begin("k", "h")
    PostgresAudit(database, migrated.tenant).record(AuditEntry("u", "read", "dataset"))
    with database.transaction(migrated.tenant) as connection:
        dataset_id, version = next_version(connection, "Visits")
        connection.execute(
            "SELECT create_rows_table(%s, %s, %s)", [dataset_id, version, '[{"name": "x", "type": "text"}]']
        )
        (name,) = connection.execute("SELECT rows_table_name(%s, %s)", [dataset_id, version]).fetchone().values()
        connection.execute(sql.SQL("INSERT INTO rows.{} VALUES ('secret')").format(sql.Identifier(name)))
        connection.execute("SELECT seal_rows_table(%s, %s)", [dataset_id, version])
        save_version(
            connection, a_dataset().model_copy(update={"dataset_id": dataset_id, "version": version}), f"rows.{name}"
        )
    definition = CohortDefinition(
        name="Seniors",
        dataset="Visits",
        dataset_id=dataset_id,
        dataset_version=version,
        unit="hcp",
        unit_col=None,
        filters=None,
        inclusion=[],
        exclusion=[],
        size=1,
        rows=1,
        hash="h",
    )
    PostgresCohorts(database, migrated.tenant).save("Seniors", definition, [], "u")
    database.close()
    return migrated


def count(connection, table) -> int:
    return connection.execute(sql.SQL("SELECT count(*) AS n FROM {}").format(sql.SQL(table))).fetchone()["n"]


def app_tables(conninfo) -> list[str]:
    with psycopg.connect(conninfo) as connection:
        return [
            name
            for (name,) in connection.execute(
                "SELECT c.oid::regclass::text FROM pg_class AS c WHERE c.relkind IN ('r', 'p', 'v') "
                "AND c.relnamespace IN ('public'::regnamespace, 'rows'::regnamespace) "
                "AND has_table_privilege('e2i_app', c.oid, 'SELECT') ORDER BY 1"
            )
        ]


def test_every_table_enables_and_forces_a_policy_with_both_clauses(filled):
    tables = filled.as_admin(TABLES)

    unprotected = [name for name, enabled, forced, both, _ in tables if not (enabled and forced and (both))]
    assert unprotected == []
    assert len(tables) > 40, "partitions and rows tables are among them"
    assert {owner for *_, owner in tables} == {"e2i_owner"}


def test_every_policy_that_is_not_the_tenants_is_one_of_the_reviewed_exceptions(migrated):
    rows = migrated.as_admin(
        "SELECT polrelid::regclass::text, polname, polcmd, polroles::regrole[]::text FROM pg_policy "
        "WHERE polname <> 'tenant_isolation' ORDER BY 1, 2"
    )

    assert rows == [
        ("tenants", "deployment", "*", "{e2i_owner}"),
        ("tool_dependencies", "deployment", "*", "{e2i_owner}"),
        ("tool_dependencies", "shared_read", "r", "{-}"),
        ("tool_performance", "metrics", "r", "{e2i_owner}"),
        ("tool_registry", "deployment", "*", "{e2i_owner}"),
        ("tool_registry", "shared_read", "r", "{-}"),
    ]


def test_the_application_role_is_neither_owner_nor_super_nor_exempt(filled):
    rows = filled.as_admin(
        "SELECT rolsuper, rolbypassrls, rolcreaterole, rolcreatedb, pg_has_role('e2i_app', 'e2i_owner', 'MEMBER') "
        "FROM pg_roles WHERE rolname = 'e2i_app'"
    )
    owned = filled.as_admin("SELECT count(*) FROM pg_class WHERE relowner = 'e2i_app'::regrole")

    assert rows == [(False, False, False, False, False)]
    assert owned == [(0,)]


def test_without_a_tenant_every_table_and_view_is_empty(filled, database):
    with database.transaction(None) as connection:
        counts = {t: count(connection, t) for t in app_tables(filled.admin)}

    assert {table: n for table, n in counts.items() if n} == {}


def test_a_connection_that_never_heard_of_tenants_sees_nothing_either(filled):
    with psycopg.connect(filled.app) as connection:
        assert connection.execute("SELECT count(*) FROM composer_episodes").fetchone() == (0,)


def test_another_tenant_sees_nothing_even_where_the_query_names_no_tenant(filled, database):
    visible = {}
    for table in app_tables(filled.admin):
        with database.transaction(filled.other_tenant) as connection:
            visible[table] = count(connection, table)

    assert visible.pop("tenants") == 1, "its own"
    assert {table: n for table, n in visible.items() if n} == {}


def test_the_first_tenant_does_see_its_rows(filled, database):
    with database.transaction(filled.tenant) as connection:
        empty = [
            table
            for table in (
                "composer_episodes",
                "composition_steps",
                "classification_logs",
                "cohorts",
                "outbox",
                "datasets",
                "audit_log",
            )
            if not count(connection, table)
        ]

    assert empty == []


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE composer_episodes SET query_text = 'stolen'",
        "UPDATE composition_steps SET tool_name = 'stolen'",
        "UPDATE classification_logs SET query_text = 'stolen'",
        "UPDATE outbox SET published_at = now()",
        "DELETE FROM idempotency_keys",
        "UPDATE datasets SET deleted_at = now()",
    ],
)
def test_another_tenant_changes_nothing(filled, database, statement):
    with database.transaction(filled.other_tenant) as connection:
        assert connection.execute(statement).rowcount == 0


def test_a_row_cannot_be_written_for_another_tenant(filled, database):
    with pytest.raises(E2IError, match="42501"), database.transaction(filled.other_tenant) as connection:
        connection.execute("INSERT INTO outbox (tenant_id, topic, payload) VALUES (%s, 't', '{}')", [filled.tenant])


def test_a_row_cannot_be_given_to_another_tenant(filled, database):
    with pytest.raises(E2IError, match="42501"), database.transaction(filled.tenant) as connection:
        connection.execute("UPDATE outbox SET tenant_id = %s", [filled.other_tenant])


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE tool_registry SET name = 'x'",
        "DELETE FROM tool_registry",
        "UPDATE audit_log SET actor = 'nobody'",
        "DELETE FROM audit_log",
        "TRUNCATE audit_log",
        "DELETE FROM composer_episodes",
        "UPDATE experiment_looks SET decision = 'stop'",
        "CREATE TABLE mine (x int)",
        "ALTER TABLE outbox DISABLE ROW LEVEL SECURITY",
        "DROP POLICY tenant_isolation ON outbox",
        "SET ROLE e2i_owner",
        "SELECT * FROM composer_episodes_default",
        "UPDATE migrations.applied SET checksum = ''",
        "INSERT INTO tenants (name) VALUES ('mine')",
    ],
)
def test_the_application_may_do_only_what_it_needs(filled, database, statement):
    with pytest.raises(E2IError, match="42501"), database.transaction(filled.tenant) as connection:
        connection.execute(statement)


def test_turning_row_security_off_hides_nothing_it_only_fails(filled, database):
    with pytest.raises(E2IError, match="42501"), database.transaction(filled.other_tenant) as connection:
        connection.execute("SET LOCAL row_security = off; SELECT * FROM outbox")


def test_a_step_cannot_hang_on_another_tenants_episode(filled, database):
    ((episode, created, composition),) = filled.as_admin(
        "SELECT episode_id, created_at, composition_id FROM composer_episodes LIMIT 1"
    )

    with pytest.raises(E2IError, match="23503"), database.transaction(filled.other_tenant) as connection:
        connection.execute(
            "INSERT INTO composition_steps (tenant_id, episode_id, episode_created_at, composition_id, step_number, "
            "step_name, tool_name, serves_sub_question) VALUES (require_tenant(), %s, %s, %s, 1, 's', 't', 'Q1')",
            [episode, created, composition],
        )


def test_the_same_id_may_exist_for_two_tenants(filled, database):
    new = a_composition()
    PostgresCompositions(database, filled.tenant).create(new)

    PostgresCompositions(database, filled.other_tenant).create(new.model_copy(update={"query": "theirs"}))

    assert PostgresCompositions(database, filled.tenant).get(new.composition_id).query == new.query
    with database.transaction(filled.other_tenant) as connection:
        connection.execute("UPDATE composer_episodes SET status = 'FAILED'")
    assert PostgresCompositions(database, filled.tenant).get(new.composition_id).status == "PENDING"


def test_every_tenant_reads_the_products_tools_and_none_without_a_tenant(registered, database):
    assert len(PostgresTools(database, registered.other_tenant).list()) == 4
    with database.transaction(None) as connection:
        assert connection.execute("SELECT * FROM tool_registry").fetchall() == []


def test_background_jobs_learn_the_tenants_without_bypassing_anything(filled, database):
    assert active_tenants(database) == [filled.tenant, filled.other_tenant]


def test_the_tenant_ends_with_its_transaction(filled, database):
    with database.transaction(filled.tenant) as connection:
        connection.execute("SELECT 1")
    connection = database._connection

    setting = connection.execute("SELECT current_setting('app.tenant_id', true) AS s").fetchone()["s"]
    connection.rollback()
    assert not setting


def test_another_tenants_plans_are_no_memory_of_ones_own(migrated, database):
    mine, theirs = (PostgresCompositions(database, tenant) for tenant in (migrated.tenant, migrated.other_tenant))
    shape = shape_of(a_decomposition())
    new = a_composition(embedding=[1.0] * 1536, embedding_model="memory")
    again = a_composition(embedding=[1.0] * 1536, embedding_model="memory")
    for each in (new, again):
        mine.create(each)
    mine.save_decomposition(new.composition_id, a_decomposition(), 1.0)
    mine.save_plan(new.composition_id, a_plan(), 1.0)
    mine.save_answer(new.composition_id, an_answer(), [], {})
    own = a_composition(embedding=[1.0] * 1536, embedding_model="memory")
    theirs.create(own)

    assert mine.answered_alike(*shape, 5) == [new.composition_id]
    assert [s.composition_id for s in mine.neighbours(again.composition_id)] == [new.composition_id]
    assert list(theirs.answered_alike(*shape, 5)) == list(theirs.neighbours(own.composition_id)) == []
    assert list(theirs.neighbours(again.composition_id)) == []
