"""Augmented inverse-propensity weighting, cross-fitted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from e2i_shared.causal import diagnostics
from e2i_shared.causal.estimators.base import CONFOUNDING, CONSISTENCY, OVERLAP
from e2i_shared.causal.inference import infer_mean, interval, weighted, widened
from e2i_shared.causal.nuisance import cross_fit, repeat_count
from e2i_shared.causal.results import Diagnostics, Estimate, Nuisances
from e2i_shared.causal.study import check

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from e2i_shared.causal.nuisance import CrossFit
    from e2i_shared.causal.results import Inference
    from e2i_shared.causal.study import Settings, Study

    Floats = NDArray[np.float64]

MANY_OUTSIDE = 0.2
MANY_CLIPPED = 0.02
UNBALANCED = 0.1


class Aipw:
    """The average effect of a 0/1 treatment over all units.

    τ̂ = 1/n Σ μ̂₁ − μ̂₀ + A(Y − μ̂₁)/ê − (1 − A)(Y − μ̂₀)/(1 − ê)   (Robins, Rotnitzky & Zhao 1994), nuisances cross-fitted
    (Chernozhukov et al. 2018, §5.1). Doubly robust: right when either the outcome or the propensity is. The variance is that of the
    influence function, plus, for a single cross-fitting, the squared shift of the estimate when the nuisance models use half the
    trees (the bias that smoothing leaves is of that size), or, for repeats, the spread between them.
    """

    name = "aipw"
    estimand = "average treatment effect (ATE) over the units selected"

    def suits(self, study: Study) -> bool:
        """Say whether the treatment is 0/1."""
        return study.kind == "binary"

    def estimate(self, study: Study, settings: Settings) -> Estimate:
        """Return the effect in outcome units; raise InsufficientDataError, NoVariationError or NoOverlapError.

        With repeats the run of median estimate is returned, its variance widened by the spread of the
        estimates: median of se² + (τ̂ − median τ̂)².
        """
        check(study)
        return _median(
            [_once(study, settings, settings.seed + 1_000 * r) for r in range(repeat_count(study, settings))],
            study,
            settings,
        )


@dataclass(frozen=True, slots=True)
class _Run:
    """One cross-fitting: scores (n,) of both arms, and how far the estimate moves with half the trees."""

    arm_1: Floats
    arm_0: Floats
    nuisances: Nuisances
    shift: float

    @property
    def scores(self) -> Floats:
        return self.arm_1 - self.arm_0


def _mean(values: Floats, weights: Floats | None) -> float:
    return float(np.average(values, weights=weights)) if weights is not None else float(values.mean())


def _once(study: Study, settings: Settings, seed: int) -> _Run:
    fitted = cross_fit(study, settings, seed=seed)
    nuisances = _nuisances(study, fitted, settings.clip)
    arm_1, arm_0 = _potential(study, fitted.arms, nuisances.treatment)
    shift = 0.0
    if fitted.smoother is not None:
        smooth = fitted.smoother.treatment.clip(settings.clip, 1 - settings.clip)
        other_1, other_0 = _potential(study, fitted.smoother.arms, smooth)
        w = study.weights
        shift = _mean(arm_1 - arm_0, w) - _mean(other_1 - other_0, w)
    return _Run(arm_1, arm_0, nuisances, shift)


def _nuisances(study: Study, fitted: CrossFit, clip: float) -> Nuisances:
    a = study.treatment
    e = fitted.treatment.clip(clip, 1 - clip)
    mu_0, mu_1 = fitted.arms.T
    received = np.where(a == 1, mu_1, mu_0)
    pooled = mu_0 + e * (mu_1 - mu_0)
    quality = {
        "outcome_r2": diagnostics.r_squared(study.outcome, received),
        "treatment_auc": diagnostics.auc(a, fitted.treatment),
        "treatment_r2": diagnostics.r_squared(a, e),
        "outcome_trees": float(fitted.trees[0]),
        "treatment_trees": float(fitted.trees[1]),
    }
    return Nuisances(
        outcome=pooled,
        fitted=received,
        treatment=e,
        effect=mu_1 - mu_0,
        weight=a / e - (1 - a) / (1 - e),
        folds=fitted.folds,
        learner=fitted.learner,
        clipped=int((e != fitted.treatment).sum()),
        quality=quality,
    )


def _potential(study: Study, arms: Floats, e: Floats) -> tuple[Floats, Floats]:
    a, y = study.treatment, study.outcome
    mu_0, mu_1 = arms.T
    return mu_1 + a * (y - mu_1) / e, mu_0 + (1 - a) * (y - mu_0) / (1 - e)


def _median(runs: list[_Run], study: Study, settings: Settings) -> Estimate:
    means = np.array([_mean(run.scores, study.weights) for run in runs])
    chosen = runs[int(np.abs(means - np.median(means)).argmin())]
    nuisances = chosen.nuisances
    scores = weighted(chosen.scores, study.weights)
    overlap = diagnostics.binary_overlap(study.treatment, nuisances.treatment, study.weights)
    diagnostics.require_overlap(study, overlap)
    inference = _settled(runs, study, settings.level)
    balance = diagnostics.binary_balance(study, nuisances.treatment)
    return Estimate(
        inference=inference,
        method=Aipw.name,
        estimand=Aipw.estimand,
        scores=scores,
        nuisances=nuisances,
        diagnostics=Diagnostics(overlap, balance, diagnostics.influence(scores), nuisances.quality, nuisances.clipped),
        mean_treated=_mean(chosen.arm_1, study.weights),
        mean_control=_mean(chosen.arm_0, study.weights),
        assumptions=(CONSISTENCY, CONFOUNDING, OVERLAP),
        warnings=_warnings(study, overlap.share_outside, nuisances.clipped, [b.after for b in balance], settings.clip),
    )


def _settled(runs: list[_Run], study: Study, level: float) -> Inference:
    """Return one run's interval widened by its shift, or the median over repeats (Chernozhukov et al. 2018, Definition 3.3).

    Averaging over folds takes out the noise that the shift stands for, so that repeats are widened by their spread alone.
    """
    parts = [infer_mean(weighted(run.scores, study.weights), study.clusters, level=level) for run in runs]
    if len(runs) == 1:
        return widened(parts[0], runs[0].shift)
    middle = float(np.median([p.estimate for p in parts]))
    variance = float(np.median([p.std_error**2 + (p.estimate - middle) ** 2 for p in parts]))
    return interval(middle, float(np.sqrt(variance)), parts[0].df, level)


def _warnings(study: Study, outside: float, clipped: int, after: list[float], clip: float) -> tuple[str, ...]:
    found = []
    if outside > MANY_OUTSIDE:
        found.append(
            f"{outside:.0%} of rows have an estimated probability of treatment outside [0.05, 0.95]: the effect leans on few units."
        )
    if clipped > MANY_CLIPPED * study.n:
        found.append(f"{clipped} propensities were clipped to [{clip:g}, {1 - clip:g}].")
    worst = max(map(abs, after), default=0.0)
    if worst > UNBALANCED:
        found.append(
            f"After weighting a covariate still differs by {worst:.2f} standard deviations between the groups."
        )
    return tuple(found)
