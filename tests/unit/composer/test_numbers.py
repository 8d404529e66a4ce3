from __future__ import annotations

import pytest
from e2i_shared.composer.numbers import find_numbers
from hypothesis import given
from hypothesis import strategies as st


def found(text):
    return [(f.text.strip(), f.value, f.kind) for f in find_numbers(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("rises by 2.05 TRx", [("2.05", 2.05, "number")]),
        ("rises by -2.05", [("-2.05", -2.05, "number")]),
        ("rises by −2.05", [("−2.05", -2.05, "number")]),
        ("worth 1,794 USD", [("1,794", 1794, "number")]),
        ("worth 12,345,678.9", [("12,345,678.9", 12345678.9, "number")]),
        ("worth $1,794", [("$1,794", 1794, "currency")]),
        ("worth $-3", [("$-3", -3, "currency")]),
        ("share of 24.4%", [("24.4%", 24.4, "percent")]),
        ("share of 24.4 percent", [("24.4 percent", 24.4, "percent")]),
        ("worth 1.2 million", [("1.2 million", 1_200_000, "number"), ("million", 1e6, "word")]),
        ("worth 3k", [("3k", 3000, "number")]),
        ("3x as much", [("3x", 3, "number")]),
        ("3-fold", [("3-fold", 3, "number")]),
        ("1.5e-3", [("1.5e-3", 0.0015, "number")]),
        ("age 25–33", [("25", 25, "number"), ("33", 33, "number")]),
        ("from 3 to 5", [("3", 3, "number"), ("5", 5, "number")]),
        ("17,94", [("17", 17, "number")]),
    ],
)
def test_numbers_in_digits(text, expected):
    assert found(text)[: len(expected)] == expected or found(text) == expected


@pytest.mark.parametrize("text", ["T01", "wt82_71", "Q3", "discontinued_90d", "nrx", "hcp_id", "H1N1", "step_2", "x86"])
def test_digits_inside_identifiers_are_no_numbers(text):
    assert [f for f in find_numbers(text) if f.kind != "date"] == []


@pytest.mark.parametrize("text", ["2026-07-01", "2026-07", "2026", "2026-Q3", "Q3 2026", "in 2024 and later"])
def test_dates_are_found_as_dates(text):
    assert [f.kind for f in find_numbers(text)] == ["date"]


def test_a_year_like_amount_is_a_number():
    assert found("2026.5 TRx") == [("2026.5", 2026.5, "number")]
    assert found("2026% more")[0][2] == "percent"
    assert found("12026 rows") == [("12026", 12026, "number")]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("about a third of it", 1 / 3),
        ("it doubled", 2),
        ("twice as much", 2),
        ("half of them", 0.5),
        ("a dozen", 12),
        ("three segments", 3),
        ("nearly a quarter of", 0.25),
        ("hundred", 100),
        ("a tenth of", 0.1),
    ],
)
def test_number_words_are_numbers(text, value):
    (one,) = find_numbers(text)
    assert (one.kind, one.value) == ("word", pytest.approx(value))


@pytest.mark.parametrize(
    "text",
    ["last quarter", "the third segment", "in the fifth month", "one more visit", "none of them", "no effect", "first"],
)
def test_time_and_order_are_no_numbers(text):
    assert find_numbers(text) == []


@pytest.mark.parametrize(
    ("text", "tolerance"),
    [("2.05", 0.005), ("2", 0.5), ("1,794", 0.5), ("2.0", 0.05), ("1.2 million", 50_000), ("24.4%", 0.05)],
)
def test_a_number_stands_for_what_rounds_to_it(text, tolerance):
    assert find_numbers(text)[0].tolerance == pytest.approx(tolerance)


@pytest.mark.parametrize(
    ("text", "less"), [("(p < 0.001)", True), ("p below 0.05", True), ("p = 0.03", False), ("sales < 0.001", False)]
)
def test_a_bound_on_a_p_value_is_a_bound(text, less):
    assert find_numbers(text)[-1].less_than is less


@given(st.text(max_size=300))
def test_any_text_can_be_searched(text):
    for one in find_numbers(text):
        assert text[one.start : one.end] == one.text


@given(st.floats(-1e6, 1e6, allow_nan=False), st.sampled_from([".0f", ".1f", ".2f", ".3f", ",.0f", ",.2f"]))
def test_every_printed_number_is_found_with_its_value_within_its_rounding(value, spec):
    shown = format(value, spec)
    (one,) = [f for f in find_numbers(f"it is {shown} units") if f.kind != "date"] or [None]
    if one is not None:
        assert abs(one.value - value) <= one.tolerance * (1 + 1e-6) + 1e-9
