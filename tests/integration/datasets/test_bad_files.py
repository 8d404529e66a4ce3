"""Every way in which a file cannot be loaded: the words name the line, the column and what to do, and nothing is kept."""

from __future__ import annotations

import pytest
from e2i_shared.api.datasets import ColumnSpec
from e2i_shared.errors import BadFileError, UnknownColumnError, UnknownDatasetError

pytestmark = pytest.mark.parametrize("backend", ["postgres", "memory"], indirect=True)
MANY = 2_600  # rows beyond what inference looks at


def numbered(count, cell="7"):
    return [f"{i},{cell}" for i in range(1, count + 1)]


@pytest.fixture
def refused(load, catalogue, tables):
    """Load what must be refused; check that nothing is kept; return the error."""

    def attempt(content: str | bytes, **said: object) -> BadFileError:
        before = tables()
        with pytest.raises(BadFileError) as caught:
            load(content, "refused", **said)
        assert tables() == before
        with pytest.raises(UnknownDatasetError):
            catalogue.find("refused")
        return caught.value

    return attempt


@pytest.mark.parametrize("content", [b"", b"\n\n", b"\xef\xbb\xbf", b"  \r\n"])
def test_an_empty_file(refused, content):
    error = refused(content)

    assert error.message == "The file is empty."
    assert error.expected == "a header line and rows"


@pytest.mark.parametrize("content", ["a,b", "a,b\n", "a,b\r\n\r\n"])
def test_a_header_without_rows(refused, content):
    error = refused(content)

    assert error.message == "The file has a header but no rows."
    assert error.line == 1


def test_a_duplicate_column_name(refused):
    error = refused("id,trx,trx\n1,2,3\n")

    assert error.message == "The column name 'trx' is used 2 times."
    assert (error.line, error.field, error.got) == (1, "header", "trx")


@pytest.mark.parametrize(("header", "position"), [("a,,c", 2), ("a,b,", 3), ('" ",b,c', 1)])
def test_a_blank_column_name(refused, header, position):
    error = refused(f"{header}\n1,2,3\n")

    assert error.message == f"Column {position} has no name."
    assert error.field == "header"


def test_too_many_columns(refused):
    error = refused(",".join(f"c{i}" for i in range(1_601)) + "\n" + ",".join("1" * 1_601) + "\n")

    assert error.message == "The file has 1,601 columns."
    assert "1,600" in error.expected


def test_a_column_name_that_is_no_name(refused):
    error = refused("a," + "x" * 201 + "\n1,2\n")

    assert "column 2" in error.message
    assert "1 to 200" in error.expected


@pytest.mark.parametrize(("row", "got"), [("3", "1 fields"), ("3,4,5", "3 fields")])
def test_a_ragged_row_near_the_beginning(refused, row, got):
    error = refused(f"a,b\n1,2\n{row}\n4,5\n")

    assert error.message == f"Line 3 has {got}; the header has 2."
    assert error.line == 3


@pytest.mark.parametrize("row", ["9", "9,9,9"])
def test_a_ragged_row_far_behind(refused, row):
    error = refused("\n".join(["a,b", *numbered(MANY), row, "1,2"]) + "\n")

    assert error.line == MANY + 2
    assert f"Line {MANY + 2} has another number of fields; the header has 2." == error.message


def test_a_blank_line_in_the_middle(refused):
    error = refused("\n".join(["a,b", *numbered(MANY), "", "1,2"]) + "\n")

    assert error.line == MANY + 2
    assert "blank lines" in error.hint


def test_one_stray_text_among_numbers_at_the_beginning(refused):
    rows = numbered(300)
    rows[122] = "123,many"
    error = refused("\n".join(["id,trx", *rows]) + "\n")

    assert error.message == "Line 124, column 'trx': 'many' is not a number."
    assert (error.line, error.field, error.got) == (124, "trx", "many")
    assert "declare column 'trx' as text" in error.hint


def test_one_stray_text_among_numbers_far_behind(refused):
    error = refused("\n".join(["id,trx", *numbered(MANY), "1,a few"]) + "\n")

    assert error.message == f"Line {MANY + 2}, column 'trx': 'a few' is not a number."
    assert (error.line, error.field, error.got) == (MANY + 2, "trx", "a few")
    assert "declare column 'trx' as text" in error.hint


def test_a_stray_text_is_found_on_its_line_behind_quoted_line_breaks(refused):
    rows = [f'"two\nlines {i}",7' for i in range(1_500)]
    error = refused("\n".join(["note,trx", *rows, "x,oops"]) + "\n")

    assert error.line == 1 + 2 * 1_500 + 1
    assert error.got == "oops"


