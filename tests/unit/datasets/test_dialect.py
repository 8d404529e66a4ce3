from __future__ import annotations

import pytest
from e2i_shared.datasets.dialect import HEAD_BYTES, Dialect, check_header, line_of_record, read_head, sniff_delimiter
from e2i_shared.datasets.source import from_bytes
from e2i_shared.errors import BadFileError
from hypothesis import given
from hypothesis import strategies as st


def head(text):
    return read_head(from_bytes(text.encode() if isinstance(text, str) else text))


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_each_delimiter_is_found(delimiter):
    assert sniff_delimiter(f"a{delimiter}b{delimiter}c\n1{delimiter}2{delimiter}3\n") == delimiter


@pytest.mark.parametrize(
    ("text", "delimiter"),
    [
        ("a;b\n1,5;2,5\n", ";"),
        ('a,b\n"x;y;z",2\n', ","),
        ("name|note\nx|a, b, c\ny|d, e\n", "|"),
        ("one column\nx\n", ","),
        ("a\tb, c\n1\t2\n", "\t"),
    ],
)
def test_the_delimiter_is_the_one_by_which_all_rows_agree(text, delimiter):
    assert sniff_delimiter(text) == delimiter


@given(
    st.sampled_from([",", ";", "\t", "|"]),
    st.integers(2, 6),
    st.integers(1, 20),
    st.text(alphabet="abcxyz 019.", min_size=1, max_size=5),
)
def test_any_plain_table_is_sniffed_right(delimiter, width, rows, cell):
    line = delimiter.join([cell] * width)

    assert sniff_delimiter("\n".join([delimiter.join(f"c{i}" for i in range(width)), *[line] * rows])) == delimiter


def test_a_head_holds_names_records_and_their_lines():
    found = head('id,note\n1,"two\nlines"\n\n3,x\n')

    assert found.names == ("id", "note")
    assert found.records == ((3, ("1", "two\nlines")), (5, ("3", "x")))
    assert found.dialect == Dialect("utf-8", ",", b"\n")
    assert found.complete


def test_names_are_trimmed():
    assert head(" id , trx\n1,2\n").names == ("id", "trx")


@pytest.mark.parametrize("text", ["a,b\r1,2\r3,4\r"])
def test_old_mac_line_ends_are_seen(text):
    found = head(text)

    assert found.dialect.newline == b"\r"
    assert [record for _, record in found.records] == [("1", "2"), ("3", "4")]


def test_a_large_file_is_known_from_its_beginning_only():
    text = "a,b\n" + "1,2\n" * 400_000
    found = head(text)

    assert not found.complete
    assert 1_000 <= len(found.records) <= 2_001


def test_a_record_cut_by_the_end_of_the_head_is_left_out():
    found = head("a,b\n" + ("x" * 5_000 + ",2\n") * (HEAD_BYTES // 5_000 + 10))

    assert all(len(record) == 2 and len(record[0]) == 5_000 for _, record in found.records)


def test_a_header_that_never_ends_is_refused():
    with pytest.raises(BadFileError, match="Line 1 is longer"):
        head("x" * (HEAD_BYTES + 10))


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["a", "", "c"], "Column 2 has no name."),
        (["a", "b", "a"], "The column name 'a' is used 2 times."),
        (["a", " a "], "The column name 'a' is used 2 times."),
        ([f"c{i}" for i in range(1_601)], "The file has 1,601 columns."),
        (["a", "line\nbreak"], "The name of column 2 is too long or unprintable."),
        (["x" * 201], "The name of column 1 is too long or unprintable."),
    ],
)
def test_a_header_that_names_badly_is_refused(names, message):
    with pytest.raises(BadFileError) as caught:
        check_header(names)

    assert caught.value.message == message
    assert (caught.value.line, caught.value.field) == (1, "header")
    assert caught.value.hint


def test_names_that_differ_in_case_are_two_names():
    assert check_header(["trx", "TRx"]) == ("trx", "TRx")


def test_a_ragged_record_is_refused_with_both_counts():
    with pytest.raises(BadFileError, match="Line 3 has 3 fields; the header has 2") as caught:
        head("a,b\n1,2\n1,2,3\n")

    assert caught.value.expected == "2 fields"


def test_the_line_of_a_record_counts_breaks_inside_quotes():
    source = from_bytes(b'a,b\n"1\n2",x\n3,y\n\n4,z\n')
    dialect = read_head(source).dialect

    assert [line_of_record(source, dialect, n) for n in (1, 2, 3, 4)] == [3, 4, 6, None]


def test_the_line_of_a_record_in_another_encoding():
    source = from_bytes("a,b\n1,é\n2,ü\n".encode("utf-16"))

    assert line_of_record(source, read_head(source).dialect, 2) == 3
