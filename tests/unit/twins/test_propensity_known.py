"""The propensity model beside chances that are known, and its figures beside their formulas."""

from __future__ import annotations

import numpy as np
import pytest
from dgps import expit, study_of
from e2i_shared.causal import nuisance
from e2i_shared.causal.diagnostics import auc
from e2i_shared.twins.propensity import calibration_error, train_propensity_model
from e2i_shared.twins.regress import Learner
from hypothesis import given, settings
from hypothesis import strategies as st


def drawn(seed, n=2_500, strength=1.0, share=0.0):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 4))
    chance = expit(strength * (x[:, 0] + np.abs(x[:, 1]) - 0.8) + share)
    a = (rng.random(n) < chance).astype(float)
    return study_of(x, a, x[:, 0] + rng.normal(size=n)), chance


def model_of(study, seed=3, again=()):
    learner = Learner(nuisance.draw_folds(study, 5, seed), binary=True, seed=seed)
    return train_propensity_model(study.treatment, study.design, learner, again=again)


@pytest.fixture(scope="module")
def modelled():
    study, chance = drawn(1)
    return study, chance, model_of(study)


def test_its_figures_are_those_of_its_values(modelled):
    study, _, model = modelled
    a, e = study.treatment, model.values

    assert model.brier == pytest.approx(((e - a) ** 2).mean(), abs=1e-3)
    assert model.accuracy == pytest.approx(((e >= 0.5) == (a == 1)).mean())
    assert model.auc == pytest.approx(auc(a, e), abs=1e-3)
    assert model.share_outside == pytest.approx(((e < 0.05) | (e > 0.95)).mean(), abs=2e-3)
    assert model.values.shape == model.smoother.shape == a.shape


def test_it_knows_less_than_the_oracle_and_more_than_nothing(modelled):
    study, chance, model = modelled
    a = study.treatment
    oracle, nothing = ((chance - a) ** 2).mean(), ((a.mean() - a) ** 2).mean()

    assert oracle - 0.002 < model.brier < 0.9 * nothing
    assert auc(a, chance) - 0.03 < model.auc < auc(a, chance) + 0.01


def test_its_mean_is_the_share_treated_and_its_order_the_true_one(modelled):
    study, chance, model = modelled

    assert model.values.mean() == pytest.approx(study.treatment.mean(), abs=0.01)
    assert np.corrcoef(model.values, chance)[0, 1] > 0.9


@pytest.mark.parametrize("share", [-2.5, 2.5])
def test_rare_and_frequent_treatments_stay_calibrated(share):
    study, _ = drawn(2, share=share, strength=0.5)
    model = model_of(study)

    assert model.values.mean() == pytest.approx(study.treatment.mean(), abs=0.015)
    assert model.calibration_error < 0.03
    assert (model.values >= 0.01).all()
    assert (model.values <= 0.99).all()


def test_who_is_in_a_fold_does_not_teach_its_own_prediction():
    rng = np.random.default_rng(4)
    x = rng.normal(size=(1_500, 6))
    a = (rng.random(1_500) < 0.5).astype(float)
    model = model_of(study_of(x, a, rng.normal(size=1_500)))

    assert model.auc < 0.56
    assert model.accuracy < 0.56


def test_more_folds_of_the_same_rows_agree_and_calm_the_model(modelled):
    study, chance, model = modelled
    again = [Learner(nuisance.draw_folds(study, 5, s), binary=True, seed=s) for s in (8, 9)]
    calmer = model_of(study, again=again)

    assert np.corrcoef(calmer.values, model.values)[0, 1] > 0.97
    assert ((calmer.values - chance) ** 2).mean() <= 1.02 * ((model.values - chance) ** 2).mean()


def test_exchanging_treated_and_untreated_mirrors_the_chances(modelled):
    study, _, model = modelled
    other = study_of(study.design.linear, 1 - study.treatment, study.outcome)
    mirrored = model_of(other)

    assert np.corrcoef(1 - mirrored.values, model.values)[0, 1] > 0.97
    assert mirrored.auc == pytest.approx(model.auc, abs=0.02)


def test_trimming_counts_exactly_those_at_the_limits():
    study, _ = drawn(5, strength=5.0)
    model = model_of(study)
    at_limits = int(((model.values == 0.01) | (model.values == 0.99)).sum())

    assert model.trimmed == at_limits > 50
    assert model.effective_size < study.n


@given(st.lists(st.tuples(st.booleans(), st.floats(0, 1)), min_size=1, max_size=80))
@settings(max_examples=40)
def test_calibration_errors_lie_between_the_overall_gap_and_one(pairs):
    label = np.array([float(a) for a, _ in pairs])
    chance = np.array([p for _, p in pairs])
    found = calibration_error(label, chance)

    assert abs(label.mean() - chance.mean()) - 1e-9 <= found <= 1 + 1e-9


def test_calibration_error_by_hand():
    label = np.array([0.0, 1.0, 1.0, 1.0])
    chance = np.array([0.2, 0.4, 0.6, 0.9])

    assert calibration_error(label, chance, bins=2) == pytest.approx((abs(0.5 - 0.3) * 2 + abs(1 - 0.75) * 2) / 4)
    assert calibration_error(label, label) == 0
