"""Laws of judged risks: what reordering, rescaling and exchanging the event do to them."""

from __future__ import annotations

import numpy as np
import pytest
from dgps import expit, study_of
from e2i_shared.causal.diagnostics import auc
from e2i_shared.causal.risk_model import contributions, fit_risk, grouped_splits, performance


def judged(seed=1, n=2_000, spread=1.2):
    rng = np.random.default_rng(seed)
    odds = spread * rng.normal(size=n) - 0.4
    return (rng.random(n) < expit(odds)).astype(float), odds


def test_auc_by_counting_pairs():
    label, odds = judged(n=120)
    pairs = odds[label == 1][:, None] - odds[label == 0]

    assert performance(label, odds, None).auc == pytest.approx((pairs > 0).mean() + 0.5 * (pairs == 0).mean())


def test_brier_scores_by_hand():
    found = performance(np.array([1.0, 0.0, 1.0, 0.0]), np.log([4.0, 1.0, 1.0, 0.25]), None)

    assert found.brier == pytest.approx((0.04 + 0.25 + 0.25 + 0.04) / 4)
    assert found.brier_reference == 0.25


def test_a_rising_transformation_keeps_the_auc_and_moves_the_line():
    label, odds = judged(2)
    plain, moved = performance(label, odds, None), performance(label, 2 * odds + 1, None)

    assert moved.auc == plain.auc
    assert moved.auc_upper == pytest.approx(plain.auc_upper)
    assert moved.slope == pytest.approx(plain.slope / 2, rel=1e-3)
    assert moved.intercept == pytest.approx(plain.intercept - moved.slope, abs=1e-2)
    assert moved.brier > plain.brier


def test_the_opposite_event_has_the_same_auc_at_opposite_odds():
    label, odds = judged(3)
    plain, other = performance(label, odds, None), performance(1 - label, -odds, None)

    assert other.auc == pytest.approx(plain.auc)
    assert other.brier == pytest.approx(plain.brier)
    assert other.intercept == pytest.approx(-plain.intercept, abs=1e-6)


def test_singletons_are_no_clusters_and_row_order_is_nothing():
    label, odds = judged(4)
    order = np.random.default_rng(1).permutation(len(label))
    plain = performance(label, odds, None)

    assert performance(label, odds, np.arange(len(label))).auc_lower == pytest.approx(plain.auc_lower, rel=1e-3)
    assert performance(label[order], odds[order], None).auc_lower == pytest.approx(plain.auc_lower)


def test_four_times_the_rows_halve_the_interval():
    few, many = (performance(*judged(5, n), None) for n in (2_000, 8_000))

    assert (few.auc_upper - few.auc_lower) / (many.auc_upper - many.auc_lower) == pytest.approx(2, rel=0.1)


def test_a_perfect_score_has_an_auc_of_one_and_no_more():
    label = np.repeat([0.0, 1.0], 50)
    found = performance(label, np.where(label == 1, 3.0, -3.0), None)

    assert (found.auc, found.auc_lower, found.auc_upper) == (1.0, 1.0, 1.0)


@pytest.mark.parametrize("trees", [False, True])
def test_out_of_fold_odds_find_the_risk_and_nothing_where_there_is_none(trees):
    rng = np.random.default_rng(6)
    x = rng.normal(size=(1_500, 3))
    for strength, low, high in ((1.5, 0.75, 0.9), (0.0, 0.44, 0.56)):
        label = (rng.random(1_500) < expit(strength * x[:, 0])).astype(float)
        design = study_of(x, label, label).design
        fit = fit_risk(design, label, grouped_splits(label, None, 4, 1), trees=trees, seed=1)

        assert low < auc(label, fit.odds) < high


def test_contributions_leave_out_what_says_nothing():
    rng = np.random.default_rng(7)
    x = rng.normal(size=(3_000, 3))
    label = (rng.random(3_000) < expit(2 * x[:, 1])).astype(float)
    design = study_of(x, label, label).design
    parts = contributions(design, fit_risk(design, label, grouped_splits(label, None, 3, 1), trees=False, seed=1).line)

    assert parts["x1"].std() > 8 * max(parts["x0"].std(), parts["x2"].std())
    assert np.corrcoef(parts["x1"], x[:, 1])[0, 1] > 0.999
