"""Rows in memory: what a load writes, and what tools read, beside a FakeCatalogue."""

from __future__ import annotations

import csv
import io
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from e2i_shared.datasets import cells, encoding, refusals
from e2i_shared.datasets.describe import profile, settled_kind
from e2i_shared.datasets.frame import Categories, Dates, Frame, Numbers
from e2i_shared.datasets.memory import MemoryDataSource
from e2i_shared.datasets.repository import CellError
from e2i_shared.errors import UnknownDatasetError
from e2i_shared.ids import new_id

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from e2i_shared.api.common import Filter
    from e2i_shared.api.datasets import ColumnKind, ColumnStatistics, Dataset
    from e2i_shared.datasets.frame import FrameColumn
    from e2i_shared.datasets.plan import ColumnPlan, LoadPlan
    from e2i_shared.testing.catalogue import FakeCatalogue

_TRUE = frozenset({"t", "true", "y", "yes", "on", "1"})
_FALSE = frozenset({"f", "false", "n", "no", "off", "0"})
_DATE_FORMS = ("%Y-%m-%d", "%Y/%m/%d", "%d-%b-%Y", "%d-%b-%y", "%d %B %Y", "%b %d, %Y")
_ORDERED = {"MDY": ("%m/%d/%Y", "%m/%d/%y"), "DMY": ("%d/%m/%Y", "%d/%m/%y", "%d.%m.%Y")}
_TIMES = ("", " %H:%M", " %H:%M:%S", " %I:%M %p")


class FakeRows:
    """A RowStore and a DataSource over one dictionary; data sets are entered into the catalogue given."""

    def __init__(self, catalogue: FakeCatalogue) -> None:
        self._catalogue = catalogue
        self._frames: dict[tuple[str, int], Frame] = {}

    @contextmanager
    def begin(self, name: str) -> Iterator[FakeRowsTable]:
        """Open the next version of a data set; it is kept when it is published."""
        try:
            previous = self._catalogue.find(name)
        except UnknownDatasetError:
            previous = None
        yield FakeRowsTable(self, previous)

    def keep(self, dataset: Dataset, frame: Frame) -> Dataset:
        """Enter a data set and its rows; return it with its id and version."""
        stored = self._catalogue.add(dataset)
        self._frames[stored.dataset_id, stored.version] = frame
        return stored

    def describe(self, dataset: str) -> Dataset:
        """Return the newest version of a data set; raise UnknownDatasetError."""
        return self._catalogue.find(dataset)

    def read(self, dataset: str, columns: Sequence[str], filters: Sequence[Filter] = ()) -> Frame:
        """Read columns of the rows that pass every filter; raise UnknownColumnError or UnknownValueError."""
        found = self.describe(dataset)
        frame = self._frames[found.dataset_id, found.version]
        return MemoryDataSource({found.name: (found, frame)}).read(found.name, columns, filters)


@dataclass
class FakeRowsTable:
    """One new version, seen by nobody until it is published."""

    store: FakeRows
    previous: Dataset | None
    dataset_id: str = ""
    version: int = 1
    _columns: list[FrameColumn] = field(default_factory=list)
    _names: list[str] = field(default_factory=list)
    _rows: int = 0

    def __post_init__(self) -> None:
        """Follow the version before."""
        self.dataset_id = self.previous.dataset_id if self.previous else new_id()
        self.version = self.previous.version + 1 if self.previous else 1

    def fill(self, plan: LoadPlan, chunks: Iterable[bytes]) -> int:
        """Read delimited text with a header line; return the rows. Raises CellError or BadFileError."""
        text = _decoded(b"".join(chunks))
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=plan.dialect.delimiter, strict=True)
        values: list[list[Any]] = [[] for _ in plan.columns]
        next(reader)
        for row in _rows(reader):
            if len(row) != len(plan.columns):
                raise refusals.ragged(reader.line_num, len(plan.columns))
            for index, (column, cell) in enumerate(zip(plan.columns, row, strict=True)):
                values[index].append(_value(plan, column, index, cell, reader.line_num))
        self._rows = len(values[0])
        self._names = [column.name for column in plan.columns]
        self._columns = [_column(column, cells_) for column, cells_ in zip(plan.columns, values, strict=True)]
        return self._rows

    def profile(self, plan: LoadPlan) -> Sequence[tuple[ColumnKind, ColumnStatistics]]:
        """Return each column's settled kind and profile."""
        return [_settled(column, values) for column, values in zip(plan.columns, self._columns, strict=True)]

    def publish(self, dataset: Dataset) -> Dataset:
        """Keep the rows and enter the version into the catalogue."""
        return self.store.keep(dataset, Frame(self._rows, dict(zip(self._names, self._columns, strict=True))))


