"""The propensity model against the one that made the data."""

from __future__ import annotations

import numpy as np
import pytest
from dgps import expit, study_of
from e2i_shared.causal import nuisance
from e2i_shared.causal.diagnostics import auc
from e2i_shared.causal.learners import Trees
from e2i_shared.causal.study import Settings
from e2i_shared.twins.propensity import calibration_error, search, train_propensity_model
from e2i_shared.twins.regress import Learner


def drawn(seed, n=4_000, strength=1.2):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 5))
    chance = expit(strength * (np.sin(2 * x[:, 0]) + 0.8 * x[:, 1]))
    a = (rng.random(n) < chance).astype(float)
    return study_of(x, a, x[:, 0] + a + rng.normal(size=n)), chance


def learner_of(study, seed=5):
    return Learner(nuisance.draw_folds(study, 5, seed), binary=True, seed=seed)


def test_its_auc_is_within_a_hundredth_of_the_oracles():
    study, chance = drawn(1, 8_000)
    model = train_propensity_model(study.treatment, study.design, learner_of(study))

    assert model.auc == pytest.approx(auc(study.treatment, chance), abs=0.01)
    assert model.accuracy > 0.7


def test_it_is_calibrated():
    study, chance = drawn(2, 8_000)
    model = train_propensity_model(study.treatment, study.design, learner_of(study))

    assert model.calibration_error < 0.02
    assert model.calibration_slope == pytest.approx(1, abs=0.12)
    assert abs(model.calibration_intercept) < 0.1
    assert np.abs(model.values - chance).mean() < 0.06


def test_a_randomised_treatment_is_not_predicted():
    study, _ = drawn(3, strength=0.0)
    model = train_propensity_model(study.treatment, study.design, learner_of(study))

    assert model.auc < 0.54
    assert model.trimmed == 0
    assert model.share_outside == 0


def test_extreme_chances_are_trimmed_and_counted():
    study, _ = drawn(4, strength=6.0)
    model = train_propensity_model(study.treatment, study.design, learner_of(study))

    assert model.trimmed > 100
    assert model.values.min() >= 0.01
    assert model.share_outside > 0.3


def test_figures_hold_no_arrays():
    study, _ = drawn(5, 1_500)
    figures = train_propensity_model(study.treatment, study.design, learner_of(study)).figures()

    assert "values" not in figures
    assert 0.5 < figures["auc"] < 1


def test_calibration_error_of_a_constant_shift_is_that_shift():
    rng = np.random.default_rng(6)
    chance = rng.uniform(0.2, 0.6, 50_000)
    label = (rng.random(50_000) < chance).astype(float)

    assert calibration_error(label, chance) < 0.01
    assert calibration_error(label, chance + 0.2) == pytest.approx(0.2, abs=0.01)


def test_a_search_never_returns_what_is_worse_out_of_fold():
    study, _ = drawn(7, 1_500)
    start = Trees(depth=2, rate=0.1, min_child_weight=1.25)
    found = search(study.treatment, study.design, learner_of(study), start, 1.5)

    assert 1 <= found.depth <= 5
    assert 0.02 <= found.rate <= 0.3
    model = train_propensity_model(study.treatment, study.design, learner_of(study), search_seconds=1.0)
    plain = train_propensity_model(study.treatment, study.design, learner_of(study))
    assert model.auc > plain.auc - 0.02


def test_the_same_seed_gives_the_same_model():
    study, _ = drawn(8, 1_500)
    one, other = (
        train_propensity_model(study.treatment, study.design, learner_of(study, 9), search_seconds=0) for _ in range(2)
    )

    assert (one.values == other.values).all()


def test_settings_of_a_study_choose_the_folds():
    study, _ = drawn(9, 1_500)

    assert nuisance.fold_count(study, Settings()) == learner_of(study).folds.max() + 1
