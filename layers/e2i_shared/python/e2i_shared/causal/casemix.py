"""Means of entities made comparable: what each would show with the same mix of covariates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Codes = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class CaseMix:
    """Adjusted means ``values`` (G,), ``residuals`` (n,) around them, and which columns (p,) could be ``used``."""

    values: Floats
    residuals: Floats
    used: NDArray[np.bool_]
    slopes_from: Literal["within", "pooled"]


def group_means(y: Floats, codes: Codes, groups: int, weights: Floats) -> Floats:
    """Return weighted means (G,) of ``y`` (n,) by ``codes`` (n,) in 0…G−1; every group holds positive weight."""
    return _sums(y * weights, codes, groups) / _sums(weights, codes, groups)


def adjust(y: Floats, codes: Codes, groups: int, x: Floats, weights: Floats) -> CaseMix:
    """Return direct-standardised means: ȳ_e − (x̄_e − x̄)·β.

    β are the least-squares slopes of ``y`` (n,) on ``x`` (n, p) *within* entities (entity fixed effects), so that differences
    between entities do not pass for effects of the covariates; a column that is constant within every entity cannot be separated
    from the entities and is left out. Where entities have hardly more than one row each (n − G < p + 10), β come from the pooled
    regression. ``weights`` (n,) are positive. Units are those of ``y``.

    Source: Baltagi, Econometric Analysis of Panel Data, ch. 2 (within transformation); direct standardisation as in Fleiss, Levin &
    Paik (2003) ch. 19.
    """
    total = weights.sum()
    centre_x, centre_y = weights @ x / total, float(weights @ y / total)
    means_x = np.array([group_means(column, codes, groups, weights) for column in x.T]).reshape(-1, groups).T
    means_y = group_means(y, codes, groups, weights)
    pooled = len(y) - groups < x.shape[1] + 10
    inner_x, inner_y = (x - centre_x, y - centre_y) if pooled else (x - means_x[codes], y - means_y[codes])
    spread = np.sqrt(weights @ inner_x**2 / total)
    used = spread > 1e-9 * np.maximum(1.0, np.abs(x).max(axis=0, initial=0.0))
    beta = np.zeros(x.shape[1])
    beta[used] = _slopes(inner_x[:, used] / spread[used], inner_y, weights) / spread[used]
    values = means_y - (means_x - centre_x) @ beta
    residuals = y - (x - centre_x) @ beta - values[codes]
    return CaseMix(values, residuals, used, "pooled" if pooled else "within")


def clustered_errors(
    residuals: Floats, codes: Codes, groups: int, weights: Floats, clusters: Codes | None = None
) -> Floats:
    """Return standard errors (G,) of the entities' weighted means; rows of one cluster may be correlated.

    √(C/(C−1) · Σ_c (Σ_{i∈c} w_i r_i)²) / Σ w over the C clusters of the entity (each row its own where ``clusters`` is None);
    infinite with a single cluster. Liang & Zeger (1986) Biometrika 73:13–22.
    """
    cells, owner = residuals * weights, codes
    if clusters is not None:
        width = int(clusters.max(initial=0)) + 1
        pairs, cell = np.unique(codes * width + clusters, return_inverse=True)
        cells, owner = _sums(cells, cell.ravel(), len(pairs)), pairs // width
    number = np.bincount(owner, minlength=groups)
    squares = _sums(cells**2, owner, groups)
    scale = np.divide(number, number - 1, out=np.full(groups, np.inf), where=number > 1)
    spread = np.where(number > 1, squares * np.where(number > 1, scale, 1.0), np.inf)
    return np.asarray(np.sqrt(spread) / _sums(weights, codes, groups), dtype=np.float64)


def _sums(values: Floats, codes: Codes, groups: int) -> Floats:
    return np.asarray(np.bincount(codes, values, groups), dtype=np.float64)


def _slopes(x: Floats, y: Floats, weights: Floats) -> Floats:
    """Return least-squares slopes by the normal equations, of the smallest norm where columns depend on each other."""
    weighted = x * weights[:, None]
    return np.asarray(np.linalg.lstsq(weighted.T @ x, weighted.T @ y, rcond=1e-10)[0], dtype=np.float64)
