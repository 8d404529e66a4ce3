"""Effects by segment against the sample's truth, and what cannot be compared."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from builders_frames import context
from e2i_shared.api.common import Filter
from e2i_shared.errors import InsufficientDataError, UnprocessableError
from e2i_shared.tools import cate_analyzer
from e2i_shared.tools._registry import run_tool
from vega_lite import assert_valid

KISQALI = [{"column": "brand", "value": "Kisqali"}, {"column": "region", "value": "Northeast"}]
VISITS = {"dataset": "hcp_monthly", "treatment_col": "rep_visits", "outcome_col": "trx", "filters": KISQALI}


def analyse(ctx, *columns: str, **params: Any):
    return run_tool("cate_analyzer", {"segment_cols": list(columns), **params}, ctx)


@pytest.fixture(scope="module")
def by_specialty(sample_context):
    return analyse(sample_context, "specialty", "decile", **VISITS)


@pytest.mark.parametrize("column", ["specialty", "decile"])
def test_every_segment_holds_its_true_effect(sample, by_specialty, column):
    truth = sample.truth_by("rep_visits", "trx", column, [Filter.model_validate(f) for f in KISQALI])

    rows = [row for row in by_specialty["segments"] if row["column"] == column]

    assert {row["level"] for row in rows} == set(truth)
    for row in rows:
        assert row["ci_lower"] <= truth[row["level"]].effect <= row["ci_upper"], row["segment"]


def test_who_responds_most_and_least_is_who_truly_does(by_specialty):
    assert by_specialty["high_responders"][0] == "Oncology"
    assert {"Allergy", "Dermatology"} <= set(by_specialty["low_responders"])
    assert by_specialty["heterogeneity_p"] < 1e-6
    assert by_specialty["feature_importance"]["specialty"] > 0.2


def test_effects_by_segment_repeat_the_rows(by_specialty):
    for row in by_specialty["segments"]:
        short = by_specialty["effect_by_segment"][row["segment"]]
        assert (short["effect"], short["n"]) == (row["effect"], row["n"])


def test_rows_come_largest_effect_first_within_their_column(by_specialty):
    for column in ("specialty", "decile"):
        effects = [row["effect"] for row in by_specialty["segments"] if row["column"] == column]
        assert effects == sorted(effects, reverse=True)


def test_a_lever_without_effect_has_no_responders(sample_context):
    ask = VISITS | {"treatment_col": "email_campaign", "filters": [{"column": "brand", "value": "Fabhalta"}]}

    found = analyse(sample_context, "region", **ask)

    assert found["high_responders"] == found["low_responders"] == []
    assert found["heterogeneity_p"] > 0.01


def test_a_reported_effect_is_split_as_it_was_estimated(sample_context):
    reported = run_tool(
        "causal_effect_estimator",
        {"dataset": "patients", "treatment_col": "copay_card", "outcome_col": "adherence_pdc"},
        sample_context,
    )

    found = analyse(sample_context, "payer", "age", causal_result=reported)

    assert found["overall_effect"] == pytest.approx(reported["ate"])
    assert found["warnings"] == reported["warnings"]
    weights = {row["segment"]: row["n"] for row in found["segments"] if row["column"] == "payer"}
    mean = np.average([found["effect_by_segment"][k]["effect"] for k in weights], weights=list(weights.values()))
    assert mean == pytest.approx(reported["ate"])


def test_a_reported_effect_that_the_data_do_not_give_is_warned_about(sample_context):
    reported = cate_analyzer.EXAMPLES[0]["causal_result"] | {"ate": 0.5, "ci_lower": 0.49, "ci_upper": 0.51}

    found = analyse(sample_context, "payer", causal_result=reported)

    assert any("not the reported" in warning for warning in found["warnings"])


def test_numbers_are_cut_into_quantile_groups_with_readable_labels(sample_context):
    ask = {"dataset": "patients", "treatment_col": "copay_card", "outcome_col": "adherence_pdc"}

    found = analyse(sample_context, "age", quantile_groups=3, **ask)

    labels = sorted(row["segment"] for row in found["segments"])
    assert len(labels) == 3
    assert labels[0].startswith("age 18–")
    assert sum(row["n"] for row in found["segments"]) == found["n"]


def world(n=600, seed=1):
    rng = np.random.default_rng(seed)
    group = rng.integers(0, 3, n)
    treated = (rng.random(n) < 0.5).astype(float)
    outcome = treated * group + rng.normal(size=n)
    return {
        "treated": treated.tolist(),
        "outcome": outcome.tolist(),
        "group": [f"g{g}" for g in group],
        "twin": [f"g{g}" for g in rng.integers(0, 3, n)],
        "flag": (rng.random(n) < 0.5).astype(float).tolist(),
        "rare": ["common" if i else "rare" for i in range(n)],
        "key": [f"k{i}" for i in range(n)],
    }


ROLES = {"treated": "treatment", "outcome": "outcome"}
ASK = {"dataset": "data", "treatment_col": "treated", "outcome_col": "outcome", "confounders": []}


@pytest.fixture(scope="module")
def small():
    return context(world(), roles=ROLES, kinds={"flag": "boolean", "key": "id"})


def test_planted_group_effects_are_found(small):
    found = analyse(small, "group", **ASK)

    effects = {row["level"]: row for row in found["segments"]}
    for level, truth in (("g0", 0), ("g1", 1), ("g2", 2)):
        assert abs(effects[level]["effect"] - truth) <= 3 * effects[level]["std_error"]
    assert effects["g0"]["p_value_adjusted"] > 0.05 > effects["g2"]["p_value_adjusted"]


def test_levels_of_the_same_name_in_two_columns_are_told_apart(small):
    found = analyse(small, "group", "twin", **ASK)

    assert len(found["effect_by_segment"]) == 6
    assert "twin g0" in found["effect_by_segment"]


def test_flags_are_labelled_with_their_column(small):
    found = analyse(small, "flag", **ASK)

    assert {row["segment"] for row in found["segments"]} == {"flag = true", "flag = false"}


def test_groups_too_small_are_named_and_left_out(small):
    found = analyse(small, "group", "rare", **ASK)

    assert any("rare" in warning for warning in found["warnings"])
    assert {row["column"] for row in found["segments"]} == {"group"}


def test_nothing_to_compare_is_refused(small):
    with pytest.raises(InsufficientDataError) as caught:
        analyse(small, "rare", **ASK)

    assert caught.value.field == "segment_cols"


@pytest.mark.parametrize("column", ["treated", "outcome", "key"])
def test_treatment_outcome_and_identifiers_are_no_segments(small, column):
    with pytest.raises(UnprocessableError, match="cannot be a segment"):
        analyse(small, column, **ASK)


def test_what_to_split_must_be_said(small):
    with pytest.raises(UnprocessableError) as caught:
        analyse(small, "group", dataset="data")

    assert caught.value.field == "treatment_col"


def test_there_is_a_forest_for_each_column(by_specialty):
    charts = cate_analyzer.charts(by_specialty)

    assert len(charts) == 2
    for chart in charts:
        assert_valid(chart)
    assert len(charts[0]["data"]["values"]) == 6


def weighed_world(n=4000, seed=5):
    """The effect is 2 in wide rows and 0 in narrow; among g1 the wide ones are seldom sampled, and weigh four times as much."""
    rng = np.random.default_rng(seed)
    group = rng.integers(0, 2, n)
    wide = rng.random(n) < np.where(group == 1, 0.2, 0.5)
    treated = rng.random(n) < 0.5
    outcome = treated * 2.0 * wide + rng.normal(size=n)
    return {
        "treated": treated.astype(float).tolist(),
        "outcome": outcome.tolist(),
        "group": [f"g{g}" for g in group],
        "wide": wide.astype(float).tolist(),
        "weight": np.where(wide & (group == 1), 4.0, 1.0).tolist(),
    }


def test_weights_say_what_a_segment_is_made_of():
    data = context(weighed_world(), roles=ROLES)
    asked = {k: v for k, v in ASK.items() if k != "confounders"} | {"confounders": ["wide"], "weight_col": "weight"}
    reported = run_tool("causal_effect_estimator", asked, data)

    found = analyse(data, "group", causal_result=reported)

    for name in ("g0", "g1"):
        row = next(r for r in found["segments"] if r["level"] == name)
        assert row["effect"] == pytest.approx(1.0, abs=3 * row["std_error"]), name
    assert found["heterogeneity_p"] > 0.001
    assert found["warnings"] == []
