"""Regression adjustment, weighting, partially linear models, several arms and weights: known effects, and when they go wrong."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from dgps import doses, nhefs, nsw, straight, study_of, valley, waves
from dgps_effects import experiment, open_treatment, sampled, slopes, three_arms
from e2i_shared.causal.arms import Arms
from e2i_shared.causal.estimators.choice import ESTIMATORS, choose, estimate
from e2i_shared.causal.inference import infer_mean, simultaneous, weighted
from e2i_shared.causal.learners import LOGISTIC_PENALTY, RidgeBasis, logistic, ridge
from e2i_shared.causal.study import Settings, check
from e2i_shared.errors import EstimationError, NoOverlapError, NoVariationError, UnprocessableError

THREE = [31, 32, 33]


def near(found, truth, errors=3.0) -> bool:
    return abs(found.inference.estimate - truth) <= errors * found.inference.std_error


@pytest.mark.parametrize("seed", THREE)
def test_regression_adjustment_finds_the_effect_of_an_experiment_more_precisely(seed):
    world = experiment(seed)

    adjusted = estimate(world.study, Settings(), "regression_adjustment")
    plain = estimate(world.study, Settings(), "difference_in_means")

    assert near(adjusted, world.truth)
    assert adjusted.inference.std_error < 0.75 * plain.inference.std_error
    assert adjusted.warnings == ()


def test_regression_adjustment_is_least_squares_with_centred_products():
    world = experiment(34, 300)
    study = world.study
    x, a = study.design.linear, study.treatment
    columns = np.column_stack([np.ones(300), a, x, a[:, None] * x])
    beta = np.linalg.lstsq(columns, study.outcome, rcond=None)[0]

    found = estimate(study, Settings(), "regression_adjustment")

    assert found.inference.estimate == pytest.approx(beta[1], abs=1e-9)
    assert found.scores.mean() == pytest.approx(beta[1], abs=1e-9)
    assert found.mean_treated - found.mean_control == pytest.approx(beta[1])


def test_cuped_is_adjusting_for_the_outcome_before():
    rng = np.random.default_rng(35)
    before = rng.normal(size=1000)
    a = np.tile([0.0, 1.0], 500)
    study = study_of(before[:, None], a, before + 0.3 * a + 0.5 * rng.normal(size=1000), randomised=True)

    adjusted = estimate(study, Settings(), "regression_adjustment")
    plain = estimate(study, Settings())

    correlation = np.corrcoef(study.outcome, before)[0, 1]
    assert adjusted.inference.std_error / plain.inference.std_error == pytest.approx(
        np.sqrt(1 - correlation**2), rel=0.05
    )


def test_auto_keeps_the_plain_difference_of_an_experiment_and_names_the_sharper_method():
    found = estimate(nsw(), Settings())

    assert found.inference.estimate == pytest.approx(1794.34, abs=0.01)
    assert "regression_adjustment" in found.reason


def test_the_nsw_experiment_adjusted_is_close_to_its_difference_in_means():
    found = estimate(nsw(), Settings(), "regression_adjustment")

    assert 1400 < found.inference.estimate < 1800
    assert found.inference.std_error == pytest.approx(690, abs=40)


def test_many_columns_are_adjusted_for_out_of_fold():
    rng = np.random.default_rng(36)
    x = rng.normal(size=(200, 60))
    a = np.tile([0.0, 1.0], 100)
    study = study_of(x, a, x[:, 0] + a + rng.normal(size=200), randomised=True)

    found = estimate(study, Settings(), "regression_adjustment")

    assert found.nuisances.learner == "linear"
    assert near(found, 1.0)
    assert 0.1 < found.inference.std_error < 0.25


def test_regression_adjustment_of_confounded_data_is_warned_about():
    found = estimate(valley(37).study, Settings(), "regression_adjustment")

    assert not near(found, valley(37).truth)
    assert "not marked as randomised" in found.warnings[0]


def test_regression_adjustment_without_covariates_is_refused():
    study = study_of(np.empty((100, 0)), np.tile([0.0, 1.0], 50), np.arange(100.0), randomised=True)

    with pytest.raises(UnprocessableError, match="no covariate"):
        estimate(study, Settings(), "regression_adjustment")


@pytest.mark.parametrize("seed", THREE)
@pytest.mark.parametrize("estimand", ["ate", "att"])
def test_weighting_finds_the_effect_where_its_propensity_is_right(seed, estimand):
    world = straight(seed)

    found = estimate(world.study, Settings(estimand=estimand), "ipw")

    assert near(found, world.truth)
    assert found.method == ("ipw" if estimand == "ate" else "ipw_att")
    assert max(abs(b.after) for b in found.diagnostics.balance) < 0.06


def test_weighting_of_the_treated_finds_their_effect_not_everyones():
    rng = np.random.default_rng(38)
    x = rng.normal(size=(4000, 3))
    a = (rng.random(4000) < 1 / (1 + np.exp(-x[:, 0]))).astype(float)
    tau = 1 + x[:, 0]
    study = study_of(x, a, x[:, 1] + tau * a + rng.normal(size=4000))

    found = estimate(study, Settings(estimand="att"), "ipw")

    assert near(found, float(tau[a == 1].mean()))
    assert not near(found, float(tau.mean()))


def test_estimated_propensities_make_weighting_more_precise_than_known_ones_would():
    world = straight(39)
    found = estimate(world.study, Settings(), "ipw")
    e, a, y = found.nuisances.treatment, world.study.treatment, world.study.outcome
    w_1, w_0 = a / e, (1 - a) / (1 - e)
    naive = w_1 * (y - np.average(y, weights=w_1)) - w_0 * (y - np.average(y, weights=w_0))

    assert found.inference.std_error < 0.8 * infer_mean(naive).std_error


def wrong_outcome(seed: int):
    """Propensity linear, outcome bent: a linear outcome model is wrong, a linear propensity right."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(4000, 3))
    a = (rng.random(4000) < 1 / (1 + np.exp(-x[:, 0]))).astype(float)
    return study_of(x, a, 2 * np.exp(0.7 * x[:, 0]) + a + rng.normal(size=4000))


