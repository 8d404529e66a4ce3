"""One column's own distribution, reached from a normal score by a table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

KNOTS = 1_025
CELLS = 8_192  # of the even grid by which a score is looked up
MOST_LEVELS = 0.25  # of the rows: more distinct values make a column continuous


@dataclass(frozen=True, slots=True)
class Marginal:
    """A column: its values over an even grid of scores from ``low`` in steps of 1/``scale``; continuous ones are interpolated."""

    name: str
    low: float
    scale: float
    grid: Floats
    continuous: bool

    def values(self, scores: NDArray[np.float32]) -> Floats:
        """Return the column's values (m,) at scores (m,)."""
        place = (scores - np.float32(self.low)) * np.float32(self.scale)
        np.clip(place, 0, len(self.grid) - 1.001, out=place)
        cell = place.astype(np.int32)
        if not self.continuous:
            return self.grid[cell]
        below = self.grid[cell]
        return np.asarray(below + (place - cell) * (self.grid[cell + 1] - below))


def marginal(name: str, values: Floats, scores: Floats) -> Marginal:
    """Learn the map that gives ``values`` (n,) their own distribution when scores are distributed as ``scores`` (p,)."""
    levels, counts = np.unique(values, return_counts=True)
    low, high = float(scores.min()) - 0.5, float(scores.max()) + 0.5
    scale = (CELLS - 1) / (high - low)
    places = low + (np.arange(CELLS) + 0.5) / scale
    if len(levels) > MOST_LEVELS * len(values):
        chances = np.linspace(0.0, 1.0, KNOTS)
        at = np.quantile(scores, chances)
        grid = np.interp(places - 0.5 / scale, at, np.quantile(values, chances))
        return Marginal(name, low, scale, grid, continuous=True)
    cuts = np.quantile(scores, (np.cumsum(counts) / len(values))[:-1])
    return Marginal(name, low, scale, levels[np.searchsorted(cuts, places)], continuous=False)
