"""A treatment of several levels, one of which the others are compared with."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Arms:
    """``codes`` (n,) into ``labels``, 0 being the reference; ``headline`` is the level whose effect stands for the whole."""

    codes: NDArray[np.intp]
    labels: tuple[str, ...]
    headline: int

    def take(self, rows: NDArray[np.bool_] | NDArray[np.intp]) -> Arms:
        """Return the arms of the rows given."""
        return replace(self, codes=self.codes[rows])
