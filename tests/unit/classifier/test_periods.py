from __future__ import annotations

from datetime import date

import pytest
from e2i_shared.classifier.periods import find_periods
from e2i_shared.classifier.text import fold
from hypothesis import given
from hypothesis import strategies as st

TODAY = date(2026, 11, 18)


def periods(text: str, today: date = TODAY) -> list[tuple[str, str, str]]:
    return [(s.period.text, s.period.start, s.period.end) for s in find_periods(fold(text), text, today)]


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("Why did TRx drop in Q3?", "2026-07-01", "2026-10-01"),
        ("TRx in Q4", "2026-10-01", "2027-01-01"),
        ("TRx in Q3 2025", "2025-07-01", "2025-10-01"),
        ("TRx in 2025 Q2", "2025-04-01", "2025-07-01"),
        ("TRx in Q1 '25", "2025-01-01", "2025-04-01"),
        ("forecast for Q1", "2027-01-01", "2027-04-01"),
        ("what will TRx be in Q4", "2026-10-01", "2027-01-01"),
        ("third quarter of 2025", "2025-07-01", "2025-10-01"),
        ("first half of 2026", "2026-01-01", "2026-07-01"),
        ("H2 2025", "2025-07-01", "2026-01-01"),
        ("last quarter", "2026-07-01", "2026-10-01"),
        ("last two quarters", "2026-04-01", "2026-10-01"),
        ("the last 6 months", "2026-05-01", "2026-11-01"),
        ("past twelve months", "2025-11-01", "2026-11-01"),
        ("trailing 3 full months", "2026-08-01", "2026-11-01"),
        ("last week", "2026-11-09", "2026-11-16"),
        ("past 90 days", "2026-08-20", "2026-11-18"),
        ("last year", "2025-01-01", "2026-01-01"),
        ("next quarter", "2027-01-01", "2027-04-01"),
        ("the next three months", "2026-12-01", "2027-03-01"),
        ("next year", "2027-01-01", "2028-01-01"),
        ("this month", "2026-11-01", "2026-12-01"),
        ("the current quarter", "2026-10-01", "2027-01-01"),
        ("year to date", "2026-01-01", "2026-11-19"),
        ("ytd trx", "2026-01-01", "2026-11-19"),
        ("QTD", "2026-10-01", "2026-11-19"),
        ("in August", "2026-08-01", "2026-09-01"),
        ("in December", "2025-12-01", "2026-01-01"),
        ("NRx expected in December", "2026-12-01", "2027-01-01"),
        ("Sept 2025", "2025-09-01", "2025-10-01"),
        ("in May", "2026-05-01", "2026-06-01"),
        ("between June and September", "2026-06-01", "2026-10-01"),
        ("from Nov to Feb 2026", "2025-11-01", "2026-03-01"),
        ("jan-mar 2026", "2026-01-01", "2026-04-01"),
        ("since July", "2026-07-01", "2026-11-19"),
        ("in 2025", "2025-01-01", "2026-01-01"),
        ("on 2026-03-05", "2026-03-05", "2026-03-06"),
        ("in 2026-03", "2026-03-01", "2026-04-01"),
        ("yesterday", "2026-11-17", "2026-11-18"),
    ],
)
def test_a_phrase_of_time_becomes_dates_with_the_end_exclusive(text: str, start: str, end: str):
    assert [(found[1], found[2]) for found in periods(text)] == [(start, end)]


@pytest.mark.parametrize(
    ("text", "comparison"),
    [
        ("YoY", "previous_year"),
        ("QoQ", "previous_period"),
        ("month over month", "previous_period"),
        ("TRx vs last year", "previous_year"),
    ],
)
def test_a_comparison_of_periods_says_what_it_is_held_against(text: str, comparison: str):
    found = find_periods(fold(text), text, TODAY)

    assert [span.period.comparison for span in found] == [comparison]


def test_year_over_year_covers_the_last_twelve_whole_months():
    assert periods("growth YoY") == [("YoY", "2025-11-01", "2026-11-01")]


def test_two_periods_are_kept_in_order_of_mention():
    assert [found[0] for found in periods("psi between Q2 and Q3")] == ["Q2", "Q3"]


def test_the_text_is_quoted_as_it_was_written():
    text = "Sales LAST Quarter please"

    span = find_periods(fold(text), text, TODAY)[0]

    assert text[span.start : span.end] == span.period.text == "LAST Quarter"


@pytest.mark.parametrize(
    "text",
    ["may I ask", "we march on", "20% more calls", "8 weeks of pilot", "HCP 1043", "2,000 packs", "last 0 months"],
)
def test_words_and_numbers_that_are_no_dates_are_left_alone(text: str):
    assert periods(text) == []


def test_the_turn_of_the_year_is_crossed_correctly():
    assert periods("last quarter", date(2027, 1, 5)) == [("last quarter", "2026-10-01", "2027-01-01")]
    assert periods("Q4", date(2027, 1, 5)) == [("Q4", "2026-10-01", "2027-01-01")]


@given(
    st.text(st.sampled_from("qQ1234 lastnexty2026-monthquarersi0'/"), max_size=60),
    st.dates(date(2000, 1, 1), date(2090, 1, 1)),
)
def test_no_text_breaks_the_calendar_and_no_period_ends_before_it_starts(text: str, today: date):
    for span in find_periods(fold(text), text, today):
        assert span.period.start < span.period.end
