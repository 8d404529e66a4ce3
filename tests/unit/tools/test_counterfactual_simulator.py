"""What would 20% more calls do: on the sample, whose every unit's effect is known, within the interval."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from builders_frames import context
from e2i_shared.api.common import Filter
from e2i_shared.datasets import filters as conditions
from e2i_shared.datasets.sample import level_texts
from e2i_shared.errors import (
    InsufficientDataError,
    NoOverlapError,
    NoVariationError,
    UnknownValueError,
    UnprocessableError,
)
from e2i_shared.tools import counterfactual_simulator
from e2i_shared.tools._registry import run_tool
from vega_lite import assert_valid

KISQALI = [{"column": "brand", "value": "Kisqali"}, {"column": "region", "value": "Northeast"}]
BASELINE: dict[str, Any] = {
    "dataset": "hcp_monthly",
    "filters": KISQALI,
    "treatment_col": "rep_visits",
    "outcome_col": "trx",
}
MORE = {"kind": "percent", "amount": 20}


def what_if(ctx, intervention=MORE, **params: Any):
    return run_tool("counterfactual_simulator", {"baseline": BASELINE, "intervention": intervention} | params, ctx)


def rows_of(sample, filters=KISQALI):
    chosen = [Filter.model_validate(f) for f in filters]
    return conditions.mask(sample.tables["hcp_monthly"], conditions.resolve(sample.datasets["hcp_monthly"], chosen))


def true_change(sample, move, members=None, treatment="rep_visits"):
    """Return the mean of τ_i·(d(A_i) − A_i) over the rows, by the sample's true effects."""
    frame = sample.tables["hcp_monthly"]
    rows = rows_of(sample)
    if members:
        rows &= np.isin(level_texts(frame, "specialty"), members)
    dose = frame.numbers(treatment)[rows]
    effects = sample.unit_effects["hcp_monthly", treatment, "trx"][rows]
    return float(((move(dose) - dose) * effects).mean())


def holds(found, truth, errors=3.0):
    low, high = found["change_interval"]["lower"], found["change_interval"]["upper"]
    return abs(found["change"] - truth) <= errors * (high - low) / 3.92


@pytest.fixture(scope="module")
def more_for_low(sample_context):
    return what_if(sample_context, target_population=["Allergy", "Dermatology"])


def test_a_fifth_more_calls_to_the_low_responders_does_what_the_truth_says(more_for_low, sample):
    truth = true_change(sample, lambda dose: 1.2 * dose, ["Allergy", "Dermatology"])

    assert holds(more_for_low, truth)
    assert more_for_low["change_interval"]["lower"] > 0
    assert more_for_low["mean_dose_after"] == pytest.approx(1.2 * more_for_low["mean_dose_before"])
    assert more_for_low["intervention"] == "+20% rep_visits"
    assert more_for_low["population"] == "Allergy or Dermatology"


def test_the_numbers_fit_each_other(more_for_low):
    found = more_for_low

    assert found["predicted_outcome"] == pytest.approx(found["baseline_outcome"] + found["change"])
    assert found["lift_percentage"] == pytest.approx(100 * found["change"] / found["baseline_outcome"])
    assert found["total_change"] == pytest.approx(found["change"] * found["n"])
    assert found["confidence_interval"]["lower"] < found["predicted_outcome"] < found["confidence_interval"]["upper"]
    assert found["rows_modelled"] > found["n"]


def test_one_call_more_for_everyone_is_worth_the_true_average_effect(sample_context, sample):
    found = what_if(sample_context, {"kind": "shift", "amount": 1, "cap": 7})

    assert holds(found, true_change(sample, lambda dose: np.where(dose >= 7, dose, dose + 1)))
    assert "cap 7" in found["intervention"]


def test_everyone_at_four_calls_against_everyone_at_one(sample_context, sample):
    found = what_if(sample_context, {"kind": "set", "amount": 4}, baseline=BASELINE | {"level": 1})

    effects = sample.unit_effects["hcp_monthly", "rep_visits", "trx"][rows_of(sample)]
    assert holds(found, 3 * float(effects.mean()))
    assert (found["mean_dose_before"], found["mean_dose_after"]) == (1.0, 4.0)
    doses = [point["dose"] for point in found["curve"]]
    assert doses == sorted(doses)
    rising = [point["value"] for point in found["curve"] if point["supported"]]
    assert rising[0] < rising[-1]


