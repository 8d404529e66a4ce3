"""Groups of units and twins by a column: levels of a category, values or quarters of a number."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np

from e2i_shared.datasets.filters import nearest
from e2i_shared.errors import UnknownColumnError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from e2i_shared.twins.bundle import Bundle
    from e2i_shared.twins.table import Table

    Floats = NDArray[np.float64]
    Mask = NDArray[np.bool_]

MOST_LEVELS, FEWEST_UNITS, MOST_COLUMNS = 12, 30, 6
QUARTERS = (0.25, 0.5, 0.75)


def columns(bundle: Bundle, asked: Sequence[str] | None) -> list[str]:
    """Return the columns to compare by; raise UnknownColumnError with the nearest names."""
    units = bundle.units
    if asked is None:
        return [name for name in units.categories if len(units.levels[name]) <= MOST_LEVELS][:MOST_COLUMNS]
    for name in asked:
        if name not in units.names:
            raise UnknownColumnError(
                f"The twin has no column {name!r}.",
                field="segments",
                expected="a feature of the twin",
                got=name,
                candidates=nearest(name, units.names),
            )
    return list(dict.fromkeys(asked))


def groups(units: Table, twins: Table, name: str) -> list[tuple[str, Mask, Mask]]:
    """Return (label, members among units (n,), members among twins (m,)) of each group; missing values belong to none."""
    own, other = units.values(name), twins.values(name)
    if name in units.categories:
        return [(level, own == code, other == code) for code, level in enumerate(units.levels[name])]
    values = np.unique(own[~np.isnan(own)])
    if len(values) <= MOST_LEVELS:
        return [(f"{value:g}", own == value, other == value) for value in values]
    cuts = np.unique(np.nanquantile(own, QUARTERS))
    edges = [-np.inf, *cuts, np.inf]
    return [
        (_label(low, high), (own > low) & (own <= high), (other > low) & (other <= high))
        for low, high in itertools.pairwise(edges)
    ]


def _label(low: float, high: float) -> str:
    if np.isinf(low):
        return f"up to {high:.4g}"
    return f"above {low:.4g}" if np.isinf(high) else f"{low:.4g} to {high:.4g}"
