"""Learners against closed forms and scikit-learn, and the path of trees."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from dgps import waves
from e2i_shared.causal import learners
from e2i_shared.causal.estimators.choice import estimate
from e2i_shared.causal.study import Settings
from hypothesis import given, settings
from hypothesis import strategies as st

RNG = np.random.default_rng(4)
SMALL = learners.Trees(depth=2, rate=0.2, min_child_weight=1.0)


def test_ridge_at_one_penalty_is_its_closed_form():
    x, y = RNG.normal(size=(100, 4)), RNG.normal(size=100)
    centred, penalty = x - x.mean(axis=0), 0.05

    line = learners.RidgeBasis.of(x).fit(y, [penalty])

    expected = np.linalg.solve(centred.T @ centred + penalty * 100 * np.eye(4), centred.T @ (y - y.mean()))
    assert line.coefficients == pytest.approx(expected)
    assert line(x).mean() == pytest.approx(y.mean())


def test_ridge_picks_the_penalty_of_least_leave_one_out_error():
    x = RNG.normal(size=(40, 3))
    y = x[:, 0] + RNG.normal(size=40)

    def left_out(penalty: float) -> float:
        errors = []
        for i in range(40):
            rest = np.arange(40) != i
            # Centring by all rows is what the closed form does.
            centred = x - x.mean(axis=0)
            gram = centred[rest].T @ centred[rest] + penalty * 40 * np.eye(3)
            b = np.linalg.solve(gram, centred[rest].T @ (y[rest] - y.mean()))
            errors.append((y[i] - y.mean() - centred[i] @ b) ** 2)
        return float(np.mean(errors))

    chosen = learners.RidgeBasis.of(x).fit(y)
    best = min(learners.PENALTIES, key=left_out)
    assert chosen.coefficients == pytest.approx(learners.RidgeBasis.of(x).fit(y, [best]).coefficients, rel=0.05)


def test_ridge_survives_collinear_and_empty_designs():
    x = RNG.normal(size=(60, 2))
    y = x[:, 0] + RNG.normal(size=60)

    assert np.isfinite(learners.ridge(np.column_stack([x, x, x]), y)(np.column_stack([x, x, x]))).all()
    assert learners.ridge(np.empty((60, 0)), y)(np.empty((3, 0))) == pytest.approx([y.mean()] * 3)


def test_logistic_is_penalised_maximum_likelihood():
    from sklearn.linear_model import LogisticRegression

    x = RNG.normal(size=(500, 3))
    a = (RNG.random(500) < learners.expit(x[:, 0] - 0.5)).astype(float)

    line = learners.logistic(x, a, penalty=0.01)

    expected = LogisticRegression(C=1 / (0.01 * 500), tol=1e-10).fit(x, a)
    assert line.coefficients == pytest.approx(expected.coef_[0], abs=1e-4)
    assert line.mean == pytest.approx(expected.intercept_[0], abs=1e-4)


def test_logistic_of_separated_classes_is_finite():
    x = np.linspace(-1, 1, 100)[:, None]

    odds = learners.logistic(x, (x[:, 0] > 0).astype(float))(x)

    assert np.isfinite(odds).all()
    assert odds[-1] > 3 > -3 > odds[0]


def test_logistic_of_a_rare_treatment_and_long_tails_converges():
    x = RNG.lognormal(0, 1.5, size=(8000, 3))
    x = (x - x.mean(axis=0)) / x.std(axis=0)
    a = (RNG.random(8000) < learners.expit(-5 - 4 * x[:, 0])).astype(float)

    odds = learners.logistic(x, a)(x)

    assert learners.expit(odds).mean() == pytest.approx(a.mean(), rel=1e-3)


def grow(y, base=None, seed=1, objective="reg:squarederror", loss=None):
    x = RNG.normal(size=(len(y), 2)).astype(np.float32) if not isinstance(y, tuple) else y[0]
    target = y if not isinstance(y, tuple) else y[1]
    start = np.zeros(len(target)) if base is None else base
    judge = loss or (lambda margins: float(((target - margins[0]) ** 2).mean()))
    return learners.boosted((x, target, start), [(x, start)], judge, SMALL, objective=objective, seed=seed)


def test_the_path_starts_at_the_base_and_comes_nearer_to_the_target():
    x = RNG.normal(size=(800, 2)).astype(np.float32)
    y = np.sin(2 * x[:, 0].astype(float))

    path = grow((x, y), base=np.full(800, 0.25))[0]

    assert path.shape == (800, len(learners.PATH))
    assert (path[:, 0] == 0.25).all()
    losses = ((y[:, None] - path) ** 2).mean(axis=0)
    assert (np.diff(losses) < 0).all()
    assert losses[-1] < 0.02


def test_growing_stops_once_the_least_loss_lies_far_enough_back():
    seen = []

    def loss(margins) -> float:
        seen.append(1)
        return float(len(seen))

    path = grow(RNG.normal(size=300), loss=loss)[0]

    assert len(seen) == learners.UNDERSMOOTH + 1
    assert (path[:, learners.UNDERSMOOTH] == path[:, -1]).all()


def test_the_same_seed_grows_the_same_trees():
    x = RNG.normal(size=(300, 2)).astype(np.float32)
    y = RNG.normal(size=300)

    assert (grow((x, y), seed=5) == grow((x, y), seed=5)).all()
    assert (grow((x, y), seed=5) != grow((x, y), seed=6)).any()


@pytest.mark.parametrize(
    ("losses", "step"), [([1, 2, 3, 4], 0), ([3, 2, 3, 4], 3), ([4, 3, 2, 1], 3), ([3, 1, 2, 2, 2], 3)]
)
def test_undersmoothing_goes_beyond_the_least_loss_but_not_from_nothing(losses, step):
    assert learners.undersmoothed(np.array(losses, dtype=float)) == step


def test_large_samples_get_deeper_trees():
    small, large = learners.tree_settings(2_000), learners.tree_settings(50_000)

    assert large[0].depth > small[0].depth
    assert large[1].rate > small[1].rate


@settings(max_examples=50)
@given(st.floats(-1e4, 1e4))
def test_expit_is_a_probability_without_overflow(z):
    p = float(learners.expit(np.array(z)))

    assert 0 <= p <= 1
    assert p == pytest.approx(1 - float(learners.expit(np.array(-z))), abs=1e-12)


@pytest.mark.parametrize("unit", [1e-9, 1e-3, 1e6])
def test_trees_see_the_same_in_any_unit_of_the_outcome(unit):
    """XGBoost makes no split that gains less than 1e-6 in the outcome's own unit, squared."""
    world = waves(3)
    scaled = replace(world.study, outcome=world.study.outcome * unit)

    plain, found = (estimate(study, Settings(seed=1, threads=1)).inference for study in (world.study, scaled))

    assert found.estimate / unit == pytest.approx(plain.estimate, rel=1e-5)
    assert found.std_error / unit == pytest.approx(plain.std_error, rel=1e-5)
    assert abs(plain.estimate - world.truth) <= 3 * plain.std_error
