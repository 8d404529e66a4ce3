from __future__ import annotations

import numpy as np
import pytest
from e2i_shared.api.datasets import Column, ColumnKind, ColumnRole, ColumnStatistics
from e2i_shared.tools._periods import (
    Period,
    Span,
    covered,
    grain_label,
    grain_span,
    grain_starts,
    is_monthly,
    last_complete,
    observed,
)
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError


def day(text):
    return np.datetime64(text, "D")


def span(start, end):
    return Span(day(start), day(end))


def dates(minimum, maximum, distinct):
    return Column(
        name="month",
        kind=ColumnKind.DATE,
        role=ColumnRole.TIME,
        statistics=ColumnStatistics(missing=0, distinct=distinct, minimum=minimum, maximum=maximum),
    )


@pytest.mark.parametrize(
    ("of", "comparison", "expected"),
    [
        (("2026-07-01", "2026-10-01"), "previous_period", ("2026-04-01", "2026-07-01")),
        (("2026-03-01", "2026-04-01"), "previous_period", ("2026-02-01", "2026-03-01")),
        (("2026-03-10", "2026-03-20"), "previous_period", ("2026-02-28", "2026-03-10")),
        (("2026-07-01", "2026-10-01"), "previous_year", ("2025-07-01", "2025-10-01")),
        (("2024-02-29", "2024-03-01"), "previous_year", ("2023-02-28", "2023-03-01")),
        (("2026-01-01", "2027-01-01"), "previous_period", ("2025-01-01", "2026-01-01")),
    ],
)
def test_what_a_period_is_compared_with(of, comparison, expected):
    assert span(*of).earlier(comparison) == span(*expected)


@given(st.integers(0, 400), st.integers(1, 30))
def test_months_before_are_as_many_as_the_period_has(start, length):
    first = np.datetime64("2000-01", "M") + np.timedelta64(start, "M")
    period = Span(first.astype("datetime64[D]"), (first + np.timedelta64(length, "M")).astype("datetime64[D]"))

    before = period.earlier("previous_period")

    assert before.end == period.start
    assert (before.end.astype("datetime64[M]") - before.start.astype("datetime64[M]")).astype(int) == length


def test_periods_are_labelled_as_people_write_them():
    assert grain_label(day("2026-07-01"), "month") == "2026-07"
    assert grain_label(day("2026-07-01"), "quarter") == "2026-Q3"
    assert grain_label(day("2026-01-01"), "year") == "2026"


@pytest.mark.parametrize(
    ("grain", "expected"), [("month", "2026-08-01"), ("quarter", "2026-07-01"), ("year", "2026-01-01")]
)
def test_a_day_belongs_to_its_period(grain, expected):
    starts = grain_starts(np.array([day("2026-08-31"), np.datetime64("NaT", "D")]), grain)

    assert starts[0] == day(expected)
    assert np.isnat(starts[1])


def test_dates_before_1970_belong_to_theirs():
    assert grain_starts(np.array([day("1969-11-15")]), "quarter")[0] == day("1969-10-01")


def test_a_quarter_spans_three_months():
    assert grain_span(day("2026-10-01"), "quarter") == span("2026-10-01", "2027-01-01")


def test_monthly_data_cover_their_last_month():
    column = dates("2024-10-01", "2026-09-01", 24)

    assert is_monthly(column)
    assert covered(column) == span("2024-10-01", "2026-10-01")


def test_daily_data_cover_their_last_day():
    column = dates("2026-01-01", "2026-03-01", 60)

    assert not is_monthly(column)
    assert covered(column) == span("2026-01-01", "2026-03-02")


def test_a_column_without_dates_covers_nothing():
    assert covered(dates(None, None, 0)) is None
    assert not is_monthly(dates(None, None, 0))


def test_the_last_complete_quarter_ends_by_the_end_of_the_data():
    assert last_complete(span("2024-10-01", "2026-10-01"), "quarter") == span("2026-07-01", "2026-10-01")
    assert last_complete(span("2024-10-01", "2026-09-15"), "quarter") == span("2026-04-01", "2026-07-01")
    assert last_complete(span("2024-10-01", "2026-09-15"), "year") == span("2025-01-01", "2026-01-01")


def test_what_rows_cover_depends_on_their_rhythm():
    days = np.array([day("2026-01-01"), day("2026-02-01"), np.datetime64("NaT", "D")])

    assert observed(days, monthly=True) == span("2026-01-01", "2026-03-01")
    assert observed(days, monthly=False) == span("2026-01-01", "2026-02-02")
    assert observed(days[2:], monthly=True) is None


def test_a_span_holds_its_start_but_not_its_end():
    days = np.array([day("2026-01-01"), day("2026-01-31"), day("2026-02-01"), np.datetime64("NaT", "D")])

    assert span("2026-01-01", "2026-02-01").holds(days).tolist() == [True, True, False, False]


def test_a_span_reads_with_its_last_day():
    assert span("2026-07-01", "2026-10-01").text() == "2026-07-01 to 2026-09-30"


def test_a_month_stands_for_its_first_day():
    assert Period(start="2026-07", end="2026-10").span() == span("2026-07-01", "2026-10-01")


@pytest.mark.parametrize(
    ("start", "end"),
    [("2026-10-01", "2026-07-01"), ("2026-07-01", "2026-07-01"), ("2026-02-30", "2026-04-01"), ("July", "2026-10")],
)
def test_what_is_no_period_is_refused(start, end):
    with pytest.raises(ValidationError):
        Period(start=start, end=end)
