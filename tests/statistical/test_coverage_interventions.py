"""How often intervals of shifts, dose curves and policies hold the truth: a short form in every run, the long form on request."""

from __future__ import annotations

import numpy as np
import pytest
from dgps import World, doses, expit, study_of
from e2i_shared.causal.dose_response import dose_response
from e2i_shared.causal.dr_learner import unit_effects
from e2i_shared.causal.estimators.choice import estimate
from e2i_shared.causal.modified_treatment_policy import Shift, shifted_outcome
from e2i_shared.causal.policy_value import allocate, at_random, policy_value
from e2i_shared.causal.study import Settings
from scipy import stats

SHORT, LONG = 40, 500


def smooth(seed: int, n: int = 600) -> World:
    """A continuous dose, normal given x, with a bent effect."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 3))
    a = 0.7 * x[:, 0] + rng.normal(size=n)
    y = 2 * a - 0.3 * a**2 + 1.5 * x[:, 0] + rng.normal(size=n)
    return World(study_of(x, a, y), 0.0, np.zeros(n))


def added(seed: int, settings: Settings) -> float:
    world = smooth(seed)
    found = shifted_outcome(world.study, Shift("add", 0.3), settings).change
    truth = 0.6 - 0.3 * 0.3**2  # E[A] = 0
    return (found.estimate - truth) / found.std_error


def counted(seed: int, settings: Settings) -> float:
    """A fifth more of a Poisson dose of mean λ(x): the change is 0.2·E[λ(X)·τ(X)]."""
    found = shifted_outcome(doses(seed, 1000).study, Shift("percent", 20.0), settings).change
    nodes, weights = np.polynomial.hermite_e.hermegauss(60)
    wave = float(weights @ np.exp(0.2 * np.sin(2 * nodes)) / weights.sum())
    truth = 0.2 * (np.exp(0.045) * wave * (0.8 + 0.3 * 0.3) + 0.5 * 0.8)
    return (found.estimate - truth) / found.std_error


def curved(seed: int, settings: Settings) -> float:
    """The curve at one dose, against its mean over the law of x."""
    found = dose_response(smooth(seed, 2000).study, settings, [0.7]).points[-1].inference
    return (found.estimate - (1.4 - 0.3 * 0.49)) / found.std_error


def policed(seed: int, settings: Settings) -> float:
    """The gain over random of a policy learnt on the same units, out of fold."""
    rng = np.random.default_rng(seed)
    n = 500
    x = rng.normal(size=(n, 4))
    tau = 0.5 + 0.4 * x[:, 1]
    a = (rng.random(n) < expit(0.6 * x[:, 0])).astype(np.float64)
    study = study_of(x, a, x[:, 0] + tau * a + rng.normal(size=n))
    found = estimate(study, settings)
    plan = allocate(unit_effects(study, found, settings).effects, 150, np.ones(n))
    gain = policy_value(found.scores, plan, np.ones(n), None).against_random
    truth = float((plan - at_random(150, np.ones(n))) @ tau)
    return (gain.estimate - truth) / gain.std_error


CHEAP = {"additive shift": added, "dose curve": curved, "policy": policed}


def distances(draw, count: int, settings: Settings, first: int = 70_000) -> np.ndarray:
    return np.array([draw(seed, settings) for seed in range(first, first + count)])


def least(draws: int, coverage: float, chance: float = 0.001) -> float:
    return float(stats.binom.ppf(chance, draws, coverage)) / draws


@pytest.mark.parametrize("name", list(CHEAP))
def test_intervals_hold_the_truth(name):
    z = distances(CHEAP[name], SHORT, Settings(learner="linear", repeats=1))

    assert (np.abs(z) < 1.96).mean() >= least(SHORT, 0.93)
    assert abs(z.mean()) < 3.3 / np.sqrt(SHORT) + 0.25


@pytest.mark.statistical
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("name", list(CHEAP))
def test_coverage_is_near_its_level(name):
    z = distances(CHEAP[name], LONG, Settings(learner="linear", repeats=1))

    held = float((np.abs(z) < 1.96).mean())
    assert 0.925 <= held <= 0.985, held
    assert abs(z.mean()) <= 0.25


@pytest.mark.statistical
@pytest.mark.timeout(3600)
def test_coverage_of_shifts_of_counts_with_trees_is_near_its_level():
    z = distances(counted, 200, Settings())

    held = float((np.abs(z) < 1.96).mean())
    assert 0.92 <= held <= 0.99, held
    assert abs(z.mean()) <= 0.3
