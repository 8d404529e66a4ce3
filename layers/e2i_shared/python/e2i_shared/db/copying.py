"""What Postgres says of a bad row in a COPY, as the product's errors."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from psycopg import errors as pg

from e2i_shared.datasets import encoding, refusals
from e2i_shared.datasets.repository import CellError
from e2i_shared.errors import BadFileError

if TYPE_CHECKING:
    import psycopg

# Postgres cuts values at 100 characters.
_CONTEXT = re.compile(
    r'^COPY .*?, line (?P<line>\d+)(?:, column "?c(?P<column>\d+)"?(?:: "(?P<value>.*)")?)?', re.DOTALL
)
_BAD_CELL = (
    pg.InvalidTextRepresentation,
    pg.InvalidDatetimeFormat,
    pg.DatetimeFieldOverflow,
    pg.NumericValueOutOfRange,
    pg.InvalidParameterValue,
)
_BAD_BYTES = (pg.CharacterNotInRepertoire, pg.UntranslatableCharacter)


def physical(position: int) -> str:
    """Return the name of the column at a 0-based position in its rows table: users' names never become identifiers."""
    return f"c{position + 1}"


def explain(error: psycopg.Error, columns: int) -> CellError | BadFileError | None:
    """Return the error of a row that COPY refused, or None when the file is not to blame."""
    where = _CONTEXT.match(error.diag.context or "")
    line = int(where["line"]) if where else None
    if isinstance(error, _BAD_CELL) and where and where["column"]:
        infinite = isinstance(error, pg.NumericValueOutOfRange)
        return CellError(int(where["column"]) - 1, where["value"] or "", line=line, infinite=infinite)
    if isinstance(error, _BAD_BYTES):
        return encoding.not_utf8(line)
    if isinstance(error, pg.ProgramLimitExceeded):
        return refusals.too_wide(columns)
    return _bad_row(error, line, columns) if isinstance(error, pg.BadCopyFileFormat) else None


def _bad_row(error: pg.BadCopyFileFormat, line: int | None, columns: int) -> BadFileError:
    said = error.diag.message_primary or "it is not delimited text"
    if "quoted field" in said:
        return refusals.unclosed_quote(line)
    if "column" in said:
        return refusals.ragged(line, columns)
    return BadFileError(
        f"Line {line} cannot be read: {said}.",
        line=line,
        field="file",
        expected="delimited text",
        hint="Are line ends mixed? Export the file again.",
    )
