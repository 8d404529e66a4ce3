from __future__ import annotations

import pytest
from e2i_shared.datasets import cells
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize("text", ["", " ", "NA", "n/a", "NULL", "NaN", ".", "-", "None", " na "])
def test_what_stands_for_missing(text):
    assert cells.is_missing(text)


@pytest.mark.parametrize("text", ["0", "nano", "--", "..", "null island", "N", "false"])
def test_what_does_not(text):
    assert not cells.is_missing(text)


@pytest.mark.parametrize("text", ["0", "-1", "+2.5", ".5", "5.", "1e6", "1.5E-3", " 7 "])
def test_what_is_a_number(text):
    assert cells.is_number(text)
    float(text)


@pytest.mark.parametrize("text", ["", "1,000", "$5", "5%", "0x10", "1e", "1_000", "inf", "nan", "--1", "1.2.3", "٣x"])
def test_what_is_no_number(text):
    assert not cells.is_number(text)


@given(st.floats(allow_nan=False, allow_infinity=False, min_value=-1e300, max_value=1e300))
def test_every_float_as_python_writes_it_is_a_number(value):
    assert cells.is_number(repr(value))


@given(st.dates())
def test_every_date_in_iso_is_a_date(value):
    assert cells.is_date(value.isoformat())


@given(st.datetimes())
def test_every_moment_in_iso_is_a_moment_and_no_date(value):
    assert cells.is_moment(value.isoformat())
    assert cells.is_moment(str(value))
    assert not cells.is_date(str(value))


@pytest.mark.parametrize(
    "text", ["2026-01-31", "1/31/2026", "31.01.2026", "31-Jan-2026", "31 January 2026", "Jan 31, 2026"]
)
def test_what_is_a_date(text):
    assert cells.is_date(text)


@pytest.mark.parametrize("text", ["2026", "20260131", "2026-01", "1/31", "1-2/2026", "Jan 2026", "today", "1.5"])
def test_what_is_no_date(text):
    assert not cells.is_date(text)


@pytest.mark.parametrize(
    ("text", "order"),
    [
        ("31/01/2026", "DMY"),
        ("01/31/2026", "MDY"),
        ("03/04/2026", None),
        ("03.04.2026", "DMY"),
        ("2026-01-31", None),
        ("31-Jan-2026", None),
    ],
)
def test_the_order_of_day_and_month_where_it_is_certain(text, order):
    assert cells.day_order(text) == order


@pytest.mark.parametrize("text", ["inf", "-inf", "Infinity", "+INFINITY"])
def test_spellings_of_infinity(text):
    assert cells.is_infinite(text)
    assert not cells.is_number(text)


def test_every_spelling_known_to_the_database_is_missing():
    assert all(cells.is_missing(text) for text in cells.NA_SPELLINGS)
    assert {"NA", "N/A", "null", "NaN", ".", "-", ""} <= cells.NA_SPELLINGS
