"""Simulations: deterministic, no surer than the data, complete, fast, and refused where nothing is known."""

from __future__ import annotations

import itertools
import json
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from e2i_shared.errors import (
    InsufficientDataError,
    UnknownColumnError,
    UnknownValueError,
    UnprocessableError,
)
from e2i_shared.twins.evidence import spread
from e2i_shared.twins.fidelity import Outcome
from e2i_shared.twins.results import Simulation
from e2i_shared.twins.simulate import simulate
from e2i_shared.twins.spec import SimulationSpec, Thresholds
from vega_lite import assert_valid

EAST = [{"column": "region", "value": "East"}]


def spec(kind="email", **more: Any):
    return SimulationSpec.model_validate({"intervention_type": kind, "twin_count": 2_000} | more)


def ask(twin, kind="email", **more: Any):
    return simulate(twin, spec(kind, **more), with_charts=False)


def test_the_same_question_has_the_same_answer_to_the_last_digit(twin):
    assert simulate(twin, spec()) == simulate(twin, spec())


def test_another_seed_draws_other_twins_and_moves_no_more_than_the_draw_may(twin):
    one, other = ask(twin, seed=1), ask(twin, seed=2)

    assert one.effect_quantiles != other.effect_quantiles
    assert abs(one.simulated_ate - other.simulated_ate) < 5 * one.uncertainty.monte_carlo


@pytest.mark.parametrize("kind", ["email", "visits"])
def test_more_twins_never_shrink_the_interval_below_what_the_data_supports(twin, kind):
    few, many = (ask(twin, kind, twin_count=count) for count in (100, 5_000))

    assert few.uncertainty.data == many.uncertainty.data
    assert many.std_error >= many.uncertainty.data
    assert few.uncertainty.monte_carlo > 3 * many.uncertainty.monte_carlo


def test_the_parts_of_the_uncertainty_add_up_in_squares(twin):
    found = ask(twin, "visits")
    parts = np.array(list(found.uncertainty.model_dump().values()))

    assert np.sqrt((parts**2).sum()) == pytest.approx(found.std_error)


def test_a_higher_level_gives_a_wider_interval_around_the_same_effect(twin):
    narrow, wide = (ask(twin, confidence_level=level) for level in (0.8, 0.99))

    assert narrow.simulated_ate == wide.simulated_ate
    assert wide.confidence_interval[0] < narrow.confidence_interval[0]
    assert narrow.confidence_interval[1] < wide.confidence_interval[1]


def test_half_the_uptake_has_half_the_effect(twin):
    full, half = (ask(twin, config={"uptake": uptake}) for uptake in (1.0, 0.5))

    assert half.simulated_ate == pytest.approx(full.simulated_ate / 2)
    assert half.std_error == pytest.approx(full.std_error / 2)
    assert "uptake of 0.5" in half.estimand


def test_a_smaller_population_is_known_less_well(twin):
    everyone, some = ask(twin), ask(twin, population_filters=EAST)

    assert some.units < everyone.units
    assert some.uncertainty.data > 1.5 * everyone.uncertainty.data


@pytest.mark.parametrize(
    ("asked", "recorded"),
    [
        ("email_campaign", "email"),
        ("Email Campaign", "email"),
        ("call_frequency_increase", "visits"),
        ("VISITS", "visits"),
    ],
)
def test_published_intervention_types_find_their_recorded_column(twin, asked, recorded):
    assert ask(twin, asked).intervention == recorded


@pytest.mark.parametrize("asked", ["speaker_program_invitation", "sample_distribution", "tiktok", "emial"])
def test_an_intervention_that_was_never_recorded_is_refused(twin, asked):
    with pytest.raises(UnprocessableError, match="never saw") as caught:
        ask(twin, asked)

    assert caught.value.field == "intervention_type"
    assert set(caught.value.candidates) == {"email", "visits"}


