"""How sure a mean effect is: influence functions of the units asked for, Monte-Carlo error of the twins, and all else that counts.

``measure`` is the whole population's effect, ``by_segment`` each group's, ``dose_response`` the curve of a dose.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from e2i_shared.causal.student import t_cdf, t_quantile
from e2i_shared.twins import segments
from e2i_shared.twins.bundle import Dose
from e2i_shared.twins.curve import one_way
from e2i_shared.twins.results import DosePoint, SegmentEffect, Uncertainty

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from e2i_shared.twins.bundle import Bundle
    from e2i_shared.twins.contrast import Contrast
    from e2i_shared.twins.spec import SimulationSpec

    Floats = NDArray[np.float64]
    Mask = NDArray[np.bool_]

CURVE_POINTS = 12


@dataclass(frozen=True, slots=True)
class Population:
    """Which units (n,) pass the filters, and which twins (k,) were drawn from those that do."""

    rows: Mask
    drawn: NDArray[np.intp]
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Measured:
    """A mean effect with its parts of uncertainty, and its influence function (n,)."""

    effect: float
    parts: Uncertainty
    std_error: float
    df: int
    influence: Floats

    def bounds(self, level: float) -> tuple[float, float]:
        """Return the two-sided t interval."""
        half = t_quantile(0.5 + level / 2, float(self.df)) * self.std_error
        return self.effect - half, self.effect + half

    def chance_above(self, threshold: float) -> float:
        """Return the probability that the effect exceeds ``threshold``."""
        if self.std_error <= 0:
            return float(self.effect > threshold)
        return t_cdf((self.effect - threshold) / self.std_error, float(self.df))


def measure(
    bundle: Bundle, contrast: Contrast, asked: Population, *, uptake: float = 1.0, past: float = 0.0
) -> Measured:
    """Return the mean effect over the population with everything that makes it uncertain."""
    means, influence, shifts = contrast.evidence(asked.rows[None])
    data, df = spread(influence[0], asked.rows, bundle.clusters)
    single = contrast.twins[asked.drawn]
    monte_carlo = float(single.std()) / len(single) ** 0.5
    gap = float(single.mean()) - float(contrast.units[asked.rows].mean())
    departure = max(0.0, gap**2 - monte_carlo**2) ** 0.5
    parts = Uncertainty(
        data=uptake * data,
        smoothing=uptake * abs(float(shifts[0])),
        monte_carlo=uptake * monte_carlo,
        population=uptake * departure,
        extrapolation=uptake * contrast.extra,
        past_errors=past,
    )
    error = float(np.linalg.norm(list(parts.model_dump().values())))
    return Measured(uptake * (float(means[0]) + gap), parts, error, df, uptake * influence[0])


def spread(influence: Floats, rows: Mask, clusters: NDArray[np.intp] | None) -> tuple[float, int]:
    """Return the standard error of a mean from its influence function (n,), summed within clusters, and degrees of freedom."""
    n = len(influence)
    if clusters is None:
        groups, sums = int(rows.sum()), np.asarray(influence)
    else:
        sums = np.asarray(np.bincount(clusters, weights=influence), dtype=np.float64)
        groups = int((np.bincount(clusters, weights=rows) > 0).sum())
    factor = groups / max(groups - 1, 1)
    return float(np.sqrt(factor * (sums @ sums))) / n, max(groups - 1, 1)


def by_segment(
    bundle: Bundle, contrast: Contrast, asked: Population, spec: SimulationSpec
) -> dict[str, list[SegmentEffect]]:
    """Return the effect in each group of each segment column; groups of fewer than 30 units or without overlap are left out."""
    found = {}
    for name in segments.columns(bundle, spec.segments):
        rows = [
            (label, asked.rows & own, other[asked.drawn])
            for label, own, other in segments.groups(bundle.units, bundle.twins, name)
        ]
        kept = [(label, own, other) for label, own, other in rows if _comparable(bundle, contrast, own)]
        level = spec.confidence_level ** (1 / max(len(kept), 1))
        if kept:
            found[name] = _segments(bundle, contrast, kept, level, spec.config.uptake)
    return found


def _comparable(bundle: Bundle, contrast: Contrast, rows: Mask) -> bool:
    if int(rows.sum()) < segments.FEWEST_UNITS:
        return False
    if isinstance(contrast.effect, Dose):
        return True
    treated = int(bundle.units.numbers[contrast.name][rows].sum())
    return 5 <= treated <= int(rows.sum()) - 5


def _segments(
    bundle: Bundle, contrast: Contrast, kept: list[tuple[str, Mask, Mask]], level: float, uptake: float
) -> list[SegmentEffect]:
    means, influence, shifts = contrast.evidence(np.stack([rows for _, rows, _ in kept]))
    found = []
    for j, (label, rows, twins) in enumerate(kept):
        data, df = spread(influence[j], rows, bundle.clusters)
        error, effect = uptake * float(np.hypot(data, shifts[j])), uptake * float(means[j])
        half = t_quantile(0.5 + level / 2, float(df)) * error
        found.append(
            SegmentEffect(
                level=label,
                units=int(rows.sum()),
                twins=int(twins.sum()),
                effect=effect,
                std_error=error,
                ci_lower=effect - half,
                ci_upper=effect + half,
            )
        )
    return found


def dose_response(bundle: Bundle, contrast: Contrast, rows: Mask, level: float) -> list[DosePoint]:
    """Return the mean effect of giving everyone each dose of the support, against the least recorded one."""
    if not isinstance(contrast.effect, Dose):
        return []
    curve = contrast.effect.curve
    low, high = curve.support
    recorded = np.unique(curve.dose[(curve.dose >= low) & (curve.dose <= high)])
    doses = recorded if len(recorded) <= CURVE_POINTS else np.linspace(low, high, CURVE_POINTS)
    weights = rows / rows.sum()
    bends = np.array([np.maximum(doses - k, 0.0) - max(curve.reach[0] - k, 0.0) for k in curve.knots])
    steps = np.vstack([doses - curve.reach[0], *bends]).T
    moves = np.column_stack([steps[:, :1] * (weights @ curve.phi), steps[:, 1:]])
    effects = moves @ curve.theta
    rest = curve.corrections(moves) * curve.jackknife
    slope = curve.phi @ curve.theta[: curve.slopes]
    own = steps[:, :1] * (slope - float(weights @ slope))  # bends are the same for all
    influence = own * (weights * len(rows)) + rest - rest.mean(axis=1, keepdims=True)
    spreads = [spread(one, rows, bundle.clusters) for one in influence]
    errors, df = np.array([error for error, _ in spreads]), spreads[0][1]
    way = bundle.header["spec"]["monotone"].get(contrast.name)
    if way:
        effects = _one_way_from_zero(doses - curve.reach[0], effects, increasing=way == "increasing")
    half = t_quantile(0.5 + level / 2, float(df)) * errors
    near = np.abs(curve.dose[rows][:, None] - doses).argmin(axis=1)
    counts = np.bincount(near, minlength=len(doses))
    return [
        DosePoint(dose=float(d), effect=float(e), ci_lower=float(e - h), ci_upper=float(e + h), units=int(c))
        for d, e, h, c in zip(doses, effects, half, counts, strict=True)
    ]


def _one_way_from_zero(steps: Floats, effects: Floats, *, increasing: bool) -> Floats:
    """Return the nearest one-way curve (G,) that is 0 at the reference, step 0, and on the right side of it beyond."""
    beyond, found = steps > 0, np.zeros(len(effects))
    limits = (0.0, np.inf) if increasing else (-np.inf, 0.0)
    found[beyond] = one_way(steps[beyond], effects[beyond], increasing=increasing).clip(*limits)
    return found
