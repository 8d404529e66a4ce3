"""Real effects of the sample proceed; fake ones are stopped."""

from __future__ import annotations

from typing import Any

import pytest
from e2i_shared.errors import UnprocessableError
from e2i_shared.tools import refutation_runner
from e2i_shared.tools._registry import run_tool
from vega_lite import assert_valid

KISQALI = [{"column": "brand", "value": "Kisqali"}, {"column": "region", "value": "Northeast"}]
FABHALTA = [{"column": "brand", "value": "Fabhalta"}, {"column": "region", "value": "South"}]


@pytest.fixture(scope="module")
def visits(sample_context):
    ask = {"dataset": "hcp_monthly", "treatment_col": "rep_visits", "outcome_col": "trx", "filters": KISQALI}
    return run_tool("causal_effect_estimator", ask, sample_context)


def refute(ctx, result, **params: Any):
    return run_tool("refutation_runner", {"causal_result": result, **params}, ctx)


def test_a_real_effect_proceeds(sample_context, visits):
    found = refute(sample_context, visits)

    assert found["passed"]
    assert found["gate_decision"] == "proceed"
    assert found["confidence_score"] == 1.0
    assert [t["name"] for t in found["test_results"]] == refutation_runner.ALL
    assert found["warnings"] == []


def test_an_effect_that_is_truly_none_is_blocked(sample_context):
    ask = {"dataset": "hcp_monthly", "treatment_col": "email_campaign", "outcome_col": "trx", "filters": FABHALTA}
    nothing = run_tool("causal_effect_estimator", ask, sample_context)

    found = refute(sample_context, nothing)

    failed = {t["name"] for t in found["test_results"] if not t["passed"]}
    assert found["gate_decision"] == "block"
    assert {"placebo_treatment", "unobserved_common_cause"} <= failed


def test_an_unadjusted_number_passed_off_as_adjusted_is_caught(sample_context, visits):
    naive = visits | {
        "ate": visits["ate"] + 0.8,
        "ci_lower": visits["ci_lower"] + 0.8,
        "ci_upper": visits["ci_upper"] + 0.8,
    }

    found = refute(sample_context, naive)

    failed = {t["name"] for t in found["test_results"] if not t["passed"]}
    assert {"random_common_cause", "data_subset", "bootstrap"} <= failed
    assert found["gate_decision"] in {"review", "block"}
    assert any("not the reported" in warning for warning in found["warnings"])


def test_only_the_tests_asked_for_run(sample_context, visits):
    found = refute(sample_context, visits, tests=["bootstrap", "placebo_treatment", "bootstrap"])

    assert [t["name"] for t in found["test_results"]] == ["bootstrap", "placebo_treatment"]


def test_what_is_not_fitted_again_is_said(sample_context, visits):
    found = refute(sample_context, visits, tests=["random_common_cause", "data_subset"])

    again, reused = found["test_results"]
    assert "fitted again" in again["reuses"]
    assert "nuisance" in reused["reuses"]


def test_the_same_seed_gives_the_same_verdict(sample_context):
    (first, second) = (run_tool("refutation_runner", refutation_runner.EXAMPLES[1], sample_context) for _ in range(2))

    assert first == second


def test_unknown_and_no_tests_are_refused(sample_context, visits):
    for tests in (["magic"], []):
        with pytest.raises(UnprocessableError):
            refute(sample_context, visits, tests=tests)


def test_its_chart_shows_what_each_test_found(sample_context, visits):
    found = refute(sample_context, visits, tests=["bootstrap", "data_subset"])

    (chart,) = refutation_runner.charts(found)

    assert_valid(chart)
    assert [row["label"] for row in chart["data"]["values"]] == ["reported", "bootstrap", "data_subset"]
