"""Conditions on columns: checked against the catalogue, typed, and applied to rows in memory.

A filter is resolved once into a ``Condition`` (typed operands of the column's kind); the in-memory source applies it with
``mask``, the database source binds the same operands as parameters. A missing cell passes no condition.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from e2i_shared.api.datasets import ColumnKind
from e2i_shared.datasets.frame import Categories, Dates
from e2i_shared.errors import UnknownColumnError, UnknownValueError, UnprocessableError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from e2i_shared.api.common import Filter, FilterOp, Scalar
    from e2i_shared.api.datasets import Column, Dataset
    from e2i_shared.datasets.frame import Frame, FrameColumn

Operand: TypeAlias = "str | float | bool | np.datetime64"
TEXT_KINDS = frozenset({ColumnKind.CATEGORY, ColumnKind.TEXT, ColumnKind.ID})
DATE_KINDS = frozenset({ColumnKind.DATE, ColumnKind.DATETIME})
LISTED_LEVELS = 50  # ColumnStatistics.top_values holds every value of a column with at most this many
TRUTH = {"true": True, "false": False, "1": True, "0": False, "yes": True, "no": False}


@dataclass(frozen=True, slots=True)
class Condition:
    """A filter with operands of the column's kind; ``in`` has any number, ``between`` two (inclusive), the others one."""

    column: Column
    op: FilterOp
    operands: tuple[Operand, ...]


def nearest(wanted: str, names: Iterable[str], count: int = 3) -> list[str]:
    """Return the names nearest in spelling, ignoring case; the first few when none is near."""
    by_folded = {name.casefold(): name for name in names}
    near = difflib.get_close_matches(wanted.casefold(), by_folded, n=count, cutoff=0.5)
    return [by_folded[n] for n in near] or list(by_folded.values())[:10]


def find_column(dataset: Dataset, name: str) -> Column:
    """Return the column; raise UnknownColumnError with the nearest names."""
    column = dataset.column(name)
    if column is None:
        raise UnknownColumnError(
            f"Data set {dataset.name!r} has no column {name!r}.",
            field=name or "column",
            expected=f"a column of {dataset.name!r}",
            got=name,
            candidates=nearest(name, (c.name for c in dataset.columns)),
        )
    return column


def resolve(dataset: Dataset, filters: Sequence[Filter]) -> tuple[Condition, ...]:
    """Check filters against the catalogue: columns exist, operators fit kinds, listed values are held.

    Raises UnknownColumnError, UnknownValueError (both with the nearest candidates) or UnprocessableError.
    """
    return tuple(_resolve(dataset, f) for f in filters)


def mask(frame: Frame, conditions: Sequence[Condition]) -> NDArray[np.bool_]:
    """Return the rows (n,) that pass every condition; the frame holds their columns.

    Raises UnknownValueError for a text value that the column does not hold.
    """
    keep = np.ones(frame.n, dtype=np.bool_)
    for condition in conditions:
        keep &= _passes(frame.columns[condition.column.name], condition)
    return keep


def unknown_value(
    column: Column, got: str, known: Iterable[str], *, near: Sequence[str] | None = None
) -> UnknownValueError:
    """Build the error for a value that a column does not hold, with the nearest ones."""
    return UnknownValueError(
        f"Column {column.name!r} holds no value {got!r}.",
        field=column.name,
        expected=f"a value of {column.name!r}",
        got=got,
        candidates=nearest(got, known) if near is None else near,
    )


def _resolve(dataset: Dataset, given: Filter) -> Condition:
    column = find_column(dataset, given.column)
    values = given.value if isinstance(given.value, list) else [given.value]
    _check_shape(column, given, len(values))
    operands = tuple(_operand(column, value) for value in values)
    if given.op in ("eq", "ne", "in"):
        for value, operand in zip(values, operands, strict=True):
            _check_held(column, value, operand)
    return Condition(column, given.op, operands)


