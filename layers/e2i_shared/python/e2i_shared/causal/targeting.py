"""What treating some segments first gains over treating all alike, and how much of a ranking survives its noise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Gain:
    """Gain per treated unit over treating the same number at random, with its standard error; outcome units."""

    per_unit: float
    std_error: float
    treated: float


def shrink(effects: Floats, std_errors: Floats, sizes: Floats) -> Floats:
    """Return effects (K,) drawn towards their size-weighted mean: m + τ²/(τ² + se²)·(effect − m).

    τ² is the DerSimonian–Laird (1986) moment estimate, 0 when the effects differ no more than their errors; so the best of many
    noisy segments is not taken at face value. Standard errors (K,) are positive.
    """
    mean = float(effects @ sizes / sizes.sum())
    w = 1.0 / std_errors**2
    centre = float(effects @ w / w.sum())
    excess = float(w @ (effects - centre) ** 2) - (len(effects) - 1)
    scale = float(w.sum() - (w @ w) / w.sum())
    tau2 = max(0.0, excess / scale) if scale > 0.0 else 0.0
    return mean + tau2 / (tau2 + std_errors**2) * (effects - mean)


def targeting_gain(effects: Floats, std_errors: Floats, sizes: Floats, chosen: NDArray[np.bool_]) -> Gain:
    """Return the mean effect among the ``chosen`` (K,) of disjoint segments less the mean over all, sizes as weights.

    The difference is Σ c_k·effect_k with c_k = n_k/N_chosen·1[chosen] − n_k/N, and its variance Σ c_k²·se_k²: segments do not
    share units, so their estimates are taken as independent.
    """
    weights = np.where(chosen, sizes, 0.0) / max(float(sizes[chosen].sum()), 1e-300) - sizes / sizes.sum()
    return Gain(float(weights @ effects), float(np.sqrt(weights**2 @ std_errors**2)), float(sizes[chosen].sum()))
