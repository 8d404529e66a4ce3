"""How strong an unobserved confounder would have to be to explain an effect away.

E-values: VanderWeele & Ding (2017). Robustness values, partial R² and benchmark bounds: Cinelli & Hazlett (2020), with their symbols
D (treatment), Y (outcome), Z (the unobserved confounder), X (covariates). Bounds for matched pairs: Rosenbaum (2002, §4.3).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from e2i_shared.causal.design import PRODUCTS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from e2i_shared.causal.study import Study

    Floats = NDArray[np.float64]

Scale = Literal["RR", "OR_common", "HR_common"]
# d to log risk ratio, and the 95% interval's half-width per standard error of d (VanderWeele & Ding 2017, Table 2).
RR_PER_D, HALF_PER_SE = 0.91, 1.78


@dataclass(frozen=True, slots=True)
class EValue:
    """The least risk ratio of the confounder with both treatment and outcome that explains the estimate (or its interval) away."""

    risk_ratio: float
    point: float
    interval: float


@dataclass(frozen=True, slots=True)
class Benchmark:
    """A confounder ``multiple`` times as strong as a covariate: its partial R² with D and Y, and the effect it would leave."""

    column: str
    multiple: float
    r2_treatment: float
    r2_outcome: float
    adjusted_effect: float
    adjusted_lower: float
    adjusted_upper: float


def e_value(risk_ratio: float) -> float:
    """Return RR + √(RR(RR − 1)), RR turned above 1; 1 for no effect."""
    ratio = max(risk_ratio, 1.0 / risk_ratio)
    return float(ratio + np.sqrt(ratio * (ratio - 1.0)))


def to_risk_ratio(estimate: float, scale: Scale) -> float:
    """Return a risk ratio from a ratio; for common outcomes RR ≈ √OR and (1 − 0.5^√HR)/(1 − 0.5^√(1/HR))."""
    if scale == "OR_common":
        return float(np.sqrt(estimate))
    if scale == "HR_common":
        return float((1 - 0.5 ** np.sqrt(estimate)) / (1 - 0.5 ** np.sqrt(1 / estimate)))
    return estimate


def e_value_of_ratio(estimate: float, lower: float, upper: float, scale: Scale = "RR") -> EValue:
    """Return the E-value of a ratio and of the bound of its interval nearer to 1; 1 where the interval holds 1."""
    ratio, low, high = (to_risk_ratio(value, scale) for value in (estimate, lower, upper))
    near = low if ratio > 1 else high
    crosses = low <= 1 <= high
    return EValue(ratio, e_value(ratio), 1.0 if crosses else e_value(near))


def e_value_of_difference(d: float, std_error: float) -> EValue:
    """Return the E-value of a standardised mean difference d: RR ≈ exp(0.91 d), interval exp(0.91 d ± 1.78 se)."""
    low, high = np.exp(RR_PER_D * d - HALF_PER_SE * std_error), np.exp(RR_PER_D * d + HALF_PER_SE * std_error)
    return e_value_of_ratio(float(np.exp(RR_PER_D * d)), float(low), float(high))


def partial_r2(t: float, df: float) -> float:
    """Return t²/(t² + df), the share of residual variance of Y that D explains."""
    return t * t / (t * t + df)


def robustness_value(t: float, df: float, *, q: float = 1.0, alpha: float | None = None) -> float:
    """Return the partial R² with both D and Y at which a confounder takes away the share ``q`` of the effect.

    With ``alpha`` the confounder only has to make the effect insignificant at that level (RV_{q,α}).
    """
    from scipy.special import stdtrit

    f = q * abs(t) / np.sqrt(df)
    critical = 0.0 if alpha is None else float(stdtrit(df - 1, 1 - alpha / 2)) / np.sqrt(df - 1)
    rest = f - critical
    if rest <= 0:
        return 0.0
    if critical > 0 and f > 1 / critical:
        return float((f**2 - critical**2) / (1 + f**2))
    return float(0.5 * (np.sqrt(rest**4 + 4 * rest**2) - rest**2))


def adjusted_for(
    estimate: float, std_error: float, df: float, r2_treatment: float, r2_outcome: float
) -> tuple[float, float]:
    """Return the effect and its standard error had a confounder of these partial R² been adjusted for, bias towards zero.

    bias = se·√df·√(R²_{Y~Z|D,X} R²_{D~Z|X} / (1 − R²_{D~Z|X}))   (Cinelli & Hazlett 2020, eq. 8), and eq. 9 for the error.
    """
    bias = std_error * np.sqrt(df) * np.sqrt(r2_outcome * r2_treatment / (1 - r2_treatment))
    se = std_error * np.sqrt((1 - r2_outcome) / (1 - r2_treatment)) * np.sqrt(df / (df - 1))
    return float(estimate - np.sign(estimate) * bias), float(se)


def bounds(r2_treatment: float, r2_outcome: float, multiple: float = 1.0) -> tuple[float, float]:
    """Return the partial R² (with D, with Y) of a confounder ``multiple`` times as strong as a covariate with these partial R².

    Cinelli & Hazlett (2020, §4.4); capped at 0.99 where the covariate explains nearly everything.
    """
    d = r2_treatment / (1 - r2_treatment)
    with_treatment = min(multiple * d, 0.99)
    shared = min(multiple * r2_treatment**2 / max((1 - multiple * r2_treatment) * (1 - r2_treatment), 1e-12), 0.99)
    scale = (np.sqrt(multiple) + np.sqrt(shared)) / np.sqrt(1 - shared)
    return with_treatment, float(min(scale**2 * r2_outcome / (1 - r2_outcome), 0.99))


def covariate_strengths(study: Study) -> dict[str, tuple[float, float]]:
    """Return each covariate's partial R² with the treatment given the others, and with the outcome given the others and D."""
    x = study.design.linear
    owners = np.array([*study.design.linear_owners, ""])
    ones = np.ones((study.n, 1))
    with_treatment = _partials(np.column_stack([x, ones]), study.treatment, owners)
    d = np.column_stack([x, (study.treatment - study.treatment.mean())[:, None], ones])
    with_outcome = _partials(d, study.outcome, np.array([*study.design.linear_owners, "\0treatment", ""]))
    return {name: (with_treatment[name], with_outcome[name]) for name in with_treatment if name != PRODUCTS}


