"""How often intervals of every further estimator hold the truth where its assumptions hold: short form always, long on request."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from dgps import World, straight
from dgps_effects import adoption, experiment, open_treatment, sampled, slopes, three_arms
from e2i_shared.causal.estimators.choice import estimate
from e2i_shared.causal.study import Settings
from scipy import stats

if TYPE_CHECKING:
    from collections.abc import Callable

DRAWS = 500


def two_periods(seed: int) -> World:
    return adoption(seed, 1000, 3)


WORLDS: dict[str, tuple[Callable[[int], World], str, str]] = {
    "regression adjustment": (experiment, "regression_adjustment", "ate"),
    "ipw": (straight, "ipw", "ate"),
    "ipw of the treated": (straight, "ipw", "att"),
    "partially linear, dose": (slopes, "partially_linear", "ate"),
    "partially linear, 0/1": (open_treatment, "partially_linear", "ate"),
    "weighted aipw": (sampled, "aipw", "ate"),
    "weighted ipw": (sampled, "ipw", "ate"),
    "staggered adoption": (adoption, "difference_in_differences", "ate"),
    "one group of adopters": (two_periods, "difference_in_differences", "ate"),
}
# Trees smooth the confounding of a strong dose: intervals hold, but lean to one side.
MOST_BIAS = {"partially linear, dose": 0.6}
CHEAP = ("regression adjustment", "staggered adoption", "one group of adopters")


def run(name: str, draws: int, first: int = 70_000) -> tuple[np.ndarray, float, float]:
    """Return whether each 95% interval held the truth, z's spread, and the mean error over the mean standard error."""
    world, method, estimand = WORLDS[name]
    held, errors, spreads = [], [], []
    for seed in range(first, first + draws):
        drawn = world(seed)
        found = estimate(drawn.study, Settings(seed=seed, estimand=estimand), method).inference
        held.append(found.ci_lower <= drawn.truth <= found.ci_upper)
        errors.append(found.estimate - drawn.truth)
        spreads.append(found.std_error)
    z = np.array(errors) / np.array(spreads)
    return np.array(held), float(z.std()), float(np.mean(errors) / np.mean(spreads))


def arms_held(draws: int, first: int = 80_000) -> tuple[float, float]:
    """Return how often all levels' intervals held at once, and how often the headline's own did."""
    together, single = [], []
    for seed in range(first, first + draws):
        world = three_arms(seed)
        found = estimate(world.study, Settings(seed=seed))
        pairs = list(zip(found.arms, world.truths, strict=True))
        together.append(all(arm.ci_lower <= truth <= arm.ci_upper for arm, truth in pairs))
        single.append(found.inference.ci_lower <= world.truths[0] <= found.inference.ci_upper)
    return float(np.mean(together)), float(np.mean(single))


def least(draws: int, coverage: float, chance: float = 0.001) -> float:
    return float(stats.binom.ppf(chance, draws, coverage)) / draws


@pytest.mark.parametrize("name", CHEAP)
def test_intervals_of_cheap_estimators_hold_the_truth(name):
    held, spread, bias = run(name, 60)

    assert held.mean() >= least(60, 0.94)
    assert spread == pytest.approx(1, abs=0.32)
    assert abs(bias) < 0.5


@pytest.mark.statistical
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("name", list(WORLDS))
def test_coverage_is_near_its_level(name):
    held, spread, bias = run(name, DRAWS)

    assert 0.93 <= held.mean() <= 0.98, (held.mean(), spread, bias)
    assert abs(bias) <= MOST_BIAS.get(name, 0.15), bias


@pytest.mark.statistical
@pytest.mark.timeout(3600)
def test_simultaneous_intervals_of_several_arms_hold_together():
    together, single = arms_held(DRAWS)

    assert 0.93 <= together <= 0.98
    assert 0.93 <= single <= 0.98
