"""Every refuter has a world in which it must pass and one in which it must fail."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from dgps import clustered, doses, hidden, straight
from e2i_shared.causal.estimators.choice import choose, estimate
from e2i_shared.causal.refuters.base import Case, Claim
from e2i_shared.causal.refuters.gate import REFUTERS, WEIGHTS, gate, refute
from e2i_shared.causal.results import Refutation
from e2i_shared.causal.study import Settings

SETTINGS = Settings(learner="linear")
UNAIDED = [name for name in REFUTERS if name != "negative_control_outcome"]  # it needs a column of its own


def case_of(world, *, claim=None, error=None, method="auto"):
    study = world.study
    found = estimate(study, SETTINGS, method)
    estimator, _ = choose(study, method)
    inference = found.inference
    claimed = Claim(inference.estimate if claim is None else claim, inference.std_error if error is None else error)
    return Case(claimed, study, found, estimator, SETTINGS)


def verdict(name, case):
    return REFUTERS[name].refute(case)


REAL = case_of(straight(1, 1500, effect=1.0))


@pytest.mark.parametrize("name", UNAIDED)
def test_a_real_effect_survives(name):
    found = verdict(name, REAL)

    assert found.passed, found.detail
    assert found.name == name
    assert np.isfinite([found.statistic, found.threshold]).all()


@pytest.mark.parametrize("name", UNAIDED)
def test_a_real_effect_of_a_dose_survives(name):
    found = verdict(name, case_of(doses(2)))

    assert found.passed, found.detail


@pytest.mark.parametrize("name", UNAIDED)
def test_a_real_effect_among_clusters_survives(name):
    found = verdict(name, case_of(clustered(4, effect=1.5)))

    assert found.passed, found.detail


def test_placebo_treatments_expose_an_effect_that_is_none():
    found = verdict("placebo_treatment", case_of(straight(3, 1500, effect=0.0)))

    assert not found.passed
    assert found.statistic > 0.05
    assert "shuffled" in found.detail


def test_placebo_treatments_expose_a_standard_error_that_is_too_small():
    found = verdict("placebo_treatment", case_of(straight(3, 1500), error=0.004))

    assert not found.passed


def test_the_placebos_are_real_shuffles_around_no_effect():
    found = verdict("placebo_treatment", REAL)

    assert abs(found.estimate) < 0.02
    assert found.statistic == pytest.approx(1 / 201)


def test_shuffling_keeps_clusters_together():
    from e2i_shared.causal.refuters.placebo_treatment import _shuffled

    study = clustered(5, 30, 4).study
    order = _shuffled(study, np.random.default_rng(1))

    assert sorted(order.tolist()) == list(range(120))
    moved = study.clusters[order].reshape(30, 4)
    assert (moved == moved[:, :1]).all()


def test_a_random_common_cause_exposes_a_claim_the_data_do_not_give():
    world = straight(6, 1500)
    naive = estimate(world.study, SETTINGS, "difference_in_means").inference.estimate

    found = verdict("random_common_cause", case_of(world, claim=naive))

    assert not found.passed
    assert found.estimate == pytest.approx(1.0, abs=0.2)


def test_subsets_expose_an_effect_of_changing_sign():
    found = verdict("data_subset", case_of(straight(3, 1500, effect=0.0)))

    assert not found.passed
    assert found.statistic < 0.95


def test_subsets_expose_precision_that_ignores_clusters():
    world = clustered(7, effect=2.0)
    naive = estimate(replace(world.study, clusters=None), SETTINGS).inference.std_error

    found = verdict("data_subset", case_of(world, error=naive / 1.3))

    assert not found.passed


def test_the_bootstrap_exposes_precision_that_ignores_clusters():
    world = clustered(8)
    naive = estimate(replace(world.study, clusters=None), SETTINGS).inference.std_error

    found = verdict("bootstrap", case_of(world, error=naive))

    assert not found.passed
    assert found.statistic > 1.5


def test_the_bootstrap_exposes_a_claim_outside_its_interval():
    found = verdict("bootstrap", case_of(straight(9, 1500), claim=1.6))

    assert not found.passed
    assert "outside" in found.detail


def test_a_simulated_confounder_exposes_an_effect_that_barely_stands():
    found = verdict("unobserved_common_cause", case_of(straight(10, 1500, effect=0.13)))

    assert not found.passed
    assert "vanishes" in found.detail


def test_a_simulated_confounder_pulls_the_effect_towards_none():
    for effect in (1.0, -1.0):
        found = verdict("unobserved_common_cause", case_of(straight(11, 1500, effect=effect)))
        assert abs(found.estimate) < 1.1
        assert np.sign(found.estimate) == np.sign(effect)


def test_a_hidden_confounder_as_strong_as_the_benchmark_is_what_the_simulation_takes_away():
    """In a world without an effect, adjusting for a U as strong as the hidden one brings the estimate back to none."""
    from e2i_shared.causal.refuters.unobserved_common_cause import _with_confounder
    from e2i_shared.causal.sensitivity import benchmarks

    rng = np.random.default_rng(12)
    x, u = rng.normal(size=(6000, 2)), rng.normal(size=6000)
    a = 0.5 * x[:, 0] + 0.6 * u + rng.normal(size=6000)
    y = x[:, 0] + 0.8 * u + rng.normal(size=6000)
    from dgps import World, study_of

    case = case_of(World(study_of(x, a, y), 0.0, np.zeros(6000)))
    known = benchmarks(y, a, np.column_stack([x, u]), ["x0", "x1", "u"]).r2["u"]

    left, _ = _with_confounder(case, *known)

    assert case.claim.effect > 0.3
    assert abs(left) < 0.04


def test_no_refuter_sees_every_hidden_confounder():
    """A strong one gives a fake effect that stands out from placebos: only its simulation warns."""
    case = case_of(hidden(13))

    assert case.claim.effect > 0.5
    assert verdict("placebo_treatment", case).passed


def results(**passed: bool):
    return [Refutation(name, ok, "", None, 0.0, 1.0, "") for name, ok in passed.items()]


ALL = dict.fromkeys(REFUTERS, True)


def test_the_gate_opens_when_all_pass():
    found = gate(results(**ALL))

    assert (found.verdict, found.confidence) == ("proceed", 1.0)


@pytest.mark.parametrize("name", list(REFUTERS))
def test_one_failure_asks_for_review_and_is_named(name):
    found = gate(results(**ALL | {name: False}))

    assert found.verdict == "review"
    assert found.confidence == pytest.approx(1 - WEIGHTS[name])
    assert name in found.reason


def test_the_gate_shuts_when_most_fail():
    assert (
        gate(
            results(**ALL | {"placebo_treatment": False, "unobserved_common_cause": False, "data_subset": False})
        ).verdict
        == "block"
    )
    assert gate(results(placebo_treatment=False)).verdict == "block"


def test_the_weights_are_shares_of_all_tests():
    assert sum(WEIGHTS.values()) == pytest.approx(1)
    assert set(WEIGHTS) == set(REFUTERS)


def test_refuters_run_in_the_order_asked_and_alike_each_time():
    names = ["bootstrap", "placebo_treatment"]

    first, second = refute(REAL, names), refute(REAL, names)

    assert [r.name for r in first] == names
    assert first == second
