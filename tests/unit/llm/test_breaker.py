"""A provider that failed in a row is left alone, then tried by one caller."""

from __future__ import annotations

from e2i_shared.llm.breaker import Breaker


def broken(now):
    breaker = Breaker(failures=3, rest=10, clock=lambda: now[0])
    for _ in range(3):
        breaker.failed()
    return breaker


def test_it_opens_after_failures_in_a_row_only():
    breaker = Breaker(failures=3, rest=10, clock=lambda: 0.0)
    breaker.failed()
    breaker.failed()
    breaker.succeeded()
    breaker.failed()
    breaker.failed()

    assert breaker.allows()
    breaker.failed()
    assert not breaker.allows()


def test_after_its_rest_one_caller_is_let_through():
    now = [0.0]
    breaker = broken(now)
    now[0] = 11

    assert breaker.allows()
    assert not breaker.allows()


def test_a_success_closes_it_and_a_failure_opens_it_again():
    now = [0.0]
    breaker = broken(now)
    now[0] = 11
    assert breaker.allows()
    breaker.failed()
    now[0] = 12
    assert not breaker.allows()
    now[0] = 30
    assert breaker.allows()
    breaker.succeeded()
    assert breaker.allows()
    assert breaker.allows()
