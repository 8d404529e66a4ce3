"""The form of a delimited text file: delimiter, line end, header, and the first records."""

from __future__ import annotations

import csv
import io
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from e2i_shared.datasets import encoding, guard, refusals
from e2i_shared.errors import BadFileError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from e2i_shared.datasets.source import FileSource

DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
HEAD_BYTES = 1 << 20
SAMPLE_ROWS = 2_000
MAX_COLUMNS = 1_600
MAX_NAME = 200

# A value may be as long as a line; the guard over the stream refuses longer ones.
csv.field_size_limit(guard.MAX_LINE_BYTES)


@dataclass(frozen=True, slots=True)
class Dialect:
    """How the file is written; ``encoding`` as ``encoding.detect`` names it."""

    encoding: str
    delimiter: str
    newline: bytes


@dataclass(frozen=True, slots=True)
class Head:
    """The header and the first records with their line numbers; ``complete`` when that is the whole file."""

    dialect: Dialect
    names: tuple[str, ...]
    records: tuple[tuple[int, tuple[str, ...]], ...]
    complete: bool


def read_head(source: FileSource) -> Head:
    """Read the beginning of a file; raise BadFileError for what no load can mend."""
    raw = source.head(HEAD_BYTES)
    if not raw.strip(b"\xef\xbb\xbf\xff\xfe\x00 \t\r\n"):
        raise BadFileError(
            "The file is empty.", field="file", expected="a header line and rows", hint="Check the export."
        )
    form = encoding.detect(raw)
    text = b"".join(encoding.utf8([_whole(raw, form)], form)).decode("utf-8", errors="ignore")
    complete = len(raw) < HEAD_BYTES
    _refuse_nul(text)
    newline = "\n" if "\n" in text or "\r" not in text else "\r"
    if not complete and newline not in text:
        raise refusals.too_long(1, HEAD_BYTES)
    dialect = Dialect(form, sniff_delimiter(text, newline), newline.encode())
    rows = list(_records(text, dialect.delimiter))
    rows = rows if complete else rows[:-1]  # the last one may be cut
    names = check_header(rows[0][1])
    records = tuple(row for row in rows[1:] if row[1])
    if not records and complete:
        raise BadFileError(
            "The file has a header but no rows.",
            line=1,
            field="file",
            expected="at least one row",
            hint="Check the export.",
        )
    _check_widths(names, records)
    return Head(dialect, names, records, complete)


def sniff_delimiter(text: str, newline: str = "\n") -> str:
    """Return the delimiter by which the header and the first records split into equally many, and most, fields."""
    sample = newline.join(text.split(newline, 51)[:50])
    best, best_score = ",", (0.0, 0)
    for delimiter in DELIMITERS:
        try:
            widths = [len(row) for row in csv.reader(io.StringIO(sample, newline=""), delimiter=delimiter) if row]
        except csv.Error:
            continue
        if not widths or widths[0] < 2:
            continue
        agreeing = Counter(widths)[widths[0]] / len(widths)
        if (agreeing, widths[0]) > best_score:
            best, best_score = delimiter, (agreeing, widths[0])
    return best


def check_header(cells: Sequence[str]) -> tuple[str, ...]:
    """Return the column names, trimmed; raise BadFileError for blank, duplicate, too many or too long ones."""
    names = tuple(cell.strip() for cell in cells)
    if len(names) > MAX_COLUMNS:
        raise _bad_header(
            f"The file has {len(names):,} columns.", f"at most {MAX_COLUMNS:,} columns", "Drop what no question needs."
        )
    for position, name in enumerate(names, start=1):
        if not name:
            raise _bad_header(f"Column {position} has no name.", "a name for each column", "Name it in the first line.")
        if len(name) > MAX_NAME or not name.isprintable():
            raise _bad_header(
                f"The name of column {position} is too long or unprintable.",
                f"names of 1 to {MAX_NAME} printable characters",
                "Is the first line the header?",
                got=name[:60],
            )
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise _bad_header(
            f"The column name {twice[0]!r} is used {names.count(twice[0])} times.",
            "each name once",
            "Rename or drop the repeated columns.",
            got=twice[0],
        )
    return names


def line_of_record(source: FileSource, dialect: Dialect, record: int) -> int | None:
    """Return the 1-based line on which the ``record``-th data row (1-based) ends."""
    with io.TextIOWrapper(source.open(), encoding=_codec(dialect.encoding), errors="replace", newline="") as text:
        reader = csv.reader(text, delimiter=dialect.delimiter)
        for index, _ in enumerate(row for row in reader if row):
            if index == record:
                return reader.line_num
    return None


def _codec(form: str) -> str:
    return "utf-8-sig" if form == "utf-8" else form


def _whole(raw: bytes, form: str) -> bytes:
    unit = {"utf-16": 2, "utf-32": 4}.get(form, 1)
    return raw[: len(raw) // unit * unit]


def _records(text: str, delimiter: str) -> Iterator[tuple[int, tuple[str, ...]]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        for row in reader:
            if reader.line_num > 1 or row:
                yield reader.line_num, tuple(row)
            if reader.line_num > SAMPLE_ROWS:
                return
    except csv.Error as error:
        raise BadFileError(
            f"Line {reader.line_num} cannot be read: {error}.",
            line=reader.line_num,
            field="file",
            expected="delimited text",
            hint="Is a quote not closed?",
        ) from error


def _check_widths(names: Sequence[str], records: Sequence[tuple[int, tuple[str, ...]]]) -> None:
    for line, cells in records:
        if len(cells) != len(names):
            raise refusals.ragged(line, len(names), len(cells))


def _refuse_nul(text: str) -> None:
    at = text.find("\0")
    if at >= 0:
        raise refusals.nul(text.count("\n", 0, at) + 1)


def _bad_header(message: str, expected: str, hint: str, got: str | None = None) -> BadFileError:
    return BadFileError(message, line=1, field="header", expected=expected, got=got, hint=hint)
