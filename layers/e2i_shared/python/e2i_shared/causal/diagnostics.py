"""What to look at before believing an estimate: overlap, balance, nuisance quality, influence."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from e2i_shared.causal.results import Balance, Influence, Overlap
from e2i_shared.errors import NoOverlapError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from e2i_shared.causal.study import Study

    Floats = NDArray[np.float64]

EDGE = 0.05  # propensities outside [EDGE, 1 − EDGE] are counted
MOST_OUTSIDE = 0.5  # above it an average over all units is refused
FEWEST_EFFECTIVE = 20.0
INFLUENTIAL = 0.01


def binary_overlap(treatment: Floats, propensity: Floats, weights: Floats | None = None) -> Overlap:
    """Return how alike treated and untreated units are, from 0/1 treatment (n,) and propensities (n,)."""
    treated = treatment == 1
    w = np.ones(len(treatment)) if weights is None else weights
    ess_1, ess_0 = kish(w[treated] / propensity[treated]), kish(w[~treated] / (1 - propensity[~treated]))
    outside = (propensity < EDGE) | (propensity > 1 - EDGE)
    return Overlap(
        float(outside.mean()), float(propensity.min()), float(propensity.max()), ess_1, ess_0, min(ess_1, ess_0)
    )


def dose_overlap(treatment: Floats, left: Floats, weight: Floats) -> Overlap:
    """Return what the covariates leave of a dose (n,): from its conditional variance (n,) and the Riesz weights (n,)."""
    share = float((left < EDGE * float(treatment.var())).mean())
    ess = float(np.abs(weight).sum() ** 2 / max(float((weight**2).sum()), 1e-300))
    return Overlap(share, float(treatment.min()), float(treatment.max()), None, None, ess)


def require_overlap(study: Study, overlap: Overlap) -> None:
    """Raise NoOverlapError where an average effect over all units would be extrapolation."""
    if overlap.share_outside <= MOST_OUTSIDE and overlap.ess >= FEWEST_EFFECTIVE:
        return
    raise NoOverlapError(
        f"Units with and without {study.treatment_name!r} are too unlike to compare: {overlap.share_outside:.0%} of rows have an "
        f"estimated probability of treatment outside [0.05, 0.95], and the weighted sample is worth {overlap.ess:.0f} units.",
        field="treatment_col",
        expected=f"at most {MOST_OUTSIDE:.0%} of rows outside, worth at least {FEWEST_EFFECTIVE:.0f} units",
        got=f"{overlap.share_outside:.0%} outside, {overlap.ess:.0f} units",
        hint="Filter to units that could have had either, drop a confounder that decides the treatment, "
        "or ask for the effect on the treated (estimand att).",
    )


def binary_balance(study: Study, propensity: Floats) -> tuple[Balance, ...]:
    """Return each covariate's worst standardised mean difference before and after inverse-propensity weighting."""
    a, x = study.treatment, study.design.linear
    w = np.ones(study.n) if study.weights is None else study.weights
    before = _smd(x, w * a, w * (1 - a), x, a)
    after = _smd(x, w * a / propensity, w * (1 - a) / (1 - propensity), x, a)
    return _by_owner(study, before, after)


def weighted_balance(study: Study, treated: Floats, control: Floats) -> tuple[Balance, ...]:
    """Return standardised mean differences under given weights of treated (n,) and untreated (n,) units."""
    a, x = study.treatment, study.design.linear
    return _by_owner(study, _smd(x, a, 1 - a, x, a), _smd(x, treated, control, x, a))


def dose_balance(study: Study, weight: Floats) -> tuple[Balance, ...]:
    """Return each covariate's worst correlation with the dose, before and after weighting by the Riesz weights."""
    spread = float(study.treatment.std())
    standard = (study.treatment - study.treatment.mean()) / spread
    x = study.design.linear
    return _by_owner(study, x.T @ standard / study.n, x.T @ weight / study.n * spread)


def influence(scores: Floats) -> Influence:
    """Return what the 1% of units with the largest influence do to the variance and the estimate."""
    distance = np.abs(scores - scores.mean())
    count = max(1, int(np.ceil(INFLUENTIAL * len(scores))))
    top = np.argpartition(distance, len(scores) - count)[len(scores) - count :]
    total = float((distance**2).sum())
    share = float((distance[top] ** 2).sum()) / total if total > 0 else 0.0
    return Influence(count, share, float(np.delete(scores, top).mean()))


def r_squared(truth: Floats, prediction: Floats) -> float:
    """Return 1 − SSE/SST of out-of-fold predictions (n,)."""
    total = float(((truth - truth.mean()) ** 2).sum())
    return 1.0 - float(((truth - prediction) ** 2).sum()) / total if total > 0 else 0.0


def auc(label: Floats, score: Floats) -> float:
    """Return the probability that a treated unit scores above an untreated one (Mann–Whitney)."""
    from scipy.stats import rankdata

    positive = label == 1
    ones, zeros = int(positive.sum()), int((~positive).sum())
    return float((rankdata(score)[positive].sum() - ones * (ones + 1) / 2) / (ones * zeros))


def kish(weights: Floats) -> float:
    """Return how many equally weighted units weights (n,) are worth, (Σw)²/Σw²."""
    return float(weights.sum() ** 2 / max(float((weights**2).sum()), 1e-300))


def _smd(x: Floats, treated: Floats, control: Floats, raw: Floats, a: Floats) -> Floats:
    difference = treated @ x / treated.sum() - control @ x / control.sum()
    pooled = np.sqrt((raw[a == 1].var(axis=0) + raw[a == 0].var(axis=0)) / 2)
    return np.asarray(difference / np.where(pooled > 0, pooled, 1.0))


def _by_owner(study: Study, before: Floats, after: Floats) -> tuple[Balance, ...]:
    owners = np.array(study.design.linear_owners)
    worst = []
    for owner in dict.fromkeys(study.design.linear_owners):
        columns = np.flatnonzero(owners == owner)
        pick = columns[int(np.abs(before[columns]).argmax())]
        late = columns[int(np.abs(after[columns]).argmax())]
        worst.append(Balance(owner, float(before[pick]), float(after[late])))
    return tuple(worst)