def wrong_propensity(seed: int):
    """Outcome linear, propensity bent."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(4000, 3))
    a = (rng.random(4000) < 1 / (1 + np.exp(1 - x[:, 0] ** 2))).astype(float)
    return study_of(x, a, 2 * x[:, 0] + x[:, 1] + a + rng.normal(size=4000))


def wrong_both(seed: int):
    """Both bent alike."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(4000, 3))
    a = (rng.random(4000) < 1 / (1 + np.exp(1 - x[:, 0] ** 2))).astype(float)
    return study_of(x, a, 2 * x[:, 0] ** 2 + a + rng.normal(size=4000))


@pytest.mark.parametrize("seed", THREE)
def test_doubly_robust_is_right_when_one_model_is_wrong_and_wrong_when_both_are(seed):
    linear = Settings(learner="linear")

    assert near(estimate(wrong_outcome(seed), linear, "aipw"), 1.0)
    assert near(estimate(wrong_propensity(seed), linear, "aipw"), 1.0)
    assert not near(estimate(wrong_both(seed), linear, "aipw"), 1.0)


def test_methods_that_trust_one_model_are_wrong_when_it_is():
    linear = Settings(learner="linear")

    assert not near(estimate(wrong_both(40), linear, "ipw"), 1.0)
    assert near(estimate(wrong_propensity(40), linear, "regression_adjustment"), 1.0)
    assert not near(estimate(wrong_both(40), linear, "regression_adjustment"), 1.0)


@pytest.mark.parametrize("seed", THREE)
def test_residuals_on_residuals_find_one_slope(seed):
    world = slopes(seed)

    found = estimate(world.study, Settings(), "partially_linear")

    assert near(found, world.truth)
    assert found.nuisances.quality["treatment_r2"] > 0.3


@pytest.mark.parametrize("seed", THREE)
def test_a_partially_linear_effect_is_overlap_weighted(seed):
    world = open_treatment(seed, 4000)

    found = estimate(world.study, Settings(), "partially_linear")

    assert near(found, world.truth)
    assert not near(found, float(world.effects.mean()))
    assert "overlap-weighted" in found.estimand


def test_a_slope_without_adjustment_is_wrong():
    world = slopes(41)
    bare = study_of(np.empty((2000, 0)), world.study.treatment, world.study.outcome)

    assert not near(estimate(bare, Settings(), "partially_linear"), world.truth)


def test_a_treatment_that_covariates_decide_leaves_no_slope():
    rng = np.random.default_rng(42)
    x = rng.normal(size=(500, 2))
    a = x[:, 0] + 2 * x[:, 1] + 0.01 * rng.normal(size=500)

    with pytest.raises(NoOverlapError):
        estimate(study_of(x, a, a + rng.normal(size=500)), Settings(), "partially_linear")


