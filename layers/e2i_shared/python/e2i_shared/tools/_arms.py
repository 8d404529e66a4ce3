"""A category column as a treatment of several levels: which is the reference, and which stands for the whole."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from e2i_shared.causal.arms import Arms
from e2i_shared.causal.study import FEWEST_PER_ARM
from e2i_shared.datasets.frame import Categories
from e2i_shared.errors import InsufficientDataError, UnknownValueError
from e2i_shared.tools._columns import plain

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from e2i_shared.api.common import Scalar
    from e2i_shared.api.datasets import Column
    from e2i_shared.datasets.frame import Frame

MOST_ARMS = 10
UNTREATED = frozenset(
    {"none", "no", "control", "placebo", "untreated", "standard", "usual care", "standard of care", "0"}
)


@dataclass(frozen=True, slots=True)
class CodedArms:
    """``codes`` (N,) into the arms' labels, −1 where a row does not count; the arms over the rows that do; what was decided."""

    codes: NDArray[np.intp]
    labels: tuple[str, ...]
    headline: int
    notes: tuple[str, ...]
    warnings: tuple[str, ...]
    left_out: int

    @property
    def arms(self) -> Arms:
        """The arms of the rows that count."""
        return Arms(self.codes[self.codes >= 0], self.labels, self.headline)


def several_levels(frame: Frame, column: Column) -> bool:
    """Say whether the column is a category of 3 to 10 held levels."""
    values = frame.columns[column.name]
    if not isinstance(values, Categories):
        return False
    return 3 <= len(np.unique(values.codes[values.codes >= 0])) <= MOST_ARMS


def code_arms(frame: Frame, column: Column, counted: NDArray[np.bool_], reference: Scalar | None = None) -> CodedArms:
    """Return the levels of a category, of the rows ``counted`` (N,) that have an outcome.

    The reference is the level named, else one called none, control, placebo or the like, else the most frequent; the headline is the
    most frequent other level. Levels of fewer than 10 rows are left out. Raises UnknownValueError for a reference that no row has,
    InsufficientDataError where fewer than two levels are left.
    """
    values = frame.columns[column.name]
    assert isinstance(values, Categories)  # noqa: S101 - several_levels was asked before
    counts = np.bincount(values.codes[counted & (values.codes >= 0)], minlength=len(values.levels))
    held = [i for i in np.argsort(-counts, kind="stable") if counts[i] >= FEWEST_PER_ARM]
    rare = [values.levels[i] for i in np.flatnonzero((counts > 0) & (counts < FEWEST_PER_ARM))]
    base = _reference(values.levels, [int(i) for i in held], column, reference)
    order = [base, *[int(i) for i in held if i != base]]
    if len(order) < 2:
        raise InsufficientDataError(
            f"Only one value of {column.name!r} has {FEWEST_PER_ARM} rows: there is nothing to compare it with.",
            field="treatment_col",
            expected=f"at least two values with {FEWEST_PER_ARM} rows each",
            got=", ".join(f"{values.levels[i]} ({counts[i]} rows)" for i in order),
            hint="Widen the filters.",
        )
    lookup = np.full(len(values.levels) + 1, -1, dtype=np.intp)
    lookup[order] = np.arange(len(order))
    codes = np.where(counted, lookup[values.codes], -1)
    labels = tuple(values.levels[i] for i in order)
    left_out = int(counts[[values.levels.index(level) for level in rare]].sum()) if rare else 0
    warnings = (
        (f"Values of {column.name} with fewer than {FEWEST_PER_ARM} rows are left out: {', '.join(rare)}.",)
        if rare
        else ()
    )
    note = (
        f"Each value of {column.name} is compared with {labels[0]!r}; 'ate' is the effect of {labels[1]!r}, the most frequent of "
        "the others, and 'arms' holds all."
    )
    return CodedArms(codes, labels, 1, (note,), warnings, left_out)


def _reference(levels: tuple[str, ...], held: list[int], column: Column, asked: Scalar | None) -> int:
    if asked is not None:
        named = [i for i in held if plain(levels[i]) == plain(str(asked))]
        if not named:
            raise UnknownValueError(
                f"No {FEWEST_PER_ARM} rows have {column.name} = {asked!r}.",
                field="reference_level",
                got=str(asked),
                candidates=[levels[i] for i in held],
            )
        return named[0]
    untreated = [i for i in held if plain(levels[i]) in UNTREATED]
    if not held:
        raise InsufficientDataError(
            f"No value of {column.name!r} has {FEWEST_PER_ARM} rows.",
            field="treatment_col",
            expected=f"at least two values with {FEWEST_PER_ARM} rows each",
            got="none",
            hint="Widen the filters.",
        )
    return untreated[0] if untreated else held[0]
