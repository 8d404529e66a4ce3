"""Shifts of a dose in worlds where what they do is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from dgps import World, doses, straight, study_of
from e2i_shared.causal.inference import infer_mean
from e2i_shared.causal.modified_treatment_policy import Shift, relative, shifted_outcome
from e2i_shared.causal.study import Settings
from e2i_shared.errors import (
    EstimationError,
    InsufficientDataError,
    NoOverlapError,
    NoVariationError,
    UnprocessableError,
)
from hypothesis import given
from hypothesis import strategies as st

LINEAR = Settings(learner="linear")


def smooth(seed, n=1200):
    """A continuous dose, normal given x; E[Y(A+δ)] − E[Y] = 2δ − 0.3·E[(A+δ)² − A²] on the units drawn."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 3))
    a = 0.7 * x[:, 0] + rng.normal(size=n)
    y = 2 * a - 0.3 * a**2 + 1.5 * x[:, 0] + rng.normal(size=n)
    return World(study_of(x, a, y), 0.0, np.zeros(n))


def bent(dose):
    return 2 * dose - 0.3 * dose**2


def true_change(study, moved):
    return float((bent(moved) - bent(study.treatment)).mean())


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("shift", [Shift("add", 0.3), Shift("add", -0.4), Shift("percent", 15.0)])
def test_a_shift_of_a_continuous_dose_does_what_the_curve_says(seed, shift):
    world = smooth(seed)

    found = shifted_outcome(world.study, shift, LINEAR)

    truth = true_change(world.study, shift.apply(world.study.treatment))
    assert abs(found.change.estimate - truth) <= 3 * found.change.std_error
    assert found.change.std_error < 0.1


@pytest.mark.parametrize("shift", [Shift("add", 1.0), Shift("percent", 20.0)])
def test_a_shift_of_a_count_is_worth_its_mean_dose_times_the_effects(shift):
    world = doses(3, 1500)

    found = shifted_outcome(world.study, shift, Settings())

    truth = float(((found.moved - world.study.treatment) * world.effects).mean())
    assert abs(found.change.estimate - truth) <= 3 * found.change.std_error
    assert found.moved.mean() == pytest.approx(shift.apply(world.study.treatment).mean())
    assert max(found.trees) > 0


def test_it_adjusts_for_what_draws_the_dose():
    """The unadjusted slope is far off: 2 becomes about 2.7."""
    world = smooth(4, 2000)
    study = world.study
    raw = study_of(np.random.default_rng(1).normal(size=(2000, 1)), study.treatment, study.outcome)

    truth = true_change(study, study.treatment + 0.3)
    adjusted = shifted_outcome(study, Shift("add", 0.3), LINEAR).change
    naive = shifted_outcome(raw, Shift("add", 0.3), LINEAR).change

    assert abs(adjusted.estimate - truth) <= 3 * adjusted.std_error
    assert naive.estimate - truth > 5 * naive.std_error


def test_the_density_ratio_of_a_normal_shift_is_found():
    """For A|X normal with variance 1, p(a − δ|x)/p(a|x) = exp(δ(a − m(x)) − δ²/2)."""
    world = smooth(5, 3000)
    study = world.study
    x = study.design.linear[:, 0]
    residual = study.treatment - np.polyval(np.polyfit(x, study.treatment, 1), x)

    found = shifted_outcome(study, Shift("add", 0.3), LINEAR)

    expected = np.exp(0.3 * residual - 0.045)
    assert np.corrcoef(found.ratio, expected)[0, 1] > 0.97
    assert found.ratio.mean() == pytest.approx(1, abs=0.01)


def test_scores_average_to_the_estimate_over_any_rows():
    world = doses(6, 1200)
    rows = world.study.design.linear[:, 0] > 0

    found = shifted_outcome(world.study, Shift("add", 1.0), Settings(), rows)

    assert found.mean.estimate == pytest.approx(found.scores[rows].mean())
    assert found.change.estimate == pytest.approx(found.change_scores[rows].mean())
    assert found.change.estimate == pytest.approx(found.mean.estimate - found.observed)
    truth = float(((found.moved - world.study.treatment) * world.effects)[rows].mean())
    assert abs(found.change.estimate - truth) <= 3 * found.change.std_error


def test_the_lift_is_the_change_over_what_was():
    found = shifted_outcome(doses(7, 1000, effect=1.5).study, Shift("percent", 20.0), LINEAR)
    lifted = replace(doses(7, 1000, effect=1.5).study, outcome=doses(7, 1000, effect=1.5).study.outcome + 10)
    again = shifted_outcome(lifted, Shift("percent", 20.0), LINEAR)

    assert again.lift.estimate == pytest.approx(again.change.estimate / again.observed)
    assert again.lift.std_error < found.lift.std_error


def test_no_lift_of_an_outcome_around_zero():
    rng = np.random.default_rng(1)
    base = rng.normal(size=200)
    base -= base.mean()

    assert relative(infer_mean(base + 1), base + 1, base, None) is None


