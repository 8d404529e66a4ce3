"""Real effects of the sample proceed; fake ones are stopped."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from builders_frames import context
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


def hidden_world(*, described: bool, adjusted: bool):
    """An unrecorded u drives treatment, outcome and what was ordered last year, which the treatment cannot change."""
    rng = np.random.default_rng(3)
    n = 1200
    x, u = rng.normal(size=n), rng.normal(size=n)
    a = (rng.random(n) < 1 / (1 + np.exp(-(0.5 * x + u)))).astype(float)
    columns = {
        "x": x.tolist(),
        "a": a.tolist(),
        "y": (x + u + rng.normal(size=n)).tolist(),
        "last_year": (u + rng.normal(size=n)).tolist(),
    } | ({"u": u.tolist()} if adjusted else {})
    roles = {"x": "covariate", "a": "treatment", "y": "outcome", "last_year": "outcome"} | (
        {"u": "covariate"} if adjusted else {}
    )
    ctx = context(
        columns, roles=roles, kinds={"a": "boolean"}, synonyms={"last_year": ["negative control"]} if described else {}
    )
    ask = {"dataset": "data", "treatment_col": "a", "outcome_col": "y"}
    return ctx, run_tool("causal_effect_estimator", ask, ctx)


def control_test(found):
    return next((t for t in found["test_results"] if t["name"] == "negative_control_outcome"), None)


def test_a_negative_control_exposes_a_confounder_that_nothing_else_sees():
    ctx, result = hidden_world(described=False, adjusted=False)

    found = refute(ctx, result, tests=["placebo_treatment"], negative_control_col="last_year")

    assert [t["passed"] for t in found["test_results"]] == [True, False]
    assert found["gate_decision"] == "review"
    assert "last_year" in control_test(found)["detail"]


def test_a_negative_control_passes_where_the_confounder_is_adjusted_for():
    ctx, _ = hidden_world(described=False, adjusted=True)
    ask = {"dataset": "data", "treatment_col": "a", "outcome_col": "y"}
    result = run_tool("causal_effect_estimator", ask, ctx)

    found = refute(ctx, result, tests=["negative_control_outcome"], negative_control_col="last_year")

    assert found["passed"], control_test(found)


def test_a_control_that_the_catalogue_names_is_used_unasked():
    ctx, result = hidden_world(described=True, adjusted=False)

    assert not control_test(refute(ctx, result))["passed"]
    assert control_test(refute(ctx, result, tests=["bootstrap"])) is None


def test_a_control_that_cannot_be_one_is_refused():
    ctx, result = hidden_world(described=False, adjusted=False)
    for column in ("x", "y", "a"):
        with pytest.raises(UnprocessableError) as caught:
            refute(ctx, result, negative_control_col=column)
        assert caught.value.field == "negative_control_col"
        assert "last_year" in caught.value.candidates

    with pytest.raises(UnprocessableError) as caught:
        refute(ctx, result, tests=["negative_control_outcome"])
    assert caught.value.field == "negative_control_col"
