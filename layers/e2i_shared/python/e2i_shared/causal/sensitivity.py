"""How strong an unobserved confounder would have to be: E-values, robustness values, benchmark bounds, Rosenbaum's Γ."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from e2i_shared.causal.normal import normal_sf
from e2i_shared.causal.student import t_quantile

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

FEWEST_PAIRS = 10


@dataclass(frozen=True, slots=True)
class EValue:
    """E-values of the point estimate and of the confidence limit nearer the null, with the risk ratio they are of."""

    risk_ratio: float
    point: float
    interval: float


@dataclass(frozen=True, slots=True)
class Robustness:
    """Cinelli & Hazlett's summary: partial R² of treatment and outcome, robustness values for estimate and significance."""

    partial_r2: float
    robustness_value: float
    robustness_value_significance: float


@dataclass(frozen=True, slots=True)
class Bound:
    """What a confounder ``times`` as strong as a covariate would do; R² are partial, in [0, 1]."""

    covariate: str
    times: float
    r2_treatment: float
    r2_outcome: float
    adjusted_estimate: float
    adjusted_lower: float
    adjusted_upper: float


def e_value(risk_ratio: float, limits: tuple[float, float] | None = None) -> EValue:
    """Return E-values on the risk-ratio scale: RR + √(RR(RR−1)) for RR ≥ 1, of 1/RR below.

    ``limits`` is the interval of the risk ratio; when it holds 1 the interval's E-value is 1.
    Source: VanderWeele & Ding, Annals of Internal Medicine 167 (2017) 268-274.
    """
    if limits is None:
        return EValue(risk_ratio, _e_value(risk_ratio), 1.0)
    lower, upper = limits
    near = lower if risk_ratio >= 1 else upper
    crosses = lower <= 1 <= upper
    return EValue(risk_ratio, _e_value(risk_ratio), 1.0 if crosses else _e_value(near))


def e_value_of_difference(standardised: float, std_error: float) -> EValue:
    """Return E-values of a standardised mean difference d through RR ≈ exp(0.91 d), limits exp(0.91 d ± 1.78 se).

    Source: VanderWeele & Ding (2017), after Chinn, Statistics in Medicine 19 (2000).
    """
    half = 1.78 * std_error
    ratio = math.exp(0.91 * standardised)
    return e_value(ratio, (math.exp(0.91 * standardised - half), math.exp(0.91 * standardised + half)))


def _e_value(ratio: float) -> float:
    above = ratio if ratio >= 1 else 1.0 / ratio
    return above + math.sqrt(above * (above - 1.0))


def robustness(t: float, dof: int, *, q: float = 1.0, alpha: float = 0.05) -> Robustness:
    """Return partial R² = t²/(t²+dof) and robustness values RV_q and RV_{q,α} of a t statistic.

    RV_q is the share of residual variance of treatment and outcome that a confounder must explain to take away a share ``q``
    of the estimate; RV_{q,α} to make it insignificant at ``alpha``.
    Source: Cinelli & Hazlett, JRSS-B 82 (2020) 39-67, eq. 20-21.
    """
    f = q * abs(t) / math.sqrt(dof)
    critical = t_quantile(1 - alpha / 2, dof - 1) / math.sqrt(dof - 1)
    return Robustness(t * t / (t * t + dof), _robustness_value(f), _significance_value(f, critical))


def _robustness_value(f: float) -> float:
    return 0.5 * (math.sqrt(f**4 + 4 * f**2) - f**2)


def _significance_value(f: float, critical: float) -> float:
    excess = f - critical
    if excess <= 0:
        return 0.0
    if f > 1 / critical:
        return (f**2 - critical**2) / (1 + f**2)
    return _robustness_value(excess)


def adjusted(
    estimate: float, std_error: float, dof: int, r2_treatment: float, r2_outcome: float
) -> tuple[float, float]:
    """Return the estimate moved towards zero, and its standard error, had a confounder of these partial R² been adjusted for.

    |bias| = se·√(dof·R²_Y·R²_D/(1−R²_D)). Source: Cinelli & Hazlett (2020), eq. 10 and 11.
    """
    bias = std_error * math.sqrt(dof * r2_outcome * r2_treatment / (1 - r2_treatment))
    moved = math.copysign(1.0, estimate) * (abs(estimate) - bias)
    return moved, std_error * math.sqrt((1 - r2_outcome) / (1 - r2_treatment) * dof / (dof - 1))


@dataclass(frozen=True, slots=True)
class Benchmarks:
    """Least squares on the same design: partial R² (with treatment, with outcome given treatment) of each covariate.

    ``scale`` is sd(Y given A, X) over sd(A given X), outcome units per unit of treatment: the unit in which bias is measured.
    """

    r2: dict[str, tuple[float, float]]
    scale: float
    dof: int


def benchmarks(outcome: Floats, treatment: Floats, design: Floats, owners: Sequence[str]) -> Benchmarks:
    """Return partial R² of every covariate (all its columns together) from two regressions with an intercept.

    ``outcome`` and ``treatment`` are (n,), ``design`` (n, p), ``owners`` names the covariate of each column.
    The loss of leaving a group out is b'(C)⁻¹b with C the group's block of (Z'Z)⁺ (a Wald statistic).
    """
    with_treatment = _group_r2(treatment, design, owners)
    given = np.column_stack([treatment, design])
    with_outcome = _group_r2(outcome, given, ["", *owners])
    dof = max(len(outcome) - design.shape[1] - 2, 2)
    scale = math.sqrt(with_outcome.residual / max(with_treatment.residual, 1e-300))
    names = dict.fromkeys(owners)
    return Benchmarks({n: (with_treatment.r2[n], with_outcome.r2[n]) for n in names}, scale, dof)


