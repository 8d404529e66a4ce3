"""Curves of known shape: a bent continuous dose, a count, and doses that nobody had."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from dgps import World, doses, straight, study_of
from e2i_shared.causal.dose_response import contrast, dose_response
from e2i_shared.causal.study import Settings
from e2i_shared.errors import InsufficientDataError, NoOverlapError, UnprocessableError

LINEAR = Settings(learner="linear")


def hill(seed, n=2000):
    """A dose in [0, 10] drawn to units by x0; E[Y(a)] = 4·sin(a/3) + 0.5·mean(x0)."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 3))
    a = (5 + 1.2 * x[:, 0] + 1.8 * rng.normal(size=n)).clip(0.0, 10.0)
    y = 4 * np.sin(a / 3) + 1.5 * x[:, 0] + rng.normal(size=n)
    return World(study_of(x, a, y), float(1.5 * x[:, 0].mean()), np.zeros(n))


def true_curve(world, dose):
    return 4 * np.sin(np.asarray(dose) / 3) + world.truth


@pytest.fixture(scope="module")
def curve():
    world = hill(1)
    return world, dose_response(world.study, LINEAR, [3.0, 6.0])


def test_the_curve_lies_within_its_bands(curve):
    world, found = curve
    inside = [abs(p.inference.estimate - true_curve(world, p.dose)) <= 3 * p.inference.std_error for p in found.points]

    assert np.mean(inside) >= 0.95
    assert not found.levels
    middle = [p for p in found.points if 3 <= p.dose <= 7]
    assert all(p.inference.std_error < 0.25 and p.supported for p in middle)


def test_the_unadjusted_curve_is_outside_them():
    """Units with a large x0 get large doses: without it, the curve's right end is far too high."""
    world = hill(2)
    blind = study_of(np.random.default_rng(1).normal(size=(2000, 1)), world.study.treatment, world.study.outcome)

    found = dose_response(blind, LINEAR, [8.0])

    point = found.points[-1]
    assert point.inference.estimate - true_curve(world, 8.0) > 3 * point.inference.std_error


def test_a_curve_that_is_truly_flat_is_found_flat():
    rng = np.random.default_rng(3)
    x = rng.normal(size=(1500, 2))
    a = x[:, 0] + rng.normal(size=1500)
    study = study_of(x, a, 2 * x[:, 0] + rng.normal(size=1500))

    found = dose_response(study, LINEAR, [-1.0, 1.0])

    change = contrast(found, study, len(found.points) - 1, len(found.points) - 2)
    assert abs(change.estimate) <= 3 * change.std_error
    assert change.std_error < 0.25


def test_counts_are_levels_with_the_true_step_between_them():
    world = doses(4, 2000)

    found = dose_response(world.study, Settings(), [1.0, 3.0])

    assert found.levels
    assert [p.dose for p in found.points][:3] == [0.0, 1.0, 2.0]
    step = contrast(found, world.study, len(found.points) - 1, len(found.points) - 2)
    assert abs(step.estimate - 2 * world.truth) <= 3 * step.std_error


def test_a_contrast_is_surer_than_its_two_ends_apart():
    world = doses(5, 1500)
    lifted = replace(world.study, outcome=world.study.outcome + 5 * world.study.design.linear[:, 4])
    found = dose_response(lifted, LINEAR, [1.0, 2.0])
    after, before = found.points[-1].inference, found.points[-2].inference

    step = contrast(found, lifted, len(found.points) - 1, len(found.points) - 2)

    assert step.estimate == pytest.approx(after.estimate - before.estimate)
    assert step.std_error < np.hypot(after.std_error, before.std_error)


def test_a_part_of_the_units_has_its_own_curve():
    world = doses(6, 2500, spread=0.6)
    rows = world.study.design.linear[:, 0] > 0.3
    marked = replace(world.study, design=world.study.design.with_columns(rows[:, None].astype(float), "part"))

    found = dose_response(marked, Settings(), [1.0, 3.0], rows)

    step = contrast(found, marked, len(found.points) - 1, len(found.points) - 2)
    truth = 2 * float(world.effects[rows].mean())
    assert abs(step.estimate - truth) <= 3 * step.std_error
    assert truth > 2 * world.truth + 0.5
    assert np.abs(found.influence[~rows]).max() == 0.0


def test_clusters_widen_the_bands():
    rng = np.random.default_rng(7)
    codes = np.repeat(np.arange(100), 15).astype(np.intp)
    x, shared = rng.normal(size=(1500, 2)), 2 * rng.normal(size=100)[codes]
    a = x[:, 0] + rng.normal(size=1500)
    study = study_of(x, a, a + shared + rng.normal(size=1500))

    plain = dose_response(study, LINEAR, [0.0]).points[-1].inference
    robust = dose_response(replace(study, clusters=codes), LINEAR, [0.0]).points[-1].inference

    assert robust.std_error > 1.2 * plain.std_error


@pytest.mark.parametrize("dose", [-3.0, 14.0])
def test_a_dose_outside_what_was_seen_is_refused_with_the_nearest(dose):
    with pytest.raises(NoOverlapError) as caught:
        dose_response(hill(8, 600).study, LINEAR, [dose])
    assert caught.value.field == "intervention"
    assert caught.value.candidates


def test_a_level_that_few_had_is_refused():
    study = doses(9, 1000).study
    rare = float(study.treatment.max())

    with pytest.raises(NoOverlapError) as caught:
        dose_response(study, LINEAR, [rare])
    assert f"{rare:g}" in caught.value.message


def test_a_dose_that_units_alike_hardly_had_is_flagged():
    """High doses went to one kind of unit only: what others would do at them is not supported."""
    rng = np.random.default_rng(10)
    x = rng.normal(size=(1500, 1))
    a = rng.poisson(np.exp(0.2 + 1.1 * x[:, 0]).clip(0.05, 20)).clip(0, 6).astype(float)
    study = study_of(x, a, a + 2 * x[:, 0] + rng.normal(size=1500))

    found = dose_response(study, Settings())

    worth = [p.ess / p.units for p in found.points]
    assert worth[-1] < 0.25
    assert worth[0] > worth[-1]


@pytest.mark.parametrize(
    ("study", "error", "field"),
    [
        (straight(1, 300).study, UnprocessableError, "treatment_col"),
        (replace(doses(1, 300).study, weights=np.ones(300)), UnprocessableError, "weight_col"),
        (doses(1, 300).study.take(np.arange(30)), InsufficientDataError, "filters"),
        (replace(doses(1, 60).study, treatment=np.arange(60.0) % 6), InsufficientDataError, "treatment_col"),
    ],
    ids=["0/1", "weights", "small", "thin levels"],
)
def test_what_has_no_curve_is_refused(study, error, field):
    with pytest.raises(error) as caught:
        dose_response(study, LINEAR)
    assert caught.value.field == field


def test_the_same_seed_gives_the_same_curve():
    study = doses(11, 800).study

    first, second = (dose_response(study, Settings(seed=5)) for _ in range(2))

    assert first.points == second.points
