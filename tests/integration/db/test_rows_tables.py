"""Tables of data set rows: created, filled and sealed in one transaction; then read-only and one tenant's."""

from __future__ import annotations

import json

import psycopg
import pytest
from builders_db import a_dataset
from e2i_shared.db.catalogue import PostgresCatalogue, next_version, save_version
from e2i_shared.errors import E2IError, MalformedRequestError
from e2i_shared.ids import new_id
from psycopg import sql

COLUMNS = [
    {"name": "id", "type": "text"},
    {"name": "trx", "type": "double precision"},
    {"name": "month", "type": "date"},
]


def create(connection, dataset_id, version=1, columns=COLUMNS) -> str:
    row = connection.execute(
        "SELECT create_rows_table(%s, %s, %s) AS name", [dataset_id, version, json.dumps(columns)]
    ).fetchone()
    return row["name"]


def table(name) -> sql.Identifier:
    return sql.Identifier(*name.split("."))


def copy(connection, name, rows) -> None:
    with connection.cursor().copy(sql.SQL("COPY {} FROM STDIN").format(table(name))) as stream:
        for row in rows:
            stream.write_row(row)


def seal(connection, dataset_id, version=1) -> None:
    connection.execute("SELECT seal_rows_table(%s, %s)", [dataset_id, version])


def load(database, tenant, dataset_id=None) -> str:
    dataset_id = dataset_id or new_id()
    with database.transaction(tenant) as connection:
        name = create(connection, dataset_id)
        copy(connection, name, [("H1", 1.5, "2026-01-01"), ("H2", None, None)])
        seal(connection, dataset_id)
    return name


def read(database, tenant, name) -> list:
    with database.transaction(tenant) as connection:
        return [tuple(r.values()) for r in connection.execute(sql.SQL("SELECT id, trx FROM {}").format(table(name)))]


def test_rows_are_copied_and_then_read_by_their_tenant_alone(migrated, database):
    name = load(database, migrated.tenant)

    assert read(database, migrated.tenant, name) == [("H1", 1.5), ("H2", None)]
    assert read(database, migrated.other_tenant, name) == []
    assert read(database, None, name) == []


@pytest.mark.parametrize(
    "statement", ["INSERT INTO {} VALUES ('x')", "UPDATE {} SET id = 'x'", "DELETE FROM {}", "DROP TABLE {}"]
)
def test_sealed_rows_never_change(migrated, database, statement):
    name = load(database, migrated.tenant)

    with pytest.raises(E2IError, match="42501"), database.transaction(migrated.tenant) as connection:
        connection.execute(sql.SQL(statement).format(table(name)))


def test_a_load_that_fails_leaves_no_table(migrated, database):
    dataset_id = new_id()

    with pytest.raises(MalformedRequestError), database.transaction(migrated.tenant) as connection:
        copy(connection, create(connection, dataset_id), [("H1", "many", None)])

    with database.transaction(migrated.tenant) as connection:
        create(connection, dataset_id)


def test_nobody_sees_rows_before_the_load_commits(migrated, database):
    with database.transaction(migrated.tenant) as connection:
        name = create(connection, new_id())
        copy(connection, name, [("H1", 1, None)])
        with psycopg.connect(migrated.app) as other:
            found = other.execute("SELECT to_regclass(%s)", [name]).fetchone()

    assert found == (None,)


@pytest.mark.parametrize(
    "name", ['a"; DROP TABLE tenants; --', "select", "Ünï cødé", "with space", "a.b", "%s", "'", "日本語", " ", "$$"]
)
def test_any_column_name_is_only_a_name(migrated, database, name):
    with database.transaction(migrated.tenant) as connection:
        made = create(connection, new_id(), columns=[{"name": name, "type": "bigint"}])
        (column,) = connection.execute(
            "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0", [made]
        ).fetchall()

    assert column["attname"] == name


