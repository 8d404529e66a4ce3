"""Differences in differences: known effects under staggered adoption, pre-trends, and what a panel must be."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from dgps import straight
from dgps_effects import adoption, halves
from e2i_shared.causal.design import encode
from e2i_shared.causal.estimators.choice import ESTIMATORS, choose, estimate
from e2i_shared.causal.group_time import _dealt, cells, shuffled_effect
from e2i_shared.causal.panel import widen
from e2i_shared.causal.refuters.base import Case, Claim
from e2i_shared.causal.refuters.placebo_treatment import PlaceboTreatment
from e2i_shared.causal.study import Settings
from e2i_shared.errors import EstimationError, InsufficientDataError, NoVariationError, UnprocessableError

METHOD = "difference_in_differences"


def found_in(world):
    return estimate(world.study, Settings(), METHOD)


def near(found, truth, errors=3.0) -> bool:
    return abs(found.inference.estimate - truth) <= errors * found.inference.std_error


def bare(study):
    """Return the study without covariates."""
    return replace(study, design=encode([], study.n))


@pytest.mark.parametrize("seed", [61, 62, 63])
def test_the_effect_is_found_under_staggered_adoption_and_confounded_trends(seed):
    world = adoption(seed)

    found = found_in(world)

    assert near(found, world.truth)
    assert found.event_study.pretrend_p > 0.001
    assert not any("moved apart" in warning for warning in found.warnings)
    assert "treated" in found.estimand


@pytest.mark.parametrize("seed", [61, 62, 63])
def test_trends_that_covariates_explain_mislead_without_them(seed):
    world = adoption(seed, 1500)

    assert not near(estimate(bare(world.study), Settings(), METHOD), world.truth)


def test_effects_by_time_since_the_start_are_found():
    world = adoption(64, 1500)

    events = {event.time: event for event in found_in(world).event_study.events}

    assert set(events) == {-4, -3, -2, 0, 1, 2, 3}
    for time, event in events.items():
        truth = 1 + 0.5 * time if time >= 0 else 0.0
        assert abs(event.effect - truth) <= 3.5 * event.std_error
        assert event.lower_all < event.ci_lower < event.effect < event.ci_upper < event.upper_all


def test_effects_by_group_of_adoption_are_found_and_named():
    world = adoption(65, 1500)

    early, late = found_in(world).event_study.groups

    assert (early.label, late.label) == ("2024-03", "2024-05")
    assert abs(early.effect - 1.75) <= 3 * early.std_error
    assert abs(late.effect - 1.25) <= 3 * late.std_error


def test_two_way_fixed_effects_would_be_wrong_where_effects_grow():
    world = adoption(66, 2000, 8, growth=1.0, confounded=False)

    found = found_in(world)
    a, y = found.nuisances, world.study.outcome
    residual = world.study.treatment - a.treatment
    two_way = float(residual @ (y - a.outcome) / (residual @ residual))

    assert near(found, world.truth)
    assert abs(two_way - world.truth) > 5 * found.inference.std_error


def test_adopters_already_on_the_rise_fail_the_test_of_pretrends():
    found = found_in(adoption(67, drift=0.4))

    assert found.event_study.pretrend_p < 0.001
    assert any("moved apart" in warning for warning in found.warnings)


def test_the_test_of_pretrends_keeps_its_size():
    p_values = [found_in(adoption(seed, 200)).event_study.pretrend_p for seed in range(3_000, 3_120)]

    assert np.mean(np.array(p_values) < 0.05) < 0.12
    assert np.mean(p_values) == pytest.approx(0.5, abs=0.1)


def test_two_periods_without_covariates_are_the_difference_of_differences():
    study = bare(halves(adoption(68).study, 2))
    y = np.full((400, 2), np.nan)
    y[study.panel.units, study.panel.periods] = study.outcome
    starts = np.zeros(400, dtype=bool)
    starts[study.panel.units[study.treatment == 1]] = True
    change = y[:, 1] - y[:, 0]
    classic = change[starts].mean() - change[~starts].mean()
    error = np.sqrt(change[starts].var() / starts.sum() + change[~starts].var() / (~starts).sum())

    found = estimate(study, Settings(), METHOD)

    assert found.inference.estimate == pytest.approx(classic)
    assert found.inference.std_error == pytest.approx(error, rel=0.005)
    assert found.event_study.pretrend_p is None
    assert any("cannot be looked at" in warning for warning in found.warnings)


def test_no_effect_is_no_effect():
    found = found_in(adoption(69, effect=0.0, growth=0.0))

    assert near(found, 0.0)
    assert found.inference.p_value > 0.01


def test_doubly_robust_when_the_outcome_line_is_wrong():
    """Trends bend in a covariate that no line follows; the propensity is a logit."""
    worlds = [adoption(seed, 3000, 3) for seed in (70, 71, 72)]
    for world in worlds:
        study = world.study
        x = study.design.linear[:, 0]
        bent = study.outcome + study.panel.periods * np.exp(0.8 * x)
        assert near(estimate(replace(study, outcome=bent), Settings(), METHOD), world.truth)


def test_scores_average_to_the_effect_and_give_its_error():
    world = adoption(73)
    found = found_in(world)
    sums = np.bincount(world.study.clusters, weights=found.scores - found.inference.estimate)

    assert found.scores.mean() == pytest.approx(found.inference.estimate)
    assert np.sqrt((sums**2).sum()) / world.study.n == pytest.approx(found.inference.std_error, rel=0.01)


def test_coarser_clusters_are_what_is_independent():
    world = adoption(74)
    rng = np.random.default_rng(74)
    territory = np.repeat(np.arange(40), 10)
    shock = np.repeat(rng.normal(size=(40, 6)), 10, axis=0)
    shaken = replace(world.study, outcome=world.study.outcome + 2 * shock.ravel())

    alone = estimate(shaken, Settings(), METHOD)
    together = estimate(replace(shaken, clusters=territory[shaken.panel.units]), Settings(), METHOD)

    assert together.inference.df == 39
    assert alone.inference.df == 399
    assert together.inference.estimate == pytest.approx(alone.inference.estimate)


def test_gaps_in_the_panel_are_borne():
    world = adoption(75, 800)
    kept = np.random.default_rng(75).random(world.study.n) > 0.15

    found = estimate(world.study.take(kept), Settings(), METHOD)

    assert near(found, float(world.effects[kept & (world.study.treatment == 1)].mean()))


def test_units_treated_from_the_start_are_left_out_and_said():
    world = adoption(76)
    study = replace(world.study, treatment=np.where(world.study.panel.units < 30, 1.0, world.study.treatment))

    found = estimate(study, Settings(), METHOD)

    assert any("30 units are treated from their first period on" in warning for warning in found.warnings)
    assert near(found, world.truth)


def test_three_adopters_are_no_group():
    world = adoption(77)
    panel = world.study.panel
    never = np.flatnonzero(np.bincount(panel.units, weights=world.study.treatment) == 0)[:3]
    late = np.isin(panel.units, never) & (panel.periods == 5)

    found = estimate(replace(world.study, treatment=np.where(late, 1.0, world.study.treatment)), Settings(), METHOD)

    assert any("Only 3 units start in 2024-06" in warning for warning in found.warnings)
    assert [group.label for group in found.event_study.groups] == ["2024-03", "2024-05"]


def test_weights_shift_the_average_towards_their_units():
    world = adoption(78, 1500)
    x = world.study.design.linear[:, 0]
    y = world.study.outcome + world.study.treatment * (x > 0)
    heavy = replace(world.study, outcome=y, weights=np.where(x > 0, 5.0, 1.0))

    assert (
        estimate(heavy, Settings(), METHOD).inference.estimate
        > estimate(replace(heavy, weights=None), Settings(), METHOD).inference.estimate + 0.1
    )


def test_balance_is_shown_before_and_after():
    balance = {b.column: b for b in found_in(adoption(79, 1500)).diagnostics.balance}

    assert abs(balance["x0"].before) > 0.4
    assert abs(balance["x0"].after) < 0.1


def test_a_treatment_that_stops_is_refused():
    world = adoption(80)
    stops = np.where(world.study.panel.periods == 5, 0.0, world.study.treatment)

    with pytest.raises(EstimationError, match="stops again") as caught:
        estimate(replace(world.study, treatment=stops), Settings(), METHOD)
    assert caught.value.field == "treatment_col"


def test_two_rows_in_one_period_are_refused():
    study = adoption(81).study

    with pytest.raises(EstimationError, match="several rows in one period") as caught:
        estimate(study.take(np.r_[np.arange(study.n), 0]), Settings(), METHOD)
    assert caught.value.field == "unit_col"


def test_one_period_is_no_panel():
    study = adoption(82).study
    one = study.take(study.panel.periods == 3)
    one = replace(
        one, panel=replace(one.panel, periods=one.panel.periods * 0, period_labels=("2024-04",)), clusters=None
    )

    with pytest.raises(NoVariationError, match="one period"):
        estimate(one, Settings(), METHOD)


def test_clusters_that_split_units_are_refused():
    study = adoption(83).study

    with pytest.raises(EstimationError, match="several clusters"):
        widen(replace(study, clusters=study.panel.periods))


def test_all_units_treated_at_once_leave_nothing_to_compare():
    study = adoption(84).study
    everyone = (study.panel.periods >= 3).astype(float)

    with pytest.raises(InsufficientDataError, match="too few to compare"):
        estimate(replace(study, treatment=everyone), Settings(), METHOD)


def test_a_last_group_without_anyone_waiting_is_left_out_where_it_cannot_be_compared():
    world = adoption(85)
    panel = world.study.panel
    totals = np.bincount(panel.units, weights=world.study.treatment)
    later = world.study.treatment + ((totals[panel.units] == 0) & (panel.periods == 5))

    found = estimate(replace(world.study, treatment=later), Settings(), METHOD)

    assert any("too few units still untreated" in warning for warning in found.warnings)
    assert near(found, float(np.mean([1.0, 1.5, 2.0, 1.0])), 6)


def test_no_panel_no_difference_in_differences():
    with pytest.raises(UnprocessableError) as caught:
        choose(straight(1, 100).study, METHOD)

    assert caught.value.field == "unit_col"


def test_cells_compare_only_with_units_still_untreated():
    wide = widen(adoption(86).study)
    found, lacking = cells(adoption(86).study, wide)

    assert lacking == 0
    for cell in found:
        assert (wide.start[cell.compared] > max(cell.time, cell.group)).all()
        assert (wide.start[cell.treated] == cell.group).all()
    assert {(cell.group, cell.time) for cell in found} == {(g, t) for g in (2, 4) for t in range(6) if t != g - 1}


def placebo(world):
    found = found_in(world)
    claim = Claim(found.inference.estimate, found.inference.std_error)
    case = Case(claim, world.study, found, ESTIMATORS[METHOD], Settings())
    return PlaceboTreatment().refute(case)


def test_starts_dealt_anew_refute_no_effect_and_pass_a_real_one():
    assert placebo(adoption(87)).passed
    assert not placebo(adoption(88, effect=0.0, growth=0.0)).passed


def test_starts_dealt_by_cluster_stay_together():
    world = adoption(89, 200)
    territory = (world.study.panel.units // 10).astype(np.intp)
    rng = np.random.default_rng(1)

    dealt = _dealt(np.repeat(np.arange(20), 10), 200, rng)

    assert sorted(dealt) == list(range(200))
    assert all(len({unit // 10 for unit in dealt[k : k + 10]}) == 1 for k in range(0, 200, 10))
    effects = [shuffled_effect(world.study, widen(replace(world.study, clusters=territory)), rng) for _ in range(20)]
    assert abs(np.mean(effects)) < 0.3


def test_a_rollout_by_lot_needs_no_propensity():
    world = adoption(90, confounded=False)

    lot = estimate(replace(world.study, randomised=True), Settings(), METHOD)

    assert near(lot, world.truth)
    assert lot.inference.std_error == pytest.approx(found_in(world).inference.std_error, rel=0.1)
