"""What must not change an answer does not, and what must change it does so by as much as it must."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from builders_asked import ASKS, SPECIFICATION, ask, columns, context
from e2i_shared.tools._registry import ToolContext, catalogue, run_tool
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

QUICK = settings(max_examples=5, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
every_tool = pytest.mark.parametrize("tool", sorted(ASKS))
# Folds are dealt by row number: in another order these answers are other draws of the same estimate.
FOLDED = {
    "causal_effect_estimator",
    "cate_analyzer",
    "counterfactual_simulator",
    "driver_ranker",
    "policy_optimizer",
    "propensity_estimator",
    "refutation_runner",
    "risk_scorer",
    "sensitivity_analyzer",  # its matched pairs start anywhere
}
# Where an answer holds effects in outcome units, with what measures their noise.
EFFECTS: dict[str, Any] = {
    "causal_effect_estimator": lambda out: [out["ate"], out["ci_lower"], out["ci_upper"], out["std_error"]],
    "cate_analyzer": lambda out: [s[k] for s in out["segments"] for k in ("effect", "ci_lower", "ci_upper")],
    "change_attributor": lambda out: [out["change"], *(c["amount"] for c in out["contributions"])],
    "counterfactual_simulator": lambda out: [out["change"], *out["change_interval"].values()],
    "driver_ranker": lambda out: [d[k] for d in out["drivers"] for k in ("effect", "ci_lower", "ci_upper", "per_sd")],
    "gap_calculator": lambda out: [g["gap"] for g in out["gaps"]] + [out["total_opportunity"]],
    "kpi_lookup": lambda out: [out["change"]],
    "policy_optimizer": lambda out: [out["expected_gain"]["estimate"], out["average_effect"]],
}
every_effect = pytest.mark.parametrize("tool", sorted(EFFECTS))


def numbers(value: Any) -> list[float]:
    """Return every number of an output, in order."""
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return []
    if isinstance(value, dict):
        return [n for key in sorted(value) for n in numbers(value[key])]
    return [n for item in value for n in numbers(item)] if isinstance(value, list) else [float(value)]


def in_order(data: dict[str, list[Any]], rows) -> dict[str, list[Any]]:
    return {name: [values[int(i)] for i in rows] for name, values in data.items()}


def with_outcome(seed: int, change) -> ToolContext:
    """Return the data with more effect in the north, lest all orders of treating be as good, and the outcome changed."""
    data = columns(seed)
    more = [5.0 * t * (s == "north") for t, s in zip(data["treated"], data["seg"], strict=True)]
    return context(data | {"outcome": [change(v + m) for v, m in zip(data["outcome"], more, strict=True)]})


@every_tool
def test_the_order_of_columns_says_nothing(tool):
    data = columns()
    backwards = context({name: data[name] for name in reversed(data)})

    assert run_tool(tool, ask(tool), backwards) == run_tool(tool, ask(tool), context(data))


@pytest.mark.parametrize("tool", sorted(set(ASKS) - FOLDED))
@QUICK
@given(seed=st.integers(0, 99))
def test_the_order_of_rows_says_nothing_to_tools_that_count(tool, seed):
    data = columns(seed)
    shuffled = in_order(data, np.random.default_rng(seed).permutation(len(data["x"])))

    found, expected = (run_tool(tool, ask(tool), context(d)) for d in (shuffled, data))

    assert found.keys() == expected.keys()
    assert numbers(found) == pytest.approx(numbers(expected), rel=1e-7, abs=1e-9)
    assert found["warnings"] == expected["warnings"]


@QUICK
@given(seed=st.integers(0, 99))
def test_the_order_of_rows_moves_an_estimate_by_far_less_than_its_noise(seed):
    data = columns(seed)
    shuffled = in_order(data, np.random.default_rng(seed).permutation(len(data["x"])))

    found, expected = (run_tool("causal_effect_estimator", SPECIFICATION, context(d)) for d in (shuffled, data))

    assert abs(found["ate"] - expected["ate"]) < 0.5 * expected["std_error"]
    assert found["std_error"] == pytest.approx(expected["std_error"], rel=0.1)


@every_effect
@QUICK
@given(seed=st.integers(0, 99), scale=st.sampled_from([1e-6, 0.25, 1024.0, 1e9]))
def test_effects_are_in_the_outcomes_unit(tool, seed, scale):
    plain = EFFECTS[tool](run_tool(tool, ask(tool), with_outcome(seed, float)))
    scaled = EFFECTS[tool](run_tool(tool, ask(tool), with_outcome(seed, lambda v: v * scale)))

    assert scaled == pytest.approx([v * scale for v in plain], rel=1e-4, abs=1e-6 * scale)


@every_effect
@QUICK
@given(seed=st.integers(0, 99), shift=st.sampled_from([-500.0, 64.0, 1e4]))
def test_effects_do_not_depend_on_where_the_outcome_is_counted_from(tool, seed, shift):
    plain = EFFECTS[tool](run_tool(tool, ask(tool), with_outcome(seed, float)))
    moved = EFFECTS[tool](run_tool(tool, ask(tool), with_outcome(seed, lambda v: v + shift)))

    assert moved == pytest.approx(plain, rel=1e-4, abs=1e-6 + 1e-8 * abs(shift))


@QUICK
@given(seed=st.integers(0, 99))
def test_with_treated_and_untreated_exchanged_the_effect_changes_its_sign(seed):
    data = columns(seed)
    other = data | {"treated": [1 - v for v in data["treated"]]}

    found, mirrored = (run_tool("causal_effect_estimator", SPECIFICATION, context(d)) for d in (data, other))

    assert mirrored["ate"] == pytest.approx(-found["ate"], abs=0.5 * found["std_error"])
    assert mirrored["ci_lower"] == pytest.approx(-found["ci_upper"], abs=0.5 * found["std_error"])


@every_tool
def test_the_same_seed_gives_the_same_answer(tool):
    one, again = (run_tool(tool, ask(tool), context(columns())) for _ in range(2))

    assert json.dumps(one) == json.dumps(again)


@pytest.mark.parametrize("tool", sorted(FOLDED - {"sensitivity_analyzer"}))
def test_another_seed_gives_another_draw(tool):
    """Else the seed that is reported would say nothing."""
    source = context(columns()).data

    one, other = (run_tool(tool, ask(tool), ToolContext(source, seed=seed)) for seed in (1, 2))

    assert (one["seed"], other["seed"]) == (1, 2)
    assert numbers({k: v for k, v in one.items() if k != "seed"}) != numbers(
        {k: v for k, v in other.items() if k != "seed"}
    )


@pytest.mark.parametrize("method", ["difference_in_means", "regression_adjustment", "partially_linear"])
@QUICK
@given(seed=st.integers(0, 99))
def test_rows_copied_within_their_cluster_add_nothing_to_what_is_known(method, seed):
    data = columns(seed)
    twice = in_order(data, np.tile(np.arange(len(data["x"])), 2))
    question = SPECIFICATION | {"cluster_col": "site", "method": method}

    once, copied = (run_tool("causal_effect_estimator", question, context(d)) for d in (data, twice))
    naive = run_tool("causal_effect_estimator", question | {"cluster_col": "person"}, context(twice))

    assert copied["n"] == 2 * once["n"]
    assert copied["ate"] == pytest.approx(once["ate"], abs=0.3 * once["std_error"])
    assert copied["std_error"] == pytest.approx(once["std_error"], rel=0.15)
    assert naive["n_clusters"] == once["n"]


@QUICK
@given(seed=st.integers(0, 99))
def test_more_of_the_same_rows_as_new_units_narrow_the_interval_by_the_root(seed):
    data = columns(seed)
    four = in_order(data, np.tile(np.arange(len(data["x"])), 4))
    question = SPECIFICATION | {"method": "regression_adjustment"}

    once, more = (
        run_tool("causal_effect_estimator", question | {"cluster_col": None}, context(d | {"site": d["person"]}))
        for d in (data, four | {"person": [f"q{i}" for i in range(4 * len(data["x"]))]})
    )

    assert more["std_error"] == pytest.approx(once["std_error"] / 2, rel=0.05)


@every_tool
def test_an_output_is_what_its_schema_says(tool):
    output = run_tool(tool, ask(tool), context(columns()))

    assert catalogue()[tool].result.model_validate(output).model_dump(mode="json") == output
    assert output.keys() == catalogue()[tool].result.model_json_schema()["properties"].keys()
    assert output["assumptions"] or output["method"]


@QUICK
@given(seed=st.integers(0, 99), cut=st.floats(-1, 1))
def test_a_whole_is_the_sum_of_what_a_filter_and_its_opposite_leave(seed, cut):
    ctx = context(columns(seed))
    asked = {"dataset": "data", "kpi": "outcome", "aggregate": "sum"}

    whole, low, high = (
        run_tool("kpi_lookup", asked | {"filters": filters}, ctx)
        for filters in ([], [{"column": "x", "op": "lt", "value": cut}], [{"column": "x", "op": "ge", "value": cut}])
    )

    assert low["value"] + high["value"] == pytest.approx(whole["value"])
    assert low["n"] + high["n"] == whole["n"]


@QUICK
@given(seed=st.integers(0, 99))
def test_drift_is_the_same_seen_from_either_side_where_bins_are(seed):
    """Categories have no quantile bins, so PSI of their shares is symmetric."""
    ctx = context(columns(seed))
    forth = ask("psi_calculator", feature_name="seg")
    back = forth | {"reference_period": forth["comparison_period"], "comparison_period": forth["reference_period"]}

    assert run_tool("psi_calculator", forth, ctx)["psi_value"] == pytest.approx(
        run_tool("psi_calculator", back, ctx)["psi_value"]
    )


@QUICK
@given(seed=st.integers(0, 99), amount=st.sampled_from([5.0, 10.0, 20.0]))
def test_twice_the_shift_is_twice_the_change_where_the_curve_is_a_line(seed, amount):
    data = columns(seed)
    line = [20 + 2 * d + x for d, x in zip(data["dose"], data["x"], strict=True)]
    ctx = context(data | {"outcome": line})
    baseline = SPECIFICATION | {"treatment_col": "dose"}

    once, twice = (
        run_tool(
            "counterfactual_simulator",
            {"baseline": baseline, "intervention": {"kind": "percent", "amount": each}},
            ctx,
        )
        for each in (amount, 2 * amount)
    )

    assert twice["change"] == pytest.approx(2 * once["change"], rel=0.15)
    assert once["change"] == pytest.approx(2 * (once["mean_dose_after"] - once["mean_dose_before"]), rel=0.15)
