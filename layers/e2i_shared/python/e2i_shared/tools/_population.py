"""Which rows a target population means: segment labels as cate_analyzer writes them, or entities as gap_calculator does."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from e2i_shared.api.datasets import ColumnKind
from e2i_shared.datasets.filters import nearest
from e2i_shared.datasets.frame import Categories
from e2i_shared.errors import InsufficientDataError, UnknownValueError, UnprocessableError
from e2i_shared.tools._columns import match_column, plain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from e2i_shared.api.datasets import Column, Dataset
    from e2i_shared.datasets.frame import Frame

    Mask = NDArray[np.bool_]

_NUMBER = r"-?\d+(?:\.\d+)?(?:e[+-]?\d+)?"
_SPAN = re.compile(rf"^(?P<low>{_NUMBER})(?:[–-](?P<high>{_NUMBER}))?$")
_TRUTH = {"true": 1.0, "false": 0.0}


class Entity(BaseModel):
    """An entity to target; other fields of gap_calculator's performers are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    entity: str
    column: str = Field(description="the column that holds the entity's name")


Member = str | Entity


class Population(BaseModel):
    """What a target population was resolved to: a column and its level, number or span."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    label: str
    column: str
    level: str


def resolve_population(dataset: Dataset, members: Sequence[Member]) -> list[Population]:
    """Return the column and level of each member; raise UnknownValueError or UnprocessableError naming what is not understood."""
    if not members:
        raise InsufficientDataError(
            "The target population is empty: no segment stood out, or none was named.",
            field="target_population",
            expected="one or more segments or entities",
            got="an empty list",
            hint="Leave target_population out to ask for everyone.",
        )
    return [_entity(dataset, m) if isinstance(m, Entity) else _label(dataset, m) for m in members]


def rows_of(frame: Frame, dataset: Dataset, population: Sequence[Population]) -> Mask:
    """Return the rows (n,) in any of the members; raise UnknownValueError for a member without rows."""
    chosen = np.zeros(frame.n, dtype=np.bool_)
    for member in population:
        rows = _rows(frame, dataset, member)
        if not rows.any():
            raise UnknownValueError(
                f"No row has {member.column} = {member.level!r}.",
                field="target_population",
                expected=f"a value of {member.column!r} among the rows read",
                got=member.label,
                candidates=_held(frame, member.column, member.level),
            )
        chosen |= rows
    return chosen


def _entity(dataset: Dataset, member: Entity) -> Population:
    column = match_column(dataset, member.column)
    return Population(label=f"{column.name} {member.entity}", column=column.name, level=member.entity)


def _label(dataset: Dataset, text: str) -> Population:
    """Read "Oncology", "academic = true", "decile 10", "age 25–33" or "region Midwest"."""
    named = _after_column(dataset, text)
    if named is not None:
        return named
    owners = [c for c in dataset.columns if plain(text) in {plain(v) for v, _ in c.statistics.top_values}]
    owners = [c for c in owners if c.kind is ColumnKind.CATEGORY]
    if len(owners) == 1:
        return Population(label=text, column=owners[0].name, level=text)
    if owners:
        raise UnprocessableError(
            f"{text!r} is a value of several columns: {', '.join(c.name for c in owners)}.",
            field="target_population",
            expected="a column and its value",
            got=text,
            candidates=[f"{c.name} {text}" for c in owners],
        )
    values = [v for c in dataset.columns if c.kind is ColumnKind.CATEGORY for v, _ in c.statistics.top_values]
    raise UnknownValueError(
        f"No column holds the segment {text!r}.",
        field="target_population",
        expected="a segment as cate_analyzer names it, or an entity with its column",
        got=text,
        candidates=nearest(text, values),
    )


def _after_column(dataset: Dataset, text: str) -> Population | None:
    for column in sorted(dataset.columns, key=lambda c: -len(c.name)):
        if text.startswith((f"{column.name} ", f"{column.name}=")):
            level = text[len(column.name) :].strip().removeprefix("=").strip()
            return Population(label=text, column=column.name, level=level) if level else None
    return None


def _rows(frame: Frame, dataset: Dataset, member: Population) -> Mask:
    values = frame.columns[member.column]
    column = dataset.column(member.column)
    if isinstance(values, Categories):
        by_name = {plain(level): code for code, level in enumerate(values.levels)}
        return np.asarray(values.codes == by_name.get(plain(member.level), -2))
    numbers = frame.numbers(member.column)
    low, high = span_of(column, member)
    return np.asarray((numbers >= low) & (numbers <= high))


def span_of(column: Column | None, member: Population) -> tuple[float, float]:
    """Return the least and the largest number that a member means; raise UnknownValueError where it is none."""
    if column is not None and column.kind is ColumnKind.BOOLEAN and member.level.casefold() in _TRUTH:
        value = _TRUTH[member.level.casefold()]
        return value, value
    found = _SPAN.match(member.level)
    if found is None:
        raise UnknownValueError(
            f"{member.level!r} is no number or span of {member.column!r}.",
            field="target_population",
            expected="a number, or low–high",
            got=member.label,
        )
    low = float(found["low"])
    high = float(found["high"]) if found["high"] else low
    # Labels are rounded to 4 digits.
    slack = 5e-4 * max(abs(low), abs(high)) if found["high"] else 0.0
    return low - slack, high + slack


def _held(frame: Frame, name: str, near: str) -> list[str]:
    values = frame.columns[name]
    if isinstance(values, Categories):
        return nearest(near, [values.levels[i] for i in np.unique(values.codes[values.codes >= 0])])
    numbers = frame.numbers(name)
    held = np.unique(numbers[~np.isnan(numbers)])
    return [f"{v:g}" for v in held[:10]]