def _check_shape(column: Column, given: Filter, count: int) -> None:
    if given.op == "in":
        allowed, expected = isinstance(given.value, list) and count > 0, "a list of values"
    elif given.op == "between":
        allowed, expected = isinstance(given.value, list) and count == 2, "a list of two bounds"
    else:
        allowed, expected = not isinstance(given.value, list), "one value"
    if not allowed:
        raise UnprocessableError(
            f"The filter on {column.name!r} with {given.op!r} needs {expected}.",
            field=column.name,
            expected=expected,
            got=str(given.value),
        )
    if column.kind in TEXT_KINDS and given.op not in ("eq", "ne", "in"):
        raise UnprocessableError(
            f"Column {column.name!r} holds text, which has no order for {given.op!r}.",
            field=column.name,
            expected="eq, ne or in",
            got=given.op,
            hint="List the values with 'in'.",
        )


def _operand(column: Column, value: Scalar) -> Operand:
    """Return the value as the column's type; raise UnknownValueError when it is none."""
    try:
        if column.kind in TEXT_KINDS:
            return str(value)
        if column.kind in DATE_KINDS:
            return _moment(str(value))
        if column.kind is ColumnKind.BOOLEAN:
            return TRUTH[str(value).casefold()]
        number = float(value)
    except (KeyError, ValueError, OverflowError) as error:
        raise _wrong_type(column, value) from error
    if not np.isfinite(number):
        raise _wrong_type(column, value)
    return number


def _moment(text: str) -> np.datetime64:
    moment = datetime.fromisoformat(text)
    return np.datetime64(moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment, "s")


def _wrong_type(column: Column, value: Scalar) -> UnknownValueError:
    expected = {"date": "a date (YYYY-MM-DD)", "datetime": "a date or time (ISO 8601)", "boolean": "true or false"}
    want = expected.get(column.kind.value, "a finite number")
    low, high = column.statistics.minimum, column.statistics.maximum
    return UnknownValueError(
        f"Column {column.name!r} holds {column.kind.value} values; {value!r} is not {want}.",
        field=column.name,
        expected=want,
        got=str(value),
        hint=f"Its values run from {low} to {high}." if low is not None else None,
    )


def _check_held(column: Column, value: Scalar, operand: Operand) -> None:
    """Refuse a value outside the listed levels, where the catalogue lists all of them."""
    listed = [text for text, _ in column.statistics.top_values]
    if not listed or column.statistics.distinct > LISTED_LEVELS:
        return
    if operand in {_operand(column, text) for text in listed}:
        return
    if isinstance(operand, float):
        listed.sort(key=lambda text: abs(float(text) - operand))
        raise unknown_value(column, str(value), listed, near=listed[:3])
    raise unknown_value(column, str(value), listed)


def _passes(values: FrameColumn, condition: Condition) -> NDArray[np.bool_]:
    if isinstance(values, Categories):
        return _text_passes(values, condition)
    if isinstance(values, Dates):
        missing = np.isnat(values.values)
        return ~missing & _compare(values.values, condition.op, condition.operands)
    present = ~np.isnan(values.values)
    return present & _compare(values.values, condition.op, condition.operands)


def _text_passes(values: Categories, condition: Condition) -> NDArray[np.bool_]:
    codes = []
    for operand in condition.operands:
        if operand not in values.levels:
            raise unknown_value(condition.column, str(operand), values.levels)
        codes.append(values.levels.index(str(operand)))
    held = np.isin(values.codes, codes)
    return ~held & (values.codes >= 0) if condition.op == "ne" else held


def _compare(
    values: NDArray[np.float64] | NDArray[np.datetime64], op: FilterOp, operands: tuple[Operand, ...]
) -> NDArray[np.bool_]:
    bounds = np.array(operands, dtype=values.dtype)
    first, last = bounds[0], bounds[-1]
    if op == "in":
        return np.isin(values, bounds)
    if op == "between":
        return np.asarray((values >= first) & (values <= last))
    comparisons = {
        "eq": np.equal,
        "ne": np.not_equal,
        "lt": np.less,
        "le": np.less_equal,
        "gt": np.greater,
        "ge": np.greater_equal,
    }
    return np.asarray(comparisons[op](values, first), dtype=np.bool_)
