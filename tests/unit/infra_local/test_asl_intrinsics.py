"""Templates and intrinsic functions."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.local.asl import intrinsics
from infra.local.asl.errors import DefinitionError, StateError

DATA = {"n": "Ann", "v": 5, "a": [1, 2, 2, 3], "o": {"x": 1}, "p": {"x": 2, "y": 3}, "t": '{"k": [1]}', "s": "a,b;c"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("States.Format('plain')", "plain"),
        ("States.Format('{} has {}', $.n, $.v)", "Ann has 5"),
        ("States.Format('{}', $.o)", '{"x":1}'),
        ("States.Format('it\\'s {}', 'so')", "it's so"),
        ("States.Format('\\{{}\\}', 1)", "{1}"),
        ("States.Array()", []),
        ("States.Array(1, 'b', true, null, -2.5, $.v)", [1, "b", True, None, -2.5, 5]),
        ("States.StringToJson($.t)", {"k": [1]}),
        ("States.JsonToString($.o)", '{"x":1}'),
        ("States.ArrayLength($.a)", 4),
        ("States.ArrayGetItem($.a, 3)", 3),
        ("States.ArrayContains($.a, 9)", False),
        ("States.ArrayContains($.a, 2)", True),
        ("States.ArrayUnique($.a)", [1, 2, 3]),
        ("States.ArrayPartition($.a, 3)", [[1, 2, 2], [3]]),
        ("States.ArrayRange(1, 9, 4)", [1, 5, 9]),
        ("States.ArrayRange(3, 1, -1)", [3, 2, 1]),
        ("States.JsonMerge($.o, $.p, false)", {"x": 2, "y": 3}),
        ("States.MathAdd($.v, -7)", -2),
        ("States.StringSplit($.s, ',;')", ["a", "b", "c"]),
        ("States.Base64Encode('ab')", "YWI="),
        ("States.Base64Decode('YWI=')", "ab"),
        ("States.Hash('ab', 'MD5')", "187ef4436122d1cc2f40dc2b92f0eba0"),
        ("States.Hash('ab', 'SHA-256')", "fb8e20fc2e4c3f248c60c39bd652f3c1347298bb977b8b4d5903b85055620603"),
        ("States.ArrayGetItem(States.Array(States.MathAdd(1, 2), 'x'), 0)", 3),
        ("States.Format('{}', $['n'])", "Ann"),
        ("$$.Execution.Name", "run"),
    ],
)
def test_a_function_gives(text: str, expected: Any):
    assert intrinsics.evaluate(text, DATA, {"Execution": {"Name": "run"}}) == expected


@pytest.mark.parametrize(
    "text",
    [
        "States.Format('{}')",
        "States.Format('x', 1)",
        "States.StringToJson('{')",
        "States.ArrayGetItem($.a, 9)",
        "States.ArrayLength($.v)",
        "States.ArrayPartition($.a, 0)",
        "States.ArrayRange(0, 5000, 1)",
        "States.ArrayRange(0, 5, 0)",
        "States.JsonMerge($.o, $.p, true)",
        "States.MathAdd('a', 1)",
        "States.MathAdd(1)",
        "States.Hash('a', 'MD4')",
        "States.Base64Decode('é')",
    ],
)
def test_arguments_that_do_not_fit_are_an_intrinsic_failure(text: str):
    with pytest.raises(StateError) as caught:
        intrinsics.evaluate(text, DATA, {})

    assert caught.value.error == "States.IntrinsicFailure"
    assert text.partition("(")[0] in caught.value.cause


@pytest.mark.parametrize(
    "text",
    [
        "States.UUID()",
        "States.MathRandom(1, 2)",
        "States.Nothing()",
        "Format('x')",
        "States.Format('x'",
        "States.Format('x",
        "States.Format('x') and more",
        "States.Format('x' 'y')",
        "States.Format(,)",
        "States.Format(x)",
        "States.Format($.a[?(@.b)])",
        "",
        "States.",
    ],
)
def test_what_cannot_be_run_is_refused_at_load(text: str):
    with pytest.raises(DefinitionError):
        intrinsics.check_template({"a": [{"x.$": text}]})


def test_what_would_not_repeat_names_what_there_is_instead():
    with pytest.raises(DefinitionError) as caught:
        intrinsics.expression("States.UUID()")

    assert "States.Format" in caught.value.candidates


def test_a_path_field_must_hold_text():
    with pytest.raises(DefinitionError) as caught:
        intrinsics.check_template({"x.$": 5})

    assert caught.value.field == "x.$"


def test_a_template_copies_everything_but_path_fields():
    template = {"a.$": "$.v", "b": {"c.$": "$.n", "d": [1, {"e.$": "$.o.x"}]}, "f": "$.v", "g": None}

    filled = intrinsics.template(template, DATA, {})

    assert filled == {"a": 5, "b": {"c": "Ann", "d": [1, {"e": 1}]}, "f": "$.v", "g": None}


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(max_size=6).filter(lambda k: not k.endswith(".$")), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(json_values)
def test_a_template_without_path_fields_is_its_own_copy(value: Any):
    assert intrinsics.template(value, {}, {}) == value


@given(json_values)
def test_text_and_json_are_each_others_inverse(value: Any):
    data = {"v": value}
    text = intrinsics.evaluate("States.JsonToString($.v)", data, {})

    assert json.loads(text) == value
    assert intrinsics.evaluate("States.StringToJson(States.JsonToString($.v))", data, {}) == value


@given(st.text(max_size=30))
def test_what_a_question_says_is_never_read_as_an_expression(text: str):
    assert intrinsics.template({"q.$": "$.q"}, {"q": text}, {}) == {"q": text}
    assert intrinsics.evaluate("States.Format('{}', $.q)", {"q": text}, {}) == text


@given(st.lists(st.integers(), max_size=20), st.integers(1, 7))
def test_a_partition_keeps_every_element_in_order(values: list[int], size: int):
    data = {"a": values, "s": size}
    parts = intrinsics.evaluate("States.ArrayPartition($.a, $.s)", data, {})

    assert [value for part in parts for value in part] == values
    assert all(len(part) == size for part in parts[:-1])
