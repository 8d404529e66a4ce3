"""Group effects, tests of heterogeneity and importance, in worlds with known groups."""

from __future__ import annotations

import numpy as np
import pytest
from e2i_shared.causal import heterogeneity
from e2i_shared.causal.heterogeneity import Groups
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats


def world(seed=1, n=3000, effects=(1.0, 1.0, 1.0), noise=2.0):
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, len(effects), n)
    scores = np.array(effects)[codes] + noise * rng.normal(size=n)
    return (
        scores,
        Groups((codes[:, None] == np.arange(len(effects))).astype(float), tuple("abc"[: len(effects)])),
        codes,
    )


def test_a_group_effect_is_its_mean_score_with_its_standard_error():
    scores, groups, codes = world(effects=(0.0, 1.0, 2.0))

    found = heterogeneity.group_effects(scores, groups)

    for k, effect in enumerate(found):
        inside = scores[codes == k]
        assert effect.effect == pytest.approx(inside.mean())
        assert effect.std_error == pytest.approx(inside.std(ddof=1) / np.sqrt(len(inside)), rel=1e-6)
        assert effect.n == len(inside)
        assert effect.n_clusters is None


def test_simultaneous_intervals_are_wider_by_what_three_groups_need():
    scores, groups, _ = world()

    found = heterogeneity.group_effects(scores, groups)

    critical = (found[0].ci_upper - found[0].effect) / found[0].std_error
    assert critical == pytest.approx(stats.norm.ppf((1 + 0.95 ** (1 / 3)) / 2), abs=0.05)


def test_one_group_needs_no_widening():
    scores, _, _ = world()

    (found,) = heterogeneity.group_effects(scores, Groups(np.ones((3000, 1)), ("all",)))

    assert (found.ci_upper - found.effect) / found.std_error == pytest.approx(1.96, abs=0.05)


def test_simultaneous_intervals_hold_all_effects_at_once_19_times_in_20():
    held = 0
    for seed in range(200):
        scores, groups, _ = world(seed, n=400)
        held += all(e.ci_lower <= 1 <= e.ci_upper for e in heterogeneity.group_effects(scores, groups, seed=seed))

    assert 182 <= held <= 199


def test_clusters_widen_group_intervals():
    rng = np.random.default_rng(2)
    clusters = np.repeat(np.arange(100), 20)
    scores = rng.normal(size=100)[clusters] + rng.normal(size=2000)
    groups = Groups((clusters[:, None] % 2 == np.arange(2)).astype(float), ("even", "odd"))

    plain, robust = (heterogeneity.group_effects(scores, groups, c) for c in (None, clusters))

    assert robust[0].std_error > 2 * plain[0].std_error
    assert robust[0].n_clusters == 50


def test_adjusted_p_values_are_no_smaller_than_single_ones():
    scores, groups, _ = world(effects=(0.1, 0.0, 0.05))

    for effect in heterogeneity.group_effects(scores, groups):
        assert effect.p_value_adjusted >= effect.p_value - 0.01


def test_only_groups_off_the_average_stand_out_from_it():
    scores, groups, _ = world(effects=(1.0, 1.5, 2.0), noise=1.0)

    lower, upper = heterogeneity.differences_from_average(scores, groups)

    assert upper[0] < 0 < lower[2]
    assert lower[1] < 0 < upper[1]


def test_equal_effects_are_tested_like_an_analysis_of_variance():
    scores, groups, codes = world(effects=(1.0, 1.1, 1.2))

    found = heterogeneity.equal_effects(scores, groups)

    expected = stats.f_oneway(*(scores[codes == k] for k in range(3)))
    assert found.statistic == pytest.approx(expected.statistic, rel=0.03)
    assert found.p_value == pytest.approx(expected.pvalue, rel=0.1)


def test_equal_effects_are_rejected_one_time_in_twenty_where_they_are_equal():
    rejected = [heterogeneity.equal_effects(*world(seed, n=500)[:2]).p_value < 0.05 for seed in range(300)]

    assert 4 <= sum(rejected) <= 28


