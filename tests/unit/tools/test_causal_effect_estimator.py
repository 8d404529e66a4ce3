"""Known effects found through the tool, and each refusal by name."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from builders_frames import context, frame_of
from e2i_shared.api.common import Filter
from e2i_shared.datasets.memory import MemoryDataSource
from e2i_shared.errors import (
    EstimationError,
    InsufficientDataError,
    NoOverlapError,
    NoVariationError,
    UnknownColumnError,
    UnknownValueError,
    UnprocessableError,
)
from e2i_shared.tools import causal_effect_estimator
from e2i_shared.tools._registry import ToolContext, run_tool
from vega_lite import assert_valid


def eq(**wanted: Any):
    return [{"column": column, "value": value} for column, value in wanted.items()]


def run(ctx, **params: Any):
    return run_tool("causal_effect_estimator", params, ctx)


@pytest.mark.parametrize(
    ("dataset", "treatment", "outcome", "filters"),
    [
        ("hcp_monthly", "rep_visits", "trx", eq(brand="Kisqali", region="Northeast")),
        ("hcp_monthly", "rep_visits", "nrx", eq(brand="Fabhalta", region="South")),
        ("hcp_monthly", "samples_dropped", "trx", eq(brand="Remibrutinib", region="West")),
        ("hcp_monthly", "email_campaign", "trx", eq(brand="Kisqali", region="South")),
        ("hcp_monthly", "email_campaign", "trx", eq(brand="Fabhalta", region="Midwest")),
        ("hcp_monthly", "speaker_program", "trx", eq(brand="Fabhalta", specialty="Nephrology")),
        ("hcp_monthly", "digital_engagement", "trx", eq(brand="Remibrutinib", specialty="Allergy")),
        ("hcp_monthly", "peer_influence", "trx_value", eq(brand="Kisqali", specialty="Oncology")),
        ("patients", "copay_card", "adherence_pdc", []),
        ("patients", "nurse_support", "discontinued_90d", []),
    ],
)
def test_the_samples_true_effect_is_found(sample, sample_context, dataset, treatment, outcome, filters):
    truth = sample.truth_for(treatment, outcome, [Filter.model_validate(f) for f in filters]).effect

    found = run(sample_context, dataset=dataset, treatment_col=treatment, outcome_col=outcome, filters=filters)

    assert abs(found["ate"] - truth) <= 3 * found["std_error"]
    assert found["ci_lower"] < found["ate"] < found["ci_upper"]
    assert found["n_clusters"] > 50


def test_without_confounders_the_samples_effect_is_missed(sample, sample_context):
    truth = sample.truth_for("rep_visits", "trx", [Filter.model_validate(f) for f in eq(brand="Kisqali")]).effect

    found = run(
        sample_context,
        dataset="hcp_monthly",
        treatment_col="rep_visits",
        outcome_col="trx",
        filters=eq(brand="Kisqali"),
        confounders=[],
    )

    assert abs(found["ate"] - truth) > 10 * found["std_error"]
    assert any("Nothing is adjusted for" in warning for warning in found["warnings"])


def test_the_specification_reruns_to_the_same_result(sample_context):
    first = run(
        sample_context,
        dataset="patients",
        treatment_col="copay card",
        outcome_col="adherence",
        filters=eq(payer="Medicare"),
    )
    settled = {k: v for k, v in first["specification"].items() if k != "treatment_kind"}

    again = run(sample_context, **settled)

    assert settled["treatment_col"] == "copay_card"
    assert settled["cluster_col"] == "hcp_id"
    assert "comorbidities" in settled["confounders"]
    assert again == first


def test_roles_decide_what_is_adjusted_for(sample_context):
    found = run(
        sample_context,
        dataset="hcp_monthly",
        treatment_col="email_campaign",
        outcome_col="trx",
        filters=eq(brand="Kisqali", region="West"),
    )

    used = set(found["specification"]["confounders"])
    assert {"specialty", "decile", "trx_baseline", "month", "rep_visits"} <= used
    assert used.isdisjoint({"email_campaign", "trx", "nrx", "trx_value", "hcp_id", "territory_id"})
    assert any("rep_visits" in text and "held fixed" in text for text in found["assumptions"])


def world(n=400, effect=2.0, seed=1):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n)
    treated = (rng.random(n) < 1 / (1 + np.exp(-x))).astype(float)
    outcome = effect * treated + x + rng.normal(size=n)
    return {
        "treated": treated.tolist(),
        "outcome": outcome.tolist(),
        "x": x.tolist(),
        "site": [f"s{i % 7}" for i in range(n)],
        "late": (outcome + rng.normal(size=n)).tolist(),
    }


ROLES = {"treated": "treatment", "outcome": "outcome", "x": "covariate", "site": "segment", "late": "outcome"}
ASK = {"dataset": "data", "treatment_col": "treated", "outcome_col": "outcome"}


def test_a_small_world_is_answered_with_all_its_diagnostics():
    found = run(context(world(), roles=ROLES), **ASK)

    assert found["ate"] == pytest.approx(2, abs=0.4)
    assert found["method"] == "aipw"
    assert found["treatment_kind"] == "binary"
    assert found["n_treated"] + found["n_control"] == found["n"] == 400
    assert found["overlap"]["ess"] > 50
    assert {row["column"] for row in found["balance"]} >= {"x", "site"}
    assert abs(next(r for r in found["balance"] if r["column"] == "x")["smd_before"]) > 0.5
    assert found["nuisance"]["learner"] == "linear"
    assert found["relative_effect"] == pytest.approx(found["ate"] / found["mean_control"])
    assert found["risk_ratio"] is None


def test_a_binary_outcome_reports_a_risk_ratio():
    data = world()
    data["outcome"] = [float(v > 1) for v in data["outcome"]]

    found = run(context(data, roles=ROLES), **ASK)

    assert found["risk_ratio"] == pytest.approx(found["mean_treated"] / found["mean_control"])
    assert found["risk_ratio"] > 1.3


def test_rows_without_treatment_or_outcome_are_left_out_and_counted():
    data = world()
    data["outcome"][:30] = [None] * 30

    found = run(context(data, roles=ROLES), **ASK)

    assert found["n"] == 370
    assert "30 of 400 rows lack treatment or outcome and are left out." in found["warnings"]


def test_a_covariate_with_holes_still_adjusts():
    data = world(2000)
    data["x"][::10] = [None] * 200

    found = run(context(data, roles=ROLES), **ASK, confounders=["x"])

    assert found["ate"] == pytest.approx(2, abs=0.35)


def test_duplicate_and_empty_covariates_are_left_out_and_named():
    data = world()
    data |= {"copy": list(data["x"]), "void": [None] * 400}

    found = run(context(data, roles=ROLES, kinds={"void": "number"}), **ASK, confounders=["x", "copy", "void"])

    assert "'copy' is not adjusted for: equals x." in found["warnings"]
    assert "'void' is not adjusted for: all values are missing." in found["warnings"]


def test_a_consequence_among_the_confounders_is_warned_about():
    found = run(context(world(), roles=ROLES), **ASK, confounders=["x", "late"])

    assert any("late may be a consequence" in warning for warning in found["warnings"])


def test_a_contrast_of_categories_compares_two_sites():
    found = run(
        context(world(), roles=ROLES),
        dataset="data",
        treatment_col="site",
        outcome_col="outcome",
        treatment_contrast=["s1", "s2"],
    )

    assert found["n"] == 114 or found["n"] == 115
    assert found["specification"]["treatment_contrast"] == ["s1", "s2"]
    assert abs(found["ate"]) < 1.5


def test_the_effect_on_the_treated_can_be_asked_for():
    found = run(context(world(), roles=ROLES), **ASK, estimand="att")

    assert "on the treated" in found["estimand"]
    assert found["ate"] == pytest.approx(2, abs=0.5)


def test_twelve_rows_are_refused():
    with pytest.raises(InsufficientDataError) as caught:
        run(context(world(12), roles=ROLES), **ASK)

    assert caught.value.got == "12 rows"


@pytest.mark.parametrize("column", ["treated", "outcome"])
def test_a_column_that_never_varies_is_named(column):
    with pytest.raises(NoVariationError) as caught:
        run(context(world() | {column: [1.0] * 400}, roles=ROLES), **ASK)

    assert column in caught.value.message


def test_a_column_that_is_all_missing_is_named():
    data = world() | {"outcome": [None] * 400}

    with pytest.raises(InsufficientDataError, match="'outcome' is missing in all 400 rows"):
        run(context(data, roles=ROLES, kinds={"outcome": "number"}), **ASK)


@pytest.mark.parametrize("column", ["outcome", "x"])
def test_infinite_values_are_refused_by_column(column):
    described = context(world(), roles=ROLES).data.describe("data")
    frame = frame_of(world() | {column: [math.inf, *world()[column][1:]]})

    with pytest.raises(EstimationError, match=column):
        run(ToolContext(MemoryDataSource({"data": (described, frame)})), **ASK)


def test_an_outcome_that_is_the_treatment_is_refused():
    with pytest.raises(UnprocessableError) as caught:
        run(context(world(), roles=ROLES), dataset="data", treatment_col="treated", outcome_col="treated")

    assert caught.value.field == "outcome_col"


def test_perfect_separation_is_refused():
    data = world()
    data["treated"] = [float(v > 0) for v in data["x"]]

    with pytest.raises(NoOverlapError):
        run(context(data, roles=ROLES), **ASK)


@pytest.mark.parametrize(
    ("extra", "error", "field"),
    [
        ({"confounders": ["outcome"]}, UnprocessableError, "confounders"),
        ({"confounders": ["treated"]}, UnprocessableError, "confounders"),
        ({"cluster_col": "outcome"}, UnprocessableError, "cluster_col"),
        ({"cluster_col": "site"}, InsufficientDataError, "cluster_col"),
        ({"confounders": ["nowhere"]}, UnknownColumnError, "nowhere"),
        ({"method": "difference"}, UnprocessableError, "method"),
        ({"treatment_contrast": [5, 0]}, UnknownValueError, "treatment_contrast"),
        ({"treatment_contrast": [1]}, UnprocessableError, "treatment_contrast"),
    ],
)
def test_impossible_requests_name_their_field(extra, error, field):
    with pytest.raises(error) as caught:
        run(context(world(), roles=ROLES), **(ASK | extra))

    assert caught.value.field == field


def test_an_identifier_is_no_confounder():
    data = world() | {"key": [f"k{i}" for i in range(400)]}

    with pytest.raises(UnprocessableError, match="identify rows"):
        run(context(data, roles=ROLES, kinds={"key": "id"}), **ASK, confounders=["key"])


def test_text_is_no_outcome():
    with pytest.raises(UnprocessableError):
        run(context(world(), roles=ROLES), dataset="data", treatment_col="treated", outcome_col="site")


def test_its_chart_shows_the_effect(sample_context):
    found = run(
        sample_context, dataset="patients", treatment_col="copay_card", outcome_col="adherence_pdc", confounders=["age"]
    )

    effect, balance, overlap = causal_effect_estimator.charts(found)

    for chart in (effect, balance, overlap):
        assert_valid(chart)
    assert effect["data"]["values"][0]["effect"] == found["ate"]
    assert "Balance" in balance["title"]["text"]
    assert sum(abs(row["rows"]) for row in overlap["data"]["values"]) == found["n"]