def test_a_programme_switched_on_for_everyone(sample_context, sample):
    baseline = BASELINE | {"treatment_col": "speaker_program"}

    found = what_if(sample_context, {"kind": "switch_on"}, baseline=baseline)

    assert holds(found, true_change(sample, np.ones_like, treatment="speaker_program"))
    assert found["mean_dose_after"] == 1.0
    assert found["share_changed"] == pytest.approx(1 - found["mean_dose_before"])


def test_everyone_with_against_nobody_with_is_the_average_effect(sample_context):
    baseline = BASELINE | {"treatment_col": "speaker_program"}
    effect = run_tool("causal_effect_estimator", baseline, sample_context)

    found = what_if(sample_context, {"kind": "switch_on"}, baseline=baseline | {"level": 0})

    # The estimator also takes out a part of what smoothing leaves; the simulator does not.
    assert found["change"] == pytest.approx(effect["ate"], abs=0.1 * effect["std_error"])
    assert found["change_interval"]["lower"] == pytest.approx(effect["ci_lower"], abs=0.2 * effect["std_error"])


def test_what_a_producer_found_can_be_handed_on(sample_context):
    effect = run_tool("causal_effect_estimator", BASELINE, sample_context)
    cate = run_tool("cate_analyzer", {"causal_result": effect, "segment_cols": ["specialty", "decile"]}, sample_context)
    gaps = run_tool(
        "gap_calculator",
        {"dataset": "hcp_monthly", "filters": KISQALI, "entity_type": "territory", "metric": "trx", "top_n": 3},
        sample_context,
    )
    assert cate["high_responders"]

    for population in (cate["high_responders"], gaps["bottom_performers"]):
        found = what_if(sample_context, baseline={}, causal_model=effect, target_population=population)
        assert 0 < found["n"] < found["rows_modelled"]
        assert len(found["target_members"]) == len(population)
        assert found["treatment_col"] == "rep_visits"


@pytest.mark.parametrize(
    ("population", "error"),
    [
        ([], InsufficientDataError),
        (["Astrology"], UnknownValueError),
        (["decile 11"], UnknownValueError),
        (["decile many"], UnknownValueError),
        ([{"entity": "T99", "column": "territory_id"}], UnknownValueError),
    ],
)
def test_a_population_that_is_none_is_refused(sample_context, population, error):
    with pytest.raises(error) as caught:
        what_if(sample_context, target_population=population)
    assert caught.value.field == "target_population"


@pytest.mark.parametrize(
    "intervention",
    [
        {"kind": "percent"},
        {"kind": "switch_on", "amount": 1},
        {"kind": "percent", "amount": 0},
        {"kind": "set", "amount": 3, "cap": 5},
        {"kind": "shift", "amount": 1, "floor": 5, "cap": 2},
        {"kind": "shift", "amount": float("inf")},
        {"kind": "double", "amount": 1},
    ],
)
def test_an_intervention_that_is_none_is_refused(sample_context, intervention):
    with pytest.raises(UnprocessableError) as caught:
        what_if(sample_context, intervention)
    assert str(caught.value.field).startswith("intervention")


def test_doses_nobody_had_are_refused_with_the_nearest_seen(sample_context):
    with pytest.raises(NoOverlapError) as caught:
        what_if(sample_context, {"kind": "set", "amount": 40})
    assert caught.value.candidates

    with pytest.raises(NoOverlapError) as caught:
        what_if(sample_context, {"kind": "shift", "amount": 15})
    assert "cap" in str(caught.value.hint)


def test_an_intervention_that_does_not_fit_the_treatment_is_refused(sample_context):
    binary = BASELINE | {"treatment_col": "speaker_program"}
    cases = [(MORE, binary), ({"kind": "switch_on"}, BASELINE), ({"kind": "set", "amount": 2}, binary)]
    for intervention, baseline in cases:
        with pytest.raises(UnprocessableError) as caught:
            what_if(sample_context, intervention, baseline=baseline)
        assert caught.value.field == "intervention.kind"


def test_without_a_model_the_baseline_must_name_its_columns(sample_context):
    with pytest.raises(UnprocessableError) as caught:
        what_if(sample_context, baseline={"dataset": "hcp_monthly"})
    assert caught.value.field == "baseline.treatment_col"


def test_a_shift_against_a_level_is_refused(sample_context):
    with pytest.raises(UnprocessableError) as caught:
        what_if(sample_context, baseline=BASELINE | {"level": 2})
    assert caught.value.field == "baseline.level"


