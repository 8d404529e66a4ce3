from __future__ import annotations

import numpy as np
import pytest
from e2i_shared.causal.targeting import shrink, targeting_gain
from hypothesis import given
from hypothesis import strategies as st

SIZES = np.array([100.0, 300.0, 600.0])


def test_precise_effects_are_kept():
    effects = np.array([1.0, 2.0, 5.0])

    assert shrink(effects, np.full(3, 1e-6), SIZES) == pytest.approx(effects, abs=1e-9)


def test_effects_that_differ_no_more_than_their_noise_become_their_mean():
    effects = np.array([0.9, 1.0, 1.1])

    shrunk = shrink(effects, np.full(3, 1.0), SIZES)

    assert shrunk == pytest.approx(np.full(3, effects @ SIZES / SIZES.sum()))


def test_the_noisiest_is_drawn_furthest():
    effects, errors = np.array([0.0, 4.0, 4.0]), np.array([0.2, 0.2, 2.0])

    shrunk = shrink(effects, errors, np.ones(3))

    assert abs(shrunk[2] - 4.0) > abs(shrunk[1] - 4.0) > 0


@given(
    st.lists(st.floats(-10, 10), min_size=2, max_size=8),
    st.floats(0.05, 5.0),
)
def test_shrinkage_never_overshoots_the_mean(effects, error):
    values = np.array(effects)
    mean = values.mean()

    shrunk = shrink(values, np.full(len(values), error), np.ones(len(values)))

    assert (np.abs(shrunk - mean) <= np.abs(values - mean) + 1e-9).all()
    assert ((shrunk - mean) * (values - mean) >= -1e-9).all()


def test_a_single_segment_is_its_own_mean():
    assert shrink(np.array([3.0]), np.array([1.0]), np.array([10.0])) == pytest.approx([3.0])


def test_the_gain_is_the_mean_of_the_chosen_less_the_mean_of_all():
    effects, errors = np.array([3.0, 1.0, 2.0]), np.array([0.1, 0.2, 0.3])
    chosen = np.array([True, False, True])

    gain = targeting_gain(effects, errors, SIZES, chosen)

    assert gain.per_unit == pytest.approx((3.0 * 100 + 2.0 * 600) / 700 - (300 + 300 + 1200) / 1000)
    assert gain.treated == 700
    weights = np.array([100 / 700 - 0.1, -0.3, 600 / 700 - 0.6])
    assert gain.std_error == pytest.approx(np.sqrt(weights**2 @ errors**2))


def test_treating_everyone_gains_nothing_for_certain():
    gain = targeting_gain(np.array([3.0, 1.0, 2.0]), np.ones(3), SIZES, np.ones(3, dtype=bool))

    assert gain.per_unit == pytest.approx(0.0)
    assert gain.std_error == pytest.approx(0.0)


def test_the_gains_error_agrees_with_simulation():
    rng = np.random.default_rng(4)
    truth, errors, chosen = np.array([3.0, 1.0, 2.0]), np.array([0.4, 0.2, 0.3]), np.array([True, False, False])
    draws = rng.normal(truth, errors, (20_000, 3))

    gains = [targeting_gain(draw, errors, SIZES, chosen).per_unit for draw in draws[:4000]]

    assert np.std(gains) == pytest.approx(targeting_gain(truth, errors, SIZES, chosen).std_error, rel=0.05)
