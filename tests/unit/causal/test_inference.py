"""Means of scores with their uncertainty, against textbook formulas."""

from __future__ import annotations

import numpy as np
import pytest
from e2i_shared.causal.inference import (
    cluster_codes,
    cluster_sums,
    extrapolated,
    infer_mean,
    interval,
    simultaneous,
    unweighted,
    weighted,
    widened,
)
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

RNG = np.random.default_rng(3)


def test_without_clusters_it_is_the_t_interval_of_a_mean():
    scores = RNG.normal(2, 3, 80)

    found = infer_mean(scores)

    expected = stats.ttest_1samp(scores, 0)
    low, high = expected.confidence_interval(0.95)
    assert (found.ci_lower, found.ci_upper) == pytest.approx((low, high))
    assert found.p_value == pytest.approx(expected.pvalue)


def test_equal_clusters_give_the_t_interval_of_cluster_means():
    scores = RNG.normal(size=(30, 5)) + RNG.normal(size=(30, 1))

    found = infer_mean(scores.ravel(), np.repeat(np.arange(30), 5))

    low, high = stats.ttest_1samp(scores.mean(axis=1), 0).confidence_interval(0.95)
    assert (found.ci_lower, found.ci_upper) == pytest.approx((low, high))
    assert found.df == 29


def test_sums_within_clusters_keep_columns_and_order():
    values = np.arange(12.0).reshape(6, 2)
    clusters = np.array([2, 0, 1, 0, 2, 2])

    assert cluster_sums(values, clusters).tolist() == [[8, 10], [4, 5], [18, 21]]
    assert cluster_sums(values, None) is values


def test_rows_that_are_their_own_clusters_are_no_clusters():
    assert cluster_codes(np.array(["a", "b", "c"])) is None
    assert cluster_codes(None) is None
    assert cluster_codes(np.array(["b", "a", "b"])).tolist() == [1, 0, 1]


def test_a_wider_level_is_a_wider_interval():
    narrow, wide = interval(1.0, 0.5, 30, 0.8), interval(1.0, 0.5, 30, 0.99)

    assert wide.ci_lower < narrow.ci_lower < 1 < narrow.ci_upper < wide.ci_upper
    assert wide.p_value == narrow.p_value


def test_scores_without_spread_are_certain():
    found = infer_mean(np.full(60, 2.0))

    assert found.std_error == 0
    assert found.p_value == 0
    assert infer_mean(np.zeros(60)).p_value == 1


@given(st.lists(st.floats(-1e9, 1e9), min_size=2, max_size=40))
def test_an_interval_is_finite_and_holds_its_estimate(values):
    found = infer_mean(np.array(values))

    assert np.isfinite([found.estimate, found.std_error, found.ci_lower, found.ci_upper, found.p_value]).all()
    assert found.ci_lower <= found.estimate <= found.ci_upper
    assert 0 <= found.p_value <= 1


def test_what_smoothing_may_do_widens_the_interval_around_the_same_estimate():
    plain = interval(1.0, 0.3, 50)

    found = widened(plain, 0.4)

    assert found.estimate == 1.0
    assert found.std_error == pytest.approx(0.5)
    assert widened(plain, 0.0) == plain


def test_scores_lose_the_weights_they_were_given():
    rng = np.random.default_rng(8)
    scores, weights = rng.normal(size=50), rng.uniform(0.5, 2.0, 50)

    assert np.allclose(unweighted(weighted(scores, weights), weights), scores)
    assert unweighted(scores, None) is scores


def test_scores_are_carried_on_by_a_quarter_of_their_last_shift():
    scores, smooth = np.array([4.0, 8.0]), np.array([0.0, 8.0])

    assert extrapolated(scores, smooth).tolist() == [5.0, 8.0]
    assert extrapolated(scores, scores) == pytest.approx(scores)


@pytest.mark.parametrize("k", [1, 3, 10])
def test_independent_estimates_need_sidaks_critical_value(k):
    influence = np.random.default_rng(5).normal(size=(4000, k))
    influence -= influence.mean(axis=0)

    critical, largest = simultaneous(influence, df=4000)

    assert critical == pytest.approx(stats.norm.ppf(0.5 + 0.95 ** (1 / k) / 2), rel=0.02)
    assert np.array_equal(largest, np.sort(largest))
    assert float((largest > critical).mean()) == pytest.approx(0.05, abs=0.001)


def test_estimates_that_are_one_estimate_need_no_more_than_one():
    one = np.random.default_rng(6).normal(size=(500, 1))

    critical, _ = simultaneous(np.repeat(one, 4, axis=1), df=30)

    assert critical == pytest.approx(stats.t.ppf(0.975, 30), rel=0.02)


def test_an_estimate_without_spread_changes_nothing_for_the_others():
    one = np.random.default_rng(7).normal(size=(500, 1))

    alone, _ = simultaneous(one, df=200)
    beside, _ = simultaneous(np.column_stack([one, np.zeros(500)]), df=200)

    assert beside == pytest.approx(alone, rel=0.02)
