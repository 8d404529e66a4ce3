from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from e2i_shared.causal.change_attribution import Layout, attribute, moments, random_groups

LAYOUT = Layout(x=3, modifiers=(0, 1), levers=2)


def sample(rng: np.random.Generator, n: int, *, shift: float = 0.0, level: float = 0.0, effect: float = 0.0) -> Any:
    """Return x (n, 3), levers (n, 2) and y (n,), linear with a modified effect of the first lever."""
    x = np.column_stack([np.ones(n), rng.normal(shift, 1, (n, 2))])
    t = np.column_stack([1.0 + level + 0.5 * x[:, 1] + rng.normal(size=n), rng.poisson(2.0, n) + 0.2 * x[:, 2]])
    y = 2.0 + x[:, 1] - x[:, 2] + (1.0 + effect + 0.4 * x[:, 1]) * t[:, 0] + 0.3 * t[:, 1] + rng.normal(size=n)
    return x, t, y


def moments_of(data: Any, groups: int = 40, layout: Layout = LAYOUT):
    x, t, y = data
    return moments(x, t, y, layout, np.arange(len(y)) % groups, groups)


@pytest.mark.parametrize("total", [False, True])
@pytest.mark.parametrize("effects", ["by_sample", "common"])
@pytest.mark.parametrize("seed", range(6))
def test_parts_add_up_to_the_change_of_the_data(seed, effects, total):
    rng = np.random.default_rng(seed)
    before, after = sample(rng, 300), sample(rng, 411, shift=rng.normal(), level=rng.normal(), effect=rng.normal())

    parts = attribute(moments_of(before), moments_of(after), LAYOUT, total=total, effects=effects).parts

    change = after[2].sum() - before[2].sum() if total else after[2].mean() - before[2].mean()
    assert parts.change == pytest.approx(change)
    assert parts.vector()[1:].sum() == pytest.approx(change)
    assert (parts.size == 0.0) is not total


def test_shapley_values_are_the_mean_over_all_orders():
    rng = np.random.default_rng(1)
    before, after = sample(rng, 500), sample(rng, 500, shift=0.5, level=-0.7, effect=0.3)

    found = attribute(moments_of(before), moments_of(after), LAYOUT)

    a, b = found.fits
    for k in range(2):

        def value(chosen: frozenset[int], k: int = k) -> float:
            mix, level, response = ((b if i in chosen else a) for i in range(3))
            return float(level.gamma[k] @ mix.cross @ response.delta[k])

        marginals = np.zeros(3)
        for order in itertools.permutations(range(3)):
            for place, factor in enumerate(order):
                earlier = frozenset(order[:place])
                marginals[factor] += (value(earlier | {factor}) - value(earlier)) / 6
        assert found.parts.exposure[k] == pytest.approx(marginals[1])
        assert found.parts.response[k] == pytest.approx(marginals[2])


def test_without_levers_it_is_the_two_fold_decomposition_of_oaxaca_and_blinder():
    rng = np.random.default_rng(2)
    layout = Layout(x=3, modifiers=(0,), levers=0)
    before, after = sample(rng, 400), sample(rng, 400, shift=0.8)
    none = [(x, np.zeros((len(y), 0)), y) for x, _, y in (before, after)]
    slopes = [np.linalg.lstsq(x, y, rcond=None)[0] for x, _, y in none]

    parts = attribute(*(moments_of(data, layout=layout) for data in none), layout).parts

    means = [x.mean(axis=0) for x, _, _ in none]
    assert parts.mix == pytest.approx((means[1] - means[0]) * (slopes[0] + slopes[1]) / 2, abs=1e-6)
    assert parts.baseline == pytest.approx((means[1] + means[0]) / 2 @ (slopes[1] - slopes[0]), abs=1e-6)


def test_a_sample_against_itself_has_no_parts():
    data = moments_of(sample(np.random.default_rng(3), 300))

    assert np.abs(attribute(data, data, LAYOUT).parts.vector()).max() < 1e-9


def test_effects_are_regression_slopes_at_the_mean():
    rng = np.random.default_rng(4)
    found = attribute(moments_of(sample(rng, 20_000)), moments_of(sample(rng, 20_000)), LAYOUT)

    assert found.effects == pytest.approx([1.0, 0.3], abs=0.03)


def test_columns_that_repeat_each_other_do_no_harm():
    rng = np.random.default_rng(5)
    before, after = sample(rng, 300), sample(rng, 300, level=-1.0)
    double = Layout(x=4, modifiers=(0,), levers=2)
    repeated = [(np.column_stack([x, x[:, 1]]), t, y) for x, t, y in (before, after)]
    once = Layout(x=3, modifiers=(0,), levers=2)

    twice = attribute(*(moments_of(data, layout=double) for data in repeated), double).parts
    plain = attribute(*(moments_of(data, layout=once) for data in (before, after)), once).parts

    assert twice.exposure == pytest.approx(plain.exposure, abs=1e-4)
    assert np.isfinite(twice.vector()).all()


def test_a_lever_equal_to_a_covariate_gets_no_effect_of_its_own():
    rng = np.random.default_rng(6)
    layout = Layout(x=2, modifiers=(0,), levers=1)
    x = np.column_stack([np.ones(400), rng.normal(size=400)])
    data = moments_of((x, x[:, [1]], 3 * x[:, 1] + rng.normal(size=400)), layout=layout)

    assert np.isfinite(attribute(data, data, layout).effects).all()


def test_the_standard_error_is_the_spread_over_draws():
    truth, found, errors = 0.0, [], []
    for seed in range(60):
        rng = np.random.default_rng([seed, 9])
        result = attribute(moments_of(sample(rng, 400)), moments_of(sample(rng, 400, level=-1.0)), LAYOUT)
        weights = np.zeros(len(result.parts.vector()))
        weights[2 + LAYOUT.x + 1] = 1.0
        error, _, _ = result.interval(weights)
        found.append(float(result.parts.exposure[0]))
        errors.append(error)
        truth = -1.0

    assert np.mean(found) == pytest.approx(truth, abs=3 * np.std(found) / np.sqrt(60))
    assert np.mean(errors) == pytest.approx(np.std(found), rel=0.3)


def test_rows_of_one_unit_lie_in_one_group_and_groups_are_alike():
    units = np.repeat(np.arange(103), 3)

    groups, count = random_groups(units, seed=1)

    assert count == 40
    assert all(len(set(groups[units == u])) == 1 for u in range(103))
    sizes = np.bincount(groups[::3], minlength=count)
    assert sizes.max() - sizes.min() <= 1


def test_few_units_make_as_many_groups():
    assert random_groups(np.arange(12), seed=1)[1] == 12


def test_an_empty_group_has_empty_moments():
    x, t, y = sample(np.random.default_rng(7), 50)

    found = moments(x, t, y, LAYOUT, np.zeros(50, dtype=np.intp), 2)

    assert not found[1].any()
    assert found[0, 0, 0] == 50
