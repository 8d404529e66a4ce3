from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from builders_frames import NO_DATA, context
from e2i_shared.errors import InsufficientDataError, NoVariationError, UnprocessableError
from e2i_shared.tools._registry import run_tool
from e2i_shared.tools.power_calculator import TOOL, Params, run
from hypothesis import given, settings
from hypothesis import strategies as st

REFERENCE = json.loads((Path(__file__).parents[2] / "reference" / "power.json").read_text())


def cases(*kinds: str):
    return [
        pytest.param(case["inputs"], case["expected"], id=case["id"])
        for case in REFERENCE["cases"]
        if case["kind"] in kinds
    ]


def size(effect_size, **params: Any):
    return run(Params(effect_size=effect_size, **params), NO_DATA)


def common(inputs):
    return {
        "alpha": inputs["alpha"],
        "sided": inputs["sided"],
        "power_target": inputs["power"],
        "allocation": inputs.get("ratio_n2_over_n1", 1.0),
    }


@pytest.mark.parametrize(("inputs", "expected"), cases("sample_size_two_proportions"))
def test_the_tool_gives_the_references_sizes_for_rates(inputs, expected):
    result = size(
        inputs["p2"] - inputs["p1"],
        baseline_rate=inputs["p1"],
        proportion_method=inputs["method"],
        **common(inputs),
    )

    assert result.required_sample_size_per_arm == expected["n1"]
    assert result.required_sample_size_treated == expected["n2"]
    assert result.required_total_sample_size == expected["total"]
    assert result.power >= inputs["power"] - 1e-9


@pytest.mark.parametrize(("inputs", "expected"), cases("sample_size_two_means_t"))
def test_the_tool_gives_the_references_sizes_for_means(inputs, expected):
    result = size(inputs["cohens_d"], sd=1.0, **common(inputs))

    assert result.required_sample_size_per_arm == expected["n1"]
    assert result.required_sample_size_treated == expected["n2"]
    assert result.power >= inputs["power"] - 1e-9


@pytest.mark.parametrize(("inputs", "expected"), cases("sample_size_two_means_z"))
def test_the_tool_gives_the_references_sizes_for_unequal_spreads(inputs, expected):
    result = size(inputs["delta"], sd=inputs["sd1"], sd_treated=inputs["sd2"], test="z", **common(inputs))

    assert result.required_sample_size_per_arm == expected["n1"]
    assert result.required_sample_size_treated == expected["n2"]


@pytest.mark.parametrize(("inputs", "expected"), cases("power_two_means_t"))
def test_the_tool_gives_the_references_power(inputs, expected):
    result = size(
        inputs["cohens_d"],
        sd=1.0,
        sample_size=inputs["n1"],
        allocation=inputs["ratio_n2_over_n1"],
        alpha=inputs["alpha"],
    )

    assert result.power == pytest.approx(expected["power"], abs=1e-6)


@pytest.mark.parametrize(("inputs", "expected"), cases("mde_two_proportions"))
def test_the_tool_gives_the_references_detectable_rate(inputs, expected):
    result = size(None, baseline_rate=inputs["p1"], sample_size=inputs["n_per_arm"], power_target=inputs["power"])

    assert result.minimum_detectable_effect == pytest.approx(expected["mde_absolute"], abs=1e-6)
    assert result.power is None
    assert result.required_sample_size_per_arm is None


@pytest.mark.parametrize(("inputs", "expected"), cases("sample_size_cluster_means"))
def test_the_tool_gives_the_references_clusters(inputs, expected):
    result = size(
        inputs["cohens_d"],
        sd=1.0,
        icc=inputs["icc"],
        cluster_size=inputs["cluster_size_mean"],
        cluster_size_cv=inputs["cluster_size_cv"],
        power_target=inputs["power"],
    )

    assert result.clusters_per_arm == result.clusters_treated == expected["clusters_per_arm_t"]
    assert result.required_sample_size_per_arm == expected["clusters_per_arm_t"] * inputs["cluster_size_mean"]
    assert result.design_effect == pytest.approx(expected["design_effect"])
    assert result.power == pytest.approx(expected["power_at_t"], abs=1e-4)


