"""Every tool that reads data, on data that cannot answer and on questions that cannot be meant: a refusal that says what to mend,
or a finite answer that says what is wrong with it."""

from __future__ import annotations

import json
import math
from functools import cache
from typing import Any

import pytest
from builders_asked import (
    ASKS,
    ask,
    at,
    columns,
    constant,
    context,
    filtered,
    first,
    infinite,
    leaves,
    levels,
    mappings,
    mentions,
    missing,
    nearly_constant,
    put,
    renamed,
)
from e2i_shared.errors import (
    EstimationError,
    InputError,
    InsufficientDataError,
    NoVariationError,
    UnknownColumnError,
    UnknownDatasetError,
    UnknownValueError,
    UnprocessableError,
)
from e2i_shared.tools._registry import catalogue, run_tool
from vega_lite import assert_valid

NO_DATA_READ = {"roi_estimator", "segment_ranker", "result_explainer", "interim_boundaries", "intervention_prescreener"}
every_tool = pytest.mark.parametrize("tool", sorted(ASKS))
ALL = frozenset(ASKS)
DESCRIBE = frozenset({"cohort_builder", "kpi_lookup", "kpi_monitor"})  # any value is an answer: they count and add up
COMPARE = frozenset({"distribution_comparator", "psi_calculator", "change_attributor", "gap_calculator", "forecaster"})
ADJUST = ALL - DESCRIBE - COMPARE - {"power_calculator"}
# A spoilt column, what it is made of, and the tools of which a plain answer is right, by the reason.
WORLDS: dict[str, tuple[Any, str, frozenset[str]]] = {
    "constant treatment": (constant("treated"), "treated", frozenset()),
    "constant lever": (constant("dose"), "dose", frozenset()),
    "constant outcome": (constant("outcome"), "outcome", DESCRIBE | {"change_attributor"}),  # 0 changed
    "constant event": (constant("event"), "event", frozenset()),
    "constant covariate": (constant("x"), "x", ALL),  # a filter makes columns constant: nothing to adjust for
    "constant segment": (constant("seg"), "seg", ALL),
    "three treated": (nearly_constant("treated"), "treated", frozenset({"change_attributor"})),  # in its intervals
    "three other outcomes": (nearly_constant("outcome"), "outcome", DESCRIBE | COMPARE | {"power_calculator"}),
    "three events": (nearly_constant("event"), "event", frozenset()),
    "three other doses": (nearly_constant("dose"), "dose", frozenset()),
    "no treatment known": (missing("treated"), "treated", frozenset()),
    "no outcome known": (missing("outcome"), "outcome", frozenset()),
    "no event known": (missing("event"), "event", frozenset()),
    "no dose known": (missing("dose"), "dose", frozenset()),
    "no covariate known": (missing("x"), "x", frozenset()),
    "no segment known": (missing("seg"), "seg", frozenset()),
    "no entity known": (missing("site"), "site", frozenset()),
    "infinite treatment": (infinite("treated"), "treated", frozenset()),
    "infinite outcome": (infinite("outcome"), "outcome", frozenset()),
    "infinite event": (infinite("event"), "event", frozenset()),
    "infinite covariate": (infinite("x"), "x", frozenset()),
    "infinite dose": (infinite("dose"), "dose", frozenset()),
    "text for a treatment": (levels("treated", 37), "treated", frozenset()),
    "text for an outcome": (levels("outcome", 37), "outcome", frozenset()),
    "text for a dose": (levels("dose", 37), "dose", frozenset()),
    "text for a covariate": (levels("x", 37), "x", ALL),  # a category can be adjusted for
    "40 segments": (levels("seg", 40), "seg", ALL - {"cate_analyzer", "counterfactual_simulator", "cohort_builder"}),
    "480 segments": (levels("seg", 480), "seg", ALL - {"cate_analyzer", "kpi_lookup", "cohort_builder"}),
}
NOTHING = [None, True, 12.5, 1e308, 10**400, "", "\x00", "🙂\u202e", "x" * 5000, [], {}, [[]], math.nan]