def test_clusters_widen_the_interval():
    rng = np.random.default_rng(8)
    codes = np.repeat(np.arange(80), 15).astype(np.intp)
    x, shared = rng.normal(size=(1200, 2)), rng.normal(size=80)[codes]
    a = rng.normal(size=80)[codes] + rng.normal(size=1200)
    study = study_of(x, a, a + shared * a + rng.normal(size=1200))

    plain = shifted_outcome(study, Shift("add", 0.3), LINEAR).change
    robust = shifted_outcome(replace(study, clusters=codes), Shift("add", 0.3), LINEAR).change

    assert robust.std_error > 1.5 * plain.std_error
    assert robust.df == 79


def test_weights_make_rows_count_for_as_many():
    world = smooth(9, 1500)
    heavy = np.where(world.study.design.linear[:, 1] > 0, 3.0, 1.0)

    found = shifted_outcome(replace(world.study, weights=heavy), Shift("add", 0.3), LINEAR)

    assert found.change.estimate == pytest.approx(np.average(found.change_scores, weights=heavy))
    assert found.observed == pytest.approx(np.average(world.study.outcome, weights=heavy))


def test_bounds_hold_back_the_shift_only():
    dose = np.array([0.0, 2.0, 5.0, 9.0])

    assert Shift("add", 2.0, cap=6.0).apply(dose).tolist() == [2.0, 4.0, 6.0, 9.0]
    assert Shift("add", -2.0, floor=1.0).apply(dose).tolist() == [0.0, 1.0, 3.0, 7.0]
    assert Shift("percent", 50.0).apply(dose).tolist() == [0.0, 3.0, 7.5, 13.5]


@given(
    st.lists(st.floats(0, 50), min_size=1, max_size=20),
    st.sampled_from(["add", "percent"]),
    st.floats(-20, 20),
    st.floats(0, 10),
    st.floats(0, 20),
)
def test_a_shift_never_crosses_its_bounds(dose, kind, amount, floor, width):
    held = np.array(dose)

    moved = Shift(kind, amount, floor, floor + width).apply(held)

    inside = (held >= floor) & (held <= floor + width)
    assert (moved[inside] >= floor - 1e-9).all()
    assert (moved[inside] <= floor + width + 1e-9).all()


def test_moving_many_beyond_what_was_seen_is_refused():
    study = doses(10, 800).study

    with pytest.raises(NoOverlapError) as caught:
        shifted_outcome(study, Shift("add", 8.0), LINEAR)
    assert caught.value.field == "intervention"
    assert "cap" in str(caught.value.hint)


def test_moving_some_beyond_what_was_seen_is_reported():
    rng = np.random.default_rng(11)
    a = rng.uniform(0, 10, 1000)
    study = study_of(rng.normal(size=(1000, 2)), a, a + rng.normal(size=1000))

    found = shifted_outcome(study, Shift("add", 0.5), LINEAR)

    assert found.share_beyond == pytest.approx(0.05, abs=0.02)
    assert any("extrapolated" in text for text in found.warnings)


def test_what_no_unit_alike_received_counts_as_beyond():
    """Inside the range of all doses, but far from what units of each kind get: the dose is almost decided by x."""
    rng = np.random.default_rng(12)
    x = rng.normal(size=(1000, 1))
    a = 3 * x[:, 0] + 0.2 * rng.normal(size=1000)
    study = study_of(x, a, a + rng.normal(size=1000))

    with pytest.raises(NoOverlapError):
        shifted_outcome(study, Shift("add", 2.0), LINEAR)


@pytest.mark.parametrize(
    ("study", "shift", "rows", "error", "field"),
    [
        (straight(1, 300).study, Shift("add", 1.0), None, UnprocessableError, "intervention"),
        (doses(1, 300).study, Shift("add", 1.0, cap=-1.0), None, UnprocessableError, "intervention"),
        (doses(1, 300).study, Shift("add", 1.0), np.arange(300) < 10, InsufficientDataError, "target_population"),
        (replace(doses(1, 300).study, outcome=np.ones(300)), Shift("add", 1.0), None, NoVariationError, "outcome_col"),
        (doses(1, 300).study.take(np.arange(40)), Shift("add", 1.0), None, InsufficientDataError, "filters"),
        (
            replace(doses(1, 300).study, outcome=np.full(300, np.inf)),
            Shift("add", 1.0),
            None,
            EstimationError,
            "outcome_col",
        ),
        (
            replace(doses(1, 300).study, treatment=np.full(300, 2.0)),
            Shift("add", 1.0),
            None,
            NoVariationError,
            "treatment_col",
        ),
    ],
    ids=["0/1", "moves nobody", "few rows", "constant outcome", "small", "infinite", "constant dose"],
)
def test_what_cannot_be_shifted_is_refused(study, shift, rows, error, field):
    with pytest.raises(error) as caught:
        shifted_outcome(study, shift, LINEAR, rows)
    assert caught.value.field == field


def test_the_same_seed_gives_the_same_estimate():
    study = doses(13, 700).study

    first, second = (shifted_outcome(study, Shift("add", 1.0), Settings(seed=5)) for _ in range(2))

    assert first.change == second.change
    assert np.array_equal(first.scores, second.scores)