def test_a_dose_outside_its_support_is_refused_with_the_support(twin):
    with pytest.raises(UnprocessableError, match="outside what this population received: 0 to") as caught:
        ask(twin, "visits", config={"dose": 40})

    assert caught.value.field == "intervention_config.dose"


def test_an_extrapolated_dose_is_flagged_and_its_interval_far_wider(twin):
    inside = ask(twin, "visits", config={"dose": 5})
    beyond = ask(twin, "visits", config={"dose": 12, "allow_extrapolation": True})

    assert beyond.extrapolation
    assert not inside.extrapolation
    assert beyond.std_error > 5 * inside.std_error
    assert beyond.recommendation != "deploy"
    assert any("extrapolated" in w for w in beyond.warnings)


def test_allowing_extrapolation_changes_nothing_inside_the_support(twin):
    plain, allowed = (ask(twin, "visits", config={"dose": 3, "allow_extrapolation": a}) for a in (False, True))

    assert plain.simulated_ate == allowed.simulated_ate
    assert not allowed.extrapolation


def test_a_change_that_takes_most_beyond_recorded_doses_is_refused(twin):
    with pytest.raises(UnprocessableError, match="beyond the doses of 'visits'"):
        ask(twin, "visits", config={"dose_change": 30})


def test_a_large_change_within_recorded_doses_is_flagged(twin):
    small, large = (ask(twin, "visits", config={"dose_change": change}) for change in (1, 7))

    assert not small.extrapolation
    assert large.extrapolation


def test_a_dose_of_an_intervention_without_doses_is_refused(twin):
    with pytest.raises(UnprocessableError, match="only dose 1 is supported"):
        ask(twin, "email", config={"dose": 2})
    assert ask(twin, "email", config={"dose": 1}).simulated_ate == ask(twin, "email").simulated_ate


def test_no_dose_at_all_is_one_more_unit_and_says_so(twin):
    found = ask(twin, "visits")

    assert found.simulated_ate == ask(twin, "visits", config={"dose_change": 1}).simulated_ate
    assert any("one more unit of visits" in w for w in found.warnings)


def test_changing_nothing_does_nothing(twin):
    found = ask(twin, "visits", config={"dose_change": 0})

    assert found.simulated_ate == 0
    assert found.recommendation == "skip"


def test_a_shift_and_its_reverse_cancel_where_doses_allow(twin):
    more, less = (ask(twin, "visits", config={"dose_change_pct": p}).simulated_ate for p in (20, -20))

    assert more == pytest.approx(-less, rel=0.1)


def test_a_filter_that_matches_nobody_is_refused(twin):
    with pytest.raises(InsufficientDataError, match="Nobody passes"):
        ask(twin, population_filters=[{"column": "decile", "op": "gt", "value": 10}])


def test_a_filter_that_matches_few_is_refused_with_their_number(twin):
    with pytest.raises(InsufficientDataError, match="training units pass") as caught:
        ask(twin, population_filters=[{"column": "tenure", "op": "gt", "value": 29}])

    assert "at least 50 units" in str(caught.value.expected)


def test_unknown_columns_and_values_in_filters_are_refused_with_candidates(twin):
    with pytest.raises(UnknownColumnError) as column:
        ask(twin, population_filters=[{"column": "regoin", "value": "East"}])
    with pytest.raises(UnknownValueError) as value:
        ask(twin, population_filters=[{"column": "region", "value": "Eest"}])

    assert "region" in column.value.candidates
    assert "East" in value.value.candidates


def test_segments_hold_every_level_and_average_to_the_whole(twin):
    found = ask(twin, segments=["specialty"])
    groups = found.effect_heterogeneity["specialty"]

    assert [g.level for g in groups] == ["Cardiology", "Dermatology", "Oncology", "Primary"]
    assert sum(g.units for g in groups) == found.units
    weighted = sum(g.units * g.effect for g in groups) / found.units
    assert weighted == pytest.approx(found.simulated_ate, abs=4 * found.uncertainty.monte_carlo + 0.01)
    assert max(groups, key=lambda g: g.effect).level == "Oncology"


