from __future__ import annotations

import pytest
from builders_composer import column, dataset, datasets
from e2i_shared.api.classification import Period
from e2i_shared.api.common import Filter
from e2i_shared.composer.lexicon import build_lexicon
from e2i_shared.composer.mentions import read_text
from e2i_shared.composer.scope import (
    conditions,
    describe_filter,
    extreme_conditions,
    period_filters,
    time_column,
    vague_conditions,
)
from e2i_shared.errors import UnknownColumnError, UnknownValueError


def named(name):
    return next(d for d in datasets() if d.name == name)


def filters(text, data="hcp_monthly", how=conditions):
    source = named(data) if isinstance(data, str) else data
    found = how(read_text(text, build_lexicon(source)), source)
    return [(c.filter.column, c.filter.op, c.filter.value) for c in found]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("TRx for Kisqali", [("brand", "eq", "Kisqali")]),
        ("TRx in the Northeast and the Midwest", [("region", "in", ["Northeast", "Midwest"])]),
        ("TRx excluding the West", [("region", "ne", "West")]),
        ("TRx outside of the Northeast", [("region", "ne", "Northeast")]),
        ("TRx except for Fabhalta and in the South", [("brand", "ne", "Fabhalta"), ("region", "eq", "South")]),
        ("TRx of oncologists and hematologists", [("specialty", "in", ["Oncology", "Hematology"])]),
        ("TRx in territory T07", [("territory_id", "eq", "T07")]),
        ("TRx in decile 10", [("decile", "eq", 10)]),
        ("TRx in deciles 8 to 10", [("decile", "between", [8, 10])]),
        ("TRx in deciles 8-10", [("decile", "between", [8, 10])]),
        ("TRx for decile between 3 and 5", [("decile", "between", [3, 5])]),
        ("TRx in decile 9 and 10", [("decile", "in", [9, 10])]),
        ("TRx in decile 8+", [("decile", "ge", 8)]),
        ("TRx in decile 8 or above", [("decile", "ge", 8)]),
        ("TRx where practice size over 12", [("practice_size", "gt", 12)]),
        ("TRx where practice size at least 12", [("practice_size", "ge", 12)]),
        ("TRx where experience below 5", [("years_in_practice", "lt", 5)]),
        ("TRx where digital affinity under 0.25", [("digital_affinity", "lt", 0.25)]),
        ("TRx of academic HCPs", [("academic", "eq", True)]),
        ("TRx of non-academic physicians", [("academic", "eq", False)]),
        ("TRx by region", []),
        ("rep visits 3 and TRx", []),
    ],
)
def test_conditions_become_filters(text, expected):
    assert filters(text) == expected


def test_a_percentage_after_a_column_is_no_condition():
    assert filters("digital affinity 20% higher") == []


def test_the_top_decile_is_the_largest_value():
    assert filters("TRx of top decile oncologists", how=extreme_conditions) == [("decile", "eq", 10)]
    assert filters("TRx of the bottom decile", how=extreme_conditions) == [("decile", "eq", 1)]
    assert filters("rank the top deciles", how=extreme_conditions) == []


def test_restrictions_without_bounds_are_reported_not_guessed():
    source = named("hcp_monthly")
    reading = read_text("TRx in high decile oncologists", build_lexicon(source))
    assert vague_conditions(reading, source) == ["high decile"]


def test_an_ordinary_word_filters_only_beside_its_column():
    data = dataset(
        "d", [column("size", "category", "segment", values=["large", "small"]), column("sales", role="outcome")]
    )
    assert filters("a large rise of sales", data) == []
    assert filters("sales by size large", data) == [("size", "eq", "large")]


def test_a_value_of_two_columns_is_refused_with_both_named():
    data = dataset(
        "d",
        [
            column("plan", "category", values=["Zenith"]),
            column("store", "category", values=["Zenith"]),
            column("sales"),
        ],
    )
    with pytest.raises(UnknownValueError, match="plan, store") as caught:
        filters("sales for Zenith", data)
    assert caught.value.candidates == ("plan", "store")


def test_near_spellings_of_two_values_are_refused_with_both_named():
    data = dataset("d", [column("brand", "category", values=["Alphatex", "Alphater"]), column("sales")])
    with pytest.raises(UnknownValueError, match="may mean any of") as caught:
        filters("sales of Alphatey", data)
    assert set(caught.value.candidates) == {"Alphatex", "Alphater"}


def test_a_period_filters_the_time_column():
    period = Period(text="Q3", start="2026-07-01", end="2026-10-01")
    assert [(f.column, f.op, f.value) for f in period_filters([period], named("hcp_monthly"))] == [
        ("month", "ge", "2026-07-01"),
        ("month", "lt", "2026-10-01"),
    ]


def test_several_periods_span_from_the_first_to_the_last():
    periods = [
        Period(text="Q3", start="2026-07-01", end="2026-10-01"),
        Period(text="Q1", start="2026-01-01", end="2026-04-01"),
    ]
    assert [f.value for f in period_filters(periods, named("hcp_monthly"))] == ["2026-01-01", "2026-10-01"]


def test_no_period_is_no_filter():
    assert period_filters([], named("hcps")) == []


def test_a_period_on_data_without_dates_is_refused():
    with pytest.raises(UnknownColumnError, match="no date column"):
        period_filters([Period(text="Q3", start="2026-07-01", end="2026-10-01")], named("patients"))


@pytest.mark.parametrize(("start", "end"), [("2020-01-01", "2021-01-01"), ("2027-01-01", "2027-04-01")])
def test_a_period_outside_the_data_is_refused_with_the_range(start, end):
    with pytest.raises(UnknownValueError, match="2024-10-01 to 2026-09-01"):
        period_filters([Period(text="then", start=start, end=end)], named("hcp_monthly"))


def test_the_time_column_is_the_one_with_the_role_else_the_only_date():
    assert time_column(named("hcp_monthly")).name == "month"
    assert time_column(dataset("d", [column("day", "date")])).name == "day"
    assert time_column(dataset("d", [column("a", "date"), column("b", "date")])) is None
    assert time_column(dataset("d", [column("a", "date"), column("b", "datetime", "time")])).name == "b"


@pytest.mark.parametrize(
    ("condition", "text"),
    [
        (Filter(column="region", value="Northeast"), "region = Northeast"),
        (Filter(column="region", op="ne", value="West"), "region ≠ West"),
        (Filter(column="decile", op="between", value=[8, 10]), "decile between 8 and 10"),
        (Filter(column="brand", op="in", value=["A", "B"]), "brand in A, B"),
        (Filter(column="age", op="ge", value=65), "age ≥ 65"),
    ],
)
def test_filters_are_described_for_readers(condition, text):
    assert describe_filter(condition) == text
