"""A treatment column as numbers: 0/1 for two values or a contrast, else a dose."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from e2i_shared.api.datasets import ColumnKind
from e2i_shared.datasets.frame import Categories
from e2i_shared.errors import UnknownValueError, UnprocessableError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from e2i_shared.api.common import Scalar
    from e2i_shared.api.datasets import Column
    from e2i_shared.causal.arms import Arms
    from e2i_shared.datasets.frame import Frame

    Floats = NDArray[np.float64]

NO_TREATMENT_KINDS = frozenset({ColumnKind.ID, ColumnKind.TEXT, ColumnKind.DATE, ColumnKind.DATETIME})
TRUTH = {"true": 1.0, "false": 0.0, "yes": 1.0, "no": 0.0}


@dataclass(frozen=True, slots=True)
class Coding:
    """Treatment (N,), NaN where a row does not count; ``left_out`` rows have no value that is compared.

    ``arms`` hold the levels of the rows that count, where there are several.
    """

    values: Floats
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    left_out: int = 0
    arms: Arms | None = None


def code_treatment(frame: Frame, column: Column, contrast: Sequence[Scalar] | None) -> Coding:
    """Return the treatment as 0/1 or a dose; ``contrast`` is the treated and the untreated value.

    Raises UnprocessableError where the column cannot be a treatment or needs a contrast, UnknownValueError for a value not held.
    """
    if column.kind in NO_TREATMENT_KINDS:
        raise UnprocessableError(
            f"Column {column.name!r} holds {column.kind.value} values and cannot be a treatment.",
            field="treatment_col",
            expected="a number, a true/false or a category column",
            got=column.name,
        )
    if contrast is not None:
        return _contrast(frame, column, contrast)
    values = frame.columns[column.name]
    if isinstance(values, Categories):
        return _two_levels(values, column)
    numbers = frame.numbers(column.name)
    held = np.unique(numbers[~np.isnan(numbers)])
    if len(held) == 2 and not np.array_equal(held, (0.0, 1.0)):
        low, high = held
        coded = np.where(np.isnan(numbers), np.nan, (numbers == high).astype(np.float64))
        return Coding(coded, (f"{column.name} = {high:g} is compared with {column.name} = {low:g}.",))
    return Coding(numbers)


def _two_levels(values: Categories, column: Column) -> Coding:
    held = np.unique(values.codes[values.codes >= 0])
    if len(held) > 2:
        names = [values.levels[i] for i in held]
        raise UnprocessableError(
            f"Treatment {column.name!r} has {len(held)} categories: say which two to compare.",
            field="treatment_contrast",
            expected="the treated and the untreated value",
            got="no contrast",
            candidates=names[:10],
        )
    coded = np.where(values.codes < 0, np.nan, (values.codes == held[-1]).astype(np.float64)) if len(held) else None
    if coded is None:
        return Coding(np.full(len(values.codes), np.nan))
    if len(held) < 2:
        return Coding(coded)
    low, high = (values.levels[i] for i in held)
    return Coding(coded, (f"{column.name} = {high!r} is compared with {column.name} = {low!r}.",))


def _contrast(frame: Frame, column: Column, contrast: Sequence[Scalar]) -> Coding:
    treated, untreated = (_rows(frame, column, value) for value in contrast)
    if bool((treated & untreated).any()):
        raise UnprocessableError(
            "The two values of the contrast are the same.",
            field="treatment_contrast",
            expected="two different values",
            got=str(list(contrast)),
        )
    coded = np.where(treated, 1.0, np.where(untreated, 0.0, np.nan))
    missing = _missing(frame, column)
    left_out = int((np.isnan(coded) & ~missing).sum())
    note = f"{column.name} = {contrast[0]} is compared with {column.name} = {contrast[1]}"
    return Coding(coded, (f"{note}; {left_out} rows with other values are left out.",), left_out=left_out)


def _missing(frame: Frame, column: Column) -> NDArray[np.bool_]:
    values = frame.columns[column.name]
    return values.codes < 0 if isinstance(values, Categories) else np.isnan(frame.numbers(column.name))


def _rows(frame: Frame, column: Column, value: Scalar) -> NDArray[np.bool_]:
    values = frame.columns[column.name]
    if isinstance(values, Categories):
        by_name = {level.casefold(): i for i, level in enumerate(values.levels)}
        code = by_name.get(str(value).casefold())
        rows = values.codes == code if code is not None else np.zeros(len(values.codes), dtype=np.bool_)
        candidates = list(values.levels[:10])
    else:
        numbers = frame.numbers(column.name)
        rows = numbers == _number(value)
        candidates = [f"{v:g}" for v in np.unique(numbers[~np.isnan(numbers)])[:10]]
    if not rows.any():
        raise UnknownValueError(
            f"No row has {column.name} = {value!r}.", field="treatment_contrast", got=str(value), candidates=candidates
        )
    return np.asarray(rows)


def _number(value: Scalar) -> float:
    if isinstance(value, str) and value.casefold() in TRUTH:
        return TRUTH[value.casefold()]
    try:
        return float(value)
    except ValueError:
        return float("nan")
