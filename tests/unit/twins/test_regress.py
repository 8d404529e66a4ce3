"""Cross-fitted regressions: out of fold, settled by loss, the same for units and twins."""

from __future__ import annotations

import numpy as np
import pytest
from dgps import expit, study_of, waves
from e2i_shared.causal import nuisance
from e2i_shared.causal.diagnostics import r_squared
from e2i_shared.causal.study import Settings
from e2i_shared.twins.effects import arm_effect
from e2i_shared.twins.regress import Learner, folded, regress


def made(seed=1, n=2_000):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 3))
    truth = np.sin(2 * x[:, 0]) + x[:, 1]
    return study_of(x, (x[:, 2] > 0).astype(float), truth + 0.5 * rng.normal(size=n)), truth


def learner(n, **more: object) -> Learner:
    return Learner(np.arange(n) % 4, **more)  # type: ignore[arg-type]


def test_a_bent_surface_is_learned_out_of_fold():
    study, truth = made()
    found = regress(study.outcome, study.design, learner(study.n, settle="least"))

    assert r_squared(truth, found.held_out) > 0.93
    assert found.trees > 0


def test_noise_is_not_learned():
    study, _ = made(2)
    noise = np.random.default_rng(3).normal(size=study.n)
    found = regress(noise, study.design, learner(study.n, settle="least"))

    assert r_squared(noise, found.held_out) < 0.02


def test_twins_at_the_units_own_features_are_predicted_like_them():
    study, truth = made(4)
    found = regress(study.outcome, study.design, learner(study.n), study.design)

    assert np.corrcoef(found.twins, found.held_out)[0, 1] > 0.97
    assert r_squared(truth, found.twins) > 0.93


def test_a_binary_target_gives_log_odds():
    rng = np.random.default_rng(5)
    study, truth = made(5)
    label = (rng.random(study.n) < expit(truth)).astype(float)
    found = regress(label, study.design, learner(study.n, binary=True, settle="least"))

    assert np.corrcoef(found.held_out, truth)[0, 1] > 0.9


def test_undersmoothing_never_uses_fewer_trees_than_the_least_loss():
    study, _ = made(6)
    least, under = (regress(study.outcome, study.design, learner(study.n, settle=s)) for s in ("least", "under"))

    assert under.trees >= least.trees


def test_threads_change_nothing():
    study, _ = made(7, 800)
    one, two = (regress(study.outcome, study.design, learner(study.n, threads=t)).held_out for t in (1, 2))

    assert one == pytest.approx(two)
    assert folded(lambda fold: fold, 3, 2) == [0, 1, 2]


def test_scores_average_to_the_effect_and_predictions_follow_it():
    world = waves(8, 2_000)
    found = arm_effect(world.study, Settings(seed=1), None, (world.study.design, world.study.design))
    se = found.scores.std() / np.sqrt(world.study.n)

    assert abs(found.scores.mean() - world.truth) < 3 * se
    assert np.corrcoef(found.effect, world.effects)[0, 1] > 0.6
    assert np.corrcoef(found.twins, world.effects)[0, 1] > 0.6
    assert found.treated.shape[0] == nuisance.repeat_count(world.study, Settings()) > 1


def test_one_effect_for_all_is_predicted_as_one():
    rng = np.random.default_rng(9)
    x = rng.normal(size=(1_500, 3))
    a = (rng.random(1_500) < 0.5).astype(float)
    study = study_of(x, a, x[:, 0] + 0.7 * a + rng.normal(size=1_500))
    found = arm_effect(study, Settings(seed=1), None, (study.design, study.design))

    assert found.effect.std() < 0.2
    assert found.effect.mean() == pytest.approx(0.7, abs=0.2)
