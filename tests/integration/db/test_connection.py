"""What the connection does when the database goes away, is full, too slow, or another transaction wins."""

from __future__ import annotations

import threading
import time

import psycopg
import pytest
from builders_db import a_classification
from e2i_shared.db.classifications import PostgresClassifications
from e2i_shared.db.connection import Database, RolledBackError, translate
from e2i_shared.db.health import ping
from e2i_shared.db.migrate import discover
from e2i_shared.errors import (
    ConfigurationError,
    ConflictError,
    DatabaseUnavailableError,
    E2IError,
    MalformedRequestError,
    StorageFullError,
)
from psycopg import errors as pg

INSERT = "INSERT INTO outbox (tenant_id, topic, payload) VALUES (require_tenant(), %s, '{}')"


def kill(migrated, database) -> None:
    migrated.as_admin("SELECT pg_terminate_backend(%s)", [database._connection.info.backend_pid])
    time.sleep(0.05)


def topics(migrated, prefix) -> int:
    ((count,),) = migrated.as_admin("SELECT count(*) FROM outbox WHERE topic LIKE %s", [prefix + "%"])
    return count


def test_nothing_connects_until_the_first_transaction(migrated):
    database = Database("host=/nowhere user=nobody")

    assert database._connection is None
    with pytest.raises(DatabaseUnavailableError), database.transaction(None):
        pass


def test_one_connection_serves_many_transactions(migrated, database):
    pids = set()
    for _ in range(3):
        with database.transaction(migrated.tenant) as connection:
            pids.add(connection.info.backend_pid)

    assert len(pids) == 1


def test_a_connection_that_died_while_idle_is_replaced_silently(migrated, database):
    with database.transaction(migrated.tenant) as connection:
        connection.execute(INSERT, ["idle.1"])
    kill(migrated, database)

    with database.transaction(migrated.tenant) as connection:
        connection.execute(INSERT, ["idle.2"])

    assert topics(migrated, "idle.") == 2


def test_a_connection_lost_inside_a_transaction_keeps_nothing_and_says_so(migrated, database):
    def lose() -> None:
        with database.transaction(migrated.tenant) as connection:
            connection.execute(INSERT, ["lost.1"])
            kill(migrated, database)
            connection.execute(INSERT, ["lost.2"])

    with pytest.raises(DatabaseUnavailableError, match="nothing was kept"):
        lose()

    assert topics(migrated, "lost.") == 0
    with database.transaction(migrated.tenant) as connection:
        connection.execute(INSERT, ["after the loss"])


def test_work_is_repeated_when_the_connection_is_lost_before_commit(migrated, database):
    calls = []

    def work(connection) -> str:
        calls.append(connection.execute(INSERT, ["repeat.1"]))
        if len(calls) == 1:
            kill(migrated, database)
        connection.execute(INSERT, ["repeat.2"])
        return "done"

    assert database.run(migrated.tenant, work) == "done"
    assert len(calls) == 2
    assert topics(migrated, "repeat.") == 2


def test_work_is_not_repeated_when_the_commit_itself_is_in_doubt(migrated, database):
    calls = []

    def work(connection) -> None:
        calls.append(connection.execute(INSERT, ["doubt"]))
        kill(migrated, database)

    with pytest.raises(DatabaseUnavailableError, match="committing"):
        database.run(migrated.tenant, work)

    assert len(calls) == 1


def test_repeats_are_bounded(migrated, database):
    calls = []

    def work(connection) -> None:
        calls.append(kill(migrated, database))
        connection.execute("SELECT 1")

    with pytest.raises(DatabaseUnavailableError):
        database.run(migrated.tenant, work, attempts=2)

    assert len(calls) == 2