def varied(seed, slope, n=3000):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 3))
    return 1 + slope * x[:, 0] + 2 * rng.normal(size=n), x, rng.integers(0, 5, n)


def test_a_varying_effect_is_predicted_and_its_predictor_has_slope_one():
    scores, x, folds = varied(3, 1.0)

    predicted = heterogeneity.cross_fitted_effect(scores, x, folds)
    found = heterogeneity.best_linear_predictor(scores, predicted)

    assert np.corrcoef(predicted, x[:, 0])[0, 1] > 0.99
    assert found.slope == pytest.approx(1, abs=0.15)
    assert found.p_value < 1e-6


def test_one_effect_for_all_is_not_predicted():
    rejected = 0
    for seed in range(100):
        scores, x, folds = varied(seed, 0.0, 400)
        predicted = heterogeneity.cross_fitted_effect(scores, x, folds)
        rejected += heterogeneity.best_linear_predictor(scores, predicted).p_value < 0.05

    assert rejected <= 12


def test_a_predictor_that_says_the_same_of_all_tells_nothing():
    scores, _, _ = world()

    found = heterogeneity.best_linear_predictor(scores, np.full(3000, 1.0))

    assert (found.slope, found.p_value) == (0.0, 1.0)


def test_ranking_by_the_true_effect_is_worth_what_yadlowsky_says():
    """For τ = x normal and perfect ranking, AUTOC = ∫ E[x | top q] dq = ∫ φ(z_q)/q dq ≈ 0.90."""
    rng = np.random.default_rng(4)
    x = rng.normal(size=200_000)
    q = (np.arange(100_000) + 0.5) / 100_000
    expected = float(np.mean(stats.norm.pdf(stats.norm.isf(q)) / q))

    found = heterogeneity.rank_weighted_effect(x, x)

    assert found.statistic == pytest.approx(expected, abs=0.02)
    assert heterogeneity.rank_weighted_effect(x, rng.normal(size=200_000)).statistic == pytest.approx(0, abs=0.02)


def test_without_covariates_the_predicted_effect_is_the_average():
    scores, _, codes = world()

    assert heterogeneity.cross_fitted_effect(scores, np.empty((3000, 0)), codes) == pytest.approx(scores.mean())


def test_importance_goes_to_the_column_that_splits_the_effect():
    scores, groups, _ = world(effects=(0.0, 1.0, 3.0))
    rng = np.random.default_rng(5)
    noise = rng.integers(0, 3, 3000)

    found = heterogeneity.importance(
        scores, {"real": list(groups.members.T), "noise": [(noise == k).astype(float) for k in range(3)]}
    )

    assert found["real"] > 0.98
    assert sum(found.values()) == pytest.approx(1)


def test_importance_of_nothing_is_nothing():
    rng = np.random.default_rng(6)
    half = (rng.random(500) < 0.5).astype(float)

    found = heterogeneity.importance(np.ones(500), {"half": [half, 1 - half]})

    assert found == {"half": 0.0}


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 1000), st.integers(2, 6), st.floats(-1e6, 1e6))
def test_group_effects_are_finite_and_ordered(seed, count, shift):
    rng = np.random.default_rng(seed)
    codes = np.arange(120) % count
    groups = Groups((codes[:, None] == np.arange(count)).astype(float), tuple("abcdef"[:count]))

    for effect in heterogeneity.group_effects(shift + rng.normal(size=120), groups):
        assert effect.ci_lower <= effect.effect <= effect.ci_upper
        assert 0 <= effect.p_value_adjusted <= 1


def test_the_qini_of_a_perfect_order_is_half_the_gini_of_the_effect():
    """For τ uniform on [0, 1] in its own order, ∫ G(q) − q·G(1) dq = ∫ q − q²/2 − q/2 dq = 1/12."""
    x = (np.arange(100_000) + 0.5) / 100_000

    assert heterogeneity.qini(x, x).estimate == pytest.approx(1 / 12, abs=1e-5)
    assert heterogeneity.qini(x, -x).estimate == pytest.approx(-1 / 12, abs=1e-5)
    assert heterogeneity.qini(np.ones(100), np.arange(100.0)).estimate == 0.0