def test_a_stray_text_behind_missing_values_is_found_on_its_line(refused):
    rows = [f"{i},{'NA' if i % 2 else 3}," for i in range(1, 1_001)]
    error = refused(
        "\n".join(["id,trx,note", *rows, *(f"{i},5,x" for i in range(2_000)), '1,oops,"a\nb"', "1,2,3"]) + "\n"
    )

    assert error.line == 1 + 1_000 + 2_000 + 2
    assert (error.field, error.got) == ("trx", "oops")


def test_a_stray_date(refused):
    error = refused(
        "\n".join(["day,trx", *(f"2026-01-{i % 28 + 1:02d},1" for i in range(MANY)), "2026-02-31,1"]) + "\n"
    )

    assert error.message == f"Line {MANY + 2}, column 'day': '2026-02-31' is not a date."


def test_a_declared_number_that_is_text(refused):
    error = refused("id,trx\n1,2\n2,lots\n3,4\n", columns=[ColumnSpec(name="trx", kind="number")])

    assert error.message == "Line 3, column 'trx': 'lots' is not a number."


def test_a_declared_boolean_that_is_not(refused):
    error = refused("id,flag\n1,yes\n2,maybe\n", columns=[ColumnSpec(name="flag", kind="boolean")])

    assert (error.line, error.got, error.expected) == (3, "maybe", "boolean")


@pytest.mark.parametrize("spelling", ["inf", "-Infinity", "Infinity"])
def test_an_infinite_number_near_the_beginning(refused, spelling):
    error = refused(f"id,rate\n1,2\n2,{spelling}\n3,4\n")

    assert error.message == f"Line 3, column 'rate': {spelling!r} is not a finite number."


@pytest.mark.parametrize("spelling", ["inf", "-Infinity", "1e999"])
def test_an_infinite_number_far_behind(refused, spelling):
    error = refused("\n".join(["id,rate", *numbered(MANY), f"0,{spelling}"]) + "\n")

    assert error.line == MANY + 2
    assert error.field == "rate"
    assert error.expected == "finite numbers"


def test_an_infinite_date(refused):
    error = refused("\n".join(["day,trx", *(f"2026-01-{i % 28 + 1:02d},1" for i in range(MANY)), "infinity,1"]) + "\n")

    assert (error.line, error.field) == (MANY + 2, "day")


@pytest.mark.parametrize("rows", [3, MANY, 60_000])
def test_a_nul_byte(refused, rows):
    error = refused(b"\n".join([b"a,b", *[b"1,2"] * rows, b"1,\x002", b"3,4"]))

    assert error.message == f"Line {rows + 2} holds a NUL byte."
    assert "not text" in error.hint


def test_utf_16_without_a_mark(refused):
    error = refused("a,b\n1,2\n".encode("utf-16-le"))

    assert "UTF-16 without a byte order mark" in error.message
    assert "iconv -f UTF-16LE" in error.hint


@pytest.mark.parametrize("before", [2, MANY, 120_000])
def test_latin_1(refused, before):
    error = refused(b"\n".join([b"name,b", *[b"x,2"] * before, "José,3".encode("latin-1"), b"x,4"]))

    assert error.line == before + 2
    assert "Windows-1252 or Latin-1" in error.message
    assert "iconv -f WINDOWS-1252 -t UTF-8" in error.hint


def test_a_damaged_utf_16_file(refused):
    error = refused(b"\xff\xfe" + "a,b\n1,2\n".encode("utf-16-le") + b"\x00")

    assert "UTF-16" in error.message


@pytest.mark.parametrize("rows", [2, MANY])
def test_a_quote_that_never_closes(refused, rows):
    error = refused("\n".join(["id,note", *numbered(rows), '1,"open', *numbered(5)]) + "\n")

    assert "quote" in (error.message + (error.hint or "")).lower()
    assert error.line is not None


def test_dates_of_two_orders_in_one_file(refused):
    error = refused("a,b\n31/01/2026,01/31/2026\n")

    assert "day first in 'a' and month first in 'b'" in error.message
    assert "YYYY-MM-DD" in error.hint


def test_declaring_a_column_that_the_file_lacks_names_the_nearest(load):
    with pytest.raises(UnknownColumnError, match="no column 'rep_visit'") as caught:
        load("rep_visits,trx\n1,2\n", columns=[ColumnSpec(name="rep_visit", role="treatment")])

    assert caught.value.candidates == ("rep_visits",)


def test_a_parquet_file_that_is_none(refused):
    error = refused(b"PAR1 but not really", file_format="parquet")

    assert error.message == "The file is not readable as Parquet."
