from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from builders_db import (
    a_composition,
    a_decomposition,
    a_direction,
    a_missing_part,
    a_plan,
    an_answer,
)
from e2i_shared.api.composition import CompositionFeedback, CompositionStatus
from e2i_shared.composer.model import CompositionQuery
from e2i_shared.composer.plan_shape import shape_of
from e2i_shared.errors import ConfigurationError, ConflictError, MalformedRequestError, NotFoundError
from e2i_shared.ids import new_id

S = CompositionStatus


def started(stores, **changes: Any) -> str:
    new = a_composition(**changes)
    stores.compositions.create(new)
    return new.composition_id


def planned(stores, **changes: Any) -> str:
    identity = started(stores, **changes)
    stores.compositions.save_decomposition(identity, a_decomposition(), 2.0)
    stores.compositions.save_plan(identity, a_plan(), 3.0)
    stores.compositions.begin(identity, S.EXECUTING)
    return identity


def completed(stores, **changes: Any) -> str:
    identity = started(stores, **changes)
    stores.compositions.save_answer(identity, an_answer(), [], {"total": 10.0})
    return identity


def topics(stores) -> list[str]:
    return [event.topic for event in stores.outbox.claim()]


def test_a_new_composition_is_pending_and_asks_to_be_started(stores):
    new = a_composition(
        session_id="s", dataset="hcp_monthly", classification_id=new_id(), user_id="u", deadline_seconds=60
    )

    stores.compositions.create(new)

    record = stores.compositions.get(new.composition_id)
    assert (record.status, record.query, record.deadline_seconds) == (S.PENDING, new.query, 60)
    assert (record.session_id, record.dataset, record.user_id) == ("s", "hcp_monthly", "u")
    assert record.classification_id == new.classification_id
    assert (record.decomposition, record.plan, record.answer, record.completed_at) == (None, None, None, None)
    (event,) = stores.outbox.claim()
    assert (event.topic, event.payload) == ("composition.requested", {"composition_id": new.composition_id})


def test_the_same_id_twice_is_a_conflict_and_writes_no_second_event(stores):
    identity = started(stores)

    with pytest.raises(ConflictError):
        stores.compositions.create(a_composition(composition_id=identity.upper()))

    assert topics(stores) == ["composition.requested"]


@pytest.mark.parametrize("field", ["composition_id", "classification_id"])
def test_an_id_that_is_no_uuid_is_refused_by_name(stores, field):
    with pytest.raises(MalformedRequestError) as refused:
        stores.compositions.create(a_composition(**{field: "c-1"}))

    assert refused.value.field == field


@pytest.mark.parametrize("identity", ["00000000-0000-7000-8000-00000000abcd", "c-1", "\x00"])
def test_whatever_is_asked_of_an_unknown_composition_is_not_found(stores, identity):
    compositions = stores.compositions
    for attempt in (
        lambda: compositions.get(identity),
        lambda: compositions.begin(identity, S.PLANNING),
        lambda: compositions.save_decomposition(identity, a_decomposition(), 1),
        lambda: compositions.save_plan(identity, a_plan(), 1),
        lambda: compositions.steps(identity),
        lambda: compositions.start_step(identity, 1, {}),
        lambda: compositions.finish_step(identity, 1, S.COMPLETED),
        lambda: compositions.save_answer(identity, an_answer(), [], {}),
        lambda: compositions.fail(identity, S.FAILED, "x"),
        lambda: compositions.save_feedback(identity, CompositionFeedback(rating=5)),
    ):
        with pytest.raises(NotFoundError):
            attempt()


def test_phases_move_forward_only(stores):
    identity = started(stores)

    assert stores.compositions.begin(identity, S.PLANNING).status is S.PLANNING
    assert stores.compositions.begin(identity, S.DECOMPOSING).status is S.PLANNING
    assert stores.compositions.begin(identity, S.PLANNING).status is S.PLANNING
    assert stores.compositions.begin(identity, S.SYNTHESIZING).status is S.SYNTHESIZING


@pytest.mark.parametrize("end", [S.COMPLETED, S.FAILED, S.CANCELLED])
def test_an_end_is_not_a_phase_to_begin(stores, end):
    with pytest.raises(ConfigurationError):
        stores.compositions.begin(started(stores), end)


