"""Retrying, events, plans used again and outputs kept elsewhere: the same in memory and over Postgres."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from builders_db import a_composition, a_decomposition, a_missing_part, a_plan, an_answer
from e2i_shared.api.composition import CompositionStatus
from e2i_shared.db.compositions import PostgresCompositions
from e2i_shared.db.connection import Database
from e2i_shared.db.step_outputs import LARGEST_INLINE
from e2i_shared.errors import ConflictError, NotFoundError
from e2i_shared.ids import new_id
from e2i_shared.objects import FolderObjects

S = CompositionStatus


def planned(compositions: Any, key: str | None = None, **changes: Any) -> str:
    new = a_composition(**changes)
    compositions.create(new)
    compositions.save_decomposition(new.composition_id, a_decomposition(), 2.0)
    compositions.save_plan(new.composition_id, a_plan(), 3.0, key)
    compositions.begin(new.composition_id, S.EXECUTING)
    return new.composition_id


def half_done(compositions: Any) -> str:
    identity = planned(compositions)
    compositions.start_step(identity, 1, {"a": 1})
    compositions.finish_step(identity, 1, S.COMPLETED, output={"ate": 2.0}, latency_ms=5.0)
    compositions.start_step(identity, 2, {"b": 1})
    compositions.finish_step(identity, 2, S.FAILED, error="too few rows")
    return identity


def statuses(compositions: Any, identity: str) -> list[S]:
    return [s.status for s in compositions.steps(identity)]


@pytest.mark.parametrize("end", [S.FAILED, S.TIMEOUT, S.CANCELLED])
def test_a_retry_keeps_what_completed_and_lets_the_rest_wait_again(stores, end):
    identity = half_done(stores.compositions)
    stores.compositions.fail(identity, end, "it broke")
    before = stores.compositions.steps(identity)[0]

    record = stores.compositions.retry(identity)

    assert (record.status, record.attempt, record.error_message, record.completed_at) == (S.PENDING, 2, None, None)
    assert record.attempted_at is not None
    assert record.plan == a_plan()
    first, second = stores.compositions.steps(identity)
    assert first == before
    assert (second.status, second.error_message, second.output, second.retry_count) == (S.PENDING, None, None, 0)
    assert (second.resolved_inputs, second.started_at, second.completed_at) == (None, None, None)


def test_an_answer_with_a_failed_step_can_be_retried_and_loses_its_answer(stores):
    identity = half_done(stores.compositions)
    stores.compositions.save_answer(identity, an_answer(), [a_missing_part()], {"total": 9.0, "synthesize": 1.0})

    record = stores.compositions.retry(identity)

    assert (record.status, record.answer, record.missing) == (S.PENDING, None, [])
    assert record.latency_ms == {"decompose": 2.0, "plan": 3.0}
    assert statuses(stores.compositions, identity) == [S.COMPLETED, S.PENDING]


def test_a_second_attempt_ends_like_the_first_and_says_so(stores):
    identity = half_done(stores.compositions)
    stores.compositions.fail(identity, S.FAILED, "it broke")
    stores.compositions.retry(identity)
    stores.compositions.begin(identity, S.EXECUTING)
    assert stores.compositions.start_step(identity, 2, {})
    assert stores.compositions.finish_step(identity, 2, S.COMPLETED, output={})
    stores.compositions.save_answer(identity, an_answer(), [], {})

    assert stores.compositions.get(identity).status is S.COMPLETED
    topics = [event.topic for event in stores.outbox.claim()]
    assert topics == ["composition.requested", "composition.failed", "composition.retried", "composition.completed"]


def test_what_went_well_or_still_runs_is_not_retried(stores):
    running = planned(stores.compositions)
    good = planned(stores.compositions)
    for number in (1, 2):
        stores.compositions.finish_step(good, number, S.COMPLETED, output={})
    stores.compositions.save_answer(good, an_answer(), [], {})

    for identity, why in ((running, "not ended"), (good, "every step")):
        before = stores.compositions.get(identity)
        with pytest.raises(ConflictError, match=why):
            stores.compositions.retry(identity)
        assert stores.compositions.get(identity) == before
    with pytest.raises(NotFoundError):
        stores.compositions.retry(new_id())


def test_a_lost_retry_is_found_by_who_starts_what_was_never_started(stores):
    identity = half_done(stores.compositions)
    stores.compositions.fail(identity, S.FAILED, "it broke")
    assert identity not in stores.compositions.unstarted(-60)
    stores.compositions.retry(identity)
    assert identity in stores.compositions.unstarted(-1)
    assert identity not in stores.compositions.unstarted(3600)


def test_one_that_runs_is_offered_to_be_started_only_a_minute_later(stores):
    identity = planned(stores.compositions)
    assert identity not in stores.compositions.unstarted(-59)
    assert identity in stores.compositions.unstarted(-61)


def test_the_events_tell_what_happened_in_order_without_gaps(stores):
    identity = half_done(stores.compositions)
    stores.compositions.fail(identity, S.FAILED, "it broke")
    stores.compositions.retry(identity)

    events = stores.compositions.events(identity)

    assert [e.seq for e in events] == list(range(1, len(events) + 1))
    told = [(e.kind, e.detail.get("step_number"), e.detail.get("status")) for e in events]
    assert told == [
        ("status", None, "PENDING"),
        ("step", 1, "PENDING"),
        ("step", 2, "PENDING"),
        ("status", None, "EXECUTING"),
        ("step", 1, "EXECUTING"),
        ("step", 1, "COMPLETED"),
        ("partial", 1, None),
        ("step", 2, "EXECUTING"),
        ("step", 2, "FAILED"),
        ("status", None, "FAILED"),
        ("status", None, "PENDING"),
        ("step", 2, "PENDING"),
    ]
    assert events[8].detail["error"] == "too few rows"
    assert (events[5].detail["tool"], events[5].detail["level"], events[5].detail["latency_ms"]) == ("estimate", 1, 5)
    assert events[-2].detail["attempt"] == 2
    assert [e.at for e in events] == sorted(e.at for e in events)


def test_events_are_read_from_a_number_on_and_nothing_new_is_nothing(stores):
    identity = planned(stores.compositions)
    every = stores.compositions.events(identity)

    assert list(stores.compositions.events(identity, after=2)) == list(every[2:])
    assert list(stores.compositions.events(identity, after=1, limit=2)) == list(every[1:3])
    assert list(stores.compositions.events(identity, after=every[-1].seq)) == []
    with pytest.raises(NotFoundError):
        stores.compositions.events(new_id())


def test_what_is_delivered_twice_is_told_once(stores):
    identity = half_done(stores.compositions)
    before = stores.compositions.events(identity)
    stores.compositions.begin(identity, S.EXECUTING)
    stores.compositions.start_step(identity, 1, {})
    stores.compositions.finish_step(identity, 2, S.FAILED, error="again")
    assert stores.compositions.events(identity) == before


def test_a_plan_is_used_again_only_under_its_key_and_only_if_it_answered_everything(stores):
    key = new_id()
    failed = planned(stores.compositions, key)
    stores.compositions.fail(failed, S.FAILED, "it broke")
    partial = planned(stores.compositions, key)
    stores.compositions.save_answer(partial, an_answer(), [a_missing_part()], {})
    assert stores.compositions.reusable_plan(key) is None

    whole = [planned(stores.compositions, key) for _ in range(2)]
    for identity in whole:
        stores.compositions.save_answer(identity, an_answer(), [], {})

    found = stores.compositions.reusable_plan(key)
    assert (found.composition_id, found.plan) == (whole[1], a_plan())
    assert stores.compositions.reusable_plan(new_id()) is None


@pytest.fixture
def folder(tmp_path) -> FolderObjects:
    return FolderObjects(tmp_path, "http://x", "s")


@pytest.mark.usefixtures("registered")
class TestOverPostgres:
    def test_a_large_output_is_kept_by_reference_and_read_as_if_it_were_in_the_row(self, database, migrated, folder):
        def store() -> FolderObjects:
            return folder

        compositions = PostgresCompositions(database, migrated.tenant, store)
        identity = planned(compositions)
        large = {"rows": ["x" * 100] * 50_000}
        compositions.finish_step(identity, 1, S.COMPLETED, output=large)

        step = compositions.steps(identity)[0]
        assert step.output == large
        assert step.output_ref.startswith(f"outputs/{migrated.tenant}/{identity}/1-")
        row = migrated.as_admin(
            "SELECT output_result, pg_column_size(s.*) FROM composition_steps s WHERE composition_id = %s AND step_number = 1",
            (identity,),
        )
        assert row[0][0] is None
        assert row[0][1] < 2_000
        compositions.save_answer(identity, an_answer(), [], {})
        outputs = migrated.as_admin("SELECT tool_outputs FROM composer_episodes WHERE composition_id = %s", (identity,))
        assert outputs[0][0] == {"1": {"output_ref": step.output_ref}}

    def test_an_output_up_to_the_limit_stays_in_its_row(self, database, migrated, folder):
        compositions = PostgresCompositions(database, migrated.tenant, lambda: folder)
        identity = planned(compositions)
        compositions.finish_step(identity, 1, S.COMPLETED, output={"text": "x" * (LARGEST_INLINE - 20)})
        assert compositions.steps(identity)[0].output_ref is None
        assert list(folder.root.iterdir()) == []

    def test_a_large_output_that_is_gone_is_named(self, database, migrated, folder):
        compositions = PostgresCompositions(database, migrated.tenant, lambda: folder)
        identity = planned(compositions)
        compositions.finish_step(identity, 1, S.COMPLETED, output={"text": "x" * LARGEST_INLINE})
        (written,) = folder.root.rglob("*.json")
        written.unlink()
        with pytest.raises(NotFoundError):
            compositions.steps(identity)

    def test_no_tenant_reads_another_ones_events_or_plans(self, database, migrated):
        key = new_id()
        own = PostgresCompositions(database, migrated.tenant)
        other = PostgresCompositions(database, migrated.other_tenant)
        identity = planned(own, key)
        own.save_answer(identity, an_answer(), [], {})
        assert own.reusable_plan(key)
        assert other.reusable_plan(key) is None
        with pytest.raises(NotFoundError):
            other.events(identity)
        with pytest.raises(NotFoundError):
            other.retry(identity)

    def test_steps_that_end_at_the_same_time_are_numbered_without_gaps_and_never_seen_out_of_order(self, migrated):
        width = 8
        plan = a_plan()
        steps = [plan.steps[0].model_copy(update={"step_number": n, "name": f"s{n}"}) for n in range(1, width + 1)]
        opened = [Database(migrated.app) for _ in range(width + 1)]
        makers = [PostgresCompositions(each, migrated.tenant) for each in opened]
        new = a_composition()
        makers[0].create(new)
        wide = plan.model_copy(update={"steps": steps, "levels": [[s.step_number for s in steps]]})
        makers[0].save_plan(new.composition_id, wide, 1.0)
        barrier, seen = threading.Barrier(width + 1), [0]

        def work(number: int) -> None:
            barrier.wait()
            makers[number].begin(new.composition_id, S.EXECUTING)
            makers[number].start_step(new.composition_id, number, {})
            makers[number].finish_step(new.composition_id, number, S.COMPLETED, output={"n": number})

        threads = [threading.Thread(target=work, args=(n,)) for n in range(1, width + 1)]
        for thread in threads:
            thread.start()
        barrier.wait()
        while any(thread.is_alive() for thread in threads):
            seen += [e.seq for e in makers[0].events(new.composition_id, after=seen[-1])]
        seen += [e.seq for e in makers[0].events(new.composition_id, after=seen[-1])]
        for each in opened:
            each.close()

        told = 1 + width + 1 + 3 * width  # PENDING, the steps', EXECUTING, and each step's start, end and result
        assert seen == list(range(told + 1))
