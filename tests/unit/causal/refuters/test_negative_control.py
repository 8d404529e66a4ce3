"""An outcome that the treatment cannot change shows the bias that is left, and only that."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from dgps import clustered, doses, expit, straight, study_of
from e2i_shared.causal.estimators.choice import choose, estimate
from e2i_shared.causal.refuters.base import Case, Claim, NegativeControl
from e2i_shared.causal.refuters.gate import REFUTERS, gate
from e2i_shared.causal.study import Settings
from e2i_shared.errors import EstimationError, InsufficientDataError, NoVariationError

SETTINGS = Settings(learner="linear")
REFUTER = REFUTERS["negative_control_outcome"]


def case_of(study, control):
    found = estimate(study, SETTINGS)
    claim = Claim(found.inference.estimate, found.inference.std_error)
    return Case(claim, study, found, choose(study)[0], SETTINGS, NegativeControl("control", control))


def control_of(study, seed=1):
    """Return an outcome of the first covariate and noise."""
    return study.design.linear[:, 0] + np.random.default_rng(seed).normal(size=study.n)


def confounded(seed=1, n=2000, hidden=1.0):
    """No covariate shows u, which drives the treatment, the outcome and the control alike; the treatment does nothing."""
    rng = np.random.default_rng(seed)
    x, u = rng.normal(size=(n, 3)), rng.normal(size=n)
    a = (rng.random(n) < expit(0.5 * x[:, 0] + hidden * u)).astype(np.float64)
    study = study_of(x, a, x[:, 0] + hidden * u + rng.normal(size=n))
    return study, hidden * u + rng.normal(size=n)


@pytest.mark.parametrize(
    "world", [straight(1, 1500), doses(2), clustered(4, effect=1.5)], ids=["0/1", "dose", "clusters"]
)
def test_where_the_covariates_suffice_the_control_shows_nothing(world):
    found = REFUTER.refute(case_of(world.study, control_of(world.study)))

    assert found.passed, found.detail
    assert found.name == "negative_control_outcome"
    assert "fitted again" in found.reuses


def test_a_hidden_confounder_shows_on_the_control():
    study, control = confounded()

    found = REFUTER.refute(case_of(study, control))

    assert not found.passed
    assert found.estimate > 0.3
    assert found.statistic > found.threshold
    assert gate([found]).verdict == "block"


def test_a_confounder_left_out_shows_on_the_control():
    rng = np.random.default_rng(3)
    x = rng.normal(size=(2000, 2))
    a = (rng.random(2000) < expit(1.2 * x[:, 0])).astype(np.float64)
    y, control = a + x[:, 0] + rng.normal(size=2000), x[:, 0] + rng.normal(size=2000)
    whole, part = study_of(x, a, y), study_of(x[:, 1:], a, y)

    assert REFUTER.refute(case_of(whole, control)).passed
    assert not REFUTER.refute(case_of(part, control)).passed


def test_a_bias_far_below_the_claim_does_not_refute_it():
    """Significant with many rows, yet a thirtieth of the claim."""
    rng = np.random.default_rng(4)
    n = 20_000
    x, u = rng.normal(size=(n, 1)), rng.normal(size=n)
    a = 0.1 * u + rng.normal(size=n)
    study = study_of(x, a, 3 * a + rng.normal(size=n))

    found = REFUTER.refute(case_of(study, 0.4 * u + rng.normal(size=n)))

    assert 0.02 < found.statistic < 0.1
    assert found.passed


def test_false_alarms_are_as_rare_as_their_level():
    failed = 0
    for seed in range(100):
        world = straight(seed, 400)
        failed += not REFUTER.refute(case_of(world.study, control_of(world.study, 900 + seed))).passed
    assert failed <= 13


def test_a_test_too_weak_to_tell_says_so():
    world = straight(5, 300, effect=0.1)

    found = REFUTER.refute(case_of(world.study, control_of(world.study)))

    assert "too wide" in found.detail


def test_rows_without_the_control_are_left_out():
    world = clustered(6, effect=1.5)
    control = control_of(world.study)
    holes = control.copy()
    holes[:300] = np.nan

    found = REFUTER.refute(case_of(world.study, holes))
    kept = replace(
        world.study.take(np.arange(300, world.study.n)), clusters=world.study.clusters[300:] - world.study.clusters[300]
    )
    alone = estimate(replace(kept, outcome=control[300:]), SETTINGS)

    assert found.estimate == pytest.approx(alone.inference.estimate)


@pytest.mark.parametrize(
    ("control", "error"),
    [
        (np.zeros(300), NoVariationError),
        (np.where(np.arange(300) < 280, np.nan, np.arange(300.0)), InsufficientDataError),
        (np.where(np.arange(300) < 1, np.inf, np.arange(300.0)), EstimationError),
    ],
    ids=["constant", "mostly missing", "infinite"],
)
def test_a_control_that_tells_nothing_is_refused(control, error):
    with pytest.raises(error):
        REFUTER.refute(case_of(straight(7, 300).study, control))


def test_without_a_control_it_cannot_run():
    case = replace(case_of(straight(8, 300).study, np.zeros(300)), negative_control=None)

    with pytest.raises(EstimationError) as caught:
        REFUTER.refute(case)
    assert caught.value.field == "negative_control_col"
