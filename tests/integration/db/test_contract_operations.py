"""Outbox, idempotency keys and tools: the fake and Postgres agree."""

from __future__ import annotations

import pytest
from e2i_shared.errors import ConflictError, InvalidPlanError, UnknownToolError
from e2i_shared.ids import new_id


def test_events_are_claimed_oldest_first_and_only_once_while_leased(stores):
    ids = [stores.outbox.append(f"topic.{n}", {"n": n}) for n in range(3)]

    first = stores.outbox.claim(limit=2)
    second = stores.outbox.claim()

    assert [e.outbox_id for e in first] == ids[:2]
    assert [e.payload for e in first] == [{"n": 0}, {"n": 1}]
    assert [e.outbox_id for e in second] == ids[2:]
    assert list(stores.outbox.claim()) == []


def test_a_published_event_never_comes_back(stores):
    identity = stores.outbox.append("topic", {})
    stores.outbox.claim(lease_seconds=0)

    assert stores.outbox.mark_published([identity]) == 1
    assert stores.outbox.mark_published([identity]) == 0
    assert list(stores.outbox.claim()) == []


def test_a_lease_that_ran_out_gives_the_event_to_the_next_relay(stores):
    stores.outbox.append("topic", {})
    stores.outbox.claim(lease_seconds=0)

    (again,) = stores.outbox.claim()

    assert again.attempts == 2


def test_a_released_event_is_free_at_once(stores):
    identity = stores.outbox.append("topic", {})
    stores.outbox.claim()

    assert stores.outbox.release([identity], "the bus said no") == 1

    assert [e.outbox_id for e in stores.outbox.claim()] == [identity]


def test_publishing_nothing_and_unknown_events_changes_nothing(stores):
    assert stores.outbox.mark_published([]) == 0
    assert stores.outbox.mark_published([new_id()]) == 0


def test_a_repeat_gets_the_first_response(stores):
    keys = stores.idempotency()
    assert keys.begin("k", "body") is None

    keys.finish("k", {"statusCode": 202, "body": "{}"})

    assert keys.begin("k", "body") == {"statusCode": 202, "body": "{}"}


def test_a_repeat_while_the_first_runs_is_a_conflict(stores):
    keys = stores.idempotency()
    keys.begin("k", "body")

    with pytest.raises(ConflictError, match="still being served"):
        keys.begin("k", "body")


@pytest.mark.parametrize("finished", [False, True])
def test_the_same_key_with_another_body_is_a_conflict(stores, finished):
    keys = stores.idempotency()
    keys.begin("k", "body")
    if finished:
        keys.finish("k", {})

    with pytest.raises(ConflictError, match="another body"):
        keys.begin("k", "other body")


def test_an_abandoned_key_is_free_again(stores):
    keys = stores.idempotency()
    keys.begin("k", "body")

    keys.abandon("k")

    assert keys.begin("k", "other body") is None


def test_a_kept_response_is_neither_replaced_nor_abandoned(stores):
    keys = stores.idempotency()
    keys.begin("k", "body")
    keys.finish("k", {"first": True})

    keys.finish("k", {"first": False})
    keys.abandon("k")

    assert keys.begin("k", "body") == {"first": True}


def test_a_request_that_died_frees_its_key_for_its_own_repeat_only(stores):
    dying = stores.idempotency(lease_seconds=-1)
    dying.begin("k", "body")

    with pytest.raises(ConflictError):
        stores.idempotency().begin("k", "other body")
    assert stores.idempotency().begin("k", "body") is None


def test_an_expired_key_is_new_and_can_be_purged(stores):
    expiring = stores.idempotency(keep_seconds=-1)
    expiring.begin("k", "body")
    expiring.finish("k", {})
    assert stores.idempotency().begin("k", "other body") is None
    expiring.begin("old", "body")

    assert stores.idempotency().purge() == 1
    assert stores.idempotency().purge() == 0


def test_tools_are_listed_by_name_with_their_edges(stores):
    tools = stores.tools.list()

    assert [t.name for t in tools] == ["estimate", "rank", "refute", "segment"]
    assert [e.producer for e in tools[1].edges] == ["segment"]
    assert tools[0].input_schema == {"type": "object"}
    assert tools[0].examples == [{"x": 1}]


def test_producers_come_before_consumers(stores):
    order = stores.tools.execution_order(["rank", "refute", "segment", "estimate"])

    assert [list(level) for level in order] == [["estimate"], ["refute", "segment"], ["rank"]]


def test_only_edges_among_the_given_tools_count(stores):
    assert [list(level) for level in stores.tools.execution_order(["rank", "refute", "rank"])] == [["rank", "refute"]]
    assert list(stores.tools.execution_order([])) == []


def test_an_unknown_tool_is_named(stores):
    with pytest.raises(UnknownToolError, match="nonsense"):
        stores.tools.execution_order(["estimate", "nonsense"])


def test_reliability_has_percentiles_by_linear_interpolation(stores):
    for latency in range(1, 101):
        stores.tools.record_run("estimate", success=latency != 7, latency_ms=float(latency))
    stores.tools.record_run("rank", success=False, error_type="ContractError")

    estimate, rank = stores.tools.reliability()

    assert (estimate.calls, estimate.success_rate, estimate.avg_latency_ms) == (100, 0.99, 50.5)
    assert (estimate.p50_ms, estimate.p95_ms, estimate.p99_ms) == pytest.approx((50.5, 95.05, 99.01))
    assert (rank.calls, rank.success_rate, rank.p95_ms) == (1, 0.0, None)


def test_metrics_are_refreshed_once_per_change(stores):
    stores.tools.update_metrics()
    stores.tools.record_run("refute", success=True, latency_ms=float(hash(stores.tenant_id) % 1000))
    stores.tools.record_run("not registered", success=True)

    assert stores.tools.update_metrics() == 1
    assert stores.tools.update_metrics() == 0


def test_a_cycle_is_an_invalid_plan_not_an_endless_loop(cyclic_tools):
    with pytest.raises(InvalidPlanError, match="cycle: a, b, c, d"):
        cyclic_tools.execution_order(["a", "b", "c", "d", "free"])
    assert [list(level) for level in cyclic_tools.execution_order(["a", "b", "free"])] == [["a", "free"], ["b"]]
