"""Dose curves: policies, shapes, one-way curves, and the identity that corrections average out."""

from __future__ import annotations

import numpy as np
import pytest
from dgps import doses
from e2i_shared.causal.study import Settings
from e2i_shared.errors import NoOverlapError
from e2i_shared.twins.curve import one_way, shifted
from e2i_shared.twins.doses import bends, dose_effect


@pytest.fixture(scope="module")
def drawn():
    world = doses(3, 2_500)
    return world, dose_effect(world.study, Settings(seed=1), world.study.design.linear)


def everyone(world):
    return np.full((1, world.study.n), 1 / world.study.n)


def test_several_groups_at_once_are_each_alone(drawn):
    world, found = drawn
    curve = found.curve
    first = world.study.design.linear[:, 0] > 0
    weights = np.stack([first / first.sum(), ~first / (~first).sum()])
    moves = curve.moves(weights, curve.dose, curve.dose + 1)

    assert curve.moves(weights[1:], curve.dose, curve.dose + 1)[0] == pytest.approx(moves[1])
    assert curve.corrections(moves[1:])[0] == pytest.approx(curve.corrections(moves)[1])


def test_a_shift_stays_within_recorded_doses():
    assert shifted(np.array([0.0, 2.0, 9.0]), (0.0, 10.0), change=3.0).tolist() == [3.0, 5.0, 10.0]
    assert shifted(np.array([0.0, 2.0]), (0.0, 10.0), change=-1.0).tolist() == [0.0, 1.0]
    assert shifted(np.array([0.0, 5.0]), (0.0, 10.0), percent=20.0).tolist() == [0.0, 6.0]


@pytest.mark.parametrize(("increasing", "expected"), [(True, [1.0, 2.5, 2.5, 4.0]), (False, [2.5] * 4)])
def test_the_nearest_one_way_curve_pools_what_violates_it(increasing, expected):
    effects = np.array([1.0, 3.0, 2.0, 4.0])

    assert one_way(np.arange(4.0), effects, increasing=increasing).tolist() == expected


def test_a_one_way_curve_is_left_alone():
    effects = np.array([0.0, 1.0, 1.5])

    assert (one_way(np.arange(3.0), effects, increasing=True) == effects).all()


def test_few_doses_make_a_line_and_many_may_bend():
    rng = np.random.default_rng(1)

    assert len(bends(rng.integers(0, 4, 1_000).astype(float))) == 0
    found = bends(rng.poisson(5, 1_000).astype(float))
    assert 1 <= len(found) <= 2
    assert (found > 0).all()


def test_the_average_slope_is_the_true_one(drawn):
    world, found = drawn
    curve = found.curve
    move = curve.moves(everyone(world), curve.dose, curve.dose + 1)
    influence = curve.gain(curve.phi, curve.dose, curve.dose + 1) + curve.corrections(move)[0]

    assert abs(float((move @ curve.theta)[0]) - world.truth) < 3 * influence.std() / np.sqrt(world.study.n)


def test_a_mean_gain_is_the_mean_move_times_theta(drawn):
    world, found = drawn
    curve = found.curve
    rows = world.study.design.linear[:, 0] > 0
    after = shifted(curve.dose, curve.reach, percent=30)
    gain = curve.gain(curve.phi, curve.dose, after)[rows].mean()

    assert gain == pytest.approx(float((curve.moves((rows / rows.sum())[None], curve.dose, after) @ curve.theta)[0]))


def test_moving_there_and_back_gains_nothing(drawn):
    _, found = drawn
    curve = found.curve
    there = curve.gain(curve.phi, curve.dose, curve.dose + 2)
    back = curve.gain(curve.phi, curve.dose + 2, curve.dose)

    assert there + back == pytest.approx(0, abs=1e-9)


def test_corrections_average_to_nearly_nothing(drawn):
    world, found = drawn
    curve = found.curve
    rest = curve.corrections(curve.moves(everyone(world), curve.dose, curve.dose + 1))[0]

    assert abs(rest.mean()) < 0.05 * rest.std() / np.sqrt(world.study.n) + 0.01


def test_the_slope_differs_between_units_as_it_truly_does(drawn):
    world, found = drawn
    curve = found.curve

    assert np.corrcoef(curve.gain(curve.phi, curve.dose, curve.dose + 1), world.effects)[0, 1] > 0.9


def test_a_dose_that_features_decide_is_refused():
    world = doses(4, 1_500)
    x = world.study.design.linear
    decided = type(world.study)(world.study.outcome, 3 * x[:, 0] - x[:, 1], world.study.design)

    with pytest.raises(NoOverlapError, match="too little is left"):
        dose_effect(decided, Settings(seed=1), x)