@pytest.mark.parametrize(("inputs", "expected"), cases("gs_design_n"))
def test_the_tool_gives_the_references_maximum_sizes_under_looks(inputs, expected):
    looks = {"looks": len(inputs["information_fractions"]), "boundary": inputs["boundary"]}
    if inputs["endpoint"] == "two_means_z":
        result = size(inputs["delta"], sd=inputs["sd"], test="z", **looks, **common(inputs))
    else:
        result = size(inputs["p2"] - inputs["p1"], baseline_rate=inputs["p1"], **looks, **common(inputs))

    assert result.required_sample_size_per_arm == expected["max_n_per_arm_ceil"]
    assert result.inflation == pytest.approx(expected["inflation"], abs=1e-4)
    assert result.power == pytest.approx(inputs["power"], abs=2e-3)
    assert len(result.boundary_z) == looks["looks"]


@pytest.mark.parametrize(("inputs", "expected"), cases("prognostic_sample_size_reduction"))
def test_a_prognostic_covariate_shrinks_the_size_by_what_it_explains(inputs, expected):
    without = size(0.2, sd=1.0, test="z")
    share, carry = inputs["r2_historical"], inputs["correlation_with_true_score"]
    with_covariate = size(0.2, sd=1.0, test="z", prognostic_r2=share, prognostic_correlation=carry)

    ratio = with_covariate.required_sample_size_per_arm / without.required_sample_size_per_arm
    assert ratio == pytest.approx(expected["n_adjusted_real"] / inputs["n_unadjusted"], abs=0.01)


@pytest.mark.parametrize(
    "design",
    [
        {"sd": 2.0},
        {"sd": 2.0, "icc": 0.05, "cluster_size": 10},
        {"sd": 2.0, "looks": 2},
        {"sd": 2.0, "prognostic_r2": 0.3},
    ],
)
def test_the_detectable_effect_at_a_size_has_the_target_power(design):
    found = size(None, sample_size=400, **design).minimum_detectable_effect

    assert size(found, sample_size=400, **design).power == pytest.approx(0.8, abs=1e-3)


def test_the_sign_of_a_mean_difference_does_not_matter_for_its_size():
    up, down = size(0.5, sd=2.0), size(-0.5, sd=2.0)

    assert up.required_sample_size_per_arm == down.required_sample_size_per_arm
    assert up.minimum_detectable_effect == pytest.approx(-down.minimum_detectable_effect)


def test_a_rates_direction_matters():
    assert (
        size(-0.05, baseline_rate=0.1).required_sample_size_per_arm
        < size(0.05, baseline_rate=0.1).required_sample_size_per_arm
    )


def test_a_total_is_shared_by_the_allocation():
    result = size(0.5, sd=1.0, total_sample_size=300, allocation=2.0)

    assert result.power == pytest.approx(size(0.5, sd=1.0, sample_size=100, allocation=2.0).power)
    assert result.n == 300


def test_weeks_follow_from_enrolment_and_follow_up():
    assert size(0.02, baseline_rate=0.1, enrol_per_week=400).duration_estimate_weeks == pytest.approx(7682 / 400)
    planned = size(0.5, sd=1.0, sample_size=100, enrol_per_week=50, follow_up_weeks=12)
    assert planned.duration_estimate_weeks == pytest.approx(200 / 50 + 12)
    assert size(0.5, sd=1.0).duration_estimate_weeks is None


def test_a_cautious_size_uses_the_bound_nearer_to_zero():
    result = size(0.5, sd=1.0, effect_ci_lower=0.3, effect_ci_upper=0.7)

    assert result.cautious.effect == 0.3
    assert result.cautious.required_sample_size_per_arm == size(0.3, sd=1.0).required_sample_size_per_arm
    assert 0.5 < result.assurance < result.power


def test_a_harmful_effect_is_cautious_at_its_upper_bound():
    assert size(-0.5, sd=1.0, effect_ci_lower=-0.7, effect_ci_upper=-0.3).cautious.effect == -0.3


def test_an_interval_over_zero_gives_no_cautious_size_but_says_so():
    result = size(0.5, sd=1.0, effect_ci_lower=-0.1, effect_ci_upper=1.1)

    assert result.cautious is None
    assert any("includes 0" in warning for warning in result.warnings)
    assert result.assurance < 0.8


