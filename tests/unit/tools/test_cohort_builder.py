from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest
from builders_frames import NO_DATA, context
from e2i_shared.api.common import Filter
from e2i_shared.errors import InsufficientDataError, UnknownColumnError, UnknownValueError, UnprocessableError
from e2i_shared.tools._registry import run_tool
from e2i_shared.tools.cohort_builder import EXAMPLES, charts
from vega_lite import assert_valid

AGE = [70, 40, None, 66, 80, 65, 30, 72]
SEX = ["F", "M", "F", None, "F", "M", "F", "M"]
DOSE = [1, 2, 3, 4, None, 6, 7, 8]
PEOPLE = context(
    {"patient_id": [f"P{i}" for i in range(8)], "age": AGE, "sex": SEX, "dose": DOSE},
    roles={"patient_id": "id"},
    kinds={"patient_id": "id"},
    units={"age": "years"},
    synonyms={"age": ["years of age"]},
)


def build(tool_context=PEOPLE, **params: Any):
    return run_tool("cohort_builder", {"dataset": "data", **params}, tool_context)


def condition(column, op, value):
    return {"column": column, "op": op, "value": value}


def test_counts_follow_the_rows_by_hand():
    out = build(
        inclusion=[condition("age", "ge", 65)],
        exclusion=[condition("sex", "eq", "M")],
    )

    first, second = out["steps"]
    assert (first["rows_before"], first["rows_excluded"], first["rows_after"], first["rows_missing"]) == (8, 3, 5, 1)
    assert (second["rows_before"], second["rows_excluded"], second["rows_after"]) == (5, 3, 2)
    assert second["rows_missing"] == 1, "the row whose sex is unknown is out, and counted as unknown"
    assert (out["size"], out["share"], out["n"]) == (2, 0.25, 2)
    assert first["entities_without"] == 4
    assert second["entities_without"] == 5
    assert (out["strictest"], out["strictest_adds"]) == ("sex = M", 3)


def test_the_filters_of_a_call_are_its_first_inclusion_steps():
    out = build(filters=[condition("sex", "eq", "F")], inclusion=[condition("age", "ge", 65)])

    assert [step["criterion"] for step in out["steps"]] == ["sex = F", "age ≥ 65 years"]
    assert {step["kind"] for step in out["steps"]} == {"inclusion"}
    assert out["assessed_entities"] == 8


def test_the_order_of_criteria_changes_the_counts_but_not_the_cohort():
    ways = [condition("age", "ge", 65), condition("dose", "le", 6)]

    one, other = build(inclusion=ways), build(inclusion=ways[::-1])

    assert one["cohort"]["hash"] == other["cohort"]["hash"]
    assert one["size"] == other["size"]
    assert one["steps"] != other["steps"]


def test_labels_do_not_change_who_is_in_but_criteria_do():
    plain = build(inclusion=[condition("age", "ge", 65)])["cohort"]["hash"]
    named = build(inclusion=[{"label": "Seniors", "filters": [condition("age", "ge", 65)]}])["cohort"]["hash"]
    other = build(inclusion=[condition("age", "ge", 66)])["cohort"]["hash"]
    out = build(exclusion=[condition("age", "ge", 65)])["cohort"]["hash"]

    assert plain == named
    assert len({plain, other, out}) == 3


def test_any_keeps_a_row_that_one_condition_certainly_holds_for():
    out = build(
        inclusion=[{"match": "any", "filters": [condition("age", "ge", 72), condition("dose", "le", 2)]}],
    )

    # rows 0 (dose 1), 1 (dose 2), 4 (age 80, dose missing), 7 (age 72) pass; 2 (age missing, dose 3) is undecided
    assert out["size"] == 4
    assert out["steps"][0]["rows_missing"] == 1
    assert out["cohort"]["filters"] is None
    assert any("“or”" in warning for warning in out["warnings"])


def test_one_column_of_several_values_becomes_a_filter():
    either = {"match": "any", "filters": [condition("dose", "eq", 1), condition("dose", "in", [2, 1])]}

    assert build(inclusion=[either])["cohort"]["filters"] == [condition("dose", "in", [1, 2])]


def random_criterion(draw):
    column, op, value = draw.choice(
        [
            ("age", draw.choice(["lt", "le", "gt", "ge"]), draw.choice([50, 65, 70])),
            ("sex", draw.choice(["eq", "ne"]), draw.choice(["F", "M"])),
            ("dose", "in", draw.sample([1, 2, 3, 6, 7], 2)),
            ("dose", "between", [2, 6]),
            ("dose", draw.choice(["eq", "ne"]), 3),
        ]
    )
    return condition(column, op, value)


@pytest.mark.parametrize("seed", range(40))
def test_the_filters_read_exactly_the_cohorts_rows(seed):
    draw = random.Random(seed)  # noqa: S311 -- picks test cases
    groups = [
        {
            "match": draw.choice(["all", "any"]),
            "filters": [random_criterion(draw) for _ in range(draw.choice([1, 1, 2]))],
        }
        for _ in range(3)
    ]

    out = build(inclusion=groups[:1], exclusion=groups[1:])

    assert out["n"] == sum(is_in(row, groups[0], groups[1:]) for row in range(8))
    if out["cohort"]["filters"] is not None:
        kept = PEOPLE.data.read("data", ["age"], [Filter(**f) for f in out["cohort"]["filters"]])
        assert kept.n == out["n"]


