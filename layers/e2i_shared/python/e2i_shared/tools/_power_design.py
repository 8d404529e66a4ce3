"""A two-arm design as the calculator sees it: endpoint, clusters, looks and covariates in one place."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from e2i_shared.causal.group_sequential import SequentialDesign, boundaries, sequential_power
from e2i_shared.causal.normal import normal_cdf, normal_quantile
from e2i_shared.causal.power import (
    ClusterMeans,
    ClusterProportions,
    Endpoint,
    Level,
    MeansT,
    MeansZ,
    Proportions,
    design_effect,
    detectable_effect,
    prognostic_reduction,
    round_up,
)
from e2i_shared.errors import UnprocessableError

if TYPE_CHECKING:
    from e2i_shared.tools.power_calculator import Params

_MOST = 1e9  # units per arm beyond which an effect is called untestable


@dataclass(frozen=True, slots=True)
class Spread:
    """How the outcome varies: a rate of a 0/1 outcome, or a standard deviation per arm; ``source`` says where it is from."""

    rate: float | None
    sd: float
    sd_treated: float
    source: str
    rows: int | None = None


@dataclass(frozen=True, slots=True)
class Design:
    """``endpoint`` counts ``unit`` units each (clusters have more than one); ``covariates`` is what a covariate leaves of n."""

    spread: Spread
    endpoint: Endpoint
    level: Level
    target: float
    unit: float
    design_effect: float
    covariates: float
    looks: SequentialDesign | None

    @property
    def inflation(self) -> float:
        """What the looks multiply the sample size by."""
        return self.looks.inflation(self.target) if self.looks else 1.0

    def required(self, effect: float) -> tuple[int, int]:
        """Return control and treated units (or clusters) that reach the target; raise UnprocessableError past 1e9."""
        real = self._fixed_size(effect) * self.covariates * self.inflation
        if not real * self.unit < _MOST:
            raise UnprocessableError(
                f"An effect of {effect:.6g} would need more than a billion units per arm.",
                field="effect_size",
                expected="an effect that a test can find",
                got=f"{effect:.6g}",
                hint="Check the units of effect_size against sd or baseline_rate.",
            )
        return round_up(real, self.level.ratio)

    def power(self, effect: float, control: float) -> float:
        """Return the power with ``control`` units (or clusters) in the control arm; 0 where the effect leaves no valid rate."""
        try:
            fixed = self.endpoint.power(effect, control / self.covariates, self.level)
        except ValueError:
            return 0.0
        return sequential_power(self.looks, fixed) if self.looks else fixed

    def detectable(self, control: float, sign: int) -> float | None:
        """Return the smallest effect of that sign found with the target power, or None where none is."""
        goal = self.target
        if self.looks:
            z = self.level.z
            goal = normal_cdf(math.sqrt(self.inflation) * (z + normal_quantile(self.target)) - z)
        n = control / self.covariates
        try:
            return detectable_effect(self.endpoint, n, goal, self.level, limit=self._limit(n, sign), sign=sign)
        except ValueError:  # a rate so near 0 or 1 that none lies between
            return None

    def units(self, arm: int) -> int:
        """Return units in an arm counted in clusters or units."""
        return math.ceil(arm * self.unit - 1e-9)

    def _limit(self, n: float, sign: int) -> float:
        if self.spread.rate is not None:
            return 1.0 - self.spread.rate if sign > 0 else self.spread.rate
        error = self.spread.sd * math.sqrt(self.design_effect * (1.0 + 1.0 / self.level.ratio) / (n * self.unit))
        return 100.0 * error * (self.level.z + normal_quantile(self.target) + 1.0)

    def _fixed_size(self, effect: float) -> float:
        try:
            return self.endpoint.sample_size(effect, self.target, self.level)
        except (ValueError, OverflowError, ZeroDivisionError) as error:
            raise UnprocessableError(
                f"An effect of {effect:.6g} cannot be tested here: {error}.",
                field="effect_size",
                expected="a treated rate between 0 and 1" if self.spread.rate is not None else "a finite effect",
                got=f"{effect:.6g}",
                hint="Rates and their differences are fractions: 5 percentage points are 0.05.",
            ) from error


def build(params: Params, spread: Spread) -> Design:
    """Return the design; raise UnprocessableError where icc and cluster_size do not come together."""
    level = Level(params.alpha, params.sided, params.allocation)
    if (params.icc is None) != (params.cluster_size is None):
        raise UnprocessableError(
            "Cluster randomisation needs both icc and cluster_size.",
            field="icc" if params.icc is None else "cluster_size",
            expected="icc and cluster_size, or neither",
        )
    looks = None
    if params.looks > 1:
        fractions = tuple((k + 1) / params.looks for k in range(params.looks))
        looks = boundaries(params.boundary, fractions, params.alpha, params.sided)
    size, factor = params.cluster_size, 1.0
    if size is not None and params.icc is not None:
        factor = design_effect(size, params.icc, params.cluster_size_cv)
    return Design(
        spread=spread,
        endpoint=_endpoint(params, spread, size, factor),
        level=level,
        target=params.power_target,
        unit=size or 1.0,
        design_effect=factor,
        covariates=prognostic_reduction(1.0, params.prognostic_r2, params.prognostic_correlation),
        looks=looks,
    )


def _endpoint(params: Params, spread: Spread, size: float | None, factor: float) -> Endpoint:
    if size is not None:
        if spread.rate is not None:
            return ClusterProportions(spread.rate, size, factor)
        return ClusterMeans(math.sqrt((spread.sd**2 + spread.sd_treated**2) / 2.0), size, factor)
    if spread.rate is not None:
        return Proportions(spread.rate, params.proportion_method)
    unequal = spread.sd_treated != spread.sd
    return MeansZ(spread.sd, spread.sd_treated) if params.test == "z" or unequal else MeansT(spread.sd)