def test_the_first_decomposition_stays(stores):
    identity = started(stores)
    stores.compositions.save_decomposition(identity, a_decomposition(), 2.5)

    other = a_decomposition().model_copy(update={"source": "llm"})
    stores.compositions.save_decomposition(identity, other, 99)

    record = stores.compositions.get(identity)
    assert record.decomposition == a_decomposition()
    assert record.latency_ms == {"decompose": 2.5}


def test_a_plan_comes_back_with_its_steps_waiting(stores):
    identity = started(stores)

    stores.compositions.save_plan(identity, a_plan(), 3.5)

    record = stores.compositions.get(identity)
    steps = stores.compositions.steps(identity)
    assert record.plan == a_plan()
    assert record.latency_ms == {"plan": 3.5}
    assert [step.step for step in steps] == a_plan().steps
    assert {step.status for step in steps} == {S.PENDING}


def test_a_second_plan_changes_neither_plan_nor_steps(stores):
    identity = planned(stores)
    stores.compositions.start_step(identity, 1, {})

    one_step = a_plan().model_copy(update={"steps": a_plan().steps[:1], "levels": [[1]]})
    stores.compositions.save_plan(identity, one_step, 99)

    assert stores.compositions.get(identity).plan == a_plan()
    assert [step.status for step in stores.compositions.steps(identity)] == [S.EXECUTING, S.PENDING]


def test_a_composition_without_a_plan_has_no_steps(stores):
    assert list(stores.compositions.steps(started(stores))) == []


def test_a_step_runs_and_keeps_what_it_got_and_gave(stores):
    identity = planned(stores)
    inputs, output = {"a": 1, "b": [1.5, None, "x"]}, {"ate": 0.1 + 0.2, "n": 10**15, "text": "\u20ac"}

    assert stores.compositions.start_step(identity, 1, inputs)
    assert stores.compositions.finish_step(identity, 1, S.COMPLETED, output=output, latency_ms=12.5)

    step = stores.compositions.steps(identity)[0]
    assert (step.status, step.resolved_inputs, step.output) == (S.COMPLETED, inputs, output)
    assert (step.latency_ms, step.retry_count, step.error_message) == (12.5, 0, None)
    assert step.started_at <= step.completed_at


def test_starting_a_running_step_again_counts_a_retry_and_keeps_its_first_start(stores):
    identity = planned(stores)
    stores.compositions.start_step(identity, 1, {"try": 1})
    first = stores.compositions.steps(identity)[0].started_at

    assert stores.compositions.start_step(identity, 1, {"try": 2})

    step = stores.compositions.steps(identity)[0]
    assert (step.retry_count, step.started_at, step.resolved_inputs) == (1, first, {"try": 2})


@pytest.mark.parametrize("end", [S.COMPLETED, S.FAILED, S.SKIPPED])
def test_the_first_end_of_a_step_wins(stores, end):
    identity = planned(stores)
    assert stores.compositions.finish_step(identity, 1, end, output={"first": True}, error="first")

    assert not stores.compositions.start_step(identity, 1, {"late": True})
    assert not stores.compositions.finish_step(identity, 1, S.COMPLETED, output={"late": True})

    step = stores.compositions.steps(identity)[0]
    assert (step.status, step.output, step.error_message) == (end, {"first": True}, "first")


def test_a_step_does_not_finish_as_running(stores):
    with pytest.raises(ConfigurationError):
        stores.compositions.finish_step(planned(stores), 1, S.EXECUTING)


def test_an_unknown_step_is_not_found(stores):
    identity = planned(stores)

    with pytest.raises(NotFoundError):
        stores.compositions.start_step(identity, 99, {})
    with pytest.raises(NotFoundError):
        stores.compositions.finish_step(identity, 99, S.COMPLETED)


def test_a_finished_step_is_in_its_tools_record_once_and_a_skipped_one_is_not(stores):
    identity = planned(stores)
    stores.compositions.finish_step(identity, 1, S.FAILED, error="InsufficientDataError: too few", latency_ms=8.0)
    stores.compositions.finish_step(identity, 1, S.COMPLETED)
    stores.compositions.finish_step(identity, 2, S.SKIPPED, error="needs step 1")

    (record,) = stores.tools.reliability()

    assert (record.tool, record.calls, record.success_rate, record.p50_ms) == ("estimate", 1, 0.0, 8.0)