@pytest.mark.parametrize(
    "columns",
    [
        [],
        {},
        [{"name": "x"}],
        [{"type": "text"}],
        [{"name": "", "type": "text"}],
        [{"name": "x" * 64, "type": "text"}],
        [{"name": "x", "type": "text DEFAULT pg_sleep(9)"}],
        [{"name": "x", "type": "serial"}],
        [{"name": "x", "type": "regclass"}],
        [{"name": "x", "type": "TEXT"}],
    ],
)
def test_other_types_and_senseless_columns_are_refused(migrated, database, columns):
    with pytest.raises(MalformedRequestError), database.transaction(migrated.tenant) as connection:
        create(connection, new_id(), columns=columns)


def test_a_column_twice_is_refused(migrated, database):
    with pytest.raises(E2IError, match="42701"), database.transaction(migrated.tenant) as connection:
        create(connection, new_id(), columns=[COLUMNS[0], COLUMNS[0]])


@pytest.mark.parametrize(
    "function", ["create_rows_table(new_id(), 1, '[]')", "seal_rows_table(new_id(), 1)", "drop_rows_table(new_id(), 1)"]
)
def test_without_a_tenant_no_rows_table_is_made_sealed_or_dropped(database, function):
    with pytest.raises(E2IError, match="42501"), database.transaction(None) as connection:
        connection.execute(sql.SQL("SELECT {}").format(sql.SQL(function)))


def test_a_tenant_cannot_seal_or_drop_anothers_rows(migrated, database):
    dataset_id = new_id()
    name = load(database, migrated.tenant, dataset_id)

    with database.transaction(migrated.other_tenant) as connection:
        connection.execute("SELECT drop_rows_table(%s, 1)", [dataset_id])
    with pytest.raises(E2IError, match="42P01"), database.transaction(migrated.other_tenant) as connection:
        seal(connection, dataset_id)

    assert len(read(database, migrated.tenant, name)) == 2


def test_dropping_is_for_its_tenant_and_may_be_repeated(migrated, database):
    dataset_id = new_id()
    name = load(database, migrated.tenant, dataset_id)

    for _ in range(2):
        with database.transaction(migrated.tenant) as connection:
            connection.execute("SELECT drop_rows_table(%s, 1)", [dataset_id])

    with database.transaction(migrated.tenant) as connection:
        assert connection.execute("SELECT to_regclass(%s) AS found", [name]).fetchone() == {"found": None}


def test_the_catalogue_refuses_rows_that_are_not_sealed(migrated, database):
    def forget_to_seal() -> None:
        with database.transaction(migrated.tenant) as connection:
            dataset_id, version = next_version(connection, "Unsealed")
            name = create(connection, dataset_id, version)
            save_version(connection, a_dataset("Unsealed").model_copy(update={"dataset_id": dataset_id}), name)

    with pytest.raises(E2IError, match="23514"):
        forget_to_seal()


def test_a_loaded_version_names_its_rows_table(migrated, database):
    with database.transaction(migrated.tenant) as connection:
        dataset_id, version = next_version(connection, "Loaded")
        name = create(connection, dataset_id, version)
        seal(connection, dataset_id, version)
        stored = save_version(connection, a_dataset("Loaded").model_copy(update={"dataset_id": dataset_id}), name)

    assert PostgresCatalogue(database, migrated.tenant).rows_table("loaded") == (stored, name)


def test_two_loads_of_one_name_become_two_versions(migrated, database):
    from threading import Thread

    from e2i_shared.db.connection import Database

    second: list[int] = []

    def load_second() -> None:
        other = Database(migrated.app)
        with other.transaction(migrated.tenant) as connection:
            dataset_id, version = next_version(connection, "raced")
            save_version(
                connection, a_dataset("raced").model_copy(update={"dataset_id": dataset_id, "version": version})
            )
            second.append(version)
        other.close()

    with database.transaction(migrated.tenant) as connection:
        dataset_id, version = next_version(connection, "Raced")
        thread = Thread(target=load_second)
        thread.start()
        save_version(connection, a_dataset("Raced").model_copy(update={"dataset_id": dataset_id, "version": version}))
    thread.join(timeout=30)

    assert (version, second) == (1, [2])