@cache
def world(name: str):
    return context(WORLDS[name][0](columns()) if name else columns())


@cache
def with_covariate(name: str):
    data = columns()
    data[name] = data.pop("x")
    return context(data, {name: "number"})


@cache
def usual_warnings(tool: str) -> frozenset[str]:
    return frozenset(run_tool(tool, ask(tool), world(""))["warnings"])


def outcome_of(tool: str, question: dict[str, Any], data=None) -> dict[str, Any] | InputError:
    """Return a finite output whose charts are valid, or a refusal that names its field and the way on."""
    try:
        output = run_tool(tool, question, data or world(""))
    except InputError as error:
        return helpful(error)
    json.dumps(output, allow_nan=False)
    for chart in catalogue()[tool].charts(output):
        assert_valid(chart)
    return output


def helpful(error: InputError) -> InputError:
    assert 400 <= error.status < 500
    assert error.field, error
    assert error.expected or error.hint or error.candidates, error
    return error


def flagged(tool: str, found: dict[str, Any] | InputError) -> bool:
    return isinstance(found, InputError) or not usual_warnings(tool) >= set(found["warnings"])


def test_every_tool_is_asked_here_or_reads_no_data():
    assert set(ASKS) | NO_DATA_READ >= set(catalogue())


@every_tool
def test_the_question_itself_is_answered(tool):
    found = outcome_of(tool, ask(tool))

    assert not isinstance(found, InputError), found


@pytest.mark.parametrize(("tool", "name"), [(t, w) for w in WORLDS for t in sorted(ASKS) if mentions(t, WORLDS[w][1])])
def test_data_that_cannot_answer_are_refused_or_flagged(tool, name):
    found = outcome_of(tool, ask(tool), world(name))

    if tool not in WORLDS[name][2]:
        assert flagged(tool, found), f"{tool} says nothing of {name}"


@pytest.mark.parametrize("name", [w for w in WORLDS if w.startswith("infinite")])
def test_infinite_values_are_refused_by_the_name_of_their_column(name):
    column = WORLDS[name][1]

    for tool in (t for t in sorted(ASKS) if mentions(t, column)):
        with pytest.raises(EstimationError, match=f"'{column}' holds 10 infinite"):
            run_tool(tool, ask(tool), world(name))


def test_numbers_too_large_to_compute_with_are_refused_like_infinite_ones():
    huge = context(columns() | {"outcome": [v * 1e35 for v in columns()["outcome"]]})

    for tool in (t for t in sorted(ASKS) if mentions(t, "outcome")):
        with pytest.raises(EstimationError, match="too large to compute with"):
            run_tool(tool, ask(tool), huge)


@pytest.mark.parametrize("scale", [1e-30, 1e25])
@every_tool
def test_outcomes_in_any_unit_are_answered_with_finite_numbers(tool, scale):
    scaled = context(columns() | {name: [v * scale for v in columns()[name]] for name in ("outcome", "x")})

    outcome_of(tool, ask(tool), scaled)


@pytest.mark.parametrize("rows", [1, 3, 12, 49])
@every_tool
def test_few_rows_are_refused_or_flagged(tool, rows):
    found = outcome_of(tool, ask(tool), context(first(rows)(columns())))

    if tool in ADJUST:
        assert isinstance(found, UnprocessableError), found
        assert rows < 12 or isinstance(found, InsufficientDataError), found
    elif rows < 12 and tool not in DESCRIBE:
        assert flagged(tool, found), f"{tool} says nothing of {rows} rows"


@every_tool
def test_an_empty_result_of_a_filter_is_said(tool):
    found = outcome_of(tool, filtered(tool, {"column": "x", "op": "gt", "value": 1e9}))

    if tool == "cohort_builder":
        assert found["n"] == 0
        assert "Nobody meets all criteria" in found["warnings"][0]
    else:
        assert isinstance(found, InsufficientDataError)
        assert found.hint or found.expected