def test_an_answer_completes_the_composition_and_says_so(stores):
    identity = planned(stores, session_id="s")
    topics(stores)

    stores.compositions.save_answer(identity, an_answer(), [a_missing_part()], {"synthesize": 4.0, "grounding": 1.0})

    record = stores.compositions.get(identity)
    assert (record.status, record.answer, record.missing) == (S.COMPLETED, an_answer(), [a_missing_part()])
    assert record.latency_ms == {"decompose": 2.0, "plan": 3.0, "synthesize": 4.0, "grounding": 1.0}
    assert record.completed_at >= record.created_at
    (event,) = stores.outbox.claim()
    assert event.topic == "composition.completed"
    assert event.payload == {"composition_id": identity, "status": "COMPLETED", "session_id": "s"}


def test_a_finished_composition_never_changes_again(stores):
    identity = completed(stores)
    before = stores.compositions.get(identity)
    topics(stores)

    stores.compositions.save_answer(identity, an_answer().model_copy(update={"headline": "late"}), [], {})
    stores.compositions.save_decomposition(identity, a_decomposition(), 1)
    stores.compositions.save_plan(identity, a_plan(), 1)
    assert stores.compositions.begin(identity, S.EXECUTING).status is S.COMPLETED
    assert not stores.compositions.fail(identity, S.TIMEOUT, "late")

    assert stores.compositions.get(identity) == before
    assert topics(stores) == []


@pytest.mark.parametrize("end", [S.FAILED, S.TIMEOUT, S.CANCELLED])
def test_failing_ends_what_ran_and_skips_what_waited(stores, end):
    identity = planned(stores)
    stores.compositions.start_step(identity, 1, {})
    topics(stores)

    assert stores.compositions.fail(identity, end, "The deadline passed.")

    record = stores.compositions.get(identity)
    assert (record.status, record.error_message) == (end, "The deadline passed.")
    assert record.completed_at is not None
    assert [s.status for s in stores.compositions.steps(identity)] == [S.FAILED, S.SKIPPED]
    assert topics(stores) == [f"composition.{end.lower()}"]
    assert not stores.compositions.fail(identity, end, "again")


@pytest.mark.parametrize("status", [S.COMPLETED, S.EXECUTING])
def test_a_composition_does_not_fail_as_something_else(stores, status):
    with pytest.raises(ConfigurationError):
        stores.compositions.fail(started(stores), status, "x")


def test_lists_are_newest_first_and_pages_join_without_gap_or_repeat(stores):
    made = [started(stores) for _ in range(7)]

    seen, cursor = [], None
    while True:
        page = stores.compositions.list(CompositionQuery(limit=3, cursor=cursor))
        seen += [item.composition_id for item in page.items]
        cursor = page.next_cursor
        if cursor is None:
            break

    assert seen == made[::-1]


def test_a_last_page_that_is_exactly_full_has_no_successor(stores):
    for _ in range(3):
        started(stores)

    assert stores.compositions.list(CompositionQuery(limit=3)).next_cursor is None


def test_lists_filter_by_status_session_and_time(stores):
    done = completed(stores, session_id="a")
    waiting = started(stores, session_id="a")
    elsewhere = started(stores, session_id="b")

    def ids(**filters: Any) -> list[str]:
        return [i.composition_id for i in stores.compositions.list(CompositionQuery(**filters)).items]

    created = stores.compositions.get(waiting).created_at
    assert ids(status=S.COMPLETED) == [done]
    assert ids(session_id="a") == [waiting, done]
    assert ids(status=S.PENDING, session_id="b") == [elsewhere]
    assert ids(since=created) == [elsewhere, waiting]
    assert ids(until=created) == [done]
    assert ids(status=S.FAILED) == []


@pytest.mark.parametrize(
    "filters", [{"cursor": "nonsense"}, {"cursor": "WzEsMl0"}, {"since": "last week"}, {"until": ""}]
)
def test_a_cursor_or_time_that_is_none_is_refused_by_name(stores, filters):
    with pytest.raises(MalformedRequestError) as refused:
        stores.compositions.list(CompositionQuery(**filters))

    assert refused.value.field == next(iter(filters))


