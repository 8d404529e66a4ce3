"""Sample size, power and smallest detectable effect of two-arm comparisons, in closed form or by noncentral t.

Conventions: ``n1`` is the control arm, real-valued until ``round_up``; the treated arm has ``ratio · n1`` units; alpha is the total
level, of which a two-sided test spends half in each tail. Normal approximations count the crossing in the effect's direction
only, so that power(sample_size(power)) = power; the t test counts both tails.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

import numpy as np

from e2i_shared.causal.normal import normal_cdf, normal_quantile
from e2i_shared.causal.student import noncentral_t_sf, t_quantile

if TYPE_CHECKING:
    from collections.abc import Callable

ProportionMethod = Literal["pooled_z", "unpooled_z", "arcsine_h", "pooled_z_continuity_corrected"]


@dataclass(frozen=True, slots=True)
class Level:
    """How the comparison is tested: total ``alpha``, one or two ``sided``, ``ratio`` = n2 / n1."""

    alpha: float = 0.05
    sided: int = 2
    ratio: float = 1.0

    @property
    def z(self) -> float:
        """The critical value of the normal test."""
        return -normal_quantile(self.alpha / self.sided)


class Endpoint(Protocol):
    """An outcome with its test. ``effect`` is the difference treated − control in outcome units, ``n1`` units of the control arm."""

    def sample_size(self, effect: float, power: float, level: Level) -> float:
        """Return the real-valued ``n1`` at which ``power`` is reached."""
        ...

    def power(self, effect: float, n1: float, level: Level) -> float:
        """Return the probability that the test rejects in favour of ``effect``."""
        ...


@dataclass(frozen=True, slots=True)
class MeansT:
    """Two means with a common standard deviation ``sd``, pooled t test (Cohen 1988, ch. 2; noncentral t)."""

    sd: float

    def sample_size(self, effect: float, power: float, level: Level) -> float:
        """Return ``n1`` by root finding on the noncentral t power, at least three units in all."""
        d = abs(effect) / self.sd
        least = 3.0 / (1.0 + level.ratio)  # one degree of freedom
        start = MeansZ(self.sd, self.sd).sample_size(effect, power, level)
        return _increasing_root(lambda n: t_power(d, n, level) - power, least, max(2.0 * least, start))

    def power(self, effect: float, n1: float, level: Level) -> float:
        """Return the two-tailed power with n1 + n2 − 2 degrees of freedom."""
        return t_power(abs(effect) / self.sd, n1, level)


@dataclass(frozen=True, slots=True)
class MeansZ:
    """Two means with known standard deviations ``sd1`` (control) and ``sd2`` (treated), z test."""

    sd1: float
    sd2: float

    def sample_size(self, effect: float, power: float, level: Level) -> float:
        """Return (z_α + z_β)² (sd1² + sd2²/r) / effect²."""
        variance = self.sd1**2 + self.sd2**2 / level.ratio
        return (level.z + normal_quantile(power)) ** 2 * variance / effect**2

    def power(self, effect: float, n1: float, level: Level) -> float:
        """Return Φ(effect / se − z_α)."""
        return normal_cdf(abs(effect) / math.sqrt((self.sd1**2 + self.sd2**2 / level.ratio) / n1) - level.z)


@dataclass(frozen=True, slots=True)
class Proportions:
    """Two proportions with control rate ``p1``; the treated rate is p1 + effect.

    ``pooled_z``: Fleiss, Levin & Paik (2003) eq. 4.14; ``…_continuity_corrected``: their eq. 4.18; ``unpooled_z``: variance under
    the alternative in both terms; ``arcsine_h``: Cohen (1988) ch. 6, h = 2 asin √p2 − 2 asin √p1.
    """

    p1: float
    method: ProportionMethod = "pooled_z"

    def sample_size(self, effect: float, power: float, level: Level) -> float:
        """Return ``n1``; raises ValueError where p1 + effect is no proportion."""
        null, alternative, delta = self._spread(effect, level)
        n = ((level.z * null + normal_quantile(power) * alternative) / delta) ** 2
        if self.method != "pooled_z_continuity_corrected":
            return n
        correction = 2.0 * (1.0 + level.ratio) / (level.ratio * delta)
        return n / 4.0 * (1.0 + math.sqrt(1.0 + correction / n)) ** 2

    def power(self, effect: float, n1: float, level: Level) -> float:
        """Return the closed-form power, the inverse of ``sample_size``."""
        null, alternative, delta = self._spread(effect, level)
        root = math.sqrt(n1)
        if self.method == "pooled_z_continuity_corrected":
            correction = 2.0 * (1.0 + level.ratio) / (level.ratio * delta)
            root = max(0.0, (4.0 * n1 - correction) / (4.0 * root))
        return normal_cdf((delta * root - level.z * null) / alternative)

    def _spread(self, effect: float, level: Level) -> tuple[float, float, float]:
        """Return √n·se under the null, √n·se under the alternative, and the difference on the test's scale."""
        p1, p2, r = self.p1, self.p1 + effect, level.ratio
        if not 0.0 < p2 < 1.0:
            raise ValueError(f"the rate under treatment would be {p2:.6g}, which is not between 0 and 1")
        if self.method == "arcsine_h":
            spread = math.sqrt(1.0 + 1.0 / r)
            return spread, spread, abs(2.0 * math.asin(math.sqrt(p2)) - 2.0 * math.asin(math.sqrt(p1)))
        alternative = math.sqrt(p1 * (1 - p1) + p2 * (1 - p2) / r)
        if self.method == "unpooled_z":
            return alternative, alternative, abs(effect)
        pooled = (p1 + r * p2) / (1.0 + r)
        return math.sqrt((1.0 + 1.0 / r) * pooled * (1.0 - pooled)), alternative, abs(effect)


