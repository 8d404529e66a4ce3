"""Kolmogorov and Smirnov's two-sample statistic and its distribution, without scipy."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

_EXACT_UP_TO = 100_000  # cells of the lattice, n·m


@dataclass(frozen=True, slots=True)
class Gap:
    """Largest distance of two empirical distribution functions, signed F_a − F_b and where; ``auc`` is P(B > A) + ½P(B = A)."""

    distance: float
    signed: float
    at: float
    auc: float


def two_sample_gap(a: Floats, b: Floats) -> Gap:
    """Return D = sup|F_a − F_b| of sorted samples ``a`` (n,) and ``b`` (m,) without NaN, and the Mann–Whitney probability."""
    n, m = len(a), len(b)
    at_a = np.searchsorted(b, a, side="right")
    tied = bool((b[np.maximum(at_a - 1, 0)] == a).any())
    below = np.searchsorted(b, a, side="left") if tied else at_a
    last = np.append(a[1:] != a[:-1], True)
    first = np.insert(a[1:] != a[:-1], 0, True)
    positions = np.arange(n)
    after = np.where(last, (positions + 1) / n - at_a / m, -np.inf)  # just at a value of A, where F_a has risen
    before = np.where(first, positions / n - below / m, np.inf)  # just below it, where F_b may be ahead
    top, bottom = int(after.argmax()), int(before.argmin())
    auc = 1.0 - float((at_a.mean() + below.mean()) / 2.0) / m
    if after[top] >= -before[bottom]:
        return Gap(float(after[top]), float(after[top]), float(a[top]), auc)
    return Gap(float(-before[bottom]), float(before[bottom]), float(b[max(below[bottom] - 1, 0)]), auc)


def two_sample_p(distance: float, n: float, m: float, *, design_effect: float = 1.0) -> float:
    """Return P(D ≥ ``distance``) where both samples come from one continuous distribution.

    Exact by counting lattice paths for small samples (Hodges, Arkiv för Matematik 3, 1958); else Kolmogorov's limit at the
    effective size nm/(n + m), with Vrbik's correction (Pioneer Journal of Theoretical and Applied Statistics 15, 2018). With ties
    the p-value is too large, never too small. A ``design_effect`` above 1 divides the effective size.
    """
    if distance <= 0.0:
        return 1.0
    if design_effect == 1.0 and n * m <= _EXACT_UP_TO:
        return _exact(distance, round(n), round(m))
    size = n * m / (n + m) / design_effect
    root = distance * math.sqrt(size)
    return kolmogorov_sf(root + 1.0 / (6.0 * math.sqrt(size)) + (root - 1.0) / (4.0 * size))


def kolmogorov_sf(x: float) -> float:
    """Return P(K > x) of Kolmogorov's limit: 2 Σ (−1)^{k−1} e^{−2k²x²}, or its theta form where that series is slow."""
    if x <= 0.0:
        return 1.0
    if x < 1.0:
        factor = math.pi**2 / (8.0 * x * x)
        cdf = math.sqrt(2.0 * math.pi) / x * sum(math.exp(-((2 * k - 1) ** 2) * factor) for k in range(1, 20))
        return min(1.0, max(0.0, 1.0 - cdf))
    return min(1.0, 2.0 * sum((-1.0) ** (k - 1) * math.exp(-2.0 * k * k * x * x) for k in range(1, 20)))


def _exact(distance: float, n: int, m: int) -> float:
    """Return the share of the C(n + m, n) lattice paths that leave the band |i/n − j/m| < ``distance``.

    Complements are carried: q[j] is the probability that a random path to (i, j) has left the band.
    """
    limit = distance - 1e-12
    grid = np.arange(m + 1)
    outside = grid / m >= limit
    left = np.maximum.accumulate(outside).astype(np.float64)
    for i in range(1, n + 1):
        outside = np.abs(i / n - grid / m) >= limit
        left = _row(left, outside, i)
    return float(min(1.0, left[m]))


def _row(above: Floats, outside: NDArray[np.bool_], i: int) -> Floats:
    """Return row i: q[i, j] = (i·q[i−1, j] + j·q[i, j−1])/(i + j), and 1 outside the band."""
    row, previous = np.ones(len(above)), 0.0
    values, flags = above.tolist(), outside.tolist()
    for j, (value, flag) in enumerate(zip(values, flags, strict=True)):
        previous = 1.0 if flag else (i * value + j * previous) / (i + j)
        row[j] = previous
    return row