def test_a_numeric_segment_is_cut_into_quarters_or_listed(twin):
    found = ask(twin, segments=["tenure", "decile"])

    assert len(found.effect_heterogeneity["tenure"]) == 4
    assert found.effect_heterogeneity["tenure"][0].level.startswith("up to")
    assert [g.level for g in found.effect_heterogeneity["decile"]] == [str(d) for d in range(1, 11)]


def test_an_unknown_segment_is_refused(twin):
    with pytest.raises(UnknownColumnError):
        ask(twin, segments=["speciality"])


def test_intervals_of_segments_are_simultaneous(twin):
    alone = ask(twin, population_filters=[{"column": "specialty", "value": "Oncology"}])
    among = next(g for g in ask(twin).effect_heterogeneity["specialty"] if g.level == "Oncology")

    assert among.ci_upper - among.ci_lower > 1.1 * (alone.confidence_interval[1] - alone.confidence_interval[0])


def test_the_comparison_is_consistent(twin, world):
    for kind, config in (("email", {}), ("visits", {"dose": 3}), ("visits", {"dose_change_pct": 20})):
        compared = ask(twin, kind, config=config).compare_to_baseline

        assert compared.with_intervention == pytest.approx(compared.baseline + compared.delta)
        assert compared.lift == pytest.approx(compared.delta / compared.baseline)
        assert 0 <= compared.p_value <= 1
    assert compared.baseline == pytest.approx(world.frame.numbers("sales").mean(), rel=1e-5)


def test_the_errors_of_both_means_are_their_own(twin, world):
    shift = ask(twin, "visits", config={"dose_change": 1})
    sales = world.frame.numbers("sales")
    compared = shift.compare_to_baseline

    assert compared.baseline_std_error == pytest.approx(sales.std() / np.sqrt(len(sales)), rel=1e-3)
    assert compared.with_std_error > compared.baseline_std_error
    assert compared.with_std_error < compared.baseline_std_error + shift.std_error
    for kind, config in (("email", {}), ("visits", {"dose": 3})):
        found = ask(twin, kind, config=config)
        both = found.compare_to_baseline
        assert abs(both.with_std_error - both.baseline_std_error) <= found.std_error
        assert both.lift_std_error == pytest.approx(found.std_error / both.baseline, rel=0.25)


def test_the_mean_without_is_known_as_well_as_it_is_said(twin, world):
    compared = ask(twin, "email").compare_to_baseline
    email, sales = world.frame.numbers("email"), world.frame.numbers("sales")
    truth = float((sales - world.effects["email"] * email).mean())

    assert abs(compared.baseline - truth) < 3 * compared.baseline_std_error


def test_a_dose_curve_rises_from_its_reference(twin):
    curve = ask(twin, "visits").dose_response

    assert curve[0].dose == 0
    assert curve[0].effect == 0
    assert all(b.effect > a.effect for a, b in itertools.pairwise(curve))
    assert curve[3].effect == pytest.approx(ask(twin, "visits", config={"dose": 3}).simulated_ate, abs=0.02)
    assert ask(twin, "email").dose_response == []


def test_channel_and_content_are_said_to_move_nothing(twin):
    found = ask(twin, config={"channel": "web", "content": "new label", "frequency": "weekly"})

    assert found.simulated_ate == ask(twin).simulated_ate
    assert any(w.startswith("channel, frequency, content: not recorded") for w in found.warnings)


def test_a_duration_is_said_to_move_nothing_but_the_real_test(twin):
    found = ask(twin, config={"duration_weeks": 26})

    assert found.simulated_ate == ask(twin).simulated_ate
    assert found.recommended_duration_weeks == 26
    assert any(w.startswith("duration_weeks:") for w in found.warnings)
    assert not any(w.startswith("duration_weeks:") for w in ask(twin).warnings)


