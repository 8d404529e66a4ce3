from __future__ import annotations

import pytest
from e2i_shared.datasets.encoding import detect, not_utf8, utf8
from e2i_shared.errors import BadFileError
from hypothesis import given
from hypothesis import strategies as st


def pieces(raw, size):
    return [raw[i : i + size] for i in range(0, len(raw), size)]


@pytest.mark.parametrize(
    ("codec", "found"),
    [("utf-8", "utf-8"), ("utf-8-sig", "utf-8"), ("ascii", "utf-8"), ("utf-16", "utf-16"), ("utf-32", "utf-32")],
)
def test_a_certain_encoding_is_named(codec, found):
    assert detect("a,b\n1,2\n".encode(codec)) == found


@pytest.mark.parametrize("mark", [b"\xfe\xff", b"\x00\x00\xfe\xff"])
def test_big_endian_marks_are_known(mark):
    codec = "utf-16-be" if len(mark) == 2 else "utf-32-be"

    assert detect(mark + "a,b\n".encode(codec)) == codec[:6]


def test_a_character_cut_at_the_end_of_the_head_is_no_fault():
    assert detect("naïve".encode()[:3]) == "utf-8"


def test_latin_1_is_refused_with_its_line_and_how_to_convert():
    with pytest.raises(BadFileError) as caught:
        detect("a,b\nx,1\nJosé,2\n".encode("cp1252"))

    assert caught.value.line == 3
    assert caught.value.got == "Windows-1252 or Latin-1"
    assert "iconv -f WINDOWS-1252 -t UTF-8" in caught.value.hint


def test_utf_16_without_a_mark_is_refused_by_name():
    with pytest.raises(BadFileError, match="UTF-16 without a byte order mark") as caught:
        detect("a,b\n1,2\n".encode("utf-16-le"))

    assert caught.value.line == 1


def test_a_refusal_without_a_line_names_none():
    assert "line" not in not_utf8(None).message


@given(st.text(min_size=1), st.integers(1, 7), st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-32"]))
def test_any_text_in_any_pieces_becomes_utf_8(text, size, codec):
    if text.startswith("\ufeff") and codec == "utf-8":
        text = "x" + text
    raw = text.encode(codec)
    form = codec[:6].removesuffix("-")

    assert b"".join(utf8(pieces(raw, 7 + size), form)).decode() == text


def test_utf_16_that_breaks_off_is_refused():
    raw = "a,b\n1,2\n".encode("utf-16") + b"\x00"

    with pytest.raises(BadFileError, match="breaks off or is damaged") as caught:
        list(utf8(pieces(raw, 6), "utf-16"))

    assert caught.value.line == 3


def test_no_bytes_are_no_text():
    assert b"".join(utf8([], "utf-8")) == b""