def _partials(x: Floats, y: Floats, owners: NDArray[np.str_]) -> dict[str, float]:
    """Return the partial R² of each owner's columns in the regression of y (n,) on x (n, p): ΔRSS / (RSS + ΔRSS)."""
    inverse = np.linalg.pinv(x.T @ x, hermitian=True)
    beta = inverse @ (x.T @ y)
    rss = float(((y - x @ beta) ** 2).sum())
    found = {}
    for owner in dict.fromkeys(owners.tolist()):
        if not owner or owner.startswith("\0"):
            continue
        at = np.flatnonzero(owners == owner)
        gain = float(beta[at] @ np.linalg.pinv(inverse[np.ix_(at, at)], hermitian=True) @ beta[at])
        found[owner] = max(gain, 0.0) / max(rss + gain, 1e-300)
    return found


def rosenbaum_p(differences: Floats, gamma: float) -> float:
    """Return the upper bound of the one-sided signed-rank p-value when hidden bias multiplies the odds of treatment by ``gamma``.

    ``differences`` (P,) are treated minus control outcomes of matched pairs, signed so that the effect is positive; ties are dropped.
    """
    from scipy.special import ndtr
    from scipy.stats import rankdata

    kept = differences[differences != 0]
    ranks = rankdata(np.abs(kept))
    chance = gamma / (1 + gamma)
    mean, variance = chance * ranks.sum(), chance * (1 - chance) * (ranks**2).sum()
    if variance <= 0:
        return 1.0
    return float(ndtr(-(float(ranks[kept > 0].sum()) - mean) / np.sqrt(variance)))


def rosenbaum_gamma(differences: Floats, *, alpha: float = 0.05, most: float = 20.0) -> float:
    """Return the largest Γ at which the effect stays significant: 1 where it is not without bias, ``most`` at the most."""
    if rosenbaum_p(differences, 1.0) > alpha:
        return 1.0
    low, high = 1.0, most
    if rosenbaum_p(differences, most) <= alpha:
        return most
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (middle, high) if rosenbaum_p(differences, middle) <= alpha else (low, middle)
    return low


def match_pairs(treatment: Floats, score: Floats, outcome: Floats, *, caliper: float = 0.2) -> Floats:
    """Return treated minus control outcomes of pairs matched on a score (n,), each control used once.

    Greedy along the sorted score: neighbours of different treatment within ``caliper`` standard deviations are paired.
    """
    order = np.argsort(score, kind="stable")
    width = caliper * float(score.std())
    waiting: list[int] = []
    pairs = []
    for unit in order.tolist():
        while waiting and score[unit] - score[waiting[0]] > width:
            waiting.pop(0)
        if waiting and treatment[waiting[-1]] != treatment[unit]:
            other = waiting.pop()
            treated, control = (unit, other) if treatment[unit] == 1 else (other, unit)
            pairs.append(outcome[treated] - outcome[control])
        else:
            waiting.append(unit)
    return np.array(pairs)
