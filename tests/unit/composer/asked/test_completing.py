"""A drafted step reads the rows its sub-question means, in clusters, split by the segments that the rules would take."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from builders_composer import KISQALI, KISQALI_EDGES, KISQALI_PARTS, datasets, decomposition, kpi_names
from e2i_shared.api.classification import Period
from e2i_shared.api.common import Filter
from e2i_shared.composer.asked.completing import completed, reads_data
from e2i_shared.composer.asked.plan_draft import InputDraft, StepDraft
from e2i_shared.composer.ground import ground
from e2i_shared.composer.workbench import Workbench
from e2i_shared.tools._registry import catalogue

TOOLS = catalogue()
EMPTY = dict.fromkeys(("number", "text", "flag", "items", "fields", "step", "path"))
BOUND = ground(KISQALI, decomposition(KISQALI_PARTS, KISQALI_EDGES), datasets(), None, kpi_names()).bound["Q1"]
FILTERS = [f.model_dump(mode="json") for f in BOUND.filters]
IN_Q3 = [Filter(column="month", op="ge", value="2026-07-01"), Filter(column="month", op="lt", value="2026-10-01")]


def made(tool, drafted=None, bound=BOUND, **inputs: Any):
    step = StepDraft(tool=tool, serves="Q1", inputs=[InputDraft(name=n, **EMPTY | v) for n, v in inputs.items()])
    return completed(Workbench(TOOLS), step, TOOLS[tool].params.model_fields, drafted or {}, bound)


def dated(bound=BOUND):
    question = bound.question.model_copy(update={"periods": [Period(text="Q3", start="2026-07-01", end="2026-10-01")]})
    return replace(bound, question=question, filters=(*bound.filters, *IN_Q3))


def test_an_effect_reads_the_rows_of_its_question_in_their_clusters():
    found = made("causal_effect_estimator", {"treatment_col": "rep_visits", "outcome_col": "trx"})

    assert found == {
        "dataset": "hcp_monthly",
        "filters": FILTERS,
        "cluster_col": "hcp_id",
        "treatment_col": "rep_visits",
        "outcome_col": "trx",
    }


def test_what_the_draft_gives_stands():
    found = made("causal_effect_estimator", {"treatment_col": "rep_visits", "cluster_col": "territory_id"})

    assert found["cluster_col"] == "territory_id"


def test_dates_are_the_period_of_a_look_up_and_no_scope_of_a_forecast():
    looked_up, forecast = made("kpi_lookup", {"kpi": "trx"}, dated()), made("forecaster", {"kpi": "trx"}, dated())

    assert looked_up["period"] == {"start": "2026-07-01", "end": "2026-10-01"}
    assert looked_up["filters"] == forecast["filters"] == FILTERS
    assert "period" not in forecast


def test_dates_stay_filters_where_a_tool_takes_no_period():
    found = made("causal_effect_estimator", {"treatment_col": "rep_visits"}, dated())

    assert [f["column"] for f in found["filters"]] == [*[f["column"] for f in FILTERS], "month", "month"]


@pytest.mark.parametrize(
    ("tool", "drafted"),
    [
        ("change_attributor", {"group_col": "region"}),
        ("distribution_comparator", {"group_a": {"filters": [{"column": "region", "op": "eq", "value": "South"}]}}),
    ],
)
def test_a_column_that_is_compared_is_no_filter(tool, drafted):
    assert "region" in {f["column"] for f in FILTERS}
    assert "region" not in {f["column"] for f in made(tool, drafted)["filters"]}


def test_another_data_set_has_none_of_the_filters():
    assert made("kpi_monitor", {"dataset": "patients"}) == {"dataset": "patients"}


def test_the_criteria_of_a_cohort_are_not_its_rows():
    found = made("cohort_builder", {"inclusion": [{"column": "region", "op": "eq", "value": "South"}]})

    assert set(found) == {"dataset", "inclusion"}


def test_segments_are_the_rules_where_the_draft_names_none():
    reference = {"causal_result": {"kind": "ref", "step": 1, "path": "@"}}
    bench = Workbench(TOOLS)

    default, named = (
        made("cate_analyzer", **reference),
        made("cate_analyzer", {"segment_cols": ["decile"]}, **reference),
    )

    assert default["segment_cols"]
    assert "region" not in default["segment_cols"]  # one value is left of it
    assert named["segment_cols"] == ["decile"]
    assert "dataset" not in default
    assert bench.notes == []


def test_a_test_of_whole_clusters_says_what_they_are():
    sized = made("power_calculator", {"cluster_size": 24, "effect_size": 1})

    assert sized["cluster_name"] == "HCPs"
    assert "cluster_name" not in made("power_calculator", {"effect_size": 1})


def test_a_step_over_the_outcome_of_another_reads_no_rows_of_its_own():
    fields = TOOLS["cate_analyzer"].params.model_fields
    whole = InputDraft(name="causal_result", **EMPTY | {"kind": "ref", "step": 1, "path": "@"})
    column = InputDraft(name="treatment_col", **EMPTY | {"kind": "slot", "text": "Q1.treatment.1"})

    assert not reads_data(StepDraft(tool="cate_analyzer", serves="Q1", inputs=[whole]), fields)
    assert reads_data(StepDraft(tool="cate_analyzer", serves="Q1", inputs=[column]), fields)
