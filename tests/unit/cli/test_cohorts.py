"""Cohorts from the terminal."""

from __future__ import annotations

from typing import Any

import pytest

from cli import cohorts
from cli.exits import CommandError, Exit


@pytest.mark.parametrize(
    ("text", "column", "op", "value"),
    [
        ("age >= 65", "age", "ge", 65),
        ("age>=65", "age", "ge", 65),
        ("trx < 2.5", "trx", "lt", 2.5),
        ("change > -3", "change", "gt", -3),
        ("region = West", "region", "eq", "West"),
        ("payer type != Self pay", "payer type", "ne", "Self pay"),
        ("payer in Medicare, Medicaid", "payer", "in", ["Medicare", "Medicaid"]),
        ("decile between 3 and 7", "decile", "between", [3, 7]),
        ("month BETWEEN 2026-01-01,2026-03-31", "month", "between", ["2026-01-01", "2026-03-31"]),
        ("zip = 02139", "zip", "eq", "02139"),
        ("code = '7'", "code", "eq", "7"),
        ("copay_card = true", "copay_card", "eq", "true"),
    ],
)
def test_a_condition_is_read_as_it_is_written(text: str, column: str, op: str, value: Any):
    assert cohorts.condition(text) == {"column": column, "op": op, "value": value}


@pytest.mark.parametrize("text", ["", "age", ">= 65", "age >=", "older than 65"])
def test_what_is_no_condition_is_refused_with_an_example(text: str):
    with pytest.raises(CommandError) as caught:
        cohorts.condition(text)
    assert caught.value.code == Exit.USAGE
    assert "age >= 65" in caught.value.problem["hint"]


def test_a_cohort_is_saved_listed_and_shown(run, run_json):
    saved = run_json("save-cohort", "High", "-d", "trial", "-i", "trx >= 7", "-x", "region = North")
    again = run_json("save-cohort", "High", "-d", "trial", "-i", "trx >= 8")

    assert [step["kind"] for step in saved["steps"]] == ["inclusion", "exclusion"]
    assert (saved["version"], again["version"]) == (1, 2)
    assert [line["version"] for line in run_json("cohorts")] == [2]
    assert [line["version"] for line in run_json("cohorts", "--versions", "high")] == [2, 1]
    assert run_json("cohorts", "high") == again
    shown = run("cohorts", saved["cohort_id"]).stdout
    assert "High, version 1" in shown
    assert "region = North" in shown


def test_a_cohort_of_nobody_is_refused_with_the_reason(run):
    result = run("save-cohort", "Nobody", "-d", "trial", "-i", "trx > 1000")

    assert result.exit_code == Exit.REJECTED
    assert "trx > 1000" in result.stderr


def test_a_condition_that_cannot_be_read_asks_nothing(gateway, run):
    result = run("save-cohort", "X", "-d", "trial", "-i", "nonsense")

    assert result.exit_code == Exit.USAGE
    assert gateway.requests == []


def test_an_unknown_cohort_is_not_found(run):
    assert run("cohorts", "none").exit_code == Exit.NOT_FOUND