SEGMENTS = {
    "strong": {"effect": 2.0, "ci_lower": 1.8, "ci_upper": 2.2, "n": 100},
    "weak": {"effect": 0.5, "ci_lower": 0.2, "ci_upper": 0.8, "n": 300},
    "unsure": {"effect": 0.1, "ci_lower": -0.4, "ci_upper": 0.6, "n": 100},
}


@pytest.mark.parametrize(("choice", "effect"), [("smallest", 0.5), ("largest", 2.0), ("weighted_mean", 0.72)])
def test_of_segment_effects_the_chosen_one_is_used_and_named(choice, effect):
    result = size(SEGMENTS, sd=3.0, effect_choice=choice)

    assert result.effect_used == pytest.approx(effect)
    assert {"smallest": "weak", "largest": "strong", "weighted_mean": "mean"}[choice] in result.effect_basis


def test_every_segment_gets_its_own_size():
    by_segment = {s.segment: s.required_sample_size_per_arm for s in size(SEGMENTS, sd=3.0).by_segment}

    assert by_segment["strong"] < by_segment["weak"] < by_segment["unsure"]
    assert by_segment["weak"] == size(0.5, sd=3.0).required_sample_size_per_arm


def test_without_any_sure_segment_the_mean_is_used_with_a_warning():
    unsure = {"a": SEGMENTS["unsure"], "b": SEGMENTS["unsure"] | {"effect": 0.3}}

    result = size(unsure, sd=3.0)

    assert result.effect_used == pytest.approx(0.2)
    assert any("none is used alone" in warning for warning in result.warnings)


def test_segments_without_effect_are_refused_or_left_without_size():
    with pytest.raises(UnprocessableError, match="No segment"):
        size({"a": {"effect": 0.0}}, sd=1.0)
    sizes = size(SEGMENTS | {"none": {"effect": 0.0}}, sd=3.0).by_segment
    assert sizes[-1].required_sample_size_per_arm is None


def test_the_spread_is_measured_where_it_is_not_given():
    rng = np.random.default_rng(1)
    ctx = context({"trx": rng.normal(10, 4, 500).tolist(), "brand": ["K", "F"] * 250})

    result = run(Params(effect_size=1.0, dataset="data", outcome_col="trx"), ctx)

    assert result.sd == pytest.approx(4.0, rel=0.1)
    assert result.endpoint == "means"
    assert any("not independent" in warning for warning in result.warnings)


def test_a_yes_no_outcome_is_measured_as_a_rate():
    ctx = context({"stopped": [1, 0, 0, 0, None] * 40}, kinds={"stopped": "boolean"})

    result = run(Params(effect_size=-0.1, dataset="data", outcome_col="stopped"), ctx)

    assert result.endpoint == "proportions"
    assert result.baseline_rate == pytest.approx(0.25)


def test_an_outcome_that_never_varies_cannot_be_sized():
    with pytest.raises(NoVariationError):
        run(Params(effect_size=1.0, dataset="data", outcome_col="y"), context({"y": [2.0] * 9}))


def test_one_known_value_has_no_spread():
    with pytest.raises(InsufficientDataError):
        run(Params(effect_size=1.0, dataset="data", outcome_col="y"), context({"y": [2.0, None]}))


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({"effect_size": 0.0, "sd": 1.0}, "effect_size"),
        ({"effect_size": None, "sd": 1.0}, "effect_size"),
        ({"effect_size": 1.0}, "sd"),
        ({"effect_size": 0.1, "sd": 1.0, "baseline_rate": 0.2}, "sd"),
        ({"effect_size": 5.0, "baseline_rate": 0.1}, "effect_size"),
        ({"effect_size": -0.2, "baseline_rate": 0.1}, "effect_size"),
        ({"effect_size": 1e-9, "sd": 1.0}, "effect_size"),
        ({"effect_size": 1.0, "sd": 1.0, "icc": 0.1}, "cluster_size"),
        ({"effect_size": 1.0, "sd": 1.0, "cluster_size": 10}, "icc"),
        ({"effect_size": 1.0, "sd": 1.0, "sample_size": 10, "total_sample_size": 20}, "total_sample_size"),
        ({"effect_size": 1.0, "sd": 1.0, "effect_ci_lower": 2.0, "effect_ci_upper": 3.0}, "effect_ci_lower"),
        ({"effect_size": 1.0, "sd": -1.0}, "sd"),
        ({"effect_size": 1.0, "sd": 1.0, "looks": 99}, "looks"),
        ({"effect_size": 1.0, "sd": 1.0, "power_target": 1.0}, "power_target"),
        ({"effect_size": 1.0, "baseline_rate": 10.0}, "baseline_rate"),
        ({"sd": 1.0}, "effect_size"),
    ],
)
def test_what_cannot_be_sized_names_its_field(params, field):
    with pytest.raises(UnprocessableError) as caught:
        run_tool("power_calculator", params, NO_DATA)
    assert caught.value.field == field


