"""Unit effects in worlds where each is known."""

from __future__ import annotations

import numpy as np
import pytest
from dgps import World, doses, expit, straight, study_of
from e2i_shared.causal.design import Covariate, encode
from e2i_shared.causal.dr_learner import importance, unit_effects
from e2i_shared.causal.estimators.choice import estimate
from e2i_shared.causal.study import Settings, Study


def threshold(seed, n=3000, jump=2.0):
    """The effect jumps where x1 > 0 and x2 > 0, which no line shows."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 4))
    tau = jump * ((x[:, 1] > 0) & (x[:, 2] > 0))
    a = (rng.random(n) < expit(0.5 * x[:, 0])).astype(np.float64)
    return World(study_of(x, a, x[:, 0] + tau * a + rng.normal(size=n)), float(tau.mean()), tau)


def learn(world, settings=None):
    settings = settings or Settings(repeats=1)
    return unit_effects(world.study, estimate(world.study, settings), settings)


@pytest.fixture(scope="module")
def jumps():
    world = threshold(1)
    return world, learn(world)


def test_trees_find_what_no_line_shows(jumps):
    world, found = jumps

    assert found.learner == "boosted"
    assert np.corrcoef(found.effects, world.effects)[0, 1] > 0.8
    error = float(np.sqrt(((found.effects - world.effects) ** 2).mean()))
    assert error < 0.65 * float(world.effects.std())
    assert found.effects.mean() == pytest.approx(world.truth, abs=0.15)


def test_importance_goes_to_what_moves_the_effect(jumps):
    _, found = jumps

    assert sum(found.importance.values()) == pytest.approx(1)
    assert found.importance["x1"] + found.importance["x2"] > 0.85


def test_a_line_is_kept_where_a_line_is_enough():
    world = doses(2, 2500, spread=0.6)

    found = learn(world)

    assert np.corrcoef(found.effects, world.effects)[0, 1] > 0.9
    assert max(found.importance, key=found.importance.get) == "x0"


def test_one_effect_for_all_is_left_as_their_mean():
    """Learning must not invent differences: scores spread by 2 and more, τ̂ by a tenth of that at most."""
    spreads = []
    for seed in range(6):
        world = straight(seed, 1200)
        found = estimate(world.study, Settings(repeats=1))
        learnt = unit_effects(world.study, found, Settings(repeats=1))
        spreads.append(float(learnt.effects.std() / found.scores.std()))

    assert np.median(spreads) < 0.08
    assert max(spreads) < 0.12


def test_the_mean_alone_has_no_importance():
    for seed in range(8):
        world = straight(seed, 400)
        found = learn(world)
        if found.learner == "mean":
            assert set(found.importance.values()) == {0.0}
            assert found.gain <= 0
            assert found.trees == 0
            return
    pytest.fail("no world without differences was left at its mean")


def test_predictions_do_not_use_a_units_own_outcome(jumps):
    """A huge outcome of one unit must not move its own prediction by more than it moves those of its fold."""
    world, _ = jumps
    study = world.study
    settings = Settings(repeats=1, learner="linear")
    before = unit_effects(study, estimate(study, settings), settings)
    outcome = study.outcome.copy()
    outcome[0] += 50.0
    changed = Study(outcome, study.treatment, study.design)
    found = estimate(changed, settings)
    after = unit_effects(changed, found, settings)

    fold = found.nuisances.folds == found.nuisances.folds[0]
    moved = np.abs(after.effects - before.effects)
    assert moved[0] <= moved[fold].max()
    assert moved[0] < 0.3


def test_importance_of_categories_is_by_column():
    rng = np.random.default_rng(3)
    codes = rng.integers(0, 3, 900).astype(float)
    design = encode([Covariate("kind", codes, ("a", "b", "c")), Covariate("x", rng.normal(size=900))], 900)

    found = importance(codes + 0.0, design)

    assert set(found) == {"kind", "x"}
    assert found["kind"] > 0.95
    assert importance(np.ones(900), design) == {"kind": 0.0, "x": 0.0}


def test_without_covariates_the_effect_is_the_average():
    rng = np.random.default_rng(4)
    a = (rng.random(400) < 0.5).astype(float)
    study = Study(a + rng.normal(size=400), a, encode([], 400))
    settings = Settings()

    found = unit_effects(study, estimate(study, settings), settings)

    assert np.ptp(found.effects) < 0.1
    assert found.importance == {}


def test_the_same_seed_gives_the_same_effects(jumps):
    world, found = jumps

    assert np.array_equal(learn(world).effects, found.effects)
