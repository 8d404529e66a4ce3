"""The sensitivity of estimates on the pharma sample, whose confounders are all known."""

from __future__ import annotations

import pytest
from e2i_shared.datasets.sample import generate
from e2i_shared.errors import UnknownColumnError
from e2i_shared.tools import sensitivity_analyzer
from e2i_shared.tools._registry import ToolContext, run_tool

SPECIFICATION = {
    "dataset": "patients",
    "treatment_col": "copay_card",
    "outcome_col": "adherence_pdc",
    "confounders": ["age", "sex", "region", "payer", "comorbidities", "brand"],
    "cluster_col": "hcp_id",
}
STRONG = {"ate": 0.052, "ci_lower": 0.044, "ci_upper": 0.061, "std_error": 0.0044, "specification": SPECIFICATION}
NONE = STRONG | {"ate": 0.002, "ci_lower": -0.006, "ci_upper": 0.010}


@pytest.fixture(scope="module")
def context():
    return ToolContext(generate().source())


def test_an_effect_that_may_be_none_needs_no_confounder_to_be_explained_away(context):
    found = run_tool("sensitivity_analyzer", {"causal_result": NONE}, context)

    assert found["e_value_ci"] == 1.0
    assert found["robustness_value_ci"] == 0.0
    assert any(row["explains_away"] for row in found["bounds"])
    assert "uncertain" in found["verdict"]


def test_a_strong_effect_is_robust_to_a_confounder_like_age(context):
    params = {"causal_result": STRONG, "benchmark_covariates": ["age"]}

    found = run_tool("sensitivity_analyzer", params, context)

    assert found["e_value"] > found["e_value_ci"] > 1.5
    assert not any(row["explains_away"] for row in found["bounds"])
    assert found["verdict"].startswith("Not even")


def test_pairs_of_a_binary_treatment_get_rosenbaum_bounds_that_grow_with_gamma(context):
    found = run_tool("sensitivity_analyzer", {"causal_result": STRONG, "gamma_range": [1, 1.5, 3]}, context)

    p_values = [row["p_value"] for row in found["gamma_p_values"]]
    assert p_values == sorted(p_values)
    assert found["rosenbaum_pairs"] > 1000
    assert 1 < found["rosenbaum_gamma"] < 3


def test_a_dose_has_no_rosenbaum_bounds_and_says_so(context):
    (example,) = sensitivity_analyzer.EXAMPLES

    found = run_tool("sensitivity_analyzer", example, context)

    assert found["rosenbaum_gamma"] is None
    assert any("0/1 treatment" in warning for warning in found["warnings"])
    assert {row["covariate"] for row in found["bounds"]} == {"decile", "specialty"}


def test_a_negative_effect_is_explained_away_from_below(context):
    harmful = STRONG | {"ate": -0.004, "ci_lower": -0.008, "ci_upper": -0.0001}

    found = run_tool("sensitivity_analyzer", {"causal_result": harmful, "benchmark_covariates": ["payer"]}, context)

    assert all(row["adjusted_estimate"] >= -0.004 for row in found["bounds"])
    assert found["bounds"][-1]["explains_away"]


def test_a_benchmark_that_was_not_adjusted_for_is_refused_with_candidates(context):
    with pytest.raises(UnknownColumnError) as caught:
        run_tool("sensitivity_analyzer", {"causal_result": STRONG, "benchmark_covariates": ["height"]}, context)

    assert caught.value.field == "benchmark_covariates"
    assert "age" in caught.value.candidates


def test_its_chart_has_a_row_per_bound(context):
    found = run_tool("sensitivity_analyzer", {"causal_result": STRONG}, context)

    (chart,) = sensitivity_analyzer.charts(found)
    assert len(chart["data"]["values"]) == len(found["bounds"])
