"""Text from outside is stripped of what nobody can see, and JSON is read strictly."""

from __future__ import annotations

import contextlib
import json

import pytest
from e2i_shared.errors import MalformedRequestError, TooLargeError, UnprocessableError
from e2i_shared.http.text import MAX_BODY_BYTES, clean, clean_all, loads
from hypothesis import given
from hypothesis import strategies as st

INVISIBLE = [
    "\x00", "\x07", "\x1b", "\x7f", "\x85", "\u00ad", "\u200b", "\u200d", "\u200e", "\u202e", "\u2060", "\u2066", "\ufeff",
    "\U000e0041", "\ud800", "\udfff", "\ufffe",
]  # fmt: skip


@pytest.mark.parametrize("character", INVISIBLE, ids=lambda c: f"U+{ord(c):04X}")
def test_an_invisible_character_is_removed(character: str):
    assert clean(f"Kis{character}qali") == "Kisqali"


@pytest.mark.parametrize(
    "text", ["TRx\tby\nregion\r\n", "naïve café", "日本語", "Ωμέγα – “quoted”", "👍", "$1 million {{x}} ${n2}"]
)
def test_visible_text_and_line_ends_stay_as_they_are(text: str):
    assert clean(text) == text


def test_an_escaped_surrogate_pair_is_one_character_and_a_lone_half_is_removed():
    assert loads(r'{"query": "\ud83d\udc4d ok \ud800"}') == {"query": "👍 ok "}


def test_names_of_fields_are_cleaned_too():
    assert clean_all({"que\u200bry": ["a\x00b", {"x": "c\u202ed"}]}) == {"query": ["ab", {"x": "cd"}]}


def test_a_files_content_is_left_to_its_loader():
    assert loads(json.dumps({"content": "a,b\x00\n1,2"}))["content"] == "a,b\x00\n1,2"


def test_a_files_content_with_a_lone_surrogate_is_refused():
    with pytest.raises(MalformedRequestError) as refused:
        loads(r'{"content": "a,b\n\ud800,1"}')
    assert refused.value.field == "content"


@pytest.mark.parametrize(
    "body", ["", "{", '{"query": }', "nonsense", '{"a": NaN}', '{"a": Infinity}', '{"a": -Infinity}']
)
def test_what_is_not_json_is_refused_with_the_place(body: str):
    with pytest.raises(MalformedRequestError, match="not JSON"):
        loads(body)


def test_the_message_names_line_and_column():
    with pytest.raises(MalformedRequestError, match="line 2, column 12"):
        loads('{\n  "query": }')


def test_a_number_beyond_floats_is_refused():
    with pytest.raises(MalformedRequestError, match="out of range"):
        loads('{"params": {"alpha": 1e999}}')


def test_an_integer_of_ten_thousand_digits_is_refused():
    with pytest.raises(MalformedRequestError, match="too long"):
        loads('{"n": ' + "1" * 10_000 + "}")


def test_nesting_without_end_is_refused():
    with pytest.raises(MalformedRequestError, match="nests too deeply"):
        loads("[" * 100_000 + "]" * 100_000)


def test_a_body_beyond_the_limit_is_too_large_and_says_where_files_go():
    with pytest.raises(TooLargeError) as refused:
        loads('"' + "x" * MAX_BODY_BYTES + '"')
    assert "/uploads" in (refused.value.hint or "")


@given(st.text(st.characters()))
def test_cleaned_text_can_always_be_stored_and_cleaning_twice_changes_nothing(text: str):
    cleaned = clean(text)
    cleaned.encode()
    assert "\x00" not in cleaned
    assert clean(cleaned) == cleaned


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text("abc\u200b\x00ü", max_size=8), inner, max_size=4)
    ),
    max_leaves=20,
)


@pytest.mark.parametrize("body", ["[]", "null", "7", '"text"', '[{"query": "Did it work?"}]'])
def test_json_that_is_no_object_cannot_be_used(body: str):
    with pytest.raises(UnprocessableError, match="not a JSON object"):
        loads(body)


@given(st.dictionaries(st.text(max_size=8).filter(lambda name: name != "content"), JSON, max_size=5))
def test_any_json_object_is_read_and_comes_out_clean(value: dict):
    assert loads(json.dumps(value)) == clean_all(value)


@given(st.text(max_size=200))
def test_any_text_at_all_is_read_or_refused_never_worse(text: str):
    refused = (MalformedRequestError, TooLargeError, UnprocessableError)
    with contextlib.suppress(*refused):
        assert isinstance(loads(text), dict)