@pytest.mark.parametrize("seed", THREE)
def test_every_level_of_a_treatment_is_compared_with_the_reference(seed):
    world = three_arms(seed)

    found = estimate(world.study, Settings())

    assert found.method == "multi_arm_aipw"
    assert [arm.label for arm in found.arms] == ["email", "visit"]
    for arm, truth in zip(found.arms, world.truths, strict=True):
        assert abs(arm.effect - truth) <= 3 * arm.std_error
        assert arm.ci_upper - arm.ci_lower > 2 * 2.1 * arm.std_error
    assert found.inference.estimate == found.arms[0].effect
    assert found.mean_treated - found.mean_control == pytest.approx(found.inference.estimate)


def test_arms_compared_without_adjustment_are_wrong():
    world = three_arms(43, 4000)
    y, codes = world.study.outcome, world.study.arms.codes

    assert abs(y[codes == 1].mean() - y[codes == 0].mean() - 1.0) > 0.3


def test_two_levels_as_arms_agree_with_the_0_1_treatment():
    world = straight(44)
    arms = Arms(world.study.treatment.astype(np.intp), ("no", "yes"), 1)

    one = estimate(world.study, Settings(), "aipw")
    other = estimate(replace(world.study, arms=arms), Settings())

    assert other.inference.estimate == pytest.approx(one.inference.estimate, abs=0.5 * one.inference.std_error)
    assert other.inference.std_error == pytest.approx(one.inference.std_error, rel=0.1)


def test_levels_refuse_methods_for_two_values_and_the_effect_on_the_treated():
    study = three_arms(45, 600).study

    with pytest.raises(UnprocessableError) as caught:
        choose(study, "ipw")
    assert caught.value.field == "method"
    with pytest.raises(UnprocessableError) as caught:
        choose(study, "auto", "att")
    assert caught.value.field == "estimand"
    with pytest.raises(UnprocessableError, match="several levels"):
        choose(straight(1, 100).study, "multi_arm_aipw")


def test_arms_that_never_meet_are_refused():
    rng = np.random.default_rng(46)
    world = three_arms(46)
    x = world.study.arms.codes[:, None] + 0.01 * rng.normal(size=(2000, 1))
    study = study_of(x, world.study.treatment, world.study.outcome, arms=world.study.arms)

    with pytest.raises(NoOverlapError):
        estimate(study, Settings(learner="linear"))


@pytest.mark.parametrize("method", ["aipw", "ipw", "regression_adjustment"])
@pytest.mark.parametrize("seed", THREE)
def test_weights_turn_a_skewed_sample_into_its_population(method, seed):
    world = sampled(seed)
    # Effects differ by group alone, and outcomes are linear within arms once it is known.
    x = np.column_stack([world.study.design.linear, world.study.weights > 5])
    study = study_of(x, world.study.treatment, world.study.outcome, weights=world.study.weights)

    found = estimate(study, Settings(), method)
    blind = estimate(replace(study, weights=None), Settings(), method)

    assert near(found, world.truth)
    assert blind.inference.estimate < 0.7
    assert found.scores.mean() == pytest.approx(found.inference.estimate)


@pytest.mark.parametrize(
    ("method", "estimand"),
    [
        ("difference_in_means", "ate"),
        ("regression_adjustment", "ate"),
        ("ipw", "ate"),
        ("ipw", "att"),
        ("aipw", "ate"),
        ("aipw", "att"),
        ("partially_linear", "ate"),
        ("average_partial_effect", "ate"),
    ],
)
def test_equal_weights_change_nothing(method, estimand):
    study = straight(47, 400).study

    plain = estimate(study, Settings(estimand=estimand), method).inference
    equal = estimate(replace(study, weights=np.full(400, 3.0)), Settings(estimand=estimand), method).inference

    assert equal.estimate == pytest.approx(plain.estimate, rel=1e-6)
    assert equal.std_error == pytest.approx(plain.std_error, rel=1e-5)


def test_a_row_of_weight_two_counts_as_two_rows():
    study = experiment(48, 300).study
    weights = np.tile([1.0, 2.0, 1.0], 100)
    twice = study.take(np.repeat(np.arange(300), weights.astype(int)))

    by_weight = estimate(replace(study, weights=weights), Settings(), "difference_in_means")
    by_row = estimate(twice, Settings(), "difference_in_means")

    assert by_weight.inference.estimate == pytest.approx(by_row.inference.estimate)


@pytest.mark.parametrize(
    ("weights", "words"),
    [(-1.0, "negative"), (0.0, "All weights"), (np.inf, "infinite"), (np.nan, "infinite or missing")],
)
def test_weights_that_cannot_be_are_refused(weights, words):
    study = straight(49, 200).study
    bad = np.full(200, weights) if weights == 0.0 else np.r_[weights, np.ones(199)]

    with pytest.raises(EstimationError, match=words):
        check(replace(study, weights=bad))