@pytest.mark.parametrize(
    ("condition", "error"),
    [
        ({"column": "seg", "value": "nroth"}, UnknownValueError),
        ({"column": "sge", "value": "north"}, UnknownColumnError),
        ({"column": "x", "op": "gt", "value": "abc"}, UnknownValueError),
        ({"column": "x", "op": "gt", "value": 10**400}, UnknownValueError),
        ({"column": "month", "op": "ge", "value": "2024-99"}, UnknownValueError),
        ({"column": "month", "op": "ge", "value": "0001-01-01T00:00:00+23:00"}, UnknownValueError),
        ({"column": "seg", "op": "in", "value": []}, UnprocessableError),
        ({"column": "x", "op": "between", "value": [1]}, UnprocessableError),
        ({"column": "seg", "op": "gt", "value": "north"}, UnprocessableError),
    ],
)
@every_tool
def test_a_filter_that_cannot_be_meant_is_refused(tool, condition, error):
    found = outcome_of(tool, filtered(tool, condition))

    assert isinstance(found, error), found
    if condition["column"] == "sge" or condition["value"] == "nroth":
        assert {"seg", "north"} & set(found.candidates)


@every_tool
def test_an_unknown_name_is_refused_with_candidates(tool):
    names = {path: at(ASKS[tool], path) for path in leaves(ASKS[tool])}

    for path, name in names.items():
        if name == "data":
            found = outcome_of(tool, put(ASKS[tool], path, "dta"))
            assert isinstance(found, UnknownDatasetError)
            assert found.candidates == ("data",)
        elif isinstance(name, str) and name in columns() and path[-1] != "entity_type":
            found = outcome_of(tool, put(ASKS[tool], path, f"{name}_z"))
            assert isinstance(found, UnknownColumnError), (path, found)
            assert name in found.candidates


@every_tool
def test_anything_in_any_place_of_a_question_is_answered_or_refused(tool):
    for path in leaves(ASKS[tool]):
        for nothing in NOTHING:
            outcome_of(tool, put(ASKS[tool], path, nothing))


@every_tool
def test_a_field_that_no_one_asked_for_is_refused_at_every_depth(tool):
    for path in mappings(ASKS[tool]):
        if path == ("causal_result",):  # the whole output of another tool is passed here
            continue
        found = outcome_of(tool, put(ASKS[tool], (*path, "no_such_field"), 1))
        assert isinstance(found, UnprocessableError)
        assert "no_such_field" in str(found.field)


@pytest.mark.parametrize("name", ["Größe (ü) ≥ 1 🙂", "عمود", "a.b'c\"d;--", "x" * 200])
@every_tool
def test_columns_of_any_name_give_the_same_answer(tool, name):
    plain, odd = outcome_of(tool, ask(tool)), outcome_of(tool, renamed(ask(tool), "x", name), with_covariate(name))

    assert not isinstance(odd, InputError), odd
    assert json.dumps(odd["n"]) == json.dumps(plain["n"])
    for field in ("ate", "psi_value", "value", "power", "overall_effect", "total_opportunity"):
        assert odd.get(field) == pytest.approx(plain.get(field))


@pytest.mark.parametrize("value", ["北 ≥ 65", "'; drop table x; --", "n" * 1000, " "])
@every_tool
def test_values_of_any_text_are_levels_like_others(tool, value):
    data = columns() | {"seg": [value if v == "north" else v for v in columns()["seg"]]}

    found = outcome_of(tool, renamed(ask(tool), "north", value), context(data))

    assert not isinstance(found, InputError), found


def test_a_constant_outcome_is_refused_by_every_tool_that_needs_its_spread():
    for tool in sorted(ADJUST - {"propensity_estimator", "risk_scorer"} | {"power_calculator"}):
        with pytest.raises(NoVariationError) as caught:
            run_tool(tool, ask(tool), world("constant outcome"))
        assert caught.value.field == "outcome_col"
