"""How often 95% intervals hold the truth: a short form in every run, the long form on request.

Bounds of the short form are wide enough for chance (1 in 1,000), so that it fails for a broken interval and not for bad luck.
"""

from __future__ import annotations

import numpy as np
import pytest
from dgps import NONLINEAR, World, clustered, doses, straight, study_of
from e2i_shared.causal.estimators.choice import estimate
from e2i_shared.causal.study import Settings
from scipy import stats


def randomised(seed: int) -> World:
    rng = np.random.default_rng(seed)
    x, a = rng.normal(size=(300, 2)), (rng.random(300) < 0.4).astype(float)
    study = study_of(x, a, 2 * a + x[:, 0] + rng.normal(size=300), randomised=True)
    return World(study, 2.0, np.full(300, 2.0))


def small(seed: int) -> World:
    return straight(seed, 400)


def small_doses(seed: int) -> World:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(450, 4))
    a = 0.5 * x[:, 0] + rng.normal(size=450)
    tau = 1 + 0.5 * x[:, 1]
    return World(study_of(x, a, x[:, 0] + tau * a + rng.normal(size=450)), float(tau.mean()), tau)


def few_clusters(seed: int) -> World:
    return clustered(seed, 60, 8)


CHEAP = {
    "difference in means": randomised,
    "linear aipw": small,
    "linear average slope": small_doses,
    "clusters": few_clusters,
}


def run(world, draws, first=50_000):
    """Return z (draws,), the errors in standard errors, and the mean error over the mean standard error."""
    errors, spreads = [], []
    for seed in range(first, first + draws):
        drawn = world(seed)
        inference = estimate(drawn.study, Settings(seed=seed)).inference
        errors.append(inference.estimate - drawn.truth)
        spreads.append(inference.std_error)
    return np.array(errors) / np.array(spreads), float(np.mean(errors) / np.mean(spreads))


def least(draws: int, coverage: float, chance: float = 0.001) -> float:
    return float(stats.binom.ppf(chance, draws, coverage)) / draws


@pytest.mark.parametrize("name", list(CHEAP))
def test_intervals_of_cheap_estimators_hold_the_truth(name):
    z, bias = run(CHEAP[name], 150)

    assert (np.abs(z) < 1.96).mean() >= least(150, 0.94)
    assert abs(bias) < 0.35
    assert z.std() == pytest.approx(1, abs=0.22)


def test_intervals_under_nonlinear_confounding_hold_the_truth():
    z, bias = run(NONLINEAR["sines"], 8)

    assert (np.abs(z) < 1.96).mean() >= least(8, 0.93)
    assert abs(bias) < 1.1


@pytest.mark.statistical
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("name", list(NONLINEAR))
def test_coverage_under_nonlinear_confounding_is_near_its_level(name):
    z, bias = run(NONLINEAR[name], 200)

    held = float((np.abs(z) < 1.96).mean())
    assert 0.92 <= held <= 0.995, held
    assert abs(bias) <= 0.4


@pytest.mark.statistical
@pytest.mark.timeout(3600)
def test_coverage_of_average_slopes_with_trees_is_near_its_level():
    z, bias = run(doses, 200)

    held = float((np.abs(z) < 1.96).mean())
    assert 0.92 <= held <= 0.995, held
    assert abs(bias) <= 0.3


@pytest.mark.statistical
@pytest.mark.parametrize("name", list(CHEAP))
def test_coverage_of_cheap_estimators_is_their_level(name):
    z, bias = run(CHEAP[name], 1000)

    held = float((np.abs(z) < 1.96).mean())
    assert 0.93 <= held <= 0.97, held
    assert abs(bias) <= 0.15
