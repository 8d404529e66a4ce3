"""How much rows that belong together widen the variance of a difference of binned shares."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Codes = NDArray[np.intp]


def design_effect(bins: Codes, second: NDArray[np.bool_], clusters: Codes) -> float:
    """Return Rao and Scott's mean design effect of the difference of two groups' shares over bins, at least 1.

    Estimand: mean over bins of Var_clustered(q_b − p_b)/Var_independent(q_b − p_b).
    Formula: the linearised variance Σ_c (Σ_{i∈c} u_ib)², u_ib = ±(1[bin_i = b] − share_b)/size of i's group, against that of
    independent rows from pooled shares; first-order correction of χ² by their mean, weighted by 1 − share (Rao and Scott, Annals of
    Statistics 12, 1984).
    Assumptions: clusters are independent; a cluster with rows in both groups counts once, with its difference.
    ``bins`` (n,) from 0, ``second`` (n,) says which group, ``clusters`` (n,) from 0; rows with a negative code are left out.
    """
    used = (bins >= 0) & (clusters >= 0)
    bins, second, clusters = bins[used], second[used], clusters[used]
    n, m = int((~second).sum()), int(second.sum())
    if not n or not m:
        return 1.0
    width, total = int(bins.max()) + 1, int(clusters.max()) + 1
    sign = np.where(second, 1.0 / m, -1.0 / n)
    shares = np.bincount(bins, minlength=width) / (n + m)
    held = np.bincount(clusters * width + bins, weights=sign, minlength=total * width).reshape(total, width)
    scores = held - held.sum(axis=1, keepdims=True) * shares
    independent = shares * (1.0 - shares) * (1.0 / n + 1.0 / m)
    clustered = (scores**2).sum(axis=0)
    ratio = np.divide(clustered, independent, out=np.ones(width), where=independent > 0)
    weights = np.where(independent > 0, 1.0 - shares, 0.0)
    return max(1.0, float(ratio @ weights / weights.sum())) if weights.any() else 1.0