def test_similar_compositions_are_completed_near_and_of_the_same_model(stores):
    near = completed(stores, embedding=a_direction(1, 0.1), embedding_model="m")
    nearest = completed(stores, embedding=a_direction(1, 0), embedding_model="m")
    completed(stores, embedding=a_direction(0, 1), embedding_model="m")
    completed(stores, embedding=a_direction(1, 0), embedding_model="other")
    started(stores, embedding=a_direction(1, 0), embedding_model="m")
    completed(stores)

    found = stores.compositions.similar(a_direction(1, 0), "m")

    assert [s.composition_id for s in found] == [nearest, near]
    assert found[0].similarity == pytest.approx(1)
    assert found[1].similarity == pytest.approx(1 / 1.01**0.5)
    assert found[0].success is True
    assert [s.composition_id for s in stores.compositions.similar(a_direction(1, 0), "m", limit=1)] == [nearest]
    assert len(stores.compositions.similar(a_direction(1, 0), "m", min_similarity=0)) == 3


def test_neighbours_are_near_by_the_stored_vector_of_the_same_model_without_itself(stores):
    one = completed(stores, embedding=a_direction(1, 0), embedding_model="m")
    near = completed(stores, embedding=a_direction(1, 0.1), embedding_model="m")
    nearest = completed(stores, embedding=a_direction(1, 0), embedding_model="m")
    completed(stores, embedding=a_direction(0, 1), embedding_model="m")
    other = completed(stores, embedding=a_direction(1, 0), embedding_model="other")
    running = started(stores, embedding=a_direction(1, 0), embedding_model="m")
    bare = completed(stores)

    def around(identity: str, **bounds: Any) -> list[str]:
        return [s.composition_id for s in stores.compositions.neighbours(identity, **bounds)]

    assert around(one) == [nearest, near]
    assert around(one, limit=1) == [nearest]
    assert len(around(one, min_similarity=0)) == 3
    assert set(around(running, limit=2)) == {one, nearest}
    assert around(other) == around(bare) == around(new_id()) == []


def test_compositions_of_one_shape_that_were_answered_in_full_are_found_newest_first(stores):
    def answered(missing=(), **changes: Any) -> str:
        identity = planned(stores, **changes)
        stores.compositions.save_answer(identity, an_answer(), list(missing), {})
        return identity

    shape = shape_of(a_decomposition())
    first, second = answered(), answered()
    answered([a_missing_part()])
    planned(stores)
    completed(stores)
    wrong = answered()
    stores.compositions.save_feedback(wrong, CompositionFeedback(rating=1, success=False))

    assert stores.compositions.answered_alike(*shape, 5) == [second, first]
    assert stores.compositions.answered_alike(*shape, 1) == [second]
    assert stores.compositions.answered_alike([*shape.domains, "KPI"], shape.edges, 5) == []
    assert stores.compositions.answered_alike(shape.domains, [*shape.edges, "Q1>Q9:CONDITIONAL"], 5) == []


def test_a_users_word_on_success_outweighs_the_services(stores):
    identity = completed(stores, embedding=a_direction(1), embedding_model="m")

    stores.compositions.save_feedback(identity, CompositionFeedback(rating=1, text="wrong", success=False))

    assert [s.success for s in stores.compositions.similar(a_direction(1), "m")] == [False]


def test_an_answer_with_missing_parts_is_no_success(stores):
    identity = started(stores, embedding=a_direction(1), embedding_model="m")
    stores.compositions.save_answer(identity, an_answer(), [a_missing_part()], {})

    assert [s.success for s in stores.compositions.similar(a_direction(1), "m")] == [False]


def test_only_pending_compositions_of_some_age_are_unstarted(stores):
    lost, running = started(stores), started(stores)
    stores.compositions.begin(running, S.DECOMPOSING)

    assert list(stores.compositions.unstarted(0)) == [lost]
    assert list(stores.compositions.unstarted(3600)) == []


def test_times_are_utc_and_now_ish_in_order(stores):
    first, second = started(stores), started(stores)

    moments = [datetime.fromisoformat(stores.compositions.get(i).created_at) for i in (first, second)]

    assert moments[0] < moments[1]
    assert {m.utcoffset() for m in moments} == {timedelta(0)}
    assert moments[0].tzinfo == UTC
