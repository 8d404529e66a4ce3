"""JSONPath: what is found, what is refused, where results are put."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.local.asl import paths
from infra.local.asl.errors import DefinitionError, StateError

DATA = {"a": {"b": [1, {"c": "x"}], "d e": 5}, "n": None, "list": [[1, 2], [3]], "ü": 1}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("$", DATA),
        ("$.a.b", [1, {"c": "x"}]),
        ("$.a.b[1].c", "x"),
        ("$.a.b[-1].c", "x"),
        ("$['a']['d e']", 5),
        ("$.n", None),
        ("$.ü", 1),
        ("$.list[*]", [[1, 2], [3]]),
        ("$.list[*][0]", [1, 3]),
        ("$.list[*][1]", [2]),
        ("$.a[*]", [[1, {"c": "x"}], 5]),
        ("$.nothing[*]", []),
    ],
)
def test_a_path_finds(text: str, expected: Any):
    assert paths.parse(text).find(DATA, {}) == expected


def test_two_dollars_start_at_the_context():
    path = paths.parse("$$.Execution.Id")

    assert path.context
    assert path.find(DATA, {"Execution": {"Id": "arn"}}) == "arn"


@pytest.mark.parametrize("text", ["$.gone", "$.a.gone", "$.a.b[2]", "$.a.b[-3]", "$.n.x", "$.a.b.c", "$.a[0]"])
def test_a_path_that_matches_nothing_is_a_runtime_error_naming_it(text: str):
    with pytest.raises(StateError) as caught:
        paths.parse(text).find(DATA, {})

    assert caught.value.error == "States.Runtime"
    assert text in caught.value.cause
    assert not paths.parse(text).exists(DATA, {})


@pytest.mark.parametrize("text", ["$.n", "$.a", "$"])
def test_null_exists(text: str):
    assert paths.parse(text).exists(DATA, {})


def test_a_wildcard_that_collects_nothing_does_not_exist():
    assert not paths.parse("$.nothing[*]").exists(DATA, {})
    assert paths.parse("$.list[*]").exists(DATA, {})


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a",
        ".a",
        "$a",
        "$..a",
        "$.a[?(@.b)]",
        "$.a[0:1]",
        "$.a[",
        "$.a]",
        "$.",
        "$.a..b",
        "$['a",
        "$.a b",
        "$.1a",
        "$['it\\'s']",
        "$$$",
    ],
)
def test_what_cannot_be_run_is_refused_and_named(text: str):
    with pytest.raises(DefinitionError) as caught:
        paths.parse(text)

    assert caught.value.field == text


def test_a_result_is_put_without_touching_the_input():
    data = {"a": {"b": 1}, "k": [1, 2]}

    assert paths.put(data, paths.parse("$"), 5) == 5
    assert paths.put(data, paths.parse("$.a.c.d"), 5) == {"a": {"b": 1, "c": {"d": 5}}, "k": [1, 2]}
    assert paths.put(data, paths.parse("$.k[1]"), 5) == {"a": {"b": 1}, "k": [1, 5]}
    assert data == {"a": {"b": 1}, "k": [1, 2]}


@pytest.mark.parametrize(("data", "text"), [({"a": 1}, "$.a.b"), ([1], "$.a"), ({"k": []}, "$.k[0]"), ("text", "$.a")])
def test_a_result_cannot_be_put_through_what_is_no_object(data: Any, text: str):
    with pytest.raises(StateError) as caught:
        paths.put(data, paths.parse(text), 1)

    assert caught.value.error == "States.ResultPathMatchFailure"


names = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,8}", fullmatch=True)


@given(st.lists(names, min_size=1, max_size=5), st.integers())
def test_what_is_put_is_found_again(steps: list[str], value: int):
    path = paths.parse("$" + "".join(f".{name}" for name in steps))

    assert path.find(paths.put({}, path, value), {}) == value


@given(st.text(max_size=12))
def test_any_text_is_parsed_or_refused(text: str):
    try:
        path = paths.parse(f"${text}")
    except DefinitionError:
        return
    assert path.text == f"${text}"
