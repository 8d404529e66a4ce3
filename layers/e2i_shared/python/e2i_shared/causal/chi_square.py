"""The chi-square distribution without scipy: tail and quantile by the regularised incomplete gamma function."""

from __future__ import annotations

import math
from functools import lru_cache

from e2i_shared.causal.normal import normal_quantile

_EPS, _TINY, _MAX_TERMS = 1e-16, 1e-300, 100_000


def gamma_q(a: float, x: float) -> float:
    """Return Q(a, x) = Γ(a, x)/Γ(a) for a > 0, x ≥ 0.

    Below x = a + 1 one minus the power series (Abramowitz & Stegun 6.5.29), above Lentz's continued fraction (6.5.31).
    """
    if x <= 0.0:
        return 1.0
    front = math.exp(a * math.log(x) - x - math.lgamma(a))
    return 1.0 - front * _series(a, x) if x < a + 1.0 else front * _fraction(a, x)


def chi2_sf(x: float, df: float) -> float:
    """Return P(χ²_df > x), relatively accurate in the upper tail."""
    return gamma_q(df / 2.0, x / 2.0)


@lru_cache(maxsize=1024)
def chi2_quantile(p: float, df: float) -> float:
    """Return x with P(χ²_df ≤ x) = p, by Newton's method kept inside a bracket, begun at Wilson and Hilferty's value.

    Raises
    ------
    ValueError
        Where ``p`` is not strictly between 0 and 1 or ``df`` not positive.
    """
    if df <= 0.0:
        raise ValueError(f"positive degrees of freedom are needed, got {df}")
    z, spread, tail = normal_quantile(p), 2.0 / (9.0 * df), 1.0 - p
    low, high = 0.0, max(2.0 * df, 1.0)
    while chi2_sf(high, df) > tail:
        low, high = high, 2.0 * high
    x = min(max(df * (1.0 - spread + z * math.sqrt(spread)) ** 3, low + 1e-12 * high), high)
    for _ in range(200):
        error = chi2_sf(x, df) - tail
        low, high = (x, high) if error > 0 else (low, x)
        step = x + error / max(_density(x, df), _TINY)
        following = step if low < step < high else 0.5 * (low + high)
        if abs(following - x) <= 1e-14 * following:
            break
        x = following
    return x


def _density(x: float, df: float) -> float:
    half = df / 2.0
    return 0.5 * math.exp((half - 1.0) * math.log(x / 2.0) - x / 2.0 - math.lgamma(half))


def _series(a: float, x: float) -> float:
    term = total = 1.0 / a
    for k in range(1, _MAX_TERMS):
        term *= x / (a + k)
        total += term
        if term < _EPS * total:
            break
    return total


def _fraction(a: float, x: float) -> float:
    b = x + 1.0 - a
    c, d = 1.0 / _TINY, 1.0 / b
    result = d
    for k in range(1, _MAX_TERMS):
        term = -k * (k - a)
        b += 2.0
        d = 1.0 / _away_from_zero(term * d + b)
        c = _away_from_zero(b + term / c)
        result *= d * c
        if abs(d * c - 1.0) < _EPS:
            break
    return result


def _away_from_zero(value: float) -> float:
    return value if abs(value) > _TINY else _TINY
