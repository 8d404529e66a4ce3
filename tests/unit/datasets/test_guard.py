from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from e2i_shared.datasets.guard import counted, guarded
from e2i_shared.errors import BadFileError
from hypothesis import given
from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Iterator


def pieces(raw, size):
    return [raw[i : i + size] for i in range(0, len(raw), size)]


@given(
    st.lists(st.text(alphabet="ab,\n\r é", max_size=8), max_size=8),
    st.integers(1, 9),
)
def test_clean_text_passes_unchanged_but_for_the_line_ends_at_its_end(parts, size):
    raw = "".join(parts).encode()

    assert b"".join(guarded(pieces(raw, size))) == raw.rstrip(b"\r\n")


@pytest.mark.parametrize("size", [1, 3, 1000])
def test_a_nul_byte_is_refused_with_its_line(size):
    with pytest.raises(BadFileError, match="Line 3 holds a NUL byte") as caught:
        list(guarded(pieces(b"a\nb\nc\x00\nd\n", size)))

    assert caught.value.line == 3


@pytest.mark.parametrize("size", [7, 64])
def test_a_line_beyond_the_limit_is_refused_with_its_line(size):
    raw = b"a,b\n1,2\n" + b"x" * 500

    with pytest.raises(BadFileError, match="Line 3 is longer than 100 bytes") as caught:
        list(guarded(pieces(raw, size), limit=100))

    assert caught.value.line == 3


def test_nothing_beyond_the_limit_is_ever_taken_in():
    taken = []

    def endless() -> Iterator[bytes]:
        while True:
            taken.append(1)
            yield b"x" * 64

    with pytest.raises(BadFileError):
        list(guarded(endless(), limit=1_000))

    assert len(taken) < 20


def test_long_lines_within_the_limit_pass():
    raw = (b"x" * 90 + b"\n") * 20

    assert b"".join(guarded(pieces(raw, 13), limit=100)) == raw.rstrip(b"\n")


def test_old_mac_line_ends_count_as_lines():
    raw = b"abc\r" * 100

    assert b"".join(guarded(pieces(raw, 16), b"\r", limit=50)) == raw.rstrip(b"\r")


def test_a_quote_that_stays_open_beyond_the_limit_is_refused_where_it_opened():
    raw = b'a,b\n1,"fine"\n2,"open\n' + b"3,4\n" * 100

    with pytest.raises(BadFileError, match="line 3 is not closed") as caught:
        list(guarded(pieces(raw, 10), limit=100))

    assert caught.value.line == 3


def test_many_quoted_values_are_no_open_quote():
    raw = b'"a","b"\n' * 200

    assert b"".join(guarded(pieces(raw, 7), limit=100)) == raw.rstrip(b"\n")


def test_a_quoted_value_with_line_breaks_within_the_limit_passes():
    raw = b'a,"' + b"line\n" * 10 + b'"\n'

    assert b"".join(guarded(pieces(raw, 8), limit=100)) == raw.rstrip(b"\n")


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 100])
@pytest.mark.parametrize(("raw", "line"), [(b"a\nb\n\\.\nc\n", 3), (b"a\r\n\\.\r\nc", 2), (b"\\.\nc\n", 1)])
def test_the_end_mark_of_copy_is_refused_with_its_line_wherever_it_is_cut(raw, line, size):
    with pytest.raises(BadFileError, match="end of the data") as caught:
        list(guarded(pieces(raw, size)))

    assert caught.value.line == line


@pytest.mark.parametrize("raw", [b"a\n\\.b\nc", b"a\nb\\.\nc", b'a\n"\\."\nc', b"a,\\.\nb"])
@pytest.mark.parametrize("size", [1, 3, 100])
def test_a_backslash_and_a_point_elsewhere_are_data(raw, size):
    assert b"".join(guarded(pieces(raw, size))) == raw


def test_progress_is_told_after_each_chunk():
    seen = []

    assert list(counted([b"abc", b"de"], 5, lambda done, total: seen.append((done, total)))) == [b"abc", b"de"]
    assert seen == [(3, 5), (5, 5)]


def test_without_a_listener_chunks_just_pass():
    assert list(counted([b"abc"], None, None)) == [b"abc"]
