"""Trainings that happen twice at once: one version is active, one end is kept, one execution runs."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING

import pytest
from builders_trained import twin_request
from e2i_shared.db.jobs import PostgresJobs
from e2i_shared.db.twins import PostgresTwins
from e2i_shared.errors import ConflictError
from e2i_shared.ids import new_id
from e2i_shared.twins.model import NewTraining, TwinQuery
from integration.db.test_contract_twins import FOUND
from integration.db.test_races import THREADS, at_once

if TYPE_CHECKING:
    from e2i_shared.db.connection import Database


@pytest.fixture
def tenant() -> str:
    return new_id()


def ask(database: Database, tenant: str) -> str:
    jobs = PostgresJobs(database, tenant)
    job, _ = jobs.create(NewTraining(request=twin_request()))
    jobs.begin(job.job_id)
    return job.job_id


def test_trainings_of_one_name_asked_for_at_once_are_numbered_without_a_gap(migrated, database, tenant):
    made = at_once(migrated, lambda other: PostgresJobs(other, tenant).create(NewTraining(request=twin_request()))[1])
    assert sorted(made) == [*range(1, THREADS + 1)]


@pytest.mark.parametrize("_again", range(4))
def test_trainings_of_one_name_completed_at_once_leave_the_newest_active(migrated, database, tenant, _again):
    waiting = [ask(database, tenant) for _ in range(THREADS)]
    turn = count()

    results = at_once(migrated, lambda other: PostgresJobs(other, tenant).complete(waiting[next(turn)], FOUND))

    assert results == THREADS * [True]
    (active,) = PostgresTwins(database, tenant).list(TwinQuery(active=True)).items
    assert active.version == THREADS


def test_versions_made_active_while_others_complete_leave_one_active(migrated, database, tenant):
    old = ask(database, tenant)
    jobs, models = PostgresJobs(database, tenant), PostgresTwins(database, tenant)
    jobs.complete(old, FOUND)
    twin = jobs.get(old).twin_id
    waiting = [ask(database, tenant) for _ in range(THREADS)]
    turn = count()

    def work(other: Database) -> object:
        number = next(turn)
        if number % 2:
            return PostgresTwins(other, tenant).activate(twin, "back")
        return PostgresJobs(other, tenant).complete(waiting[number], FOUND)

    results = at_once(migrated, work)

    assert not [each for each in results if isinstance(each, ConflictError)]
    assert len(models.list(TwinQuery(active=True)).items) == 1


def test_a_job_tried_again_at_once_waits_once(migrated, database, tenant):
    job_id = ask(database, tenant)
    PostgresJobs(database, tenant).fail(job_id, "killed")

    results = at_once(migrated, lambda other: PostgresJobs(other, tenant).retry(job_id))

    assert sum(isinstance(each, ConflictError) for each in results) == THREADS - 1
    assert PostgresJobs(database, tenant).get(job_id).retries == 1


def test_an_end_and_a_cancellation_at_once_leave_one_of_them(migrated, database, tenant):
    job_id = ask(database, tenant)
    turn = count()

    def work(other: Database) -> object:
        jobs = PostgresJobs(other, tenant)
        return jobs.complete(job_id, FOUND) if next(turn) % 2 else jobs.cancel(job_id, None).status

    results = at_once(migrated, work)

    job = PostgresJobs(database, tenant).get(job_id)
    twin = PostgresTwins(database, tenant).get(job.twin_id)
    assert (job.status, twin.model_hash is not None) in {("COMPLETED", True), ("CANCELLED", False)}
    assert results.count(True) == int(job.status == "COMPLETED")
