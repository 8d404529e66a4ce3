"""Conditions whose column stands after the number, or is not said."""

from __future__ import annotations

import pytest
from builders_composer import datasets, shop
from e2i_shared.composer.criteria import all_conditions, quality_conditions
from e2i_shared.composer.lexicon import build_lexicon
from e2i_shared.composer.mentions import read_text
from e2i_shared.composer.scope import describe_filter


def data(name):
    return next(d for d in datasets() if d.name == name)


def found(text, name="patients", read=all_conditions):
    dataset = data(name)
    return [describe_filter(c.filter) for c in read(read_text(text, build_lexicon(dataset)), dataset)]


@pytest.mark.parametrize(
    ("text", "condition"),
    [
        ("patients over 65", "age > 65"),
        ("patients aged 40 to 60", "age between 40 and 60"),
        ("those aged between 40 and 60", "age between 40 and 60"),
        ("people under 30 years old", "age < 30"),
        ("among women", "sex = F"),
        ("for men only", "sex = M"),
        ("between women and men", "sex in F, M"),
        ("people older than 70", "age > 70"),
        ("adults aged 18 or older", "age ≥ 18"),
        ("adults aged 50+", "age ≥ 50"),
        ("at least 2 comorbidities", "comorbidities ≥ 2"),
        ("fewer than 3 comorbid conditions", "comorbidities < 3"),
    ],
)
def test_conditions_are_read_where_the_column_is_implied_or_follows(text, condition):
    assert found(text) == [condition]


@pytest.mark.parametrize(
    "text", ["patients over 24 months", "patients under 5%", "for patients over 3 visits", "patients over budget"]
)
def test_other_numbers_are_no_ages(text):
    assert found(text) == []


def test_data_without_ages_has_no_condition_on_age():
    dataset = shop()
    reading = read_text("people over 65", build_lexicon(dataset))
    assert all_conditions(reading, dataset) == []


def test_a_measure_is_not_restricted_by_a_number_before_it():
    assert found("more than 10 TRx", "hcp_monthly") == []
    assert found("more than 10 years in practice", "hcp_monthly") == ["years_in_practice > 10"]


@pytest.mark.parametrize(
    ("text", "condition"),
    [
        ("patients with a copay card", "copay_card = True"),
        ("excluding those with a copay card", "copay_card = False"),
        ("patients without nurse support", "nurse_support = False"),
        ("who discontinued", "discontinued_90d = True"),
    ],
)
def test_a_cohorts_yes_or_no_qualities_are_criteria(text, condition):
    assert found(text, read=quality_conditions) == [condition]
