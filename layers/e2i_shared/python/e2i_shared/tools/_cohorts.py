"""Deciding criteria row by row, and counting what each step leaves.

A condition on a missing value is undecided (Kleene 1952): a row is included when a criterion certainly holds and excluded
unless an exclusion criterion certainly does not, so that whom the data cannot judge is never in.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from e2i_shared.api.cohorts import CohortStep, Criterion
from e2i_shared.api.common import Filter
from e2i_shared.api.datasets import ColumnKind, ColumnRole
from e2i_shared.datasets import filters as conditions
from e2i_shared.datasets.frame import Categories, Dates
from e2i_shared.tools._columns import match_column

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Literal

    from numpy.typing import NDArray

    from e2i_shared.api.datasets import Column, Dataset
    from e2i_shared.datasets.frame import Frame

    Mask = NDArray[np.bool_]
    Kind = Literal["inclusion", "exclusion"]

_NEGATED = {"eq": "ne", "ne": "eq", "lt": "ge", "le": "gt", "gt": "le", "ge": "lt"}
_SIGNS = {"eq": "=", "ne": "≠", "lt": "<", "le": "≤", "gt": ">", "ge": "≥"}


@dataclass(frozen=True, slots=True)
class Step:
    """A criterion with the way it works."""

    kind: Kind
    criterion: Criterion


@dataclass(frozen=True, slots=True)
class Entities:
    """Who the rows (n,) belong to: ``codes`` (n,), -1 where the identifier is missing; ``column`` None for one row each."""

    codes: NDArray[np.intp]
    column: str | None
    unit: str

    def count(self, rows: Mask) -> int:
        """Return how many entities have a row among ``rows`` (n,)."""
        if self.column is None:
            return int(rows.sum())
        held = self.codes[rows]
        return len(np.unique(held[held >= 0]))


@dataclass(frozen=True, slots=True)
class Decided:
    """Whether a step keeps each row (n,), and whether missing values left it undecided (n,)."""

    keeps: Mask
    undecided: Mask


def settled(dataset: Dataset, given: Iterable[Filter | Criterion]) -> list[Criterion]:
    """Return criteria over the data set's own column names; raise UnknownColumnError with candidates."""
    grouped = (each if isinstance(each, Criterion) else Criterion(filters=[each]) for each in given)
    return [
        each.model_copy(
            update={
                "filters": [f.model_copy(update={"column": match_column(dataset, f.column).name}) for f in each.filters]
            }
        )
        for each in grouped
    ]


def choose_entity(dataset: Dataset, named: str | None) -> Column | None:
    """Return the column that identifies an entity, where rows repeat it; None where each row is an entity of its own."""
    if named is not None:
        return match_column(dataset, named)
    ids = [c for c in dataset.columns if c.role in (ColumnRole.ID, ColumnRole.CLUSTER) or c.kind is ColumnKind.ID]
    if not ids or any(c.statistics.distinct == dataset.rows for c in ids):
        return None
    return max(ids, key=lambda c: c.statistics.distinct)


def entities_of(frame: Frame, dataset: Dataset, column: Column | None) -> Entities:
    """Return the entities of the rows."""
    if column is None:
        return Entities(np.arange(frame.n), None, dataset.unit or "row")
    values = frame.columns[column.name]
    unit = column.name.removesuffix("_id").replace("_", " ")
    if isinstance(values, Categories):
        return Entities(values.codes.astype(np.intp), column.name, unit)
    numbers = frame.numbers(column.name)
    _, codes = np.unique(numbers, return_inverse=True)
    return Entities(np.where(np.isnan(numbers), -1, codes.ravel()), column.name, unit)


def decide(step: Step, frame: Frame, dataset: Dataset) -> Decided:
    """Apply one step to all rows; raise UnknownValueError or UnprocessableError for a condition that does not fit its column."""
    true, unknown = [], []
    for condition in conditions.resolve(dataset, step.criterion.filters):
        missing = _missing(frame, condition.column)
        true.append(conditions.mask(frame, [condition]))
        unknown.append(missing)
    holds, open_ = np.array(true), np.array(unknown)
    if step.criterion.match == "all":
        certain = np.asarray(holds.all(axis=0))
        undecided = np.asarray((holds | open_).all(axis=0) & ~certain)
    else:
        certain = np.asarray(holds.any(axis=0))
        undecided = np.asarray(open_.any(axis=0) & ~certain)
    return Decided(certain if step.kind == "inclusion" else ~certain & ~undecided, undecided)