def is_in(row, included, excluded):
    return truth(row, included) is True and all(truth(row, group) is False for group in excluded)


def truth(row, group):
    """Decide a criterion of one row in plain Python: True, False or None."""
    answers = [
        one({"age": AGE, "sex": SEX, "dose": DOSE}[f["column"]][row], f["op"], f["value"]) for f in group["filters"]
    ]
    strong = group["match"] == "any"
    if strong in answers:
        return strong
    return None if None in answers else not strong


def one(cell, op, value):
    if cell is None:
        return None
    return {
        "eq": lambda: cell == value,
        "ne": lambda: cell != value,
        "lt": lambda: cell < value,
        "le": lambda: cell <= value,
        "gt": lambda: cell > value,
        "ge": lambda: cell >= value,
        "in": lambda: cell in value,
        "between": lambda: value[0] <= cell <= value[1],
    }[op]()


def test_entities_are_counted_once_and_stay_while_a_row_passes():
    months = context({"hcp_id": ["A", "A", "B", "B", "C", None], "trx": [1, 9, 2, 3, 8, 9]}, roles={"hcp_id": "id"})

    out = build(months, inclusion=[condition("trx", "ge", 8)])

    assert out["unit"] == "hcp"
    assert (out["assessed_entities"], out["size"], out["n"]) == (3, 2, 3)
    assert out["cohort"]["unit_col"] == "hcp_id"


def test_the_counts_of_the_sample_are_those_of_its_columns(sample, sample_context):
    out = run_tool("cohort_builder", EXAMPLES[0], sample_context)
    frame = sample.tables["patients"]

    brand, payer = frame.columns["brand"], frame.columns["payer"]
    kept = brand.codes == brand.levels.index("Kisqali")
    kept &= frame.numbers("age") >= 65
    kept &= (payer.codes >= 0) & (payer.codes != payer.levels.index("Uninsured"))
    kept &= frame.numbers("comorbidities") < 3
    assert out["size"] == int(np.sum(kept)) > 0
    assert [s["reason"] for s in out["steps"]] == [None, None, None, "Dosing differs"]


def test_a_small_cell_is_flagged_and_none_is_at_zero():
    flagged = build(inclusion=[condition("age", "ge", 65)])
    free = build(inclusion=[condition("age", "ge", 65)], min_cell=0)

    assert flagged["small_cells"] == ["age ≥ 65 years"]
    assert any("identify people" in warning for warning in flagged["warnings"])
    assert free["small_cells"] == []


def test_an_empty_cohort_says_which_criterion_emptied_it():
    out = build(inclusion=[condition("age", "ge", 65), condition("dose", "gt", 100), condition("sex", "eq", "F")])

    assert out["empty"]
    assert out["emptied_by"] == "dose > 100"
    assert out["size"] == out["n"] == 0
    assert any("cannot be saved" in warning for warning in out["warnings"])
    assert_valid(charts(out)[0])


def test_a_criterion_that_excludes_nobody_is_named():
    out = build(inclusion=[condition("dose", "ge", 0), condition("age", "ge", 0)])

    assert not any("dose ≥ 0" in warning for warning in out["warnings"] if warning.startswith("No row"))
    out = build(context({"dose": [1, 2, 3]}), inclusion=[condition("dose", "ge", 0)])
    assert any(warning == "No row was excluded by: dose ≥ 0." for warning in out["warnings"])


def test_a_synonym_names_the_column():
    out = build(inclusion=[condition("years of age", "ge", 65)])

    assert out["cohort"]["filters"] == [condition("age", "ge", 65)]


def test_a_cohort_without_a_criterion_is_refused():
    with pytest.raises(UnprocessableError) as caught:
        build()
    assert caught.value.field == "inclusion"


def test_an_unknown_column_names_the_nearest():
    with pytest.raises(UnknownColumnError) as caught:
        build(inclusion=[condition("agee", "ge", 65)])
    assert "age" in caught.value.candidates


def test_an_unknown_value_names_those_held():
    with pytest.raises(UnknownValueError) as caught:
        build(inclusion=[condition("sex", "eq", "X")])
    assert set(caught.value.candidates) == {"F", "M"}


def test_an_order_on_text_is_refused():
    with pytest.raises(UnprocessableError, match="no order"):
        build(exclusion=[condition("sex", "gt", "F")])


def test_a_criterion_without_conditions_is_refused():
    with pytest.raises(UnprocessableError):
        run_tool("cohort_builder", {"dataset": "data", "inclusion": [{"filters": []}]}, NO_DATA)


def test_no_rows_are_refused():
    with pytest.raises(InsufficientDataError, match="no rows"):
        build(context({"dose": []}), inclusion=[condition("dose", "ge", 0)])


def test_the_picture_shows_every_count():
    out = build(inclusion=[condition("age", "ge", 65)], exclusion=[condition("sex", "eq", "M")], name="Seniors")

    drawn = charts(out)[0]
    assert_valid(drawn)
    texts = [row["text"] for row in drawn["layer"][-1]["data"]["values"]]
    assert texts == [
        "Assessed\nn = 8 rows",
        "Not met: age ≥ 65 years\nn = 3, 1 row unknown",
        "Left\nn = 5 rows",
        "Excluded: sex = M\nn = 3, 1 row unknown",
        "Seniors\nn = 2 rows",
    ]
