"""Covariates of a frame as a numeric matrix."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from e2i_shared.datasets.frame import Categories
from e2i_shared.errors import UnprocessableError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from e2i_shared.datasets.frame import Frame

MOST_LEVELS = 200


def matrix(frame: Frame, columns: Sequence[str]) -> tuple[NDArray[np.float64], list[str]]:
    """Return the covariates (n, p) and the column each of the p came from.

    Categories become one indicator per level but the first; a missing number becomes the column's mean beside an indicator of
    being missing, a missing category a level of its own. Raises UnprocessableError for a category of more than 200 levels.
    """
    blocks: list[NDArray[np.float64]] = []
    owners: list[str] = []
    for name in columns:
        block = _block(frame, name)
        blocks.append(block)
        owners += [name] * block.shape[1]
    return (np.column_stack(blocks) if blocks else np.empty((frame.n, 0))), owners


def _block(frame: Frame, name: str) -> NDArray[np.float64]:
    values = frame.columns[name]
    if isinstance(values, Categories):
        held, codes = np.unique(values.codes, return_inverse=True)
        if len(held) > MOST_LEVELS:
            raise UnprocessableError(
                f"Column {name!r} has {len(held):,} different values, too many to adjust for.",
                field="covariates",
                expected=f"a number, or a category of at most {MOST_LEVELS} values",
                got=name,
                hint="Leave it out, or adjust for what groups its values.",
            )
        return np.asarray(codes.ravel()[:, None] == np.arange(1, len(held)), dtype=np.float64)
    numbers = frame.numbers(name)
    missing = np.isnan(numbers)
    if not missing.any():
        return numbers[:, None]
    mean = float(numbers[~missing].mean()) if not missing.all() else 0.0
    return np.column_stack([np.where(missing, mean, numbers), missing.astype(np.float64)])
