"""Kinds of rows in which everybody, or nobody, is treated."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from e2i_shared.datasets.frame import Categories

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from e2i_shared.causal.study import Study
    from e2i_shared.datasets.frame import Frame

FEWEST_ROWS = 20
MOST_LEVELS = 12  # of a numeric column, above which its values are no subgroups
MOST_NAMED = 5


def without_overlap(frame: Frame, study: Study, columns: Sequence[str]) -> list[str]:
    """Return a warning for each value of a column in which all of at least 20 rows are treated, or none is."""
    if study.kind != "binary":
        return []
    found = []
    for name in columns:
        codes, labels = _levels(frame, name)
        rows = np.bincount(codes[codes >= 0], minlength=len(labels))
        treated = np.bincount(codes[codes >= 0], weights=study.treatment[codes >= 0], minlength=len(labels))
        for level in np.flatnonzero((rows >= FEWEST_ROWS) & ((treated == 0) | (treated == rows))):
            which = "treated" if treated[level] else "untreated"
            found.append(
                f"No overlap where {name} = {labels[level]}: all {rows[level]} rows are {which}, so that the effect there is "
                "extrapolated from other rows."
            )
    more = len(found) - MOST_NAMED
    return found if more <= 0 else [*found[:MOST_NAMED], f"{more} more subgroups have no overlap."]


def _levels(frame: Frame, name: str) -> tuple[NDArray[np.intp], list[str]]:
    column = frame.columns[name]
    if isinstance(column, Categories):
        return column.codes.astype(np.intp), list(column.levels)
    numbers = frame.numbers(name)
    held = np.unique(numbers[~np.isnan(numbers)])
    if len(held) > MOST_LEVELS:
        return np.full(frame.n, -1, dtype=np.intp), []
    codes = np.searchsorted(held, np.where(np.isnan(numbers), np.inf, numbers))
    return np.where(np.isnan(numbers), -1, codes).astype(np.intp), [f"{value:g}" for value in held]
