"""How often intervals of contributions, ranks and AUCs hold the truth, over many draws."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from e2i_shared.causal.change_attribution import Layout, attribute, moments, random_groups
from e2i_shared.causal.driver_ranking import rank
from e2i_shared.causal.risk_model import performance

if TYPE_CHECKING:
    from numpy.typing import NDArray

pytestmark = pytest.mark.statistical
DRAWS = 500
LAYOUT = Layout(x=2, modifiers=(0, 1), levers=2)
EFFECTS = (1.5, 0.5)
# Of each world's planted change the part it is, by position in the vector of parts: mix, mix through levers, exposure, response, rest.
MIX, THROUGH, EXPOSURE, RESPONSE, BASELINE = 3, 4, 5, 7, 9
WORLDS = {
    "a lever's level": ({"level": -1.0}, EXPOSURE, -1.5),
    "the baseline": ({"base": -2.0}, BASELINE, -2.0),
    "who is counted": ({"mix": 0.7}, MIX, 1.4),
    "who is counted, through levers": ({"mix": 0.7}, THROUGH, 0.7 * 0.8 * 1.5),
    "a lever's effect": ({"effect": 0.8}, RESPONSE, 1.6),
    "nothing": ({}, EXPOSURE, 0.0),
}


def panel(seed: int, units: int = 300, **change: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return moments before and after of units seen twice, with noise and levers that cling to the unit."""
    rng = np.random.default_rng([seed, 21])
    who = np.tile(np.arange(units), 2)
    later = np.repeat([0.0, 1.0], units)
    x = rng.normal(size=units)[who] + 0.5 * rng.normal(size=2 * units) + later * change.get("mix", 0.0)
    habit, frailty = rng.normal(size=(2, units))[:, who]
    t = 2.0 + 0.8 * x + habit + rng.normal(size=2 * units) + later * change.get("level", 0.0)
    s = 1.0 + rng.normal(size=2 * units)
    effect = EFFECTS[0] + later * change.get("effect", 0.0)
    y = 4.0 + 2.0 * x + effect * t + EFFECTS[1] * s + frailty + later * change.get("base", 0.0)
    y = y + rng.normal(size=2 * units)
    groups, count = random_groups(who, seed)
    design, levers = np.column_stack([np.ones(2 * units), x]), np.column_stack([t, s])
    before, after = (
        moments(design[rows], levers[rows], y[rows], LAYOUT, groups[rows], count) for rows in (later == 0, later == 1)
    )
    return before, after


@pytest.mark.parametrize("name", WORLDS)
def test_intervals_of_contributions_hold_the_truth(name):
    change, position, truth = WORLDS[name]
    held, errors = 0, []
    for seed in range(DRAWS):
        found = attribute(*panel(seed, **change), LAYOUT)
        weights = np.zeros(len(found.parts.vector()))
        weights[position] = 1.0
        _, lower, upper = found.interval(weights)
        held += lower <= truth <= upper
        errors.append(found.parts.vector()[position] - truth)

    assert 0.92 <= held / DRAWS <= 0.975, held / DRAWS
    assert abs(np.mean(errors)) <= 0.15 * np.std(errors) + 1e-12


def test_rank_intervals_hold_all_true_ranks():
    truth, held = np.array([1.0, 0.8, -0.75, 0.4, 0.1]), 0
    for seed in range(DRAWS):
        rng = np.random.default_rng([seed, 22])
        scores = truth + rng.normal(size=(300, 5)) + 0.5 * rng.normal(size=(300, 1))
        errors = scores.std(axis=0, ddof=1) / np.sqrt(300)
        found = rank(scores, scores.mean(axis=0), errors, np.ones(5), None, seed=seed)
        held += bool(((found.best <= np.arange(1, 6)) & (found.worst >= np.arange(1, 6))).all())

    assert held / DRAWS >= 0.93, held / DRAWS


def test_a_true_null_is_called_significant_as_often_as_said():
    false = 0
    for seed in range(DRAWS):
        rng = np.random.default_rng([seed, 23])
        scores = rng.normal(size=(200, 5))
        errors = scores.std(axis=0, ddof=1) / np.sqrt(200)
        false += bool((rank(scores, scores.mean(axis=0), errors, np.ones(5), None, seed=seed).p_adjusted < 0.05).any())

    assert 0.025 <= false / DRAWS <= 0.08, false / DRAWS


def test_intervals_of_the_auc_hold_the_truth_with_clustered_rows():
    def draw(seed: int, clusters: int) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.intp]]:
        rng = np.random.default_rng([seed, 24])
        who = np.repeat(np.arange(clusters), 5)
        score = rng.normal(size=clusters)[who] + 0.5 * rng.normal(size=len(who))
        odds = -0.5 + score + 0.8 * rng.normal(size=clusters)[who]
        return (rng.random(len(who)) < 1 / (1 + np.exp(-odds))).astype(float), score, who

    truth = performance(*draw(10_000, 100_000)).auc
    held = sum((f := performance(*draw(seed, 150))).auc_lower <= truth <= f.auc_upper for seed in range(DRAWS))

    assert 0.925 <= held / DRAWS <= 0.975, held / DRAWS