def test_a_deadlock_is_resolved_by_repeating_the_loser(migrated):
    ids = [row[0] for row in migrated.as_admin("SELECT new_id()::text FROM generate_series(1, 2)")]
    for identity in ids:
        migrated.as_admin(
            "INSERT INTO outbox (tenant_id, outbox_id, topic, payload) VALUES (%s, %s, 'dead', '{}')",
            [migrated.tenant, identity],
        )
    barrier, done, attempts = threading.Barrier(2), [], []

    def cross(order) -> None:
        database = Database(migrated.app)
        mine: list[int] = []

        def work(connection) -> None:
            mine.append(1)
            attempts.append(1)
            connection.execute("UPDATE outbox SET attempts = attempts + 1 WHERE outbox_id = %s", [order[0]])
            if len(mine) == 1:
                barrier.wait(timeout=10)
            connection.execute("UPDATE outbox SET attempts = attempts + 1 WHERE outbox_id = %s", [order[1]])

        done.append(database.run(migrated.tenant, work))
        database.close()

    threads = [threading.Thread(target=cross, args=(order,)) for order in (ids, ids[::-1])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)

    assert len(done) == 2
    assert len(attempts) == 3
    assert migrated.as_admin("SELECT array_agg(attempts) FROM outbox WHERE topic = 'dead'") == [([2, 2],)]


def test_a_serialization_failure_that_persists_is_an_error_that_may_be_retried(migrated, database):
    def work(connection) -> None:
        raise pg.SerializationFailure

    with pytest.raises(RolledBackError):
        database.run(migrated.tenant, work, attempts=2)


def test_a_statement_that_takes_too_long_is_cancelled(migrated):
    database = Database(migrated.app, statement_timeout=0.05)

    with pytest.raises(DatabaseUnavailableError, match="too long"), database.transaction(None) as connection:
        connection.execute("SELECT pg_sleep(5)")
    database.close()


def test_the_time_limit_does_not_outlive_the_transaction(migrated, database):
    with database.transaction(None) as connection:
        inside = connection.execute("SHOW statement_timeout").fetchone()
    outside = database._connection.execute("SHOW statement_timeout").fetchone()
    database._connection.rollback()

    assert (inside, outside) == ({"statement_timeout": "30s"}, {"statement_timeout": "0"})


def test_an_exception_in_the_block_rolls_back_and_comes_through(migrated, database):
    def fail() -> None:
        with database.transaction(migrated.tenant) as connection:
            connection.execute(INSERT, ["rolled back"])
            raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        fail()

    assert topics(migrated, "rolled back") == 0


def test_transactions_do_not_nest(migrated, database):
    def nest() -> None:
        with database.transaction(migrated.tenant), database.transaction(migrated.tenant):
            pass

    with pytest.raises(ConfigurationError, match="nest"):
        nest()
    with database.transaction(migrated.tenant) as connection:
        connection.execute("SELECT 1")


def add(database, tenant, topic) -> None:
    database.run(tenant, lambda connection: connection.execute(INSERT, [topic]))


def test_calls_that_run_together_share_one_transaction(migrated, database):
    transactions = set()

    def number(connection) -> None:
        transactions.add(connection.execute("SELECT pg_current_xact_id()::text AS id").fetchone()["id"])

    database.together(migrated.tenant, lambda: [database.run(migrated.tenant, number) for _ in range(3)])
    apart = [database.run(migrated.tenant, number) for _ in range(2)]

    assert len(transactions) == 1 + len(apart)


def test_what_runs_together_is_kept_or_lost_as_a_whole(migrated, database):
    def fail_after_two() -> None:
        add(database, migrated.tenant, "together.1")
        add(database, migrated.tenant, "together.2")
        raise LookupError("after two")

    with pytest.raises(LookupError, match="after two"):
        database.together(migrated.tenant, fail_after_two)
    assert topics(migrated, "together") == 0

    database.together(migrated.tenant, lambda: add(database, migrated.tenant, "together.3"))
    assert topics(migrated, "together") == 1


def test_what_runs_together_runs_again_when_the_connection_is_lost(migrated, database):
    attempts = []

    def lose_once() -> None:
        attempts.append(1)
        add(database, migrated.tenant, "again.1")
        if len(attempts) == 1:
            kill(migrated, database)
        add(database, migrated.tenant, "again.2")

    database.together(migrated.tenant, lose_once)

    assert len(attempts) == 2
    assert topics(migrated, "again") == 2


def test_another_tenant_has_no_part_in_what_runs_together(migrated, database):
    with pytest.raises(ConfigurationError, match="nest"):
        database.together(migrated.tenant, lambda: add(database, migrated.other_tenant, "other"))


