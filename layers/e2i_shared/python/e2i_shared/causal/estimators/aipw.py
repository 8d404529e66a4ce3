"""Augmented inverse-propensity weighting, cross-fitted."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from e2i_shared.causal import diagnostics
from e2i_shared.causal.estimators.base import CONFOUNDING, CONSISTENCY, OVERLAP
from e2i_shared.causal.inference import extrapolated, infer_mean, weighted, widened
from e2i_shared.causal.nuisance import cross_fit, repeat_count
from e2i_shared.causal.results import Diagnostics, Estimate, Nuisances
from e2i_shared.causal.study import check

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from e2i_shared.causal.nuisance import CrossFit
    from e2i_shared.causal.study import Settings, Study

    Floats = NDArray[np.float64]

MANY_OUTSIDE = 0.2
MANY_CLIPPED = 0.02
UNBALANCED = 0.1


class Aipw:
    """The average effect of a 0/1 treatment over all units.

    τ̂ = 1/n Σ μ̂₁ − μ̂₀ + A(Y − μ̂₁)/ê − (1 − A)(Y − μ̂₀)/(1 − ê)   (Robins, Rotnitzky & Zhao 1994), nuisances cross-fitted
    (Chernozhukov et al. 2018, §5.1). Doubly robust: right when either the outcome or the propensity is. What bias smoothing leaves
    is taken out as a quarter of the shift of the estimate since the nuisance models had half the trees (see ``inference.extrapolated``).
    Repeats of the cross-fitting with other folds are averaged unit by unit; the variance is that of the averaged influence function, plus
    that of a mean of so many repeats.
    """

    name = "aipw"
    estimand = "average treatment effect (ATE) over the units selected"

    def suits(self, study: Study) -> bool:
        """Say whether the treatment is 0/1."""
        return study.kind == "binary"

    def estimate(self, study: Study, settings: Settings) -> Estimate:
        """Return the effect in outcome units; raise InsufficientDataError, NoVariationError or NoOverlapError."""
        check(study)
        seeds = [settings.seed + 1_000 * r for r in range(repeat_count(study, settings))]
        return _average([_once(study, settings, seed) for seed in seeds], study, settings)


@dataclass(frozen=True, slots=True)
class _Run:
    """One cross-fitting and its scores (n,) of both arms, extrapolated to no smoothing."""

    fitted: CrossFit
    arm_1: Floats
    arm_0: Floats


def _mean(values: Floats, weights: Floats | None) -> float:
    return float(np.average(values, weights=weights)) if weights is not None else float(values.mean())


def _once(study: Study, settings: Settings, seed: int) -> _Run:
    fitted = cross_fit(study, settings, seed=seed)
    arms = _potential(study, fitted, settings.clip)
    smooth = arms if fitted.smoother is None else _potential(study, fitted.smoother, settings.clip)
    return _Run(fitted, *[extrapolated(own, other) for own, other in zip(arms, smooth, strict=True)])


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


def _potential(study: Study, fitted: CrossFit, clip: float) -> tuple[Floats, Floats]:
    a, y, e = study.treatment, study.outcome, fitted.treatment.clip(clip, 1 - clip)
    mu_0, mu_1 = fitted.arms.T
    return mu_1 + a * (y - mu_1) / e, mu_0 + (1 - a) * (y - mu_0) / (1 - e)


def _average(runs: list[_Run], study: Study, settings: Settings) -> Estimate:
    arm_1, arm_0 = (np.mean(arm, axis=0) for arm in zip(*[(run.arm_1, run.arm_0) for run in runs], strict=True))
    fits = [run.fitted for run in runs]
    arms, chances = np.mean([f.arms for f in fits], axis=0), np.mean([f.treatment for f in fits], axis=0)
    nuisances = _nuisances(study, replace(fits[0], arms=arms, treatment=chances), settings.clip)
    scores = weighted(arm_1 - arm_0, study.weights)
    overlap = diagnostics.binary_overlap(study.treatment, nuisances.treatment, study.weights)
    diagnostics.require_overlap(study, overlap)
    balance = diagnostics.binary_balance(study, nuisances.treatment)
    return Estimate(
        inference=widened(infer_mean(scores, study.clusters, level=settings.level), _spread(runs, study.weights)),
        method=Aipw.name,
        estimand=Aipw.estimand,
        scores=scores,
        nuisances=nuisances,
        diagnostics=Diagnostics(overlap, balance, diagnostics.influence(scores), nuisances.quality, nuisances.clipped),
        mean_treated=_mean(arm_1, study.weights),
        mean_control=_mean(arm_0, study.weights),
        assumptions=(CONSISTENCY, CONFOUNDING, OVERLAP),
        warnings=_warnings(study, overlap.share_outside, nuisances.clipped, [b.after for b in balance], settings.clip),
    )


def _spread(runs: list[_Run], weights: Floats | None) -> float:
    """Return the standard error of the mean over repeats that their folds alone cause; 0 for one, which does not show it."""
    if len(runs) == 1:
        return 0.0
    means = np.array([_mean(run.arm_1 - run.arm_0, weights) for run in runs])
    return float(means.std(ddof=1) / np.sqrt(len(runs)))


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
