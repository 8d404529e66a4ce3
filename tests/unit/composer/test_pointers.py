from __future__ import annotations

import pytest
from e2i_shared.composer.pointers import escape, has, leaves, lookup, name, parent
from e2i_shared.errors import UngroundedAnswerError
from hypothesis import given
from hypothesis import strategies as st

DOCUMENT = {"a": {"b/c": [10, {"d~e": 20}]}, "none": None, "0": "zero"}


@pytest.mark.parametrize(
    ("pointer", "value"), [("/a/b~1c/0", 10), ("/a/b~1c/1/d~0e", 20), ("/none", None), ("/0", "zero"), ("", DOCUMENT)]
)
def test_pointers_are_followed(pointer, value):
    assert lookup(DOCUMENT, pointer) == value


@pytest.mark.parametrize("pointer", ["/missing", "/a/b~1c/9", "/a/b~1c/x", "/a/b~1c/0/deeper", "/none/x"])
def test_a_pointer_to_nothing_is_refused(pointer):
    with pytest.raises(UngroundedAnswerError):
        lookup(DOCUMENT, pointer)
    assert not has(DOCUMENT, pointer)


def test_null_is_nothing_to_show():
    assert not has(DOCUMENT, "/none")
    assert has(DOCUMENT, "/0")


def test_parts_of_a_pointer():
    assert parent("/segments/3/effect") == "/segments/3"
    assert name("/segments/3/effect") == "effect"


@given(
    st.recursive(
        st.integers() | st.text(max_size=5),
        lambda i: st.lists(i, max_size=3) | st.dictionaries(st.text(max_size=4), i, max_size=3),
    )
)
def test_every_leaf_is_found_at_its_pointer(document):
    for pointer, value in leaves(document):
        assert lookup(document, pointer) == value


def test_keys_are_escaped():
    assert escape("a/b~c") == "a~1b~0c"