def test_a_dose_that_hardly_varies_is_refused():
    rng = np.random.default_rng(50)
    a = np.r_[np.arange(2.0, 9.0), np.zeros(293)]

    with pytest.raises(NoVariationError, match="almost constant"):
        check(study_of(rng.normal(size=(300, 2)), a, rng.normal(size=300)))


def test_every_method_says_what_it_estimates_and_survives_a_wide_overlap():
    binary, dose = straight(51, 600).study, doses(51, 600).study
    for name, estimator in ESTIMATORS.items():
        assert estimator.name == name
        assert "average" in estimator.estimand
        assert estimator.__doc__
    for name in ("regression_adjustment", "ipw", "ipw_att", "partially_linear"):
        found = ESTIMATORS[name].estimate(binary, Settings())
        assert np.isfinite([found.inference.estimate, found.inference.std_error]).all()
        assert found.nuisances.weight.shape == (600,)
    assert ESTIMATORS["partially_linear"].estimate(dose, Settings()).diagnostics.overlap is not None


@pytest.mark.parametrize("method", ["ipw", "partially_linear"])
def test_nhefs_by_other_methods_stays_near_the_published_range(method):
    assert 2.8 <= estimate(nhefs(), Settings(), method).inference.estimate <= 3.8


def test_poor_overlap_is_flagged_by_weighting():
    found = estimate(straight(52, 3000, confounding=3.0).study, Settings(), "ipw")

    assert any("outside [0.05, 0.95]" in warning for warning in found.warnings)


def test_weighting_refuses_no_overlap():
    rng = np.random.default_rng(53)
    x = rng.normal(size=(500, 2))
    a = (x[:, 0] > 0).astype(float)

    with pytest.raises(NoOverlapError):
        estimate(study_of(x, a, x[:, 1] + rng.normal(size=500)), Settings(), "ipw")


def test_weighted_scores_have_the_weighted_mean():
    scores, weights = np.array([1.0, 2.0, 6.0]), np.array([1.0, 1.0, 2.0])

    assert weighted(scores, weights).mean() == pytest.approx(15 / 4)
    assert weighted(scores, None) is scores


def test_a_simultaneous_critical_value_lies_between_single_and_bonferroni():
    rng = np.random.default_rng(54)
    critical, largest = simultaneous(rng.normal(size=(5000, 5)), df=4999)
    one, _ = simultaneous(np.repeat(rng.normal(size=(5000, 1)), 5, axis=1), df=4999)

    assert 2.5 < critical < 2.62
    assert one == pytest.approx(1.96, abs=0.06)
    assert largest.shape == (10_000,)


def test_weighted_learners_equal_rows_repeated():
    rng = np.random.default_rng(55)
    x, counts = rng.normal(size=(120, 3)), rng.integers(1, 4, 120)
    y = x[:, 0] + rng.normal(size=120)
    a = (y > 0).astype(float)
    rows = np.repeat(np.arange(120), counts)
    w = counts.astype(float)

    line, repeated = RidgeBasis.of(x, w).fit(y, (0.01,)), RidgeBasis.of(x[rows]).fit(y[rows], (0.01,))
    # The penalty is per row: 120 weighted rows carry as much of it as 120.
    assert line.coefficients == pytest.approx(repeated.coefficients, rel=1e-9)
    assert ridge(x, y, w)(x).shape == (120,)
    odds = logistic(x, a, LOGISTIC_PENALTY, weights=w)
    assert odds(x) == pytest.approx(logistic(x[rows], a[rows], LOGISTIC_PENALTY)(x), abs=0.02)


def test_an_offset_is_kept_out_of_the_line():
    rng = np.random.default_rng(56)
    x = rng.normal(size=(5000, 1))
    offset = 0.8 * x[:, 0]
    a = (rng.random(5000) < 1 / (1 + np.exp(-(offset + 0.5)))).astype(float)

    line = logistic(x, a, 1e-9, offset=offset)

    assert line.mean == pytest.approx(0.5, abs=0.1)
    assert line.coefficients[0] == pytest.approx(0, abs=0.12)


def test_taking_rows_takes_all_that_belongs_to_them():
    study = three_arms(57, 100).study
    rows = np.arange(10, 30)

    part = replace(study, weights=np.arange(100.0), clusters=np.arange(100)).take(rows)

    assert part.n == 20
    assert part.arms.codes.tolist() == study.arms.codes[rows].tolist()
    assert part.weights[0] == 10
    assert part.design.linear.shape[0] == part.clusters.shape[0] == 20


def test_waves_are_not_seen_by_linear_weighting():
    world = waves(58)

    assert not near(estimate(world.study, Settings(learner="linear"), "ipw"), world.truth)
