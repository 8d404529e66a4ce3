"""The words in which a file is refused: what, where, what was expected, what to do."""

from __future__ import annotations

from e2i_shared.errors import BadFileError


def ragged(line: int | None, expected: int, got: int | None = None) -> BadFileError:
    """Refuse a row with too few or too many fields."""
    found = f"{got} fields" if got is not None else "another number of fields"
    return BadFileError(
        f"Line {line} has {found}; the header has {expected}.",
        line=line,
        field="file",
        expected=f"{expected} fields",
        got=found,
        hint="Quote values that hold the delimiter or a line break, and remove blank lines.",
    )


def too_long(line: int, limit: int) -> BadFileError:
    """Refuse a line that does not end."""
    return BadFileError(
        f"Line {line} is longer than {limit:,} bytes.",
        line=line,
        field="file",
        expected=f"lines of at most {limit:,} bytes",
        hint="Is this a CSV file with one record per line?",
    )


def nul(line: int) -> BadFileError:
    """Refuse a NUL byte."""
    return BadFileError(
        f"Line {line} holds a NUL byte.",
        line=line,
        field="file",
        expected="text",
        got="a NUL byte",
        hint="The file is damaged or not text; export it again.",
    )


def end_mark(line: int) -> BadFileError:
    """Refuse the line that some databases take for the end of the data."""
    return BadFileError(
        f"Line {line} holds nothing but \\. , which databases take for the end of the data.",
        line=line,
        field="file",
        expected="data up to the end of the file",
        got="\\.",
        hint='Quote the value ("\\."), or remove the line.',
    )


def unclosed_quote(line: int | None) -> BadFileError:
    """Refuse a quoted value that runs to the end of the file, or beyond any sensible length."""
    where = f"A quote opened on or before line {line}" if line else "A quote"
    return BadFileError(
        f"{where} is not closed.",
        line=line,
        field="file",
        expected="a closing quote",
        hint='Write a quote inside a value twice (""), and close every quoted value.',
    )


def bad_cell(column: str, kind: str, value: str, line: int | None) -> BadFileError:
    """Refuse a cell that is not of its column's kind, with how to load the column as text."""
    where = f"Line {line}, column" if line else "Column"
    return BadFileError(
        f"{where} {column!r}: {value!r} is not a {kind}.",
        line=line,
        field=column,
        expected=kind,
        got=value,
        hint=f"Mend the cell, or declare column {column!r} as text (kind: text) when loading.",
    )


def infinite(column: str, value: str, line: int | None) -> BadFileError:
    """Refuse an infinite or too large number, of which no mean can be taken."""
    where = f"Line {line}, column" if line else "Column"
    return BadFileError(
        f"{where} {column!r}: {value!r} is not a finite number.",
        line=line,
        field=column,
        expected="finite numbers",
        got=value,
        hint="Leave the cell empty when the value is unknown, or mend the export (a division by zero?).",
    )


def too_large() -> BadFileError:
    """Refuse numbers whose mean or standard deviation passes the range of a double."""
    return BadFileError(
        "A column holds numbers too large to average.",
        field="file",
        expected="numbers between -1e150 and 1e150",
        hint="Mend the export, or declare the column as text (kind: text).",
    )


def too_wide(columns: int) -> BadFileError:
    """Refuse rows that do not fit a page of the database."""
    return BadFileError(
        f"A row of {columns:,} columns is wider than the database can store.",
        field="file",
        expected="about 900 numeric columns or fewer",
        got=f"{columns:,} columns",
        hint="Drop what no question needs, or load the columns as several data sets.",
    )
