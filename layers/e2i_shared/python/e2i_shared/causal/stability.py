"""The population stability index of two samples of one column, the bins it is taken over, and what chance alone gives it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from e2i_shared.causal.chi_square import chi2_quantile

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Codes = NDArray[np.intp]

Severity = Literal["none", "minor", "moderate", "severe"]
SEVERITY_FROM: dict[Severity, float] = {"severe": 0.25, "moderate": 0.2, "minor": 0.1}
_HALF = 0.5  # added to each bin's count, so that an empty bin has a logarithm


@dataclass(frozen=True, slots=True)
class Stability:
    """PSI of B bins: ``contributions`` (B,) add up to ``psi``; ``threshold`` is what chance exceeds with probability 1 − level."""

    psi: float
    contributions: Floats
    threshold: float
    severity: Severity


def quantile_edges(values: Floats, bins: int) -> Floats:
    """Return inner edges (≤ bins − 1,) at equal shares of ``values`` (n,) without NaN; repeated values share a bin.

    A bin holds values up to and including its right edge; the first and last are open to either side.
    """
    if not values.size:
        return np.empty(0)
    held = np.unique(values[:: max(1, len(values) // 2000)])
    if len(held) <= bins:
        held = np.unique(values) if len(values) <= 4000 else _few(values, bins, held)
        if len(held) <= bins:
            return np.asarray((held[:-1] + held[1:]) / 2.0)
    edges = np.unique(np.quantile(values, np.arange(1, bins) / bins, method="inverted_cdf"))
    return np.asarray(edges[edges < values.max()])


def bin_numbers(values: Floats, edges: Floats) -> Codes:
    """Return the bin (n,) of each value, 0 … len(edges); −1 where it is NaN."""
    codes = np.searchsorted(edges, values, side="left")
    return np.asarray(np.where(np.isnan(values), -1, codes))


def population_stability(
    reference: Floats, comparison: Floats, *, level: float = 0.95, design_effect: float = 1.0
) -> Stability:
    """Return the PSI of counts ``reference`` (B,) and ``comparison`` (B,) over the same bins.

    Estimand: Σ (q_b − p_b)·ln(q_b/p_b), the symmetrised Kullback–Leibler divergence of the binned distributions. Shares are
    (count + ½)/(n + B/2), so that empty bins count as rare rather than impossible; counts of dependent rows are first divided by
    their design effect.
    Chance: where nothing has changed, PSI is distributed as (1/n + 1/m)·χ²_{B−1} (Yurdakul and Naranjo, Journal of Risk Model
    Validation 14, 2020), so a severity above none also needs PSI > (1/n + 1/m)·χ²_{level, B−1}·design effect.
    Assumptions: rows are independent, or ``design_effect`` says by how much their dependence widens the counts' variance.
    Severity: from 0.1, 0.2 and 0.25 (Siddiqi, Credit Risk Scorecards, 2006, names 0.1 and 0.25).
    """
    n, m, bins = float(reference.sum()), float(comparison.sum()), len(reference)
    added = _HALF * design_effect
    p, q = (reference + added) / (n + added * bins), (comparison + added) / (m + added * bins)
    contributions = (q - p) * np.log(q / p)
    psi = float(contributions.sum())
    threshold = (1.0 / n + 1.0 / m) * chi2_quantile(level, bins - 1) * design_effect if bins > 1 else 0.0
    return Stability(psi, contributions, threshold, severity(psi, threshold))


def severity(psi: float, threshold: float) -> Severity:
    """Return the severity of a PSI; none where chance gives as much."""
    reached = [name for name, least in SEVERITY_FROM.items() if psi >= least]
    return reached[0] if reached and psi > threshold else "none"


def _few(values: Floats, bins: int, held: Floats) -> Floats:
    """Return the distinct values of a long column if there are at most ``bins``, else more than that many."""
    known = held
    for start in range(0, len(values), 100_000):
        known = np.union1d(known, values[start : start + 100_000])
        if len(known) > bins:
            break
    return known
