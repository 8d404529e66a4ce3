"""Twins over many draws of worlds with known truth: coverage whatever the twin count, size of the error, no effect not deployed.

Run with ``-s`` to see the figures.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import pytest
from builders_twins import confounded, twin_spec
from e2i_shared.twins.simulate import simulate
from e2i_shared.twins.spec import SimulationSpec
from e2i_shared.twins.train import train

COUNTS = (1_000, 10_000, 50_000)
DRAWS, DRAWS_OF_ERROR, DRAWS_OF_NOTHING = 300, 100, 100
SLACK = 0.025  # 1.96 binomial standard errors of 300 draws at 95%
MOST = 0.99  # doubly robust scores of a 0/1 intervention say more error than there is: their z has a spread of 0.9
ONCOLOGY = [{"column": "specialty", "value": "Oncology"}]
QUESTIONS: dict[str, dict[str, Any]] = {
    "email": {"intervention_type": "email"},
    "email among oncologists": {"intervention_type": "email", "population_filters": ONCOLOGY},
    "one more visit": {"intervention_type": "visits", "config": {"dose_change": 1}},
    "20% more visits": {"intervention_type": "visits", "config": {"dose_change_pct": 20}},
    "three visits each": {"intervention_type": "visits", "config": {"dose": 3}},
}


@dataclass(frozen=True)
class Answer:
    """One simulated effect beside its truth."""

    error: float
    std_error: float
    truth: float
    recommendation: str
    covered: bool


def truth_of(world, question):
    email, visits = world.effects["email"], world.effects["visits"]
    return {
        "email": email.mean(),
        "email among oncologists": email[world.frame.columns["specialty"].codes == 2].mean(),
        "one more visit": visits.mean(),
        "20% more visits": (0.2 * visits * world.frame.numbers("visits")).mean(),
        "three visits each": 3 * visits.mean(),
    }[question]


def ask(world, bundle, question, count, seed):
    spec = SimulationSpec.model_validate(QUESTIONS[question] | {"twin_count": count, "seed": seed})
    found = simulate(bundle, spec, with_charts=False)
    truth = float(truth_of(world, question))
    low, high = found.confidence_interval
    return Answer(found.simulated_ate - truth, found.std_error, truth, found.recommendation, low <= truth <= high)


@cache
def answers(draws, n, twins, counts):
    """Return the answers of every question at every twin count, drawn by drawn."""
    found = {(question, count): [] for question in QUESTIONS for count in counts}
    for seed in range(20_000, 20_000 + draws):
        world = confounded(seed, n)
        bundle = train(world.source, twin_spec(twins=twins, seed=seed)).bundle
        for (question, count), kept in found.items():
            kept.append(ask(world, bundle, question, count, seed))
    return found


def say(line):
    sys.stdout.write(line + "\n")


def coverage(found):
    return float(np.mean([a.covered for a in found]))


@pytest.mark.statistical
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("question", list(QUESTIONS))
def test_intervals_hold_the_truth_as_often_as_they_say_whatever_the_twin_count(question):
    found = answers(DRAWS, 1_500, 50_000, COUNTS)
    held = {count: coverage(found[question, count]) for count in COUNTS}
    z = np.array([a.error / a.std_error for a in found[question, 10_000]])
    say(f"\n{question}: coverage {held}, z mean {z.mean():+.2f}, z sd {z.std():.2f}")

    assert all(0.95 - SLACK <= share <= MOST for share in held.values()), held
    assert max(held.values()) - min(held.values()) <= 0.04  # at 1,000 twins their draw is part of the interval
    assert abs(z.mean()) < 0.3


@pytest.mark.statistical
@pytest.mark.timeout(7200)
def test_over_all_questions_intervals_hold_the_truth_in_93_to_97_percent():
    found = answers(DRAWS, 1_500, 50_000, COUNTS)
    for count in COUNTS:
        held = np.mean([coverage(found[question, count]) for question in QUESTIONS])
        say(f"\n{count:,} twins, all questions: coverage {held:.3f}")

        assert 0.93 <= held <= 0.97


@pytest.mark.statistical
@pytest.mark.timeout(7200)
def test_more_twins_never_make_an_interval_narrower_than_the_data_allows():
    found = answers(DRAWS, 1_500, 50_000, COUNTS)
    for question in QUESTIONS:
        errors = [np.mean([a.std_error for a in found[question, count]]) for count in COUNTS]
        spread = np.std([a.error for a in found[question, 50_000]])

        assert errors[2] >= 0.93 * spread
        assert errors[2] >= 0.8 * errors[0]  # what is left is Monte-Carlo error of 1,000 twins


@pytest.mark.statistical
@pytest.mark.timeout(7200)
def test_the_average_error_is_within_five_percent_of_the_effect():
    found = answers(DRAWS_OF_ERROR, 5_000, 10_000, (10_000,))
    for question in QUESTIONS:
        relative = np.mean([abs(a.error / a.truth) for a in found[question, 10_000]])
        say(f"\n{question}: mean relative error {relative:.4f}")

        assert relative <= 0.05


@pytest.mark.statistical
@pytest.mark.timeout(7200)
def test_no_effect_is_skipped_and_never_deployed():
    advice = []
    for seed in range(30_000, 30_000 + DRAWS_OF_NOTHING):
        world = confounded(seed, 1_500, effect=0.0, spread=0.0, dose_effect=0.0)
        bundle = train(world.source, twin_spec(seed=seed)).bundle
        for question in ("email", "one more visit"):
            spec = SimulationSpec.model_validate(QUESTIONS[question] | {"seed": seed})
            advice.append(simulate(bundle, spec, with_charts=False).recommendation)
    say(f"\nno effect: skip {advice.count('skip')}, refine {advice.count('refine')}, deploy {advice.count('deploy')}")

    assert advice.count("skip") >= 0.95 * len(advice)
    assert advice.count("deploy") <= 0.01 * len(advice)


def test_a_few_draws_hold_the_truth_and_more_twins_change_nothing():
    found = answers(4, 1_200, 5_000, (1_000, 5_000))

    for question in QUESTIONS:
        few, many = found[question, 1_000], found[question, 5_000]
        assert max(abs(a.error / a.std_error) for a in many) < 4
        assert all(0.6 * a.std_error < b.std_error < 1.1 * a.std_error for a, b in zip(few, many, strict=True))
