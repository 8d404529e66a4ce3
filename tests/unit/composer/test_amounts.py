"""Amounts that questions name: budgets, changes of a treatment, prices, spans of time."""

from __future__ import annotations

import pytest
from e2i_shared.api.classification import Period
from e2i_shared.composer.amounts import Money, Shift, budget, cost, days, longest, months, shift, worth


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("We have 500 extra calls: who should get them", 500),
        ("How should we allocate 1,000 samples across oncologists", 1000),
        ("Who should get the 300 copay cards we can fund", 300),
        ("We can train 100 more men: who should get training", 100),
        ("With 250 additional visits among decile 8 to 10 HCPs", 250),
        ("among decile 8 to 10 HCPs, with 250 additional visits", 250),
        ("for patients over 65, who should get 40 nurse visits", 40),
    ],
)
def test_a_budget_is_the_number_of_treatments_to_give(text, number):
    assert budget(text) == number


@pytest.mark.parametrize(
    "text", ["who should get more calls", "a 20% larger budget", "for the next 6 months", "$50 a call", "in Q3 2026Q3"]
)
def test_percentages_prices_and_spans_are_no_budget(text):
    assert budget(text) is None


@pytest.mark.parametrize(
    ("text", "change"),
    [
        ("what would 20% more calls do to the low responders", Shift(percent=20)),
        ("what would 12.5 percent fewer visits do", Shift(percent=-12.5)),
        ("what if we cut rep visits by 30%", Shift(percent=-30)),
        ("what if we increase samples in the South by 10%", Shift(percent=10)),
        ("what would happen to NRx if we doubled samples", Shift(percent=100)),
        ("what if we cut emails in half", Shift(percent=-50)),
        ("what would 2 more visits per month do", Shift(units=2)),
        ("what would one extra call do", Shift(units=1)),
        ("what would three fewer calls do", Shift(units=-3)),
        ("what if every patient had the copay card", Shift(level=1)),
        ("what would happen if nobody quit smoking", Shift(level=0)),
        ("what if we stopped the emails", Shift(level=0)),
    ],
)
def test_a_change_of_a_treatment_is_a_percentage_a_number_of_units_or_a_level(text, change):
    assert shift(text) == change


def test_a_question_without_a_change_has_none():
    assert shift("what would calls do to TRx") is None


@pytest.mark.parametrize(
    ("text", "price"),
    [
        ("the ROI of closing it at $50 a call", Money(50, "call")),
        ("at $1,200 per program", Money(1200, "program")),
        ("at $1.5k per program", Money(1500, "program")),
        ("a visit costs 80 dollars", Money(80, None)),
        ("when a TRx is worth $300 per TRx and $50 per call", Money(50, "call")),
    ],
)
def test_a_price_is_that_of_the_treatment(text, price):
    assert cost(text) == price


def test_what_an_outcome_is_worth_is_no_price():
    assert worth("at $50 per call and $300 per TRx") == Money(300, "trx")
    assert cost("worth $300 per script") is None
    assert worth("at $50 per call") is None


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("over 24 months", 24),
        ("for the next 6 months", 6),
        ("over the next two quarters", 6),
        ("for the next year", 12),
        ("next quarter", 3),
        ("within 90 days", None),
        ("at $50 a call", None),
    ],
)
def test_spans_of_months(text, span):
    assert months(text) == span


def test_spans_of_days():
    assert days("within 90 days") == 90
    assert days("in the next 6 months") == 180
    assert days("soon") is None


def test_the_longest_period_counts_in_months():
    near = Period(text="next quarter", start="2027-01-01", end="2027-04-01")
    far = Period(text="next year", start="2027-01-01", end="2028-01-01")
    assert longest([near, far]) == 12
    assert longest([]) is None