def test_a_segment_name_of_two_columns_asks_which(sample_context):
    rng = np.random.default_rng(1)
    n = 400
    side = np.where(rng.random(n) < 0.5, "North", "South").tolist()
    other = np.where(rng.random(n) < 0.5, "North", "East").tolist()
    dose = rng.poisson(2, n).astype(float)
    columns = {"home": side, "work": other, "dose": dose.tolist(), "y": (dose + rng.normal(size=n)).tolist()}
    ctx = context(columns, roles={"dose": "treatment", "y": "outcome", "home": "segment", "work": "segment"})
    baseline = {"dataset": "data", "treatment_col": "dose", "outcome_col": "y"}

    with pytest.raises(UnprocessableError) as caught:
        what_if(ctx, {"kind": "shift", "amount": 1, "cap": 4}, baseline=baseline, target_population=["North"])
    assert caught.value.candidates == ("home North", "work North")

    found = what_if(ctx, {"kind": "shift", "amount": 1, "cap": 4}, baseline=baseline, target_population=["home North"])
    assert found["n"] == side.count("North")
    assert holds(found, found["mean_dose_after"] - found["mean_dose_before"])


def test_it_draws_the_change_before_and_after_and_the_curve(sample_context, more_for_low):
    change, chart = counterfactual_simulator.charts(more_for_low)
    assert_valid(change)
    assert_valid(chart)
    assert change["data"]["values"][0]["effect"] == more_for_low["change"]
    assert [row["label"] for row in chart["data"]["values"]] == ["baseline", "+20% rep_visits"]

    found = what_if(sample_context, {"kind": "set", "amount": 3})
    curve = counterfactual_simulator.charts(found)[-1]
    assert_valid(curve)
    assert curve["data"]["values"] == found["curve"]


def test_the_same_seed_gives_the_same_answer(more_for_low, sample_context):
    assert what_if(sample_context, target_population=["Allergy", "Dermatology"]) == more_for_low


def dose_data(**change: Any):
    rng = np.random.default_rng(9)
    n = 200
    x, dose = rng.normal(size=n), rng.poisson(2, n).astype(float)
    columns = {"x": x, "dose": dose, "y": dose + x + rng.normal(size=n)} | change
    return context(
        {name: np.asarray(values).tolist() for name, values in columns.items()},
        roles={"dose": "treatment", "y": "outcome", "x": "covariate"},
        kinds={"dose": "number"},
    )


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"dose": np.full(200, 2.0)}, NoVariationError),
        ({"y": np.full(200, 2.0)}, NoVariationError),
        ({"dose": np.full(200, np.nan)}, InsufficientDataError),
        ({"x": np.arange(40.0), "dose": np.arange(40.0) % 4, "y": np.arange(40.0)}, InsufficientDataError),
    ],
    ids=["constant dose", "constant outcome", "all missing", "40 rows"],
)
def test_data_that_cannot_tell_are_refused(change, error):
    baseline = {"dataset": "data", "treatment_col": "dose", "outcome_col": "y"}

    with pytest.raises(error):
        what_if(dose_data(**change), {"kind": "shift", "amount": 1, "cap": 4}, baseline=baseline)


def test_an_outcome_that_is_the_treatment_is_refused():
    baseline = {"dataset": "data", "treatment_col": "dose", "outcome_col": "dose"}

    with pytest.raises(UnprocessableError) as caught:
        what_if(dose_data(), {"kind": "shift", "amount": 1}, baseline=baseline)
    assert caught.value.field == "outcome_col"


def test_weights_of_the_model_are_kept():
    heavy = np.where(np.arange(200) % 2 == 0, 3.0, 1.0)
    ctx = dose_data(heavy=heavy)
    ask = {"dataset": "data", "treatment_col": "dose", "outcome_col": "y", "confounders": ["x"], "weight_col": "heavy"}
    model = run_tool("causal_effect_estimator", ask, ctx)

    found = what_if(ctx, {"kind": "shift", "amount": 1, "cap": 4}, baseline={}, causal_model=model)

    y = ctx.data.read("data", ["y"]).numbers("y")
    assert found["baseline_outcome"] == pytest.approx(np.average(y, weights=heavy))
    with pytest.raises(UnprocessableError) as caught:
        what_if(ctx, {"kind": "set", "amount": 2}, baseline={}, causal_model=model)
    assert caught.value.field == "weight_col"