def test_where_monotone_has_no_meaning_is_said(twin):
    told = twin.header | {"spec": twin.header["spec"] | {"monotone": {"visits": "increasing", "email": "increasing"}}}
    bound = replace(twin, header=told)

    assert any(w.startswith("monotone: the drawn dose curve") for w in ask(bound, "visits").warnings)
    assert ask(bound, "visits").simulated_ate == ask(twin, "visits").simulated_ate
    assert not any(w.startswith("monotone") for w in [*ask(bound, "email").warnings, *ask(twin, "visits").warnings])


def test_fewer_twins_than_asked_for_are_said(twin):
    found = ask(twin, twin_count=50_000)

    assert found.twins == 5_000
    assert any("5,000 twins pass the filters" in w for w in found.warnings)


def past(errors, sd=3.0):
    at = datetime(2026, 6, 1, tzinfo=UTC)
    return [Outcome(1 + e, 0.05, 0.9 + e, 1.1 + e, 1.0, 0.05, sd, at + timedelta(days=i)) for i, e in enumerate(errors)]


def test_past_errors_widen_the_interval_and_lower_the_confidence(twin):
    fresh = simulate(twin, spec(), with_charts=False)
    burnt = simulate(twin, spec(), history=past([0.9, -0.8, 1.1, -0.7]), with_charts=False)
    good = simulate(twin, spec(), history=past([0.02, -0.03, 0.01, 0.04]), with_charts=False)

    assert burnt.std_error > 5 * fresh.std_error
    assert burnt.recommendation != "deploy"
    assert burnt.fidelity_warning
    assert good.std_error == pytest.approx(fresh.std_error, rel=0.05)
    assert not good.fidelity_warning


def test_an_unvalidated_twin_says_so(twin):
    found = ask(twin)

    assert found.fidelity_warning
    assert "No prediction of this twin" in (found.fidelity_warning_reason or "")


def test_thresholds_decide(twin):
    deploy = simulate(twin, spec(), thresholds=Thresholds(min_effect_threshold=0.05), with_charts=False)
    skip = simulate(twin, spec(), thresholds=Thresholds(min_effect_threshold=0.2), with_charts=False)
    refine = simulate(twin, spec(), thresholds=Thresholds(min_fidelity=1.0), with_charts=False)

    assert [r.recommendation for r in (deploy, skip, refine)] == ["deploy", "skip", "refine"]
    assert "fidelity" in refine.rationale
    assert refine.advice.change
    assert deploy.p_effect_above_threshold > 0.95
    assert skip.p_effect_above_threshold < 0.05


@pytest.mark.parametrize("kind", ["email", "visits"])
def test_pictures_are_vega_lite(twin, kind):
    charts = simulate(twin, spec(kind)).charts

    assert {"effect_distribution", "effect_by_segment"} <= set(charts)
    assert ("dose_response" in charts) == (kind == "visits")
    for chart in charts.values():
        assert_valid(chart)


def test_an_answer_is_json_and_comes_back(twin):
    found = simulate(twin, spec("visits"))
    text = json.dumps(found.model_dump(mode="json"), allow_nan=False)

    assert Simulation.model_validate_json(text) == found


def test_answers_come_in_a_moment(twin):
    times = []
    for seed in range(4):
        started = time.process_time()
        simulate(twin, spec("visits", seed=seed, twin_count=5_000))
        times.append(time.process_time() - started)

    assert min(times) < 0.05


def test_the_spread_of_clustered_influence_is_that_of_their_sums():
    rng = np.random.default_rng(1)
    clusters = np.repeat(np.arange(50), 20)
    influence = rng.normal(size=50)[clusters]
    rows = np.ones(1_000, dtype=bool)
    error, df = spread(influence - influence.mean(), rows, clusters)
    means = influence.reshape(50, 20).mean(axis=1)

    assert df == 49
    assert error == pytest.approx(means.std(ddof=1) / np.sqrt(50))
    assert spread(influence - influence.mean(), rows, None)[0] < 0.4 * error
