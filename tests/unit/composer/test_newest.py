from __future__ import annotations

from datetime import date

import pytest
from builders_composer import column, dataset, datasets, decomposition, kpi_names
from e2i_shared.api.classification import Domain, Period
from e2i_shared.classifier.periods import find_periods
from e2i_shared.composer.ground import ground
from e2i_shared.composer.newest import newest
from e2i_shared.errors import UnknownValueError

TODAY = date(2026, 11, 21)


def ending(last: str, first: str = "2024-01-01"):
    return dataset("visits", [column("day", "date", "time", minimum=first, maximum=last)])


MONTHLY = ending("2025-12-01")
DAILY = ending("2025-12-17")


def said(text: str, today: date = TODAY) -> list[Period]:
    return [found.period for found in find_periods(text.lower(), text, today)]


def taken(text: str, data=MONTHLY, today: date = TODAY):
    moved, notes = newest(said(text, today), data)
    return [f"{p.start}/{p.end}" for p in moved], notes


@pytest.mark.parametrize(
    ("text", "span", "words"),
    [
        ("last month", "2025-12-01/2026-01-01", "December 2025"),
        ("this month", "2025-12-01/2026-01-01", "December 2025"),
        ("this quarter", "2025-10-01/2026-01-01", "Q4 2025"),
        ("last quarter", "2025-10-01/2026-01-01", "Q4 2025"),
        ("last 3 months", "2025-10-01/2026-01-01", "Q4 2025"),
        ("last 6 months", "2025-07-01/2026-01-01", "2025-07 to 2025-12"),
        ("this year", "2025-01-01/2026-01-01", "2025"),
        ("year to date", "2025-01-01/2026-01-01", "2025"),
        ("yesterday", "2025-12-01/2026-01-01", "December 2025"),
        ("last week", "2025-12-01/2026-01-01", "December 2025"),
    ],
)
def test_a_period_said_from_today_is_the_newest_one_held_with_a_note(text, span, words):
    spans, notes = taken(text)

    assert spans == [span]
    assert notes == (f"The data end December 2025: {text!r} is taken as {words}.",)


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("yesterday", "2025-12-17/2025-12-18"),
        ("last week", "2025-12-08/2025-12-15"),
        ("this week", "2025-12-15/2025-12-22"),
        ("last month", "2025-11-01/2025-12-01"),
        ("this month", "2025-12-01/2026-01-01"),
        ("last quarter", "2025-07-01/2025-10-01"),
        ("this quarter", "2025-10-01/2026-01-01"),
    ],
)
def test_of_daily_data_the_last_unit_is_the_newest_complete_one_and_this_one_may_be_begun(text, span):
    spans, notes = taken(text, DAILY)

    assert spans == [span]
    assert notes[0].startswith(f"The data end on 2025-12-17: {text!r} is taken as ")


def test_two_periods_of_a_unit_move_together():
    spans, notes = taken("this month against last month")

    assert spans == ["2025-12-01/2026-01-01", "2025-11-01/2025-12-01"]
    assert len(notes) == 2


def test_year_on_year_keeps_its_twelve_months_and_its_comparison():
    moved, _ = newest(said("yoy"), MONTHLY)

    assert [(p.start, p.end, p.comparison) for p in moved] == [("2025-01-01", "2026-01-01", "previous_year")]


def test_what_the_data_hold_in_full_stays_without_a_word():
    assert taken("last month", today=date(2026, 1, 9)) == (["2025-12-01/2026-01-01"], ())


def test_a_current_period_that_is_begun_stays_and_says_what_is_held():
    spans, notes = taken("this year", today=date(2025, 12, 31), data=ending("2025-09-01"))

    assert spans == ["2025-01-01/2026-01-01"]
    assert notes == ("The data end September 2025: of 'this year' (2025) they hold 2025-01 to 2025-09.",)


@pytest.mark.parametrize("text", ["in Q1 2020", "in March 2030", "2026-10", "in October", "next quarter"])
def test_named_dates_and_the_future_stay(text):
    periods = said(text)
    assert periods
    assert newest(periods, MONTHLY) == (periods, ())


def test_data_without_dates_move_nothing():
    assert newest(said("last month"), dataset("d", [column("x")])) == (said("last month"), ())


def bound(text: str):
    made = decomposition([(Domain.KPI, f"What was TRx {text}?")])
    part = made.sub_questions[0].model_copy(update={"periods": said(text)})
    return ground(part.text, made.model_copy(update={"sub_questions": [part]}), datasets(), kpis=kpi_names())


def test_the_moved_period_is_what_is_looked_up_and_the_plan_says_so():
    made = bound("last month")

    assert [p.start for p in made.bound["Q1"].question.periods] == ["2026-09-01"]
    assert [f.value for f in made.bound["Q1"].filters] == ["2026-09-01", "2026-10-01"]
    assert made.notes == ("The data end September 2026: 'last month' is taken as September 2026.",)


def test_a_named_period_outside_the_data_is_still_refused():
    with pytest.raises(UnknownValueError, match="2024-10-01 to 2026-09-01"):
        bound("in March 2030")
