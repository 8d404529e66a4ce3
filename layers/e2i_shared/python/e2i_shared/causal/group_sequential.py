"""What interim looks cost: boundaries, crossing probabilities and inflation by recursive numerical integration.

The Armitage–McPherson–Rowe recursion (JRSS A 132, 1969) on Gauss–Legendre points: the density of the score process B(t) = Z(t)√t
inside the boundaries, carried from look to look. Two-sided designs are symmetric; power counts the upper boundary only.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

import numpy as np

from e2i_shared.causal.normal import normal_cdf, normal_cdf_array, normal_quantile, normal_sf
from e2i_shared.causal.student import composite_legendre

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

BoundaryKind = Literal["obf", "pocock", "ld_obf", "ld_pocock"]
_REACH = 9.0  # standard deviations beyond which a path is not followed: 1e-19


@dataclass(frozen=True, slots=True)
class SequentialDesign:
    """``z`` (K,) critical values at ``fractions`` (K,) of the information; total ``alpha``, one or two ``sided``."""

    fractions: tuple[float, ...]
    z: tuple[float, ...]
    alpha: float
    sided: int

    def power(self, drift: float) -> float:
        """Return P(the upper boundary is crossed) for ``drift`` = E[Z] at full information."""
        return min(1.0, float(crossing(self.fractions, self.z, self.sided, drift)[0].sum()))

    @lru_cache(maxsize=256)  # noqa: B019  # designs are few, frozen and small
    def inflation(self, power: float) -> float:
        """Return the maximum sample size over that of the fixed design of the same alpha and power."""
        fixed = normal_quantile(power) - normal_quantile(self.alpha / self.sided)
        drift = _root(lambda theta: self.power(theta) - power, fixed, 1.5 * fixed + 1.0)
        return (drift / fixed) ** 2


@lru_cache(maxsize=256)
def boundaries(
    kind: BoundaryKind, fractions: tuple[float, ...], alpha: float = 0.05, sided: int = 2
) -> SequentialDesign:
    """Return the design whose looks spend exactly ``alpha``.

    ``obf`` and ``pocock`` are Wang–Tsiatis bounds c·(t_k/t_K)^(Δ−½) with Δ = 0 and ½; ``ld_obf`` and ``ld_pocock`` are Lan–DeMets
    spending functions 2 − 2Φ(z_{a/2}/√t) and a·ln(1 + (e − 1)t), with a = alpha/sided in each tail.
    """
    solve = _wang_tsiatis if kind in ("obf", "pocock") else _spending
    return SequentialDesign(fractions, tuple(solve(kind, fractions, alpha, sided)), alpha, sided)


def crossing(
    fractions: Sequence[float], z: Sequence[float], sided: int, drift: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the probabilities (K,) of first crossing the upper, and (two-sided) the lower, boundary at each look."""
    walk = _Walk(sided, drift)
    steps = [walk.step(t, bound) for t, bound in zip(fractions[:-1], z[:-1], strict=True)]
    steps.append(walk.leaving(fractions[-1], z[-1]))
    return np.array([up for up, _ in steps]), np.array([down for _, down in steps])


class _Walk:
    """The density of B(t) among the paths that have not stopped, at quadrature points."""

    def __init__(self, sided: int, drift: float) -> None:
        self.sided, self.drift, self.t = sided, drift, 0.0
        self.points, self.mass = np.zeros(1), np.ones(1)

    def leaving(self, t: float, bound: float) -> tuple[float, float]:
        """Return the probabilities of being above and below ±bound (on the Z scale) at ``t``."""
        edge, sd = bound * math.sqrt(t), math.sqrt(t - self.t)
        mean = self.points + self.drift * (t - self.t)
        up = float(self.mass @ normal_cdf_array((mean - edge) / sd))
        down = float(self.mass @ normal_cdf_array((-edge - mean) / sd)) if self.sided == 2 else 0.0
        return up, down

    def step(self, t: float, bound: float) -> tuple[float, float]:
        """Record who leaves at ``t`` and carry the rest on."""
        up, down = self.leaving(t, bound)
        centre, reach = self.drift * t, _REACH * math.sqrt(t)
        edge = bound * math.sqrt(t)
        high = min(edge, centre + reach)
        low = max(-edge if self.sided == 2 else -math.inf, centre - reach)
        nodes, weights = composite_legendre(8, 16)
        points, sd = low + (high - low) * nodes, math.sqrt(t - self.t)
        mean = self.points + self.drift * (t - self.t)
        kernel = np.exp(-0.5 * ((points[:, None] - mean[None, :]) / sd) ** 2) / (sd * math.sqrt(2.0 * math.pi))
        self.mass = weights * (high - low) * (kernel @ self.mass)
        self.points, self.t = points, t
        return up, down


def _wang_tsiatis(kind: str, fractions: tuple[float, ...], alpha: float, sided: int) -> list[float]:
    exponent = -0.5 if kind == "obf" else 0.0
    shape = [(t / fractions[-1]) ** exponent for t in fractions]

    def spare(constant: float) -> float:
        up, down = crossing(fractions, [constant * s for s in shape], sided, 0.0)
        return alpha - float(up.sum() + down.sum())

    start = -normal_quantile(alpha / sided)
    constant = _root(spare, start - 1e-9, 2.0 * start + 1.0)
    return [constant * s for s in shape]


def _spending(kind: str, fractions: tuple[float, ...], alpha: float, sided: int) -> list[float]:
    tail = alpha / sided
    walk, bounds, spent = _Walk(sided, 0.0), list[float](), 0.0
    for t in fractions:
        bounds.append(_bound(walk, t, _spent(kind, tail, t) - spent))
        spent += walk.step(t, bounds[-1])[0]
    return bounds


def _bound(walk: _Walk, t: float, share: float) -> float:
    """Return the bound at ``t`` that the upper tail passes with probability ``share``; solved on the log scale."""
    goal = math.log(max(share, 1e-18))
    return _root(lambda bound: goal - math.log(max(walk.leaving(t, bound)[0], 1e-300)), 0.0, _REACH)


def _spent(kind: str, tail: float, t: float) -> float:
    if t >= 1.0:
        return tail
    if kind == "ld_obf":
        return 2.0 * normal_sf(-normal_quantile(tail / 2.0) / math.sqrt(t))
    return tail * math.log1p((math.e - 1.0) * t)


def _root(f: Callable[[float], float], low: float, high: float) -> float:
    """Return the root of an increasing ``f``, or the end it lies beyond (Illinois regula falsi)."""
    f_low, f_high = f(low), f(high)
    if f_low >= 0.0 or f_high <= 0.0:
        return low if f_low >= 0.0 else high
    for _ in range(100):
        middle = (low * f_high - high * f_low) / (f_high - f_low)
        value = f(middle)
        if value < 0.0:
            low, f_low, f_high = middle, value, f_high / 2.0
        else:
            high, f_high, f_low = middle, value, f_low / 2.0
        if abs(value) < 1e-13 or high - low < 1e-12:
            return middle
    return 0.5 * (low + high)


def sequential_power(design: SequentialDesign, fixed_power: float) -> float:
    """Return the power with looks of a sample whose fixed-design power is ``fixed_power``.

    The drift that the fixed design would see, z_α + Φ⁻¹(power), is what the looks see at full information.
    """
    low, high = normal_cdf(-_REACH), 1.0 - 1e-16
    drift = normal_quantile(min(max(fixed_power, low), high)) - normal_quantile(design.alpha / design.sided)
    return design.power(drift)