@dataclass(frozen=True, slots=True)
class _Regression:
    r2: dict[str, float]
    residual: float


def _group_r2(target: Floats, columns: Floats, owners: Sequence[str]) -> _Regression:
    centred = columns - columns.mean(axis=0)
    inverse = np.linalg.pinv(centred.T @ centred, hermitian=True)
    demeaned = target - target.mean()
    coefficients = inverse @ (centred.T @ demeaned)
    residual = float(((demeaned - centred @ coefficients) ** 2).sum())
    found = {}
    for name in dict.fromkeys(owners):
        mine = np.array([owner == name for owner in owners])
        block = np.linalg.pinv(inverse[np.ix_(mine, mine)], hermitian=True)
        loss = float(coefficients[mine] @ block @ coefficients[mine])
        found[name] = min(loss / (loss + residual), 1 - 1e-9) if loss + residual > 0 else 0.0
    return _Regression(found, residual)


def bound(
    covariate: str, times: float, benchmark: tuple[float, float], estimate: float, std_error: float, dof: int
) -> Bound | None:
    """Return what a confounder ``times`` as strong as the benchmark would do; None where no confounder can be that strong.

    ``benchmark`` is the pair of partial R² from ``benchmarks``. Source: Cinelli & Hazlett (2020), section 4.4.
    """
    with_treatment, with_outcome = benchmark
    r2_treatment = times * with_treatment / (1 - with_treatment)
    if r2_treatment >= 1 or times * with_treatment >= 1:
        return None
    through = times * with_treatment**2 / ((1 - times * with_treatment) * (1 - with_treatment))
    if through >= 1:
        return None
    scale = (math.sqrt(times) + math.sqrt(through)) / math.sqrt(1 - through)
    r2_outcome = min(scale**2 * with_outcome / (1 - with_outcome), 1.0)
    moved, error = adjusted(estimate, std_error, dof, r2_treatment, r2_outcome)
    half = t_quantile(0.975, dof - 1) * error
    return Bound(covariate, times, r2_treatment, r2_outcome, moved, moved - half, moved + half)


def rosenbaum_p(differences: Floats, gamma: float) -> float:
    """Return the largest one-sided p-value of Wilcoxon's signed-rank test of matched pairs under a bias of at most Γ.

    ``differences`` (m,) are treated minus control outcomes; zeros are left out. Normal approximation with
    mean Γ/(1+Γ)·m(m+1)/2. Source: Rosenbaum, Observational Studies (2002), section 4.3.

    Raises
    ------
    ValueError
        Fewer than 10 pairs that differ, or Γ < 1.
    """
    held = differences[differences != 0]
    if len(held) < FEWEST_PAIRS:
        raise ValueError(f"{len(held)} pairs with a difference are too few; {FEWEST_PAIRS} are needed.")
    if gamma < 1:
        raise ValueError(f"gamma must be at least 1, not {gamma:g}.")
    ranks = _average_ranks(np.abs(held))
    positive = float(ranks[held > 0].sum())
    statistic = max(positive, float(ranks.sum()) - positive)
    share = gamma / (1 + gamma)
    mean = share * float(ranks.sum())
    spread = math.sqrt(share * (1 - share) * float((ranks**2).sum()))
    return normal_sf((statistic - mean) / spread)


def rosenbaum_gamma(differences: Floats, *, alpha: float = 0.025, most: float = 20.0) -> float:
    """Return the Γ, to 0.01 and at most ``most``, up to which the pairs' difference stays significant; 1 when it never is."""
    low, high = 1.0, most
    if rosenbaum_p(differences, low) > alpha:
        return 1.0
    if rosenbaum_p(differences, high) <= alpha:
        return most
    while high - low > 0.005:
        middle = (low + high) / 2
        low, high = (middle, high) if rosenbaum_p(differences, middle) <= alpha else (low, middle)
    return round(low, 2)


def match_pairs(
    scores: Floats, treated: NDArray[np.bool_], *, caliper: float = 0.2, order: Sequence[int] | None = None
) -> list[tuple[int, int]]:
    """Return (treated, control) index pairs: nearest neighbour on ``scores`` (n,) without replacement.

    ``caliper`` is in standard deviations of the scores (Austin 2011); ``order`` is the order in which treated units choose.
    A numeric loop over treated units.
    """
    widest = caliper * float(scores.std())
    controls = np.flatnonzero(~treated)
    controls = controls[np.argsort(scores[controls], kind="stable")]
    values = scores[controls]
    free = np.ones(len(controls), dtype=bool)
    pairs = []
    for unit in np.flatnonzero(treated) if order is None else order:
        at = int(np.searchsorted(values, scores[unit]))
        near = _nearest_free(values, free, at, float(scores[unit]))
        if near is not None and abs(values[near] - scores[unit]) <= widest:
            free[near] = False
            pairs.append((int(unit), int(controls[near])))
    return pairs


def _nearest_free(values: Floats, free: NDArray[np.bool_], at: int, score: float) -> int | None:
    left = at - 1
    while left >= 0 and not free[left]:
        left -= 1
    right = at
    while right < len(values) and not free[right]:
        right += 1
    if left < 0:
        return right if right < len(values) else None
    if right >= len(values):
        return left
    return left if score - values[left] <= values[right] - score else right


def _average_ranks(values: Floats) -> Floats:
    _, where, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return np.asarray((last - (counts - 1) / 2)[where.ravel()], dtype=np.float64)
