"""A caller may go so fast and no faster, and nobody pays for another."""

from __future__ import annotations

import pytest
from e2i_shared.errors import RateLimitedError
from e2i_shared.http import limits
from e2i_shared.http.limits import RateLimit
from hypothesis import given
from hypothesis import strategies as st


class Clock:
    """A clock that is set by hand."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def limit(clock: Clock) -> RateLimit:
    return RateLimit(rate=2, burst=5, clock=clock)


def test_a_burst_is_served_and_the_next_request_is_refused_with_the_seconds_to_wait(limit: RateLimit):
    for _ in range(5):
        limit.take("anna")
    with pytest.raises(RateLimitedError) as refused:
        limit.take("anna")
    assert refused.value.retry_after == 1


def test_waiting_as_long_as_told_is_enough(limit: RateLimit, clock: Clock):
    limit.take("anna", cost=5)
    with pytest.raises(RateLimitedError) as refused:
        limit.take("anna", cost=4)
    assert refused.value.retry_after == 2
    clock.now += refused.value.retry_after
    limit.take("anna", cost=4)


def test_one_callers_flood_does_not_touch_another(limit: RateLimit):
    limit.take("anna", cost=5)
    assert limit.take("ben")["X-RateLimit-Remaining"] == "4"


def test_the_headers_say_limit_rest_and_seconds_until_full(limit: RateLimit):
    assert dict(limit.take("anna", cost=3)) == {
        "X-RateLimit-Limit": "5",
        "X-RateLimit-Remaining": "2",
        "X-RateLimit-Reset": "2",
    }


def test_no_more_than_the_burst_is_saved_up(limit: RateLimit, clock: Clock):
    limit.take("anna")
    clock.now += 3600
    assert limit.take("anna")["X-RateLimit-Remaining"] == "4"


def test_the_caller_seen_least_recently_is_forgotten_first(monkeypatch, limit: RateLimit):
    monkeypatch.setattr(limits, "MAX_CALLERS", 2)
    for name in ("anna", "ben", "anna", "carl"):
        limit.take(name)
    assert set(limit.buckets) == {"anna", "carl"}


@given(st.lists(st.tuples(st.floats(0, 3), st.integers(1, 3)), max_size=60))
def test_over_any_history_a_caller_gets_at_most_burst_plus_rate_times_time(history: list[tuple[float, int]]):
    clock = Clock()
    limit = RateLimit(rate=2, burst=5, clock=clock)
    taken = 0
    for pause, cost in history:
        clock.now += pause
        try:
            limit.take("anna", cost)
            taken += cost
        except RateLimitedError:
            continue
    assert taken <= 5 + 2 * clock.now + 1e-6
