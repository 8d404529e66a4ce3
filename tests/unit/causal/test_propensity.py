"""Propensities out of fold, in worlds that drew the treatment with known ones."""

from __future__ import annotations

import numpy as np
import pytest
from dgps import clustered, expit, straight, study_of
from e2i_shared.causal.propensity import propensity
from e2i_shared.causal.study import Settings


def drawn(seed, shape, n=3000):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 3))
    chance = expit(shape(x))
    a = (rng.random(n) < chance).astype(np.float64)
    return study_of(x, a, rng.normal(size=n)), chance


def test_a_line_finds_a_line():
    study, chance = drawn(1, lambda x: x[:, 0] - 0.5 * x[:, 1])

    found = propensity(study, Settings())

    assert np.abs(found.scores - chance).mean() < 0.02
    assert found.calibration_slope == pytest.approx(1, abs=0.12)
    assert found.calibration_intercept == pytest.approx(0, abs=0.12)


def test_trees_are_taken_where_they_help():
    study, chance = drawn(2, lambda x: 2 * (np.abs(x[:, 0]) > 0.7) - 1)

    found = propensity(study, Settings())

    assert found.trees > 0
    assert np.corrcoef(found.scores, chance)[0, 1] > 0.95


def test_a_treatment_by_chance_has_no_auc_beyond_it():
    """In-fold predictions would reach 0.6 and more with trees: out of fold they must not."""
    aucs = [propensity(drawn(seed, lambda x: np.zeros(len(x)), 800)[0], Settings()).auc for seed in range(6)]

    assert np.mean(aucs) == pytest.approx(0.5, abs=0.03)


def test_clusters_stay_in_one_fold():
    study = clustered(3).study

    folds = propensity(study, Settings(learner="linear")).folds

    assert all(len(np.unique(folds[study.clusters == g])) == 1 for g in range(study.groups))


def test_the_same_seed_gives_the_same_scores():
    study = straight(4, 800).study

    first, second = (propensity(study, Settings(seed=3)).scores for _ in range(2))

    assert np.array_equal(first, second)
