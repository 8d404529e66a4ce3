"""The normal distribution without scipy: exact to double precision, for functions that ship numpy only."""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_STANDARD = NormalDist()
_SQRT2 = math.sqrt(2.0)
_SQRT_2PI = math.sqrt(2.0 * math.pi)
_erfc = np.frompyfunc(math.erfc, 1, 1)


def normal_pdf(x: float) -> float:
    """Return the standard normal density at ``x``."""
    return math.exp(-0.5 * x * x) / _SQRT_2PI


def normal_cdf(x: float) -> float:
    """Return P(Z ≤ x) as erfc(−x/√2)/2, which keeps its relative accuracy in the lower tail."""
    return 0.5 * math.erfc(-x / _SQRT2)


def normal_sf(x: float) -> float:
    """Return P(Z > x), relatively accurate in the upper tail."""
    return 0.5 * math.erfc(x / _SQRT2)


def normal_quantile(p: float) -> float:
    """Return z with P(Z ≤ z) = p by Wichura's AS 241 (Applied Statistics 37, 1988), relative error about 1e-16.

    Raises
    ------
    ValueError
        Where ``p`` is not strictly between 0 and 1.
    """
    if not 0.0 < p < 1.0:
        raise ValueError(f"a probability strictly between 0 and 1 is needed, got {p}")
    return _STANDARD.inv_cdf(p)


def normal_cdf_array(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return P(Z ≤ x) elementwise; same shape as ``x``."""
    return np.asarray(0.5 * _erfc(-np.asarray(x, dtype=np.float64) / _SQRT2), dtype=np.float64)


def two_sided_p(z: float) -> float:
    """Return P(|Z| ≥ |z|)."""
    return math.erfc(abs(z) / _SQRT2)
