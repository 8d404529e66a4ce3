"""Overlap, balance, quality and influence against plain arithmetic."""

from __future__ import annotations

import numpy as np
import pytest
from dgps import doses, straight, study_of
from e2i_shared.causal import diagnostics
from e2i_shared.errors import NoOverlapError

RNG = np.random.default_rng(8)


def test_overlap_of_equal_chances_is_perfect():
    a = np.tile([0.0, 1.0], 50)

    found = diagnostics.binary_overlap(a, np.full(100, 0.5))

    assert found.share_outside == 0
    assert (found.ess_treated, found.ess_control) == pytest.approx((50, 50))


def test_overlap_counts_what_lies_outside():
    a = np.tile([0.0, 1.0], 50)
    e = np.full(100, 0.5)
    e[:10] = 0.01

    found = diagnostics.binary_overlap(a, e)

    assert found.share_outside == pytest.approx(0.1)
    assert found.minimum == 0.01
    assert found.ess_treated < 50


def test_no_overlap_is_refused_with_what_to_do():
    study = straight(1, 400).study
    separated = np.where(study.treatment == 1, 0.99, 0.01)

    with pytest.raises(NoOverlapError) as caught:
        diagnostics.require_overlap(study, diagnostics.binary_overlap(study.treatment, separated))

    assert "att" in caught.value.hint
    assert "100%" in caught.value.got


def test_balance_before_is_the_standardised_mean_difference():
    world = straight(2, 1000)
    x, a = world.study.design.linear[:, 0], world.study.treatment

    found = {b.column: b for b in diagnostics.binary_balance(world.study, np.full(1000, 0.5))}

    pooled = np.sqrt((x[a == 1].var() + x[a == 0].var()) / 2)
    assert found["x0"].before == pytest.approx((x[a == 1].mean() - x[a == 0].mean()) / pooled)
    assert found["x0"].after == pytest.approx(found["x0"].before)


def test_weighting_by_the_true_propensity_balances():
    rng = np.random.default_rng(9)
    x = rng.normal(size=(20_000, 1))
    e = 1 / (1 + np.exp(-x[:, 0]))
    a = (rng.random(20_000) < e).astype(float)
    study = study_of(x, a, x[:, 0])

    (found,) = diagnostics.binary_balance(study, e)

    assert found.before > 0.7
    assert abs(found.after) < 0.1


def test_a_dose_is_balanced_by_correlation():
    study = doses(3).study

    found = {b.column: b for b in diagnostics.dose_balance(study, np.zeros(study.n))}

    expected = np.corrcoef(study.design.linear[:, 0], study.treatment)[0, 1]
    assert found["x0"].before == pytest.approx(expected)
    assert found["x0"].after == 0


def test_the_most_influential_are_the_furthest():
    scores = np.zeros(200)
    scores[[3, 7]] = 100.0

    found = diagnostics.influence(scores)

    assert found.units == 2
    assert found.estimate_without == 0
    assert found.variance_share > 0.98


def test_r_squared_and_auc_are_those_of_scikit_learn():
    from sklearn.metrics import r2_score, roc_auc_score

    y, guess = RNG.normal(size=300), RNG.normal(size=300)
    label, score = (RNG.random(300) < 0.3).astype(float), RNG.integers(0, 20, 300).astype(float)

    assert diagnostics.r_squared(y, guess) == pytest.approx(r2_score(y, guess))
    assert diagnostics.auc(label, score) == pytest.approx(roc_auc_score(label, score))
