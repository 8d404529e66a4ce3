"""Fidelity at its boundaries: grades, nearly zero effects, random effects by hand, growth of errors, retraining."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from e2i_shared.twins import fidelity
from e2i_shared.twins.fidelity import Degradation, Outcome
from hypothesis import given
from hypothesis import strategies as st

NOW = datetime(2026, 7, 1, tzinfo=UTC)
ORDER = ["excellent", "good", "fair", "poor"]
SIZES = st.floats(0, 3, allow_nan=False)


def outcome(simulated, actual, *, se=0.05, actual_se=0.05, sd=2.0, ago=timedelta(days=1)) -> Outcome:
    return Outcome(simulated, se, simulated - 2 * se, simulated + 2 * se, actual, actual_se, sd, NOW - ago)


@pytest.mark.parametrize(
    ("error", "grade"),
    [(0.0, 0), (0.0999, 0), (0.1, 1), (0.1999, 1), (0.2, 2), (0.3499, 2), (0.35, 3), (1.0, 3), (50.0, 3)],
)
@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("actual", [1.0, -1.0, 40.0, 0.3])
def test_limits_belong_to_the_worse_grade_on_both_sides_and_signs(error, grade, sign, actual):
    assert fidelity.grade_of(actual + sign * error * abs(actual), actual, sd=2.0) == ORDER[grade]


@given(error=SIZES, more=SIZES, actual=st.floats(0.2, 100), scale=st.floats(0.001, 1000))
def test_a_larger_error_never_earns_a_better_grade_and_units_do_not_matter(error, more, actual, scale):
    grades = [fidelity.grade_of(actual * (1 + e), actual, 1.0) for e in (error, error + more)]
    other = fidelity.grade_of(scale * actual * (1 + error), scale * actual, scale)

    assert ORDER.index(grades[0]) <= ORDER.index(grades[1])
    assert abs(ORDER.index(other) - ORDER.index(grades[0])) <= int(min(abs(error - b) for b in (0.1, 0.2, 0.35)) < 1e-9)


def test_the_near_zero_rule_starts_below_a_twentieth_of_a_standard_deviation():
    at, below = fidelity.judge(outcome(0.2, 0.1, sd=2.0)), fidelity.judge(outcome(0.2, 0.0999, sd=2.0))

    assert at.relative == pytest.approx(1.0)
    assert at.grade == "poor"
    assert below.relative is None
    assert below.standardised == pytest.approx(0.05005)
    assert below.grade == "fair"


@pytest.mark.parametrize(("gap", "grade"), [(0.0399, "excellent"), (0.04, "good"), (0.08, "fair"), (0.14, "poor")])
def test_nearly_zero_effects_are_graded_in_fifths_of_a_standard_deviation(gap, grade):
    assert fidelity.grade_of(gap, 0.0, sd=2.0) == grade
    assert fidelity.grade_of(-gap, 0.0, sd=2.0) == grade


def test_an_outcome_that_never_varied_is_judged_without_dividing_by_it():
    right, wrong = fidelity.judge(outcome(0.0, 0.0, sd=0.0)), fidelity.judge(outcome(1.0, 0.0, sd=0.0))

    assert (right.grade, right.relative) == ("excellent", None)
    assert (wrong.grade, wrong.relative) == ("poor", None)


def test_an_interval_covers_at_its_very_ends():
    held = Outcome(1.0, 0.1, 0.8, 1.2, 0.8, 0.0, 1.0, NOW)

    assert held.covered
    assert not Outcome(1.0, 0.1, 0.8, 1.2, 0.8 - 1e-9, 0.0, 1.0, NOW).covered


def test_one_exploding_ratio_does_not_decide_the_overall_grade():
    found = fidelity.track_prediction_accuracy([outcome(1.0, 1.0)] * 4 + [outcome(50.0, 1.0)])

    assert found.grade == "excellent"
    assert found.score == 1.0
    assert found.rmse > 20


def test_only_nearly_zero_effects_have_no_mape():
    found = fidelity.track_prediction_accuracy([outcome(0.01, 0.0), outcome(0.0, 0.001)])

    assert found.mape is None
    assert found.grade == "excellent"


def test_dersimonian_and_laird_by_hand():
    # e = (0.2, -0.1, 0.5), v = (0.01, 0.04, 0.02): w = (100, 25, 50), Q = 6, c = 175 - 13125/175 = 100.
    errors, variances = np.array([0.2, -0.1, 0.5]), np.array([0.01, 0.04, 0.02])
    outcomes = [outcome(1 + e, 1.0, se=v**0.5, actual_se=0.0) for e, v in zip(errors, variances, strict=True)]
    mean = (100 * 0.2 - 25 * 0.1 + 50 * 0.5) / 175
    q = 100 * (0.2 - mean) ** 2 + 25 * (-0.1 - mean) ** 2 + 50 * (0.5 - mean) ** 2
    tau2 = (q - 2) / 100
    weights = 1 / (variances + tau2)
    found = fidelity.past_errors(outcomes)

    assert found.tau**2 == pytest.approx(tau2)
    assert found.bias == pytest.approx(weights @ errors / weights.sum())
    assert found.added**2 == pytest.approx(tau2 + max(0.0, found.bias**2 - 1 / weights.sum()))
    assert found.count == 3


def test_errors_that_agree_better_than_chance_have_no_spread_of_their_own():
    found = fidelity.past_errors([outcome(1.01, 1.0), outcome(0.99, 1.0), outcome(1.0, 1.0)])

    assert found.tau == 0
    assert found.added == 0


@given(st.lists(st.floats(-3, 3), min_size=2, max_size=8), st.floats(0.01, 100))
def test_past_errors_scale_with_the_unit_and_do_not_see_the_order(errors, scale):
    one = fidelity.past_errors([outcome(e, 0.0, sd=1.0) for e in errors])
    turned = fidelity.past_errors([outcome(e, 0.0, sd=1.0) for e in reversed(errors)])
    scaled = fidelity.past_errors(
        [outcome(scale * e, 0.0, se=0.05 * scale, actual_se=0.05 * scale, sd=scale) for e in errors]
    )

    assert turned.added == pytest.approx(one.added, rel=1e-6, abs=1e-9)
    assert scaled.added == pytest.approx(scale * one.added, rel=1e-6, abs=1e-9 * scale)


def test_errors_known_without_any_sampling_error_spread_as_they_are():
    found = fidelity.past_errors([outcome(1 + e, 1.0, se=0.0, actual_se=0.0) for e in (0.3, -0.3, 0.3, -0.3)])

    assert found.tau == pytest.approx(np.std([0.3, -0.3, 0.3, -0.3], ddof=1), rel=1e-4)
    assert found.bias == pytest.approx(0.0, abs=1e-9)


def test_one_exact_error_beside_inexact_ones_counts_finitely():
    mixed = [outcome(1.5, 1.0, se=0.0, actual_se=0.0), outcome(0.5, 1.0), outcome(1.1, 1.0)]
    found = fidelity.past_errors(mixed)

    assert 0.1 < found.tau < 2
    assert np.isfinite(found.added)


def test_past_errors_of_a_constant_outcome_are_finite():
    found = fidelity.past_errors([outcome(0.0, 0.0, se=0.0, actual_se=0.0, sd=0.0)] * 2)

    assert found.added == pytest.approx(0.0, abs=1e-9)


def validations(late, early, *, days=(3, 40)):
    recent = [outcome(1 + e, 1.0, ago=timedelta(days=days[0], hours=i)) for i, e in enumerate(late)]
    return recent + [outcome(1 + e, 1.0, ago=timedelta(days=days[1], hours=i)) for i, e in enumerate(early)]


def test_thirty_days_ago_is_not_recent_and_the_next_instant_is():
    instant = timedelta(microseconds=1)
    early = [outcome(1.1, 1.0, ago=timedelta(days=d)) for d in (40, 50, 60)]
    edge = [outcome(1.3, 1.0, ago=timedelta(days=30))] * 2
    inside = [outcome(1.3, 1.0, ago=timedelta(days=30) - instant)] * 2

    assert fidelity.degradation(early + edge, NOW).ratio is None
    assert fidelity.degradation(early + inside, NOW).severity == "critical"


def test_half_a_year_ago_is_forgotten_and_the_next_instant_counts():
    recent = validations([0.3, 0.3], [])
    before = [timedelta(days=180), timedelta(days=180), timedelta(days=100)]
    instant = timedelta(microseconds=1)

    assert fidelity.degradation(recent + [outcome(1.1, 1.0, ago=a) for a in before], NOW).ratio is None
    assert fidelity.degradation(recent + [outcome(1.1, 1.0, ago=a - instant) for a in before], NOW).ratio is not None


def test_the_future_says_nothing_of_now():
    ahead = [outcome(9.0, 1.0, ago=timedelta(days=-1))] * 5

    assert fidelity.degradation(ahead + validations([0.1, 0.1], [0.1] * 3), NOW).severity == "none"


@pytest.mark.parametrize(("late", "severity"), [(0.0, "none"), (0.2, "critical")])
def test_errors_after_perfect_predictions_are_critical(late, severity):
    assert fidelity.degradation(validations([late] * 2, [0.0] * 3), NOW).severity == severity


def test_errors_are_compared_in_standard_deviations():
    late = [outcome(30.0, 10.0, sd=200.0)] * 2
    early = [outcome(1.2, 1.0, sd=2.0, ago=timedelta(days=60))] * 3

    assert fidelity.degradation(late + early, NOW).ratio == pytest.approx(1.0)


def found(severity) -> Degradation:
    return Degradation(severity, 1.3, 0.3, 0.2, "Recent errors are 1.30 times those before.")


@pytest.mark.parametrize(
    ("severity", "drifted", "go"),
    list(
        zip(
            *zip(*itertools.product(["none", "listed", "warning", "critical"], [(), ("age",)]), strict=True),
            [False, True, False, True, True, True, True, True],
            strict=True,
        )
    ),
)
def test_training_again_follows_a_warning_or_drift(severity, drifted, go):
    assert fidelity.may_retrain(found(severity), [], NOW, drifted=drifted).go is go


def test_exactly_a_day_after_the_last_attempt_it_may_be_tried_again():
    day, instant = timedelta(hours=24), timedelta(microseconds=1)

    assert fidelity.may_retrain(found("warning"), [NOW - day], NOW).go
    assert not fidelity.may_retrain(found("warning"), [NOW - day + instant], NOW).go


def test_the_third_attempt_in_thirty_days_is_the_last():
    days = [NOW - timedelta(days=d) for d in (2, 10, 29, 31)]

    assert fidelity.may_retrain(found("critical"), days[:2] + days[3:], NOW).go
    assert not fidelity.may_retrain(found("critical"), days[:3], NOW).go


def test_why_it_is_trained_again_is_said():
    assert "age, decile drifted" in fidelity.may_retrain(found("none"), [], NOW, drifted=("age", "decile")).reason
    assert "1.30 times" in fidelity.may_retrain(found("warning"), [], NOW, drifted=("age",)).reason


def test_a_challenger_must_be_better_by_more_than_chance_at_five_percent():
    rng = np.random.default_rng(1)
    promoted = [fidelity.better(rng.normal(1, 0.3, 400), rng.normal(1, 0.3, 400)) for _ in range(400)]

    assert 0.02 < np.mean(promoted) < 0.085  # 5% less or more three standard errors of 400 draws


@given(weight=st.integers(1, 30))
def test_fidelity_lies_between_population_and_predictions(weight):
    score, grade = fidelity.fidelity_score(0.9, [outcome(1.3, 1.0)] * weight)

    assert score == pytest.approx((0.9 + weight * 0.7) / (weight + 1))
    assert grade == "fair"