@dataclass(frozen=True, slots=True)
class ClusterMeans:
    """Whole clusters randomised, t test of cluster means; here ``n1`` counts clusters of the control arm.

    A cluster mean of ``size`` units has variance sd²·DE/size; degrees of freedom are clusters − 2.
    """

    sd: float
    size: float
    design_effect: float

    def sample_size(self, effect: float, power: float, level: Level) -> float:
        """Return the real-valued number of clusters of the control arm."""
        return self._means().sample_size(effect, power, level)

    def power(self, effect: float, n1: float, level: Level) -> float:
        """Return the power with ``n1`` control clusters."""
        return self._means().power(effect, n1, level)

    def _means(self) -> MeansT:
        return MeansT(self.sd * math.sqrt(self.design_effect / self.size))


@dataclass(frozen=True, slots=True)
class ClusterProportions:
    """As ClusterMeans for a 0/1 outcome with control rate ``p1``: sd is √((p1q1 + p2q2)/2)."""

    p1: float
    size: float
    design_effect: float

    def sample_size(self, effect: float, power: float, level: Level) -> float:
        """Return the real-valued number of clusters of the control arm."""
        return self._means(effect).sample_size(effect, power, level)

    def power(self, effect: float, n1: float, level: Level) -> float:
        """Return the power with ``n1`` control clusters."""
        return self._means(effect).power(effect, n1, level)

    def _means(self, effect: float) -> ClusterMeans:
        p2 = self.p1 + effect
        if not 0.0 < p2 < 1.0:
            raise ValueError(f"the rate under treatment would be {p2:.6g}, which is not between 0 and 1")
        return ClusterMeans(math.sqrt((self.p1 * (1 - self.p1) + p2 * (1 - p2)) / 2.0), self.size, self.design_effect)


def t_power(d: float, n1: float, level: Level) -> float:
    """Return the power of the pooled t test for the standardised difference ``d`` ≥ 0; 0 where there are no degrees of freedom."""
    df = n1 * (1.0 + level.ratio) - 2.0
    if df <= 0.0:
        return 0.0
    critical = -t_quantile(level.alpha / level.sided, df)
    noncentrality = d * math.sqrt(n1 * level.ratio / (1.0 + level.ratio))
    upper = noncentral_t_sf(critical, df, noncentrality)
    lower = noncentral_t_sf(critical, df, -noncentrality) if level.sided == 2 else 0.0
    return min(1.0, upper + lower)


