"""Surfaces and density ratios out of fold, against the functions that made the data."""

from __future__ import annotations

import numpy as np
import pytest
from dgps import doses, study_of
from e2i_shared.causal.dose_nuisance import density_ratio, outcome_surface
from e2i_shared.causal.nuisance import draw_folds
from e2i_shared.causal.study import Settings

LINEAR, TREES = Settings(learner="linear"), Settings(learner="boosted")


def normal(seed=1, n=1500):
    """A | x normal about 0.7·x0 with variance 1; E[Y | A, x] = A² + sin(2x1)·A."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 2))
    a = 0.7 * x[:, 0] + rng.normal(size=n)
    mean = a**2 + np.sin(2 * x[:, 1]) * a
    return study_of(x, a, mean + 0.5 * rng.normal(size=n)), x, a, mean


def test_the_surface_is_the_outcome_at_doses_received_and_asked():
    study, x, a, mean = normal()
    wanted = np.column_stack([a + 0.5, np.zeros(len(a))])

    found = outcome_surface(study, draw_folds(study, 5, 1), wanted, TREES)

    assert np.corrcoef(found.received, mean)[0, 1] > 0.97
    shifted = (a + 0.5) ** 2 + np.sin(2 * x[:, 1]) * (a + 0.5)
    assert np.corrcoef(found.at[:, 0], shifted)[0, 1] > 0.96
    assert np.abs(found.at[:, 1]).mean() < 0.35
    assert found.smoother is not None
    assert found.smoother.trees < found.trees


def test_a_linear_surface_has_the_square_of_the_dose_and_no_trees():
    study, _, a, _ = normal(2)

    found = outcome_surface(study, draw_folds(study, 5, 1), a[:, None], LINEAR)

    assert found.trees == 0
    assert np.corrcoef(found.received, a**2)[0, 1] > 0.85
    assert found.at[:, 0] == pytest.approx(found.received)


def test_predictions_come_from_the_other_folds():
    """Pure noise must not be predicted; in fold it would be."""
    rng = np.random.default_rng(3)
    study = study_of(rng.normal(size=(800, 5)), rng.normal(size=800), rng.normal(size=800))

    found = outcome_surface(study, draw_folds(study, 5, 1), study.treatment[:, None], TREES)

    assert abs(np.corrcoef(found.received, study.outcome)[0, 1]) < 0.12


@pytest.mark.parametrize("settings", [LINEAR, TREES], ids=["linear", "trees"])
def test_the_ratio_is_that_of_the_two_laws(settings):
    study, x, a, _ = normal(4, 2500)

    found = density_ratio(study, draw_folds(study, 5, 1), a + 0.4, settings)

    expected = np.exp(0.4 * (a - 0.7 * x[:, 0]) - 0.08)
    assert np.corrcoef(np.log(found.received), np.log(expected))[0, 1] > 0.9
    assert found.received.mean() == pytest.approx(1)


def test_the_same_law_has_ratio_one():
    study = doses(5, 1500).study
    rng = np.random.default_rng(1)

    found = density_ratio(study, draw_folds(study, 5, 1), study.treatment.copy(), LINEAR)
    shuffled = density_ratio(study, draw_folds(study, 5, 1), rng.permutation(study.treatment), LINEAR)

    assert found.received == pytest.approx(1, abs=0.02)
    assert shuffled.received.std() > 0.2


def test_an_outcome_of_zeros_and_ones_stays_between_them():
    rng = np.random.default_rng(6)
    x = rng.normal(size=(700, 2))
    a = rng.normal(size=700)
    y = (rng.random(700) < 1 / (1 + np.exp(-3 * a - 3 * x[:, 0]))).astype(float)
    study = study_of(x, a, y)

    found = outcome_surface(study, draw_folds(study, 5, 1), np.full((700, 1), 4.0), TREES)

    assert found.at.min() >= 0.0
    assert found.at.max() <= 1.0
