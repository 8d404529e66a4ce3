"""Choice rules."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.local.asl import choice
from infra.local.asl.errors import DefinitionError, StateError

T1, T2 = "2026-01-01T00:00:00Z", "2026-01-01T02:00:00+01:00"


def holds(data: Any, **rule: Any) -> bool:
    full = {"Variable": "$.v", **rule, "Next": "N"}
    choice.check(full, "C")
    return choice.holds(full, data, {})


@pytest.mark.parametrize(
    ("operator", "value", "wanted", "expected"),
    [
        ("StringEquals", "a", "a", True),
        ("StringEquals", "a", "b", False),
        ("StringEquals", 1, "1", False),
        ("StringLessThan", "a", "b", True),
        ("StringGreaterThanEquals", "b", "b", True),
        ("NumericEquals", 1, 1.0, True),
        ("NumericEquals", "1", 1, False),
        ("NumericEquals", True, 1, False),
        ("NumericLessThanEquals", 2, 1, False),
        ("NumericGreaterThan", 2, 1, True),
        ("BooleanEquals", False, False, True),
        ("BooleanEquals", 0, False, False),
        ("TimestampEquals", T1, "2026-01-01T01:00:00+01:00", True),
        ("TimestampLessThan", T1, T2, True),
        ("TimestampLessThan", "soon", T2, False),
        ("StringMatches", "log-1.txt", "log-*.txt", True),
        ("StringMatches", "log-1.csv", "log-*.txt", False),
        ("StringMatches", "a*b", "a\\*b", True),
        ("StringMatches", "axb", "a\\*b", False),
        ("StringMatches", "a.b", "a.b", True),
        ("StringMatches", "axb", "a.b", False),
        ("StringMatches", 5, "*", False),
        ("IsNull", None, True, True),
        ("IsNull", 0, True, False),
        ("IsNull", 0, False, True),
        ("IsNumeric", 1.5, True, True),
        ("IsNumeric", True, True, False),
        ("IsString", "x", True, True),
        ("IsBoolean", False, True, True),
        ("IsTimestamp", T1, True, True),
        ("IsTimestamp", "2026-01-01", True, False),
        ("IsTimestamp", "2026-99-01T00:00:00Z", True, False),
        ("IsPresent", None, True, True),
        ("IsPresent", 1, False, False),
    ],
)
def test_a_comparison(operator: str, value: Any, wanted: Any, expected: bool):
    assert holds({"v": value}, **{operator: wanted}) is expected


def test_a_comparison_with_another_path():
    assert holds({"v": 1, "w": 2}, NumericLessThanPath="$.w")
    assert not holds({"v": 1, "w": "2"}, NumericLessThanPath="$.w")


def test_types_of_what_is_missing():
    assert holds({}, IsPresent=False)
    assert not holds({}, IsString=True)
    assert holds({}, IsString=False)


def test_comparing_what_is_missing_is_a_runtime_error():
    with pytest.raises(StateError) as caught:
        holds({}, StringEquals="a")

    assert caught.value.error == "States.Runtime"


def test_rules_combine():
    one, two = {"Variable": "$.v", "NumericEquals": 1}, {"Variable": "$.v", "NumericEquals": 2}

    assert choice.holds({"Or": [one, two]}, {"v": 2}, {})
    assert not choice.holds({"And": [one, two]}, {"v": 2}, {})
    assert choice.holds({"Not": one}, {"v": 2}, {})
    assert choice.holds({"And": [{"Not": one}, {"Or": [one, two]}]}, {"v": 2}, {})


def test_a_guard_before_a_comparison_protects_it():
    guarded = {"And": [{"Variable": "$.v", "IsPresent": True}, {"Variable": "$.v", "NumericEquals": 1}]}

    assert not choice.holds(guarded, {}, {})


def test_the_first_rule_that_holds_leads():
    rules = [{"Variable": "$.v", "NumericGreaterThan": at, "Next": f"above {at}"} for at in (10, 5, 0)]

    assert choice.choose(rules, "D", {"v": 7}, {}) == "above 5"
    assert choice.choose(rules, "D", {"v": -1}, {}) == "D"


def test_without_a_match_or_default_the_error_is_named():
    with pytest.raises(StateError) as caught:
        choice.choose([{"Variable": "$.v", "NumericEquals": 1, "Next": "N"}], None, {"v": 2}, {})

    assert caught.value.error == "States.NoChoiceMatched"


@pytest.mark.parametrize(
    "rule",
    [
        {"Variable": "$.v", "Next": "N"},
        {"StringEquals": "a", "Next": "N"},
        {"Variable": "$.v", "StringSmells": "a", "Next": "N"},
        {"Variable": "$.v", "StringEquals": "a", "Extra": 1, "Next": "N"},
        {"Variable": "$.v", "StringEquals": "a", "NumericEquals": 1, "Next": "N"},
        {"Variable": "$..v", "StringEquals": "a", "Next": "N"},
        {"Variable": "$.v", "StringEqualsPath": "$..w", "Next": "N"},
        {"And": [{"Variable": "$.v", "StringSmells": "a"}], "Next": "N"},
        {"Not": {"Variable": "$.v", "StringEquals": "a", "Next": "inside"}, "Next": "N"},
        {"Condition": "{% true %}", "Next": "N"},
    ],
)
def test_a_rule_that_cannot_be_run_is_refused(rule: dict[str, Any]):
    with pytest.raises(DefinitionError):
        choice.check(rule, "C")


@given(st.integers() | st.floats(allow_nan=False), st.integers() | st.floats(allow_nan=False))
def test_exactly_one_order_holds_between_numbers(left: float, right: float):
    found = [holds({"v": left}, **{f"Numeric{name}": right}) for name in ("LessThan", "Equals", "GreaterThan")]

    assert found.count(True) == 1


@given(st.text(max_size=20), st.text(max_size=20))
def test_a_star_matches_anything_between(start: str, end: str):
    pattern = "*".join(part.replace("\\", "\\\\").replace("*", "\\*") for part in (start, end))

    assert holds({"v": f"{start}anything\n{end}"}, StringMatches=pattern)
