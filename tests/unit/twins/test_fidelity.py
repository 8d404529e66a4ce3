"""Grades, accuracy, degradation and retraining on past predictions whose right judgement is known."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from builders_twins import market, source_of
from e2i_shared.twins import fidelity
from e2i_shared.twins.fidelity import Outcome
from e2i_shared.twins.table import Table, table_of

NOW = datetime(2026, 7, 1, tzinfo=UTC)


def outcome(simulated, actual, *, se=0.05, actual_se=0.05, sd=2.0, days=1.0) -> Outcome:
    return Outcome(
        simulated, se, simulated - 2 * se, simulated + 2 * se, actual, actual_se, sd, NOW - timedelta(days=days)
    )


@pytest.mark.parametrize(
    ("simulated", "grade"),
    [
        (1.0, "excellent"),
        (1.099, "excellent"),
        (1.1, "good"),
        (0.81, "good"),
        (1.2, "fair"),
        (1.349, "fair"),
        (1.36, "poor"),
        (-1.0, "poor"),
    ],
)
def test_grades_follow_the_relative_error(simulated, grade):
    assert fidelity.grade_of(simulated, 1.0, 2.0) == grade


def test_a_nearly_zero_effect_is_graded_in_standard_deviations():
    assert fidelity.grade_of(0.02, 0.001, 2.0) == "excellent"
    assert fidelity.grade_of(0.10, 0.0, 2.0) == "fair"
    assert fidelity.grade_of(1.0, 0.0, 2.0) == "poor"
    assert fidelity.judge(outcome(0.02, 0.001)).relative is None


def test_one_prediction_is_judged_in_all_forms():
    verdict = fidelity.judge(outcome(1.2, 1.0))

    assert verdict.error == pytest.approx(0.2)
    assert verdict.relative == pytest.approx(0.2)
    assert verdict.standardised == pytest.approx(0.1)
    assert not verdict.covered
    assert fidelity.judge(outcome(1.05, 1.0)).covered


def test_nothing_real_known_yet_is_unvalidated():
    found = fidelity.track_prediction_accuracy([])

    assert found.grade == "unvalidated"
    assert found.score is None
    assert fidelity.fidelity_score(0.93, []) == (0.93, "unvalidated")


def test_accuracy_is_bias_rmse_mape_and_coverage():
    found = fidelity.track_prediction_accuracy(
        [outcome(1.1, 1.0), outcome(0.9, 1.0), outcome(2.2, 2.0), outcome(2.6, 2.0)]
    )
    errors = np.array([0.1, -0.1, 0.2, 0.6])

    assert found.bias == pytest.approx(errors.mean())
    assert found.rmse == pytest.approx(np.sqrt((errors**2).mean()))
    assert found.mean_absolute == pytest.approx(0.25)
    assert found.mape == pytest.approx(np.mean([0.1, 0.1, 0.1, 0.3]))
    assert found.coverage == 0.5
    assert found.grade == "good"


def test_fidelity_moves_from_the_population_to_the_predictions():
    good, poor = [outcome(1.0, 1.0)], [outcome(3.0, 1.0)]

    assert fidelity.fidelity_score(0.9, good * 5)[0] > 0.95
    assert fidelity.fidelity_score(0.9, poor)[0] == pytest.approx(0.45)
    assert fidelity.fidelity_score(0.9, poor * 9)[0] < 0.1


def test_past_errors_no_larger_than_chance_add_next_to_nothing():
    rng = np.random.default_rng(1)
    outcomes = [outcome(1 + e, 1.0) for e in rng.normal(0, np.hypot(0.05, 0.05), 40)]
    found = fidelity.past_errors(outcomes)

    assert found.added < 0.03
    assert fidelity.past_errors([]).added == 0


def test_past_errors_beyond_chance_add_their_true_spread():
    rng = np.random.default_rng(2)
    outcomes = [outcome(1 + e, 1.0) for e in rng.normal(0, 0.4, 400)]
    found = fidelity.past_errors(outcomes)

    assert found.tau == pytest.approx(0.4, rel=0.15)
    assert found.added == pytest.approx(0.4, rel=0.15)


def test_a_constant_bias_adds_its_size():
    rng = np.random.default_rng(3)
    found = fidelity.past_errors([outcome(1.5 + e, 1.0) for e in rng.normal(0, 0.07, 100)])

    assert found.bias == pytest.approx(0.5, abs=0.03)
    assert found.added == pytest.approx(0.5, abs=0.06)


def test_one_wrong_prediction_counts_already():
    assert fidelity.past_errors([outcome(2.0, 1.0)]).added == pytest.approx(1.0, rel=0.02)


def test_widened_intervals_cover_what_plain_ones_miss():
    rng = np.random.default_rng(4)
    held = {"plain": 0, "widened": 0}
    for _ in range(200):
        errors = rng.normal(0, 0.3, 31)
        added = fidelity.past_errors([outcome(1 + e, 1.0) for e in errors[:30]]).added
        held["plain"] += abs(errors[30]) < 1.96 * np.hypot(0.05, 0.05)
        held["widened"] += abs(errors[30]) < 1.96 * np.sqrt(0.005 + added**2)

    assert held["plain"] < 80
    assert held["widened"] >= 180


def validations(recent, before):
    late = [outcome(1 + e, 1.0, days=3 + i) for i, e in enumerate(recent)]
    early = [outcome(1 + e, 1.0, days=40 + 10 * i) for i, e in enumerate(before)]
    return [*early, *late]


@pytest.mark.parametrize(
    ("factor", "severity"),
    [
        (1.0, "none"),
        (1.09, "none"),
        (1.1, "listed"),
        (1.24, "listed"),
        (1.25, "warning"),
        (1.49, "warning"),
        (1.5, "critical"),
        (4.0, "critical"),
    ],
)
def test_degradation_is_graded_by_the_growth_of_errors(factor, severity):
    found = fidelity.degradation(validations([0.2 * factor] * 3, [0.2] * 4), NOW)

    assert found.severity == severity
    assert found.ratio == pytest.approx(factor)


def test_too_few_validations_say_nothing():
    found = fidelity.degradation(validations([0.9], [0.2] * 4), NOW)

    assert found.severity == "none"
    assert found.ratio is None
    assert "1 recent and 4 earlier" in found.reason


def test_validations_older_than_half_a_year_do_not_count():
    old = [outcome(1.2, 1.0, days=d) for d in (181, 200, 300, 400)]

    assert fidelity.degradation([*old, *validations([0.3, 0.3], [])], NOW).ratio is None


def degraded(factor=1.3):
    return fidelity.degradation(validations([0.2 * factor] * 3, [0.2] * 4), NOW)


def test_a_warning_asks_for_retraining_and_a_listing_does_not():
    assert fidelity.may_retrain(degraded(1.3), [], NOW).go
    assert not fidelity.may_retrain(degraded(1.15), [], NOW).go
    assert fidelity.may_retrain(degraded(1.0), [], NOW, drifted=["decile"]).go


def test_retraining_waits_a_day_and_gives_up_after_three_attempts():
    hours = [NOW - timedelta(hours=h) for h in (23, 25, 50, 75)]

    assert "less than 24 hours" in fidelity.may_retrain(degraded(), hours[:1], NOW).reason
    assert fidelity.may_retrain(degraded(), hours[1:3], NOW).go
    assert "somebody must look" in fidelity.may_retrain(degraded(), hours[1:], NOW).reason


def test_attempts_long_ago_are_forgotten():
    assert fidelity.may_retrain(degraded(), [NOW - timedelta(days=40 + d) for d in range(5)], NOW).go


def test_only_a_challenger_that_is_clearly_better_is_promoted():
    rng = np.random.default_rng(5)
    champion = rng.exponential(1, 2_000)

    assert fidelity.better(0.8 * champion, champion)
    assert not fidelity.better(champion * 1.05, champion)
    assert not fidelity.better(rng.permutation(champion), champion)
    assert not fidelity.better(champion, champion)
    assert not fidelity.better(0.95 * champion, champion, least=0.2)


def tables(**changes: object) -> tuple[Table, Table]:
    columns = market(6, 2_000)
    return table_of(source_of(columns, {})[1]), table_of(source_of(market(7, 2_000) | changes, {})[1])


def test_a_population_that_stayed_the_same_is_similar():
    found = fidelity.calculate_distribution_similarity(*tables())

    assert found.score > 0.93
    assert found.drifted == ()
    assert set(found.columns) == set(found.psi)


def test_a_column_that_moved_is_named_and_costs():
    rng = np.random.default_rng(8)
    moved = tables(decile=rng.integers(6, 15, 2_000).astype(float), income=rng.lognormal(6, 0.3, 2_000))
    found = fidelity.calculate_distribution_similarity(*moved)

    assert set(found.drifted) == {"decile", "income"}
    assert found.columns["income"] < 0.2
    assert found.score < fidelity.calculate_distribution_similarity(*tables()).score - 0.08


def test_a_category_that_moved_is_named():
    shifted = (
        np.random.default_rng(9).choice(4, 2_000, p=[0.7, 0.1, 0.1, 0.1]),
        ("Cardiology", "Dermatology", "Oncology", "Primary"),
    )

    assert "specialty" in fidelity.calculate_distribution_similarity(*tables(specialty=shifted)).drifted
