"""The same thing done twice at once takes effect once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TYPE_CHECKING

import pytest
from builders_db import a_composition, a_plan, an_answer
from e2i_shared.api.composition import CompositionStatus
from e2i_shared.db.compositions import PostgresCompositions
from e2i_shared.db.connection import Database
from e2i_shared.db.idempotency import PostgresIdempotency
from e2i_shared.db.outbox import PostgresOutbox
from e2i_shared.errors import ConflictError
from e2i_shared.ids import new_id

if TYPE_CHECKING:
    from collections.abc import Callable

THREADS = 6


@pytest.fixture
def tenant():
    return new_id()


def at_once(migrated, work: Callable[[Database], object]) -> list[object]:
    """Run the same work on six connections that start together; return results, or ConflictErrors, in any order."""
    barrier = Barrier(THREADS)

    def run(_: int) -> object:
        database = Database(migrated.app)
        with database.transaction(None):
            pass
        barrier.wait(timeout=30)
        try:
            return work(database)
        except ConflictError as conflict:
            return conflict
        finally:
            database.close()

    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(run, range(THREADS)))


def test_a_composition_created_at_once_exists_once(migrated, tenant):
    new = a_composition()

    results = at_once(migrated, lambda database: PostgresCompositions(database, tenant).create(new))

    assert sum(isinstance(r, ConflictError) for r in results) == THREADS - 1
    assert migrated.as_admin("SELECT count(*) FROM composer_episodes WHERE tenant_id = %s", [tenant]) == [(1,)]
    assert migrated.as_admin("SELECT count(*) FROM outbox WHERE tenant_id = %s", [tenant]) == [(1,)]


def test_a_plan_saved_at_once_has_its_steps_once(migrated, database, tenant):
    new = a_composition()
    PostgresCompositions(database, tenant).create(new)

    at_once(migrated, lambda db: PostgresCompositions(db, tenant).save_plan(new.composition_id, a_plan(), 1.0))

    assert len(PostgresCompositions(database, tenant).steps(new.composition_id)) == 2


def test_a_step_finished_at_once_is_finished_by_one(migrated, database, tenant):
    new = a_composition()
    compositions = PostgresCompositions(database, tenant)
    compositions.create(new)
    compositions.save_plan(new.composition_id, a_plan(), 1.0)

    results = at_once(
        migrated,
        lambda db: PostgresCompositions(db, tenant).finish_step(
            new.composition_id, 1, CompositionStatus.COMPLETED, output={}
        ),
    )

    assert sorted(results) == [False] * (THREADS - 1) + [True]
    assert migrated.as_admin("SELECT count(*) FROM tool_performance WHERE tenant_id = %s", [tenant]) == [(1,)]


def test_an_answer_and_a_timeout_at_once_leave_one_end(migrated, database, tenant):
    new = a_composition()
    PostgresCompositions(database, tenant).create(new)
    turns = iter(range(THREADS))

    def end(db: Database) -> object:
        compositions = PostgresCompositions(db, tenant)
        if next(turns) % 2:
            return compositions.save_answer(new.composition_id, an_answer(), [], {})
        return compositions.fail(new.composition_id, CompositionStatus.TIMEOUT, "too late")

    at_once(migrated, end)

    ends = migrated.as_admin(
        "SELECT topic FROM outbox WHERE tenant_id = %s AND topic <> 'composition.requested'", [tenant]
    )
    status = PostgresCompositions(database, tenant).get(new.composition_id).status
    assert ends == [(f"composition.{status.lower()}",)]


def test_relays_at_once_share_the_events_without_overlap(migrated, database, tenant):
    outbox = PostgresOutbox(database, tenant)
    written = {outbox.append("topic", {"n": n}) for n in range(60)}

    claims = at_once(migrated, lambda db: [e.outbox_id for e in PostgresOutbox(db, tenant).claim(limit=10)])

    claimed = [identity for batch in claims for identity in batch]
    assert len(claimed) == len(set(claimed))
    assert set(claimed) <= written
    rest = [e.outbox_id for e in outbox.claim()]
    assert set(claimed) | set(rest) == written


def test_one_of_six_requests_with_the_same_key_runs(migrated, tenant):
    results = at_once(migrated, lambda db: PostgresIdempotency(db, tenant).begin("key", "body"))

    assert results.count(None) == 1
    assert sum(isinstance(r, ConflictError) for r in results) == THREADS - 1