def round_up(n1: float, ratio: float) -> tuple[int, int]:
    """Return whole arms: n1 rounded up first, then n2 = ceil(ratio · n1); 1e-9 of rounding error is forgiven."""
    control = max(2, math.ceil(n1 - 1e-9))
    return control, max(2, math.ceil(ratio * control - 1e-9))


def design_effect(size: float, icc: float, cv: float = 0.0) -> float:
    """Return 1 + ((1 + cv²)·m − 1)·icc for mean cluster size m varying by ``cv`` (Eldridge, Ashby & Kerry 2006)."""
    return 1.0 + ((1.0 + cv * cv) * size - 1.0) * icc


def clusters_hayes_bennett(p1: float, p2: float, size: float, k: float, level: Level, power: float) -> float:
    """Return clusters per arm for two proportions with between-cluster coefficient of variation ``k``.

    1 + (z_α + z_β)² [p1q1/m + p2q2/m + k²(p1² + p2²)] / (p1 − p2)², Hayes & Bennett (1999) Int J Epidemiol 28:319–326, unmatched.
    """
    spread = (p1 * (1 - p1) + p2 * (1 - p2)) / size + k * k * (p1 * p1 + p2 * p2)
    return 1.0 + (level.z + normal_quantile(power)) ** 2 * spread / (p1 - p2) ** 2


def prognostic_reduction(n: float, r2: float, correlation: float = 1.0) -> float:
    """Return n·(1 − R²ρ²): what is left of a 1:1 sample size with a prognostic covariate (PROCOVA; Schuler et al. 2022)."""
    return n * (1.0 - r2 * correlation * correlation)


def detectable_effect(
    endpoint: Endpoint, n1: float, power: float, level: Level, *, limit: float, sign: int = 1
) -> float | None:
    """Return the smallest effect of that ``sign`` with ``power`` at ``n1``, or None where even ``limit`` (exclusive) falls short."""

    def shortfall(size: float) -> float:
        return endpoint.power(sign * size, n1, level) - power

    top = limit * (1.0 - 1e-12)
    if shortfall(top) < 0.0:
        return None
    return sign * _increasing_root(shortfall, top * 1e-12, top)


def assurance(power_at: Callable[[float], float], effect: float, std_error: float) -> float:
    """Return the expected power over effect ~ N(effect, std_error²), counting only draws of the effect's sign.

    Source: O'Hagan, Stevens & Campbell (2005) Pharmaceutical Statistics 4:187–201; 48-point Gauss–Legendre on ±6 se.
    """
    x, w = np.polynomial.legendre.leggauss(48)
    draws, weights = effect + 6.0 * std_error * x, 6.0 * w * np.exp(-18.0 * x * x) / math.sqrt(2.0 * math.pi)
    gains = [power_at(float(draw)) if draw * effect > 0.0 else 0.0 for draw in draws]
    return float(np.clip(weights @ np.array(gains), 0.0, 1.0))


def _increasing_root(f: Callable[[float], float], low: float, high: float) -> float:
    """Return the root of an increasing ``f`` above ``low``: double ``high`` until it brackets, then Illinois regula falsi."""
    f_low, f_high = f(low), f(high)
    if f_low >= 0.0:
        return low
    while f_high < 0.0:
        low, f_low, high = high, f_high, 2.0 * high
        f_high = f(high)
    for _ in range(200):
        if high - low <= 1e-12 * high:
            break
        middle = min(max((low * f_high - high * f_low) / (f_high - f_low), low), high)
        value = f(middle)
        if value < 0.0:
            low, f_low, f_high = middle, value, f_high / 2.0
        else:
            high, f_high, f_low = middle, value, f_low / 2.0
        if abs(value) < 1e-14:
            return middle
    return high
