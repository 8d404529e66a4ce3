"""The audit log takes entries, refuses changes, and shows every tampering by a superuser."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from e2i_shared.db.audit import AuditAnchor, AuditEntry, PostgresAudit
from e2i_shared.db.connection import Database
from e2i_shared.errors import E2IError
from e2i_shared.ids import new_id


@pytest.fixture
def audit(database):
    repository = PostgresAudit(database, new_id())
    for number in range(1, 7):
        repository.record(AuditEntry("user-1", "update", "dataset", f"d-{number}", reason="because", after_hash="ab"))
    return repository


def tamper(migrated, *statements: str) -> None:
    """Change rows as nobody should be able to: as a superuser with triggers off."""
    with psycopg.connect(migrated.admin) as connection:
        connection.execute("SET session_replication_role = replica")
        for statement in statements:
            connection.execute(statement)


def places(audit, anchor=None) -> set[int]:
    return {problem.seq for problem in audit.verify(anchor)}


def test_an_untouched_chain_is_whole(audit):
    assert audit.verify() == []
    assert audit.verify(audit.head()) == []
    assert audit.head().seq == 6


def test_each_tenant_has_its_own_chain(database, audit):
    other = PostgresAudit(database, new_id())

    assert other.head() is None
    assert other.record(AuditEntry("u", "read", "dataset")).seq == 1
    assert audit.head().seq == 6


def test_numbers_times_and_hashes_are_the_chains_not_the_callers(migrated, database, audit):
    with database.transaction(audit._tenant_id) as connection:
        row = connection.execute(
            "INSERT INTO audit_log (tenant_id, seq, at, actor, action, object_type, prev_hash, hash) "
            "VALUES (require_tenant(), 99, '2000-01-01', 'u', 'a', 'o', 'x', 'x') RETURNING seq, at > '2020-01-01' AS now"
        ).fetchone()

    assert row == {"seq": 7, "now": True}
    assert audit.verify() == []


@pytest.mark.parametrize(
    "statement", ["UPDATE audit_log SET actor = 'x'", "DELETE FROM audit_log", "TRUNCATE audit_log"]
)
def test_even_a_superuser_is_refused_while_triggers_are_on(migrated, audit, statement):
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="append-only"):
        migrated.as_admin(statement)


@pytest.mark.parametrize(
    "change",
    ["actor = 'somebody'", "at = at + interval '1 second'", "reason = NULL", "object_id = 'd-99'", "decision = 'deny'"],
)
def test_a_changed_row_is_located(migrated, audit, change):
    tamper(migrated, f"UPDATE audit_log SET {change} WHERE tenant_id = '{audit._tenant_id}' AND seq = 3")  # noqa: S608

    assert places(audit) == {3}


def test_a_changed_row_with_its_hash_made_anew_breaks_the_link_after_it(migrated, audit):
    tamper(
        migrated,
        f"UPDATE audit_log SET actor = 'x' WHERE tenant_id = '{audit._tenant_id}' AND seq = 3",  # noqa: S608
        f"UPDATE audit_log AS l SET hash = audit_hash(l) WHERE tenant_id = '{audit._tenant_id}' AND seq = 3",  # noqa: S608
    )

    assert places(audit) == {4}


def test_a_deleted_row_is_located(migrated, audit):
    tamper(migrated, f"DELETE FROM audit_log WHERE tenant_id = '{audit._tenant_id}' AND seq IN (3, 4)")  # noqa: S608

    problems = audit.verify()
    assert {p.seq for p in problems} == {5}
    assert any("entries 3 to 4" in p.problem for p in problems)


def test_a_deleted_first_row_is_located(migrated, audit):
    tamper(migrated, f"DELETE FROM audit_log WHERE tenant_id = '{audit._tenant_id}' AND seq = 1")  # noqa: S608

    assert places(audit) == {2}


def test_a_cut_tail_is_located(migrated, audit):
    tamper(migrated, f"DELETE FROM audit_log WHERE tenant_id = '{audit._tenant_id}' AND seq >= 5")  # noqa: S608

    assert places(audit) == {6}


def test_an_emptied_log_is_noticed(migrated, audit):
    tamper(migrated, f"DELETE FROM audit_log WHERE tenant_id = '{audit._tenant_id}'")  # noqa: S608

    assert places(audit) == {6}


def test_an_inserted_row_is_located(migrated, audit):
    tamper(
        migrated,
        "INSERT INTO audit_log (tenant_id, seq, at, actor, action, object_type, prev_hash, hash) "  # noqa: S608
        f"SELECT tenant_id, 7, now(), 'x', 'forged', 'o', hash, sha256('x') FROM audit_log "
        f"WHERE tenant_id = '{audit._tenant_id}' AND seq = 6",
    )

    assert places(audit) == {7}


def test_reordered_rows_are_located(migrated, audit):
    where = f"tenant_id = '{audit._tenant_id}'"
    tamper(
        migrated,
        f"UPDATE audit_log SET seq = 100 WHERE {where} AND seq = 2",  # noqa: S608
        f"UPDATE audit_log SET seq = 2 WHERE {where} AND seq = 3",  # noqa: S608
        f"UPDATE audit_log SET seq = 3 WHERE {where} AND seq = 100",  # noqa: S608
    )

    assert {2, 3} <= places(audit)


def test_a_chain_rewritten_as_a_whole_is_exposed_by_an_anchor_kept_elsewhere(migrated, audit):
    anchor = audit.head()
    where = f"tenant_id = '{audit._tenant_id}'"
    tamper(
        migrated,
        f"DELETE FROM audit_log WHERE {where} AND seq = 6",  # noqa: S608
        f"UPDATE audit_heads AS h SET (seq, hash) = (SELECT l.seq, l.hash FROM audit_log AS l "  # noqa: S608
        f"WHERE l.tenant_id = h.tenant_id AND l.seq = 5) WHERE h.{where}",
    )

    assert audit.verify() == []
    assert places(audit, anchor) == {6}
    assert places(audit, AuditAnchor(5, audit.head().hash)) == set()


def test_an_entry_is_lost_with_the_change_it_records(database, audit):
    from e2i_shared.db.audit import record

    def change_that_fails() -> None:
        with database.transaction(audit._tenant_id) as connection:
            record(connection, AuditEntry("u", "delete", "dataset"))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        change_that_fails()

    assert audit.head().seq == 6


def test_an_entry_for_another_tenant_is_refused(migrated, database, audit):
    with pytest.raises(E2IError, match="42501"), database.transaction(new_id()) as connection:
        connection.execute(
            "INSERT INTO audit_log (tenant_id, actor, action, object_type) VALUES (%s, 'u', 'a', 'o')",
            [audit._tenant_id],
        )


def test_entries_written_at_once_form_one_chain(migrated, audit):
    def write(number: int) -> None:
        database = Database(migrated.app)
        for _ in range(10):
            PostgresAudit(database, audit._tenant_id).record(AuditEntry(f"u{number}", "a", "o"))
        database.close()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(4)))

    assert audit.head().seq == 46
    assert audit.verify() == []


def test_a_chain_verifies_from_a_session_in_another_time_zone(database, audit):
    with database.transaction(audit._tenant_id) as connection:
        connection.execute("SET LOCAL timezone = 'Asia/Kolkata'")
        assert connection.execute("SELECT * FROM verify_audit_log()").fetchall() == []