def _decoded(raw: bytes) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise encoding.not_utf8(raw.count(b"\n", 0, error.start) + 1) from None


def _rows(reader: Any) -> Iterator[list[str]]:
    try:
        yield from reader
    except csv.Error:
        raise refusals.unclosed_quote(reader.line_num) from None


def _value(plan: LoadPlan, column: ColumnPlan, index: int, cell: str, line: int) -> Any:
    """Return a cell as its column's type, None where it is missing, as the database would take it."""
    if _missing(plan, column, cell):
        return None
    if not cell:
        raise CellError(index, cell, line=line)
    try:
        value = _parsed(plan, column, cell)
    except ValueError:
        raise CellError(index, cell, line=line) from None
    if isinstance(value, float) and not np.isfinite(value):
        raise CellError(index, cell, line=line, infinite=not np.isnan(value))
    return value


def _missing(plan: LoadPlan, column: ColumnPlan, cell: str) -> bool:
    if plan.clean:
        return cell == plan.null
    spelt = plan.missing if column.storage == "text" else cells.NA_SPELLINGS | plan.missing
    return not cell or cell.strip() in spelt


def _parsed(plan: LoadPlan, column: ColumnPlan, cell: str) -> Any:
    if column.storage == "text":
        return cell
    text = cell.strip()
    if column.storage == "double precision":
        return float(text.replace(",", ".") if column.form == "decimal_comma" else text)
    if column.storage == "boolean":
        return _truth(text.removesuffix(".0") if column.form == "flag" else text)
    return _moment(text + "-01" if column.form == "month" else text, plan.date_order)


def _truth(text: str) -> float:
    if text.casefold() in _TRUE:
        return 1.0
    if text.casefold() in _FALSE:
        return 0.0
    raise ValueError(text)


def _moment(text: str, order: str) -> np.datetime64:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = _formatted(text, order)
    return np.datetime64(moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment, "s")


def _formatted(text: str, order: str) -> datetime:
    for form in (*_DATE_FORMS, *_ORDERED[order]):
        for time in _TIMES:
            try:
                return datetime.strptime(text, form + time)  # noqa: DTZ007 -- times without a zone are UTC
            except ValueError:
                continue
    raise ValueError(text)


def _column(column: ColumnPlan, values: Sequence[Any]) -> FrameColumn:
    if column.storage == "text":
        levels = sorted({value for value in values if value is not None})
        code_of: dict[str | None, int] = {None: -1} | {level: code for code, level in enumerate(levels)}
        return Categories(np.array([code_of[value] for value in values], dtype=np.int32), tuple(levels))
    if column.storage in ("date", "timestamptz"):
        missing = np.datetime64("NaT", "s")
        moments = np.array([missing if value is None else value for value in values], dtype="datetime64[s]")
        return Dates(moments.astype("datetime64[D]").astype("datetime64[s]") if column.storage == "date" else moments)
    return Numbers(np.array([np.nan if value is None else value for value in values], dtype=np.float64))


def _settled(column: ColumnPlan, values: FrameColumn) -> tuple[ColumnKind, ColumnStatistics]:
    first = profile(values, column.kind)
    present = len(values.codes if isinstance(values, Categories) else values.values) - first.missing
    whole = isinstance(values, Numbers) and bool(np.all(np.isnan(values.values) | (values.values % 1 == 0)))
    kind = settled_kind(column, present, first.distinct, whole=whole)
    return kind, profile(values, kind)
