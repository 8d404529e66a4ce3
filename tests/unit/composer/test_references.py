from __future__ import annotations

import pytest
from e2i_shared.composer.references import is_reference, reference, references_in, resolve, search, source_step
from e2i_shared.errors import InvalidPlanError
from hypothesis import given
from hypothesis import strategies as st

OUTPUTS = {1: {"ate": 2.05, "segments": [{"segment": "A"}, {"segment": "B"}], "nothing": None}, 2: {"x": 1}}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


def test_a_reference_takes_a_field_of_an_earlier_output():
    assert resolve({"effect_size": reference(1, "ate")}, OUTPUTS) == {"effect_size": 2.05}


def test_the_whole_output_can_be_taken():
    assert resolve({"causal_result": reference(1)}, OUTPUTS) == {"causal_result": OUTPUTS[1]}


def test_references_inside_lists_and_mappings_are_resolved():
    inputs = {"a": [reference(2, "x"), 7], "b": {"c": reference(1, "segments[0].segment")}}
    assert resolve(inputs, OUTPUTS) == {"a": [1, 7], "b": {"c": "A"}}


def test_projections_work():
    assert resolve({"names": reference(1, "segments[*].segment")}, OUTPUTS) == {"names": ["A", "B"]}


@pytest.mark.parametrize("path", ["missing", "segments[7].segment", "nothing", "ate.deeper"])
def test_a_path_to_nothing_is_refused(path):
    with pytest.raises(InvalidPlanError, match="has nothing at"):
        resolve({"a": reference(1, path)}, OUTPUTS)


def test_an_output_that_is_not_there_is_refused():
    with pytest.raises(InvalidPlanError, match="Step 9 has no output"):
        resolve({"a": reference(9, "x")}, OUTPUTS)


@pytest.mark.parametrize("path", ["[", "a..b", "foo(", "'"])
def test_a_malformed_path_is_refused(path):
    with pytest.raises(InvalidPlanError, match="not a JMESPath"):
        search(path, {})


@pytest.mark.parametrize(
    "value",
    [
        {"$from": "step-0", "path": "a"},
        {"$from": "step-1x", "path": "a"},
        {"$from": "1", "path": "a"},
        {"$from": 1, "path": "a"},
        {"$from": "step-1", "path": 3},
        {"$from": "step-100", "path": "a"},
        {"$from": None, "path": None},
    ],
)
def test_a_malformed_reference_is_refused(value):
    assert is_reference(value)
    with pytest.raises(InvalidPlanError, match="must look like"):
        source_step(value)


@pytest.mark.parametrize(
    "text", ["$1 million", "{{x}}", "${n2}", "step-1", "$from", "{'$from': 'step-1', 'path': 'ate'}", "@", "{0}"]
)
def test_text_is_never_a_reference(text):
    assert not is_reference(text)
    assert resolve({"query": text, "nested": [{"label": text}]}, OUTPUTS) == {
        "query": text,
        "nested": [{"label": text}],
    }


@given(st.text(max_size=60))
def test_any_text_stays_literal(text):
    assert resolve({"q": text}, OUTPUTS) == {"q": text}


@given(JSON)
def test_data_without_references_is_unchanged(value):
    assert resolve({"v": value}, OUTPUTS) == {"v": value}
    assert list(references_in({"v": value})) == []


def test_a_mapping_with_further_keys_is_data():
    value = {"$from": "step-1", "path": "ate", "note": "not a reference"}
    assert resolve({"v": value}, OUTPUTS) == {"v": value}


def test_references_are_listed_with_the_input_that_holds_them():
    inputs = {"a": reference(1, "ate"), "b": {"c": [0, reference(2, "x")]}}
    assert [(name, source_step(ref)) for name, ref in references_in(inputs)] == [("a", 1), ("b.c.1", 2)]
