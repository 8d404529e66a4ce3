"""Every estimator finds known effects, and the published ones of two studies."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from dgps import (
    NONLINEAR,
    clustered,
    doses,
    nhefs,
    nsw,
    nsw_against_cps,
    straight,
    study_of,
    waves,
)
from e2i_shared.causal.design import Covariate, encode
from e2i_shared.causal.estimators.choice import ESTIMATORS, choose, estimate
from e2i_shared.causal.inference import infer_mean
from e2i_shared.causal.nuisance import repeat_count
from e2i_shared.causal.study import Settings
from e2i_shared.errors import EstimationError, NoOverlapError, UnprocessableError
from hypothesis import given, settings
from hypothesis import strategies as st

OUTSIDE = json.loads((Path(__file__).parents[2] / "reference" / "nhefs_outside.json").read_text(encoding="utf-8"))


def near(found, truth, errors=3.0) -> bool:
    return abs(found.inference.estimate - truth) <= errors * found.inference.std_error


@pytest.mark.parametrize("name", list(NONLINEAR))
@pytest.mark.parametrize("seed", [11, 12])
def test_aipw_finds_the_effect_under_nonlinear_confounding(name, seed):
    world = NONLINEAR[name](seed)

    assert near(estimate(world.study, Settings()), world.truth)


def test_a_linear_adjustment_misses_it():
    world = waves(11)

    assert not near(estimate(world.study, Settings(learner="linear")), world.truth)


@pytest.mark.parametrize("effect", [-2.0, 0.0, 1.5])
def test_aipw_finds_effects_of_either_sign_and_none(effect):
    found = estimate(straight(13, effect=effect).study, Settings())

    assert near(found, effect)
    assert found.method == "aipw"
    assert found.mean_treated - found.mean_control == pytest.approx(found.inference.estimate)


@pytest.mark.parametrize("seed", [21, 22, 23])
def test_an_average_slope_is_found_where_units_differ(seed):
    world = doses(seed)

    found = estimate(world.study, Settings())

    assert found.method == "average_partial_effect"
    assert near(found, world.truth)


def test_an_average_slope_weighs_units_alike_not_by_how_much_their_dose_varies():
    """Units with high, variable doses respond more: weighing by variance would overstate the average."""
    world = doses(24, n=6000, spread=0.6)
    spread = (
        world.study.treatment
        - ESTIMATORS["average_partial_effect"].estimate(world.study, Settings()).nuisances.treatment
    )
    by_variance = float(np.average(world.effects, weights=spread**2))

    found = estimate(world.study, Settings())

    assert near(found, world.truth)
    assert by_variance - world.truth > 3 * found.inference.std_error


def test_a_binary_treatment_can_be_taken_as_a_dose_of_one():
    world = straight(14)

    found = estimate(world.study, Settings(), "average_partial_effect")

    assert near(found, world.truth)


def test_randomised_data_need_no_model():
    rng = np.random.default_rng(15)
    a = np.tile([0.0, 1.0], 200)
    y = 2 * a + rng.normal(size=400)
    study = replace(study_of(rng.normal(size=(400, 2)), a, y), randomised=True)

    found = estimate(study, Settings())

    s = [y[a == k].var(ddof=1) / 200 for k in (0, 1)]
    assert found.method == "difference_in_means"
    assert found.inference.estimate == pytest.approx(y[a == 1].mean() - y[a == 0].mean())
    assert found.inference.std_error == pytest.approx(np.sqrt(sum(s)), rel=0.01)
    assert "randomised" in found.reason


def test_a_difference_in_means_of_observational_data_is_warned_about():
    found = estimate(straight(16).study, Settings(), "difference_in_means")

    assert not near(found, 1.0)
    assert any("not marked as randomised" in warning for warning in found.warnings)


def test_clusters_widen_the_interval():
    world = clustered(17)

    robust = estimate(world.study, Settings())
    naive = estimate(replace(world.study, clusters=None), Settings())

    assert near(robust, world.truth)
    assert robust.inference.std_error > 1.8 * naive.inference.std_error
    assert robust.inference.df == 149


def test_the_effect_on_the_treated_is_theirs():
    rng = np.random.default_rng(18)
    x = rng.normal(size=(4000, 3))
    a = (rng.random(4000) < 1 / (1 + np.exp(-x[:, 0]))).astype(float)
    tau = 1 + x[:, 0]
    study = study_of(x, a, x[:, 1] + tau * a + rng.normal(size=4000))

    treated = estimate(study, Settings(estimand="att"))

    assert treated.method == "aipw_att"
    assert near(treated, float(tau[a == 1].mean()))
    assert not near(treated, float(tau.mean()))


def test_repeats_are_averaged_and_their_spread_widens_the_interval():
    study = straight(19, 300).study

    once = [estimate(study, Settings(seed=20260101 + 1000 * r)).inference.estimate for r in range(3)]
    found = estimate(study, Settings(repeats=3))

    assert found.inference.estimate == pytest.approx(np.mean(once))
    plain, spread = infer_mean(found.scores).std_error, np.std(once, ddof=1) / np.sqrt(3)
    assert found.inference.std_error == pytest.approx(np.hypot(plain, spread))


def test_the_same_seed_gives_the_same_estimate():
    study = waves(20, 1200).study

    assert estimate(study, Settings(seed=4)).inference == estimate(study, Settings(seed=4)).inference
    assert estimate(study, Settings(seed=4)).inference != estimate(study, Settings(seed=5)).inference


def test_nhefs_lands_in_the_published_range():
    found = estimate(nhefs(), Settings())

    assert 3.1 <= found.inference.estimate <= 3.6
    assert 0.4 < found.inference.std_error < 0.65
    assert max(abs(b.after) for b in found.diagnostics.balance) < 0.1


def test_nhefs_agrees_with_what_another_package_finds():
    found = estimate(nhefs(), Settings())

    for value in OUTSIDE["values"]:
        gap = abs(found.inference.estimate - value["estimate"])
        assert gap <= found.inference.std_error, value["what"]


def test_the_nsw_experiment_is_its_published_difference_in_means():
    found = estimate(nsw(), Settings())

    assert found.method == "difference_in_means"
    assert found.inference.estimate == pytest.approx(1794.34, abs=0.01)
    assert found.inference.std_error == pytest.approx(671, abs=1)


def test_adjusting_the_small_nsw_experiment_does_not_overfit():
    found = estimate(nsw(), Settings(), "aipw")

    assert 1200 < found.inference.estimate < 2100
    assert found.nuisances.learner == "linear"


def test_men_unlike_the_treated_leave_no_average_effect_but_one_on_the_treated():
    study = nsw_against_cps()

    with pytest.raises(NoOverlapError) as caught:
        estimate(study, Settings())
    treated = estimate(study, Settings(estimand="att"))

    assert "att" in caught.value.hint
    assert 600 < treated.inference.estimate < 3000


def test_a_separated_sample_is_refused_not_extrapolated():
    rng = np.random.default_rng(30)
    x = rng.normal(size=(500, 2))
    a = (x[:, 0] > 0).astype(float)

    with pytest.raises(NoOverlapError):
        estimate(study_of(x, a, x[:, 1] + rng.normal(size=500)), Settings())


def test_a_dose_that_covariates_decide_is_refused():
    rng = np.random.default_rng(31)
    x = rng.normal(size=(500, 2))
    a = x[:, 0] + 2 * x[:, 1] + 0.01 * rng.normal(size=500)

    with pytest.raises(NoOverlapError) as caught:
        estimate(study_of(x, a, a + rng.normal(size=500)), Settings())

    assert caught.value.field == "confounders"


def test_poor_overlap_is_flagged():
    found = estimate(straight(32, 3000, confounding=3.0).study, Settings())

    assert any("outside [0.05, 0.95]" in warning for warning in found.warnings)


def test_a_method_for_arms_refuses_a_dose():
    with pytest.raises(UnprocessableError) as caught:
        choose(doses(1).study, "aipw")

    assert "average_partial_effect" in caught.value.candidates


def test_unknown_methods_and_impossible_estimands_are_refused():
    with pytest.raises(UnprocessableError, match="no method"):
        choose(straight(1, 200).study, "magic")
    with pytest.raises(UnprocessableError) as caught:
        choose(doses(1, 200).study, "auto", "att")
    assert caught.value.field == "estimand"


def test_no_covariates_leave_a_plain_comparison():
    rng = np.random.default_rng(33)
    a = (rng.random(400) < 0.4).astype(float)
    y = 3 * a + rng.normal(size=400)

    found = estimate(study_of(np.empty((400, 0)), a, y), Settings())

    assert found.inference.estimate == pytest.approx(y[a == 1].mean() - y[a == 0].mean(), abs=0.1)


@settings(max_examples=25, deadline=None)
@given(st.integers(50, 120), st.integers(0, 10_000), st.sampled_from(["binary", "dose"]), st.data())
def test_an_estimate_is_finite_or_refused(n, seed, kind, data):
    """Missing covariates, few levels, huge scales: a number or a named refusal, never NaN."""
    rng = np.random.default_rng(seed)
    scale = 10.0 ** data.draw(st.integers(-6, 9))
    x = rng.normal(size=n) * scale
    x[: data.draw(st.integers(0, n))] = np.nan
    levels = rng.integers(-1, data.draw(st.integers(1, 30)), n).astype(float)
    a = (
        (rng.random(n) < data.draw(st.floats(0.02, 0.98))).astype(float)
        if kind == "binary"
        else rng.poisson(2, n) * 1.0
    )
    covariates = [Covariate("x", x), Covariate("c", levels, tuple(map(str, range(30))))]
    y = data.draw(st.sampled_from([rng.normal(size=n) * scale, (rng.random(n) < 0.3).astype(float)]))

    try:
        found = estimate(replace(study_of(np.empty((n, 0)), a, y), design=encode(covariates, n)), Settings())
    except EstimationError as refusal:
        assert refusal.field  # noqa: PT017  -- a refusal is one of the two answers
        return

    numbers = [
        *vars_of(found.inference),
        *found.diagnostics.quality.values(),
        found.diagnostics.influence.variance_share,
    ]
    assert np.isfinite(numbers).all()
    assert np.isfinite(found.scores).all()


def vars_of(inference):
    return [inference.estimate, inference.std_error, inference.ci_lower, inference.ci_upper, inference.p_value]


def test_a_fit_without_trees_is_not_widened_by_smoothing():
    study = straight(34, 300).study

    found = estimate(study, Settings())

    assert found.inference == infer_mean(found.scores)


def test_small_samples_with_trees_repeat_their_folds_and_large_ones_do_not():
    assert repeat_count(straight(35, 2000).study, Settings()) == 2
    assert repeat_count(straight(35, 300).study, Settings()) == 1
    assert repeat_count(straight(35, 5000).study, Settings()) == 1
    assert repeat_count(straight(35, 2000).study, Settings(repeats=7)) == 7