def test_the_interval_of_the_qini_holds_that_of_the_true_effects():
    held = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        tau = rng.normal(size=400)
        order = tau + rng.normal(size=400)
        found = heterogeneity.qini(tau + 2 * rng.normal(size=400), order)
        held += found.ci_lower <= heterogeneity.qini(tau, order).estimate <= found.ci_upper

    assert held >= 184


def test_an_order_that_tells_nothing_has_no_qini():
    significant = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        significant += heterogeneity.qini(1 + rng.normal(size=300), rng.normal(size=300)).p_value < 0.05

    assert 1 <= significant <= 21


def repeated(seed=4, n=1200):
    """Scores, groups and an order, with whole numbers as weights, and the same with each unit written out so many times."""
    scores, groups, _ = world(seed, n, effects=(0.0, 1.0, 2.0))
    rng = np.random.default_rng(seed)
    counts, order = rng.integers(1, 5, n), rng.normal(size=n) + scores
    rows = np.repeat(np.arange(n), counts)
    return (scores, groups, order, counts.astype(float)), (
        scores[rows],
        Groups(groups.members[rows], groups.labels),
        order[rows],
        rows,
    )


def test_weights_count_a_unit_as_often_as_they_say():
    (scores, groups, order, weights), (all_scores, all_groups, all_orders, rows) = repeated()

    weighed = heterogeneity.group_effects(scores, groups, weights=weights)
    written = heterogeneity.group_effects(all_scores, all_groups, rows)

    for one, many in zip(weighed, written, strict=True):
        assert one.effect == pytest.approx(many.effect)
        assert one.std_error == pytest.approx(many.std_error)
        assert (one.p_value, one.ci_lower) == pytest.approx((many.p_value, many.ci_lower), abs=1e-9)
    bounds = heterogeneity.differences_from_average(scores, groups, weights=weights)
    assert np.allclose(bounds, heterogeneity.differences_from_average(all_scores, all_groups, rows))
    equal = heterogeneity.equal_effects(scores, groups, weights=weights)
    assert equal.statistic == pytest.approx(heterogeneity.equal_effects(all_scores, all_groups, rows).statistic)
    slope = heterogeneity.best_linear_predictor(scores, order, weights=weights)
    assert slope.statistic == pytest.approx(heterogeneity.best_linear_predictor(all_scores, all_orders, rows).statistic)
    ranked = heterogeneity.rank_weighted_effect(scores, order, weights=weights)
    assert ranked.statistic == pytest.approx(
        heterogeneity.rank_weighted_effect(all_scores, all_orders, rows).statistic, rel=0.01
    )


def test_weights_move_importance_to_where_the_units_are():
    rng = np.random.default_rng(7)
    near, sex, heavy = (rng.random((3, 4000)) < 0.5).astype(float)
    scores = np.where(heavy == 1, near, sex) + 0.2 * rng.normal(size=4000)
    columns = {"near": [near, 1 - near], "sex": [sex, 1 - sex]}

    of_heavy = heterogeneity.importance(scores, columns, weights=np.where(heavy == 1, 1.0, 1e-3))
    of_light = heterogeneity.importance(scores, columns, weights=np.where(heavy == 1, 1e-3, 1.0))

    assert of_heavy["near"] > 0.99
    assert of_light["sex"] > 0.99
    assert heterogeneity.importance(scores, columns)["near"] == pytest.approx(0.5, abs=0.15)


def test_a_predicted_effect_follows_the_heavy_units():
    rng = np.random.default_rng(6)
    x, folds = rng.normal(size=(2000, 1)), rng.integers(0, 2, 2000)
    heavy = rng.random(2000) < 0.5
    scores = np.where(heavy, 1.0, -1.0) * x[:, 0]

    found = heterogeneity.cross_fitted_effect(scores, x, folds, weights=np.where(heavy, 1.0, 1e-4))

    assert np.corrcoef(found, x[:, 0])[0, 1] > 0.99
