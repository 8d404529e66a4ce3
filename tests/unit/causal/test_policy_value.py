"""Allocations that can be counted by hand, and values whose truth is known."""

from __future__ import annotations

import numpy as np
import pytest
from e2i_shared.causal.policy_value import allocate, at_random, policy_value, total
from e2i_shared.errors import UnprocessableError
from hypothesis import given
from hypothesis import strategies as st

ONE = np.ones(4)


def test_the_budget_goes_down_the_ranking():
    assert allocate(np.array([1.0, 4.0, 2.0, 3.0]), 2, ONE).tolist() == [0, 1, 0, 1]
    assert allocate(np.array([1.0, 4.0, 2.0, 3.0]), 5, 3 * ONE).tolist() == [0, 3, 0, 2]


def test_what_has_no_room_gets_nothing():
    assert allocate(np.array([9.0, 1.0]), 5, np.array([0.0, 2.0])).tolist() == [0, 2]


def test_ties_are_broken_by_order():
    assert allocate(np.ones(4), 2, ONE).tolist() == [1, 1, 0, 0]


@pytest.mark.parametrize("budget", [0.0, -1.0, float("nan")])
def test_a_budget_that_is_none_is_refused(budget):
    with pytest.raises(UnprocessableError) as caught:
        allocate(np.ones(4), budget, ONE)
    assert caught.value.field == "budget"


@given(
    st.lists(st.tuples(st.floats(-5, 5), st.floats(0, 4)), min_size=1, max_size=30),
    st.floats(0.01, 60),
)
def test_an_allocation_spends_what_it_can_and_no_more(units, budget):
    priority, room = (np.array(part) for part in zip(*units, strict=True))

    doses = allocate(priority, budget, room)

    assert (doses >= 0).all()
    assert (doses <= room + 1e-12).all()
    assert doses.sum() == pytest.approx(min(budget, room.sum()))
    assert at_random(budget, room).sum() == pytest.approx(min(budget, room.sum()))


@given(st.lists(st.floats(-5, 5), min_size=2, max_size=12), st.integers(1, 11))
def test_no_other_choice_of_as_many_is_better(effects, budget):
    tau = np.array(effects)
    best = tau @ allocate(tau, budget, np.ones(len(tau)))

    others = np.random.default_rng(1).permuted(np.tile(allocate(tau, budget, np.ones(len(tau))), (50, 1)), axis=1)

    assert (others @ tau <= best + 1e-9).all()


def test_the_value_is_the_sum_of_scores_treated():
    scores = np.array([3.0, 1.0, 2.0, 0.0])
    doses, volumes = np.array([1.0, 0, 1, 0]), np.array([0.0, 1, 1, 0])

    found = policy_value(scores, doses, ONE, volumes)

    assert found.gain.estimate == 5.0
    assert found.against_random.estimate == 5.0 - 3.0
    assert found.against_volume is not None
    assert found.against_volume.estimate == 2.0
    assert policy_value(scores, doses, ONE, None).against_volume is None


def test_treating_all_is_worth_nothing_over_random():
    found = policy_value(np.array([3.0, 1.0, 2.0, 0.0]), ONE, ONE, ONE)

    assert found.against_random.estimate == 0.0
    assert found.against_random.std_error == pytest.approx(0.0)


def test_clusters_widen_the_interval():
    rng = np.random.default_rng(1)
    codes = np.repeat(np.arange(50), 10)
    scores = 1 + rng.normal(size=50)[codes] + 0.1 * rng.normal(size=500)

    plain, robust = (total(scores, np.ones(500), c) for c in (None, codes))

    assert plain.estimate == robust.estimate
    assert robust.std_error > 2.5 * plain.std_error


def test_intervals_hold_the_true_value_of_a_given_policy():
    rng = np.random.default_rng(2)
    tau = rng.normal(1, 0.5, 300)
    weights = (rng.random(300) < 0.4) - 0.4
    held = 0
    for _ in range(300):
        found = total(tau + 2 * rng.normal(size=300), weights, None)
        held += found.ci_lower <= float(weights @ tau) <= found.ci_upper
    assert 276 <= held <= 300