def count_steps(
    steps: Sequence[Step], decided: Sequence[Decided], entities: Entities, dataset: Dataset, min_cell: int
) -> tuple[list[CohortStep], Mask]:
    """Return the counts of each step in order, and the rows (n,) that are in after the last."""
    kept = np.ones(len(entities.codes), dtype=np.bool_)
    without, made = _without_each(decided, len(entities.codes)), []
    for number, (step, found) in enumerate(zip(steps, decided, strict=True), 1):
        after = kept & found.keeps
        before_entities, after_entities = entities.count(kept), entities.count(after)
        gone = before_entities - after_entities
        made.append(
            CohortStep(
                number=number,
                kind=step.kind,
                criterion=step.criterion.label or _in_words(step.criterion, dataset),
                reason=step.criterion.reason,
                rows_before=int(kept.sum()),
                rows_excluded=int((kept & ~found.keeps).sum()),
                rows_after=int(after.sum()),
                rows_missing=int((kept & found.undecided).sum()),
                entities_before=before_entities,
                entities_excluded=gone,
                entities_after=after_entities,
                entities_without=entities.count(without[number - 1]),
                small_cell=any(0 < count < min_cell for count in (gone, after_entities)),
            )
        )
        kept = after
    return made, kept


def _without_each(decided: Sequence[Decided], rows: int) -> list[Mask]:
    """Return for each step the rows that all the others keep."""
    ahead = [np.ones(rows, dtype=np.bool_)]
    for found in decided:
        ahead.append(ahead[-1] & found.keeps)
    behind, made = np.ones(rows, dtype=np.bool_), []
    for i in reversed(range(len(decided))):
        made.append(ahead[i] & behind)
        behind = behind & decided[i].keeps
    return made[::-1]


def as_filters(steps: Sequence[Step]) -> list[Filter] | None:
    """Return conditions that together keep the same rows; None where an "or" remains."""
    made: list[Filter] = []
    for step in steps:
        found = _included(step.criterion) if step.kind == "inclusion" else _excluded(step.criterion)
        if found is None:
            return None
        made += [each for each in found if each not in made]
    return made


def fingerprint(dataset: Dataset, unit_col: str | None, steps: Sequence[Step]) -> str:
    """Return what identifies a cohort: data set, version, entity and criteria, whatever their order and labels."""
    criteria = sorted(
        json.dumps([s.kind, s.criterion.match, sorted(f.model_dump_json() for f in s.criterion.filters)]) for s in steps
    )
    text = json.dumps([dataset.name, dataset.version, unit_col, criteria])
    return hashlib.sha256(text.encode()).hexdigest()


def _included(criterion: Criterion) -> list[Filter] | None:
    if criterion.match == "all" or len(criterion.filters) == 1:
        return criterion.filters
    return _one_of(criterion.filters)


def _one_of(filters: Sequence[Filter]) -> list[Filter] | None:
    """Return ``a = x or a = y`` as ``a in (x, y)``; None for any other "or"."""
    if len({f.column for f in filters}) > 1 or any(f.op not in ("eq", "in") for f in filters):
        return None
    values = [v for f in filters for v in (f.value if isinstance(f.value, list) else [f.value])]
    return [Filter(column=filters[0].column, op="in", value=list(dict.fromkeys(values)))]


def _excluded(criterion: Criterion) -> list[Filter] | None:
    """Return the negation: not (a or b) is not a and not b; not (a and b) is an "or", which a list of conditions cannot say."""
    if criterion.match == "all" and len(criterion.filters) > 1:
        return None
    made: list[Filter] = []
    for each in criterion.filters:
        if each.op == "between":
            return None
        values = each.value if isinstance(each.value, list) else [each.value]
        op = "ne" if each.op == "in" else _NEGATED[each.op]
        made += [Filter.model_validate({"column": each.column, "op": op, "value": value}) for value in values]
    return made


def _missing(frame: Frame, column: Column) -> Mask:
    values = frame.columns[column.name]
    if isinstance(values, Categories):
        return np.asarray(values.codes < 0)
    return np.asarray(np.isnat(values.values) if isinstance(values, Dates) else np.isnan(values.values))


def _in_words(criterion: Criterion, dataset: Dataset) -> str:
    joint = " and " if criterion.match == "all" else " or "
    return joint.join(condition_in_words(each, dataset) for each in criterion.filters)


def condition_in_words(given: Filter, dataset: Dataset) -> str:
    """Return a condition as a reader says it: age ≥ 65 years."""
    column = conditions.find_column(dataset, given.column)
    name, unit = column.name.replace("_", " "), f" {column.unit}" if column.unit and len(column.unit) <= 12 else ""
    if isinstance(given.value, list):
        texts = [str(value) for value in given.value]
        if given.op == "between":
            return f"{name} {texts[0]} to {texts[1]}{unit}"
        return f"{name} one of {', '.join(texts)}"
    if column.kind is ColumnKind.BOOLEAN and given.op in ("eq", "ne"):
        meant = conditions.TRUTH.get(str(given.value).casefold(), True) == (given.op == "eq")
        return name if meant else f"no {name}"
    return f"{name} {_SIGNS[given.op]} {given.value}{unit if not isinstance(given.value, str) else ''}"
