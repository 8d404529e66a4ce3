"""Whatever is asked, a tool answers with finite numbers or refuses with what to mend."""

from __future__ import annotations

import json

import pytest
from builders_frames import NO_DATA
from e2i_shared.errors import UnprocessableError
from e2i_shared.tools._kpis import kpis
from e2i_shared.tools._registry import catalogue, run_tool
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

COLUMNS = {
    "territories": ["territory_id", "region", "month", "brand", "trx", "nrx", "rep_visits", "hcps", "target_trx"],
    "patients": ["patient_id", "brand", "age", "region", "payer", "copay_card", "adherence_pdc", "discontinued_90d"],
}
SLOW = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def answers_or_refuses(name, params, context):
    try:
        output = run_tool(name, params, context)
    except UnprocessableError:
        return None
    json.dumps(output, allow_nan=False)
    catalogue()[name].charts(output)
    return output


def months(number):
    return f"{2024 + (8 + number) // 12}-{(8 + number) % 12 + 1:02d}"


@st.composite
def kpi_questions(draw):
    dataset = draw(st.sampled_from(sorted(COLUMNS)))
    columns = st.sampled_from(COLUMNS[dataset])
    start = draw(st.integers(0, 28))
    return {
        "dataset": dataset,
        "kpi": draw(st.sampled_from([*kpis(), *COLUMNS[dataset]])),
        "dimensions": draw(st.lists(columns, max_size=2, unique=True)),
        "grain": draw(st.sampled_from(["none", "month", "quarter", "year"])) if dataset == "territories" else "none",
        "compare": draw(st.sampled_from([None, "previous_period", "previous_year"]))
        if dataset == "territories"
        else None,
        "period": {"start": months(start), "end": months(start + draw(st.integers(1, 12)))}
        if dataset == "territories" and draw(st.booleans())
        else None,
    }


@st.composite
def gap_questions(draw):
    dataset = draw(st.sampled_from(sorted(COLUMNS)))
    columns = st.sampled_from(COLUMNS[dataset])
    benchmark = draw(st.sampled_from(["mean", "median", "top_decile", "target"]))
    return {
        "dataset": dataset,
        "entity_type": draw(st.sampled_from(["territory", "hcp", "segment", "region"])),
        "group_by": draw(st.none() | columns),
        "metric": draw(columns),
        "benchmark": benchmark,
        "target": draw(st.sampled_from([0.0, 5.0, "target_trx"])) if benchmark == "target" else None,
        "size_col": draw(st.none() | columns),
        "covariates": draw(st.none() | st.lists(columns, max_size=2)),
        "higher_is_better": draw(st.booleans()),
    }


@st.composite
def power_questions(draw):
    spread = draw(st.sampled_from(["sd", "baseline_rate", "neither"]))
    question = {
        "effect_size": draw(st.none() | st.floats(-1e12, 1e12) | st.floats(-0.5, 0.5)),
        "alpha": draw(st.floats(1e-9, 0.5)),
        "power_target": draw(st.floats(0.05, 0.9999)),
        "allocation": draw(st.floats(0.05, 20)),
        "sided": draw(st.sampled_from([1, 2])),
        "looks": draw(st.sampled_from([1, 1, 1, 2])),
        "sample_size": draw(st.none() | st.integers(2, 10**9)),
        "prognostic_r2": draw(st.floats(0, 0.99)),
    }
    if spread != "neither":
        question[spread] = draw(st.floats(1e-9, 1 - 1e-9))
    if draw(st.booleans()):
        question |= {"icc": draw(st.floats(0, 0.99)), "cluster_size": draw(st.floats(1, 1e4))}
    return question


@SLOW
@given(question=kpi_questions())
def test_any_kpi_question_is_answered_or_refused(question, sample_context):
    output = answers_or_refuses("kpi_lookup", question, sample_context)

    whole = output and output["formula"].startswith("sum of") and "/" not in output["formula"] and output["breakdown"]
    if whole and len(output["breakdown"]) < 50:
        assert sum(row["value"] or 0.0 for row in output["breakdown"]) == pytest.approx(output["value"])


@SLOW
@given(question=gap_questions())
def test_any_gap_question_is_answered_or_refused(question, sample_context):
    output = answers_or_refuses("gap_calculator", question, sample_context)

    if output:
        assert output["total_opportunity"] >= 0.0
        sizes = [gap["gap"] for gap in output["gaps"]]
        assert sizes == sorted(sizes, reverse=True)


@SLOW
@given(question=power_questions())
def test_any_design_is_sized_or_refused(question):
    output = answers_or_refuses("power_calculator", question, NO_DATA)

    if output and output["power"] is not None:
        assert 0.0 <= output["power"] <= 1.0
        if question["sample_size"] is None and question["looks"] == 1:
            assert output["power"] >= question["power_target"] - 1e-6