def test_another_thread_waits_for_what_runs_together(migrated, database):
    order = []

    def slow() -> None:
        add(database, migrated.tenant, "slow")
        other.start()
        time.sleep(0.2)
        order.append("together")

    def quick() -> None:
        add(database, migrated.tenant, "quick")
        order.append("alone")

    other = threading.Thread(target=quick)
    database.together(migrated.tenant, slow)
    other.join()

    assert order == ["together", "alone"]


def test_threads_take_turns_on_one_connection(migrated, database):
    seen = []

    def work(number) -> None:
        with database.transaction(migrated.tenant) as connection:
            row = connection.execute("SELECT %s::integer AS n, pg_sleep(0.01)", [number]).fetchone()
            seen.append((number, row["n"]))

    threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)

    assert sorted(seen) == [(n, n) for n in range(8)]


@pytest.mark.parametrize("tenant", ["", "tenant", "1; DROP TABLE outbox", "\x00"])
def test_a_tenant_that_is_no_uuid_never_reaches_the_database(database, tenant):
    with pytest.raises(ConfigurationError), database.transaction(tenant):
        pass


@pytest.mark.parametrize("text", ["a\x00b", "\ud800", "\udfff tail"])
def test_text_that_postgres_cannot_hold_is_the_callers_error(migrated, database, text):
    repository = PostgresClassifications(database, migrated.tenant)

    with pytest.raises(MalformedRequestError):
        repository.save(a_classification(query=text), "hash", None, None)
    with pytest.raises(MalformedRequestError):
        repository.save(a_classification(reason=text), "hash", None, None)
    repository.save(a_classification(), "hash", None, None)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (pg.DiskFull(), StorageFullError),
        (pg.OutOfMemory(), StorageFullError),
        (pg.DeadlockDetected(), RolledBackError),
        (pg.QueryCanceled(), DatabaseUnavailableError),
        (pg.AdminShutdown(), DatabaseUnavailableError),
        (pg.TooManyConnections(), DatabaseUnavailableError),
        (psycopg.OperationalError("connection refused"), DatabaseUnavailableError),
        (psycopg.InterfaceError("the connection is closed"), DatabaseUnavailableError),
        (pg.UniqueViolation(), ConflictError),
        (pg.NumericValueOutOfRange(), MalformedRequestError),
        (pg.UndefinedTable(), E2IError),
    ],
)
def test_every_failure_has_its_name(error, kind):
    assert type(translate(error)).__mro__.index(kind) <= 1


def test_messages_hold_neither_sql_nor_values(migrated, database):
    with pytest.raises(E2IError) as refused, database.transaction(migrated.tenant) as connection:
        connection.execute(
            "INSERT INTO budgets (tenant_id, scope, cap_usd) VALUES (require_tenant(), 'secret-value', 1)"
        )

    shown = f"{refused.value} {refused.value.details()}"
    assert "secret-value" not in shown
    assert "INSERT" not in shown
    assert "budgets_scope_check" in shown
    assert refused.value.__cause__ is None


def test_a_ping_tells_latency_and_schema(migrated, database):
    health = ping(database)

    assert health.migration == len(discover())
    assert 0 < health.latency_ms < 5000


def test_prepared_statements_are_off(migrated, database):
    for _ in range(8):
        with database.transaction(migrated.tenant) as connection:
            connection.execute("SELECT %s::integer", [1])
            prepared = connection.execute("SELECT count(*) AS n FROM pg_prepared_statements").fetchone()

    assert prepared == {"n": 0}


def test_a_classification_does_not_wait_for_the_disk_and_what_comes_after_it_does(migrated, database):
    log = PostgresClassifications(database, migrated.tenant)
    database.run(
        migrated.tenant, lambda connection: connection.execute("SET synchronous_commit = on")
    )  # not so in tests

    def setting() -> dict[str, str] | None:
        return database.run(
            migrated.tenant, lambda connection: connection.execute("SHOW synchronous_commit").fetchone()
        )

    def save_and_look() -> dict[str, str] | None:
        log.save(a_classification(), "hash", None, None)
        return setting()

    assert database.together(migrated.tenant, save_and_look) == {"synchronous_commit": "off"}
    assert setting() == {"synchronous_commit": "on"}
