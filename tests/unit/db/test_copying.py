"""Postgres' words about a bad row, turned into the product's."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from e2i_shared.datasets.repository import CellError
from e2i_shared.db.copying import explain, physical
from e2i_shared.errors import BadFileError
from psycopg import errors as pg


def said(kind: type[Exception], context: str | None = None, message: str | None = None) -> Exception:
    """Return an error of Postgres with a diagnosis, as the server would send it."""

    class Diagnosed(kind):
        diag = SimpleNamespace(context=context, message_primary=message)

    return Diagnosed()


@pytest.mark.parametrize(
    ("kind", "infinite"),
    [
        (pg.InvalidTextRepresentation, False),
        (pg.InvalidDatetimeFormat, False),
        (pg.DatetimeFieldOverflow, False),
        (pg.NumericValueOutOfRange, True),
    ],
)
def test_a_bad_cell_has_its_line_column_and_value(kind, infinite):
    found = explain(said(kind, 'COPY d_1_v1, line 17, column c3: "a "b", c"'), 4)

    assert isinstance(found, CellError)
    assert (found.line, found.column, found.value, found.infinite) == (17, 2, 'a "b", c', infinite)


def test_a_value_with_line_breaks_is_kept_whole():
    found = explain(said(pg.InvalidTextRepresentation, 'COPY t, line 2, column c1: "two\nlines"'), 1)

    assert isinstance(found, CellError)
    assert found.value == "two\nlines"


@pytest.mark.parametrize(
    ("message", "words"),
    [
        ("extra data after last expected column", "the header has 4"),
        ('missing data for column "c3"', "the header has 4"),
        ("unterminated CSV quoted field", "is not closed"),
        ("unquoted newline found in data", "unquoted newline"),
    ],
)
def test_a_bad_row_has_its_line(message, words):
    found = explain(said(pg.BadCopyFileFormat, 'COPY t, line 9: "x,y"', message), 4)

    assert isinstance(found, BadFileError)
    assert found.line == 9
    assert words in found.message


@pytest.mark.parametrize("kind", [pg.CharacterNotInRepertoire, pg.UntranslatableCharacter])
def test_bytes_that_are_not_utf_8_name_the_likely_encoding(kind):
    found = explain(said(kind, "COPY t, line 5"), 2)

    assert isinstance(found, BadFileError)
    assert found.line == 5
    assert "Windows-1252" in found.message


def test_a_row_wider_than_a_page_names_the_columns():
    found = explain(said(pg.ProgramLimitExceeded), 1_500)

    assert isinstance(found, BadFileError)
    assert "1,500 columns" in found.message


@pytest.mark.parametrize("kind", [pg.DiskFull, pg.AdminShutdown, pg.InvalidTextRepresentation])
def test_what_is_not_the_file_s_fault_is_left_alone(kind):
    assert explain(said(kind), 2) is None


def test_columns_are_named_by_position_only():
    assert [physical(i) for i in range(3)] == ["c1", "c2", "c3"]