def test_a_target_that_chance_reaches_is_refused():
    with pytest.raises(UnprocessableError, match="must exceed alpha"):
        run_tool("power_calculator", {"effect_size": 1.0, "sd": 1.0, "alpha": 0.2, "power_target": 0.1}, NO_DATA)


def test_a_difference_in_percentage_points_is_told_to_be_a_fraction():
    with pytest.raises(UnprocessableError) as caught:
        size(5.0, baseline_rate=0.1)
    assert "0.05" in str(caught.value.hint)


def test_more_power_than_the_sample_allows_is_said_to_be_out_of_reach():
    result = size(0.04, baseline_rate=0.95, sample_size=10)

    assert result.minimum_detectable_effect is None
    assert any("No effect can be detected" in warning for warning in result.warnings)


@settings(max_examples=20, deadline=None)
@given(d=st.floats(0.1, 2.0), alpha=st.floats(0.001, 0.2), target=st.floats(0.5, 0.99), ratio=st.floats(0.25, 4.0))
def test_the_required_size_is_enough_and_one_less_is_not(d, alpha, target, ratio):
    required = size(d, sd=1.0, alpha=alpha, power_target=target, allocation=ratio)

    assert required.power >= target - 1e-9
    fewer = required.required_sample_size_per_arm - 1
    if fewer >= 3:
        assert size(d, sd=1.0, alpha=alpha, allocation=ratio, sample_size=fewer).power < target + 0.02


@settings(max_examples=15, deadline=None)
@given(n=st.integers(4, 500), more=st.integers(1, 200), looks=st.integers(1, 4))
def test_power_grows_with_the_sample_whatever_the_looks(n, more, looks):
    small, large = (size(0.3, sd=1.0, sample_size=k, looks=looks).power for k in (n, n + more))

    assert large >= small - 1e-9


def test_the_power_curve_rises_and_passes_the_target():
    curve = size(0.3, sd=1.0).power_curve
    powers = [point.power for point in curve]

    assert powers == sorted(powers)
    assert powers[0] < 0.8 < powers[-1]


def test_numbers_at_the_edge_stay_finite():
    for params in (
        {"effect_size": 1e12, "sd": 1e-12},
        {"effect_size": 1.0, "sd": 1.0, "alpha": 1e-9, "power_target": 0.999999},
        {"effect_size": 1.0, "sd": 1.0, "icc": 0.99, "cluster_size": 1e4},
        {"effect_size": 0.5, "baseline_rate": 1e-6},
        {"effect_size": 2.0, "sd": 1.0, "sample_size": 2, "allocation": 0.05},
        {"effect_size": 1.0, "sd": 1.0, "looks": 10, "boundary": "ld_obf"},
    ):
        json.dumps(run_tool("power_calculator", params, NO_DATA), allow_nan=False)


def test_the_chart_counts_what_the_answer_counts():
    params = {"effect_size": 1.5, "sd": 6.0, "icc": 0.3, "cluster_size": 24, "cluster_name": "HCPs"}
    output = run_tool("power_calculator", params, NO_DATA)

    (chart,) = TOOL.charts(output)
    curve = chart["data"]["values"]
    passing = next(row["n"] for row in curve if row["power"] >= output["power_target"])

    assert chart["title"]["text"] == "Power by HCPs per arm"
    assert output["clusters_per_arm"] <= passing <= 1.1 * output["clusters_per_arm"] + 1


def test_the_chart_marks_the_target_power():
    output = run_tool("power_calculator", TOOL.examples[0], NO_DATA)

    (chart,) = TOOL.charts(output)

    assert chart["layer"][1]["encoding"]["y"]["datum"] == 0.8
    assert TOOL.charts(output | {"power_curve": []}) == []
