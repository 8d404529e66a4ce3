from __future__ import annotations

import numpy as np
import pytest
from e2i_shared.causal.design import Covariate, encode
from e2i_shared.causal.risk_model import contributions, fit_risk, grouped_splits, performance


def world(seed: int = 1, n: int = 1000):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n)
    odds = -0.5 + x
    return x, odds, (rng.random(n) < 1 / (1 + np.exp(-odds))).astype(float)


def test_splits_hold_each_labelled_row_out_once_and_keep_clusters_whole():
    label = np.array([0.0, 1.0, np.nan, 1.0] * 25)
    clusters = np.arange(100) // 4

    splits = grouped_splits(label, clusters, 5, seed=1)

    held = np.concatenate([h for _, h in splits])
    assert sorted(held) == list(np.flatnonzero(~np.isnan(label)))
    for train, out in splits:
        assert not set(clusters[train]) & set(clusters[out])


def test_no_row_is_scored_by_a_model_that_saw_it():
    rng = np.random.default_rng(2)
    label = (rng.random(600) < 0.5).astype(float)
    design = encode([Covariate(f"x{i}", rng.normal(size=600)) for i in range(40)], 600)
    splits = grouped_splits(label, None, 5, seed=1)

    fit = fit_risk(design, label, splits, trees=True, seed=1)

    judged = performance(label, fit.odds, None)
    assert judged.auc == pytest.approx(0.5, abs=0.07)


def test_true_log_odds_are_calibrated_and_doubled_ones_too_extreme():
    _, odds, label = world(n=20_000)

    true, doubled = performance(label, odds, None), performance(label, 2 * odds, None)

    assert true.slope == pytest.approx(1.0, abs=0.06)
    assert true.intercept == pytest.approx(0.0, abs=0.06)
    assert doubled.slope == pytest.approx(0.5, abs=0.03)
    assert doubled.auc == true.auc
    assert doubled.brier > true.brier


def test_a_constant_risk_has_the_reference_brier_and_half_an_auc():
    label = world()[2]

    found = performance(label, np.full(1000, np.log(label.mean() / (1 - label.mean()))), None)

    assert found.auc == 0.5
    assert found.brier == pytest.approx(found.brier_reference)
    assert found.slope == 0.0


def test_the_interval_of_the_auc_holds_the_true_one():
    truth = performance(*[world(seed=99, n=200_000)[i] for i in (2, 1)], None).auc
    held = 0
    for seed in range(60):
        _, odds, label = world(seed, n=300)
        found = performance(label, odds, None)
        held += found.auc_lower <= truth <= found.auc_upper

    assert held >= 52


def test_repeated_rows_widen_the_interval_where_they_are_one_cluster():
    _, odds, label = world(n=300)
    twice = (np.repeat(label, 4), np.repeat(odds, 4))

    once, naive = performance(label, odds, None), performance(*twice, None)
    clustered = performance(*twice, np.repeat(np.arange(300), 4))

    assert naive.auc_upper - naive.auc_lower < 0.6 * (once.auc_upper - once.auc_lower)
    assert clustered.auc_upper - clustered.auc_lower == pytest.approx(once.auc_upper - once.auc_lower, rel=0.02)


def test_bins_partition_the_rows():
    _, odds, label = world(n=1003)

    bins = performance(label, odds, None).bins

    assert sum(n for _, _, n in bins) == 1003
    assert [p for p, _, _ in bins] == sorted(p for p, _, _ in bins)
    assert sum(o * n for _, o, n in bins) == pytest.approx(label.sum())


def test_rows_without_a_label_get_the_model_of_all():
    x, odds, label = world()
    label[::2] = np.nan
    design = encode([Covariate("x", x)], 1000)

    fit = fit_risk(design, label, grouped_splits(label, None, 5, seed=1), trees=True, seed=1)

    assert not np.isnan(fit.odds).any()
    assert np.corrcoef(fit.odds[::2], odds[::2])[0, 1] > 0.97


def test_contributions_are_around_zero_and_add_to_the_line():
    x, _, label = world()
    rng = np.random.default_rng(3)
    design = encode([Covariate("x", x), Covariate("z", rng.normal(size=1000))], 1000)

    fit = fit_risk(design, label, grouped_splits(label, None, 5, seed=1), trees=False, seed=1)
    parts = contributions(design, fit.line)

    assert set(parts) == {"x", "z"}
    line = fit.line(design.linear)
    assert sum(parts.values()) == pytest.approx(line - line.mean())
    assert parts["x"].std() > 5 * parts["z"].std()
