"""Why messages failed, in memory and over Postgres alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from e2i_shared.db.audit import PostgresAudit
from e2i_shared.db.failures import PostgresFailures
from e2i_shared.ids import new_id
from e2i_shared.ports import Failure
from e2i_shared.testing.letters import FakeFailures

if TYPE_CHECKING:
    from e2i_shared.ports import MessageFailures

AWAY = Failure("ConnectionError", "no route", 1)


@pytest.fixture(params=["fake", "postgres"])
def failures(request) -> MessageFailures:
    if request.param == "fake":
        return FakeFailures()
    return PostgresFailures(request.getfixturevalue("database"), new_id())


def test_the_last_reason_is_kept_and_failures_are_counted(failures: Any):
    failures.note("q", "m1", "training.requested", AWAY)
    failures.note("q", "m1", "training.requested", Failure("TimeoutError", "late", 1))
    failures.note("q", "m2", "training.requested", AWAY)

    found = failures.of("q", ["m1", "m2", "m3"])

    assert found == {"m1": Failure("TimeoutError", "late", 2), "m2": AWAY}
    assert failures.of("other", ["m1"]) == {}
    assert failures.of("q", []) == {}


def test_what_is_settled_is_forgotten_and_nothing_else(failures: Any):
    for message in ("m1", "m2"):
        failures.note("q", message, "t", AWAY)
    failures.note("other", "m1", "t", AWAY)

    failures.settle("q", ["m1", "nobody"])

    assert failures.of("q", ["m1", "m2"]) == {"m2": AWAY}
    assert failures.of("other", ["m1"]) == {"m1": AWAY}


def test_a_long_reason_is_cut_and_not_refused(failures: Any):
    failures.note("q", "m", "t", Failure("ValueError", "x" * 5_000, 1))
    assert len(failures.of("q", ["m"])["m"].reason) == 1_000


def test_no_tenant_reads_another_s_reasons_and_who_put_a_message_back_is_audited(database):
    one, other = new_id(), new_id()
    PostgresFailures(database, one).note("q", "m", "t", AWAY)
    assert PostgresFailures(database, other).of("q", ["m"]) == {}
    PostgresFailures(database, other).settle("q", ["m"])
    assert PostgresFailures(database, one).of("q", ["m"]) == {"m": AWAY}

    before = PostgresAudit(database, one).head()
    PostgresFailures(database, one).audited("q", "m", "olga", "admin", "request-1")
    after = PostgresAudit(database, one).head()
    assert before is None
    assert after is not None
    assert after.seq == 1
    assert PostgresAudit(database, one).verify() == []
