"""Pearson's chi-square of two groups' counts over categories, with an exact reference where cells are sparse."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from e2i_shared.causal.chi_square import chi2_sf

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

_LEAST_EXPECTED = 5.0  # below it χ² is not trusted (Cochran, Biometrics 10, 1954)
_DRAWS = 9_999


@dataclass(frozen=True, slots=True)
class Homogeneity:
    """χ² on ``df`` degrees of freedom; ``reference`` says what the p-value was read from."""

    statistic: float
    df: int
    p_value: float
    cramers_v: float
    reference: Literal["chi-square", "permutations"]


def homogeneity(a: Floats, b: Floats, *, seed: int, design_effect: float = 1.0) -> Homogeneity:
    """Test that counts ``a`` (B,) and ``b`` (B,) come from one distribution over categories.

    Statistic: Σ (observed − expected)²/expected over both groups, divided by the design effect (Rao and Scott, 1984); categories
    that neither group holds are left out. Effect: Cramér's V = √(χ²/N), before that division.
    Reference: χ²_{B−1}; where an expected count, divided by the design effect, is below 5, 9,999 tables drawn with the observed
    margins (Patefield's null by the multivariate hypergeometric distribution), p = (1 + #{χ² ≥ observed})/10,000.
    Assumptions: rows are independent up to the design effect.
    """
    held = a + b > 0
    a, b = a[held], b[held]
    n, m, bins = float(a.sum()), float(b.sum()), len(a)
    if bins < 2:
        return Homogeneity(0.0, 0, 1.0, 0.0, "chi-square")
    expected = (a + b) * n / (n + m)
    scale = 1.0 / expected + n / (m * expected)
    raw = float(((a - expected) ** 2 * scale).sum())
    v = math.sqrt(raw / (n + m))
    smallest = float(min(expected.min(), (a + b - expected).min())) / design_effect
    if smallest >= _LEAST_EXPECTED:
        statistic = raw / design_effect
        return Homogeneity(statistic, bins - 1, chi2_sf(statistic, bins - 1), v, "chi-square")
    p = _permuted(a, b, design_effect, seed)
    return Homogeneity(raw / design_effect, bins - 1, p, v, "permutations")


def _permuted(a: Floats, b: Floats, design_effect: float, seed: int) -> float:
    """Return the p-value among drawn tables of effective counts."""
    first, second = (np.rint(counts / design_effect).astype(np.int64) for counts in (a, b))
    both = first + second
    first, both = first[both > 0], both[both > 0]
    n, total = int(first.sum()), int(both.sum())
    if not 0 < n < total or len(both) < 2:
        return 1.0
    expected = both * n / total
    drawn = np.random.default_rng(seed).multivariate_hypergeometric(both, n, size=_DRAWS, method="marginals")
    distance = ((drawn - expected) ** 2 / expected).sum(axis=1)
    observed = float(((first - expected) ** 2 / expected).sum())
    return (1 + int((distance >= observed * (1 - 1e-12)).sum())) / (1 + _DRAWS)
