"""Additive exponential smoothing in innovations form, with starting states and regressors solved for exactly.

Hyndman, Koehler, Ord and Snyder, Forecasting with Exponential Smoothing (2008): y_t = w'x_{t−1} + z_t'β + ε_t, x_t = F x_{t−1} + g ε_t.
Given the smoothing parameters, ε is linear in x₀ and β, so both are least squares, and only the parameters are searched: over a
grid, all points and all forecast origins at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

_RIDGE = 1e-9  # of the normal equations, relative to their diagonal: keeps starting states apart that data cannot


@dataclass(frozen=True, slots=True)
class Smoothing:
    """P points of the parameter grid, each (P,); ``season`` is 0 without seasonal states, ``trend`` whether there is a slope."""

    alpha: Floats
    beta: Floats
    gamma: Floats
    phi: Floats
    trend: bool
    season: int

    def take(self, index: NDArray[np.intp]) -> Smoothing:
        """Return the points of ``index``."""
        alpha, beta, gamma, phi = (a[index] for a in (self.alpha, self.beta, self.gamma, self.phi))
        return Smoothing(alpha, beta, gamma, phi, self.trend, self.season)

    @property
    def starts(self) -> int:
        """Return how many starting states are free: seasonal ones add up to zero."""
        return 1 + self.trend + max(0, self.season - 1)


@dataclass(frozen=True, slots=True)
class Tracks:
    """``errors`` (T, P, K) of the K columns run through the filter; the states after t rows, ``level`` (T + 1, P, K) and so on."""

    errors: Floats
    level: Floats
    slope: Floats
    seasonal: Floats


def run_filter(smoothing: Smoothing, observed: Floats) -> Tracks:
    """Filter ``observed`` (T, K₀) columns with zero starts, then one column of zeros per free starting state."""
    t, given = observed.shape
    p, k, m = len(smoothing.alpha), given + smoothing.starts, max(1, smoothing.season)
    columns = np.concatenate([observed, np.zeros((t, smoothing.starts))], axis=1)
    level, slope, seasonal = np.zeros((t + 1, p, k)), np.zeros((t + 1, p, k)), np.zeros((t + 1, p, m, k))
    level[0, :, given] = 1.0
    if smoothing.trend:
        slope[0, :, given + 1] = 1.0
    for s in range(smoothing.season - 1):
        seasonal[0, :, s, given + 1 + smoothing.trend + s] = 1.0
        seasonal[0, :, m - 1, given + 1 + smoothing.trend + s] = -1.0
    alpha, beta = smoothing.alpha[:, None], smoothing.beta[:, None]
    gamma, phi = smoothing.gamma[:, None], smoothing.phi[:, None]
    errors = np.empty((t, p, k))
    for i in range(t):
        damped, at = phi * slope[i], i % m
        expected = level[i] + damped + seasonal[i, :, at]
        errors[i] = columns[i] - expected
        level[i + 1] = level[i] + damped + alpha * errors[i]
        slope[i + 1] = damped + beta * errors[i]
        seasonal[i + 1] = seasonal[i]
        if smoothing.season:
            seasonal[i + 1, :, at] += gamma * errors[i]
    return Tracks(errors, level, slope, seasonal)


@dataclass(frozen=True, slots=True)
class Solved:
    """Least squares at each origin: ``coefficients`` (O, P, K − 1), their inverse normal matrices, sums of squares (O, P)."""

    coefficients: Floats
    inverse: Floats
    squares: Floats


def solve(tracks: Tracks, origins: NDArray[np.intp]) -> Solved:
    """Solve for regressors and starts on the first ``origins`` (O,) rows, at every point of the grid."""
    errors = tracks.errors
    products = np.cumsum(errors[..., :, None] * errors[..., None, :], axis=0)[origins - 1]
    normal, right = products[..., 1:, 1:], products[..., 1:, 0]
    size = normal.shape[-1]
    ridge = _RIDGE * (np.trace(normal, axis1=-2, axis2=-1) / size + 1e-300)
    inverse = np.linalg.inv(normal + ridge[..., None, None] * np.eye(size))
    coefficients = -(inverse @ right[..., None])[..., 0]
    squares = products[..., 0, 0] + (coefficients * right).sum(axis=-1)
    return Solved(coefficients, inverse, np.maximum(squares, 0.0))


def project(tracks: Tracks, smoothing: Smoothing, at: int, point: int, ahead: Floats) -> Floats:
    """Return the K columns (H, K) expected after ``at`` rows; ``ahead`` (H, K₀) are known future values of the given columns.

    Column 0 is the series itself: its own future is unknown, and 0 in ``ahead``.
    """
    horizon, given = ahead.shape
    m, phi = max(1, smoothing.season), float(smoothing.phi[point])
    expected = np.empty((horizon, tracks.level.shape[2]))
    damping = 0.0
    for h in range(horizon):
        damping = phi * (1.0 + damping)
        expected[h] = tracks.level[at, point] + damping * tracks.slope[at, point]
        expected[h] += tracks.seasonal[at, point, (at + h) % m]
    expected[:, 1:given] -= ahead[:, 1:]
    return expected


def impulse(smoothing: Smoothing, point: int, horizon: int) -> Floats:
    """Return how an error moves the series 1 … H − 1 periods later, c_j = w'F^{j−1}g, as (H − 1,)."""
    alpha, beta, phi = (float(a[point]) for a in (smoothing.alpha, smoothing.beta, smoothing.phi))
    effects, damping = np.empty(max(0, horizon - 1)), 0.0
    for j in range(1, horizon):
        damping = phi * (1.0 + damping)
        effects[j - 1] = alpha + beta * damping
        if smoothing.season and j % smoothing.season == 0:
            effects[j - 1] += float(smoothing.gamma[point])
    return effects
