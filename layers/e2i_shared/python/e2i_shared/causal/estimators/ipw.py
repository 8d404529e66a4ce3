"""Inverse-propensity weighting: all units, or the treated."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from e2i_shared.causal import diagnostics, learners
from e2i_shared.causal.estimators.aipw_att import OVERLAP as OVERLAP_OF_TREATED
from e2i_shared.causal.estimators.base import CONFOUNDING, CONSISTENCY, OVERLAP
from e2i_shared.causal.inference import infer_mean, widened
from e2i_shared.causal.nuisance import cross_fit
from e2i_shared.causal.results import Diagnostics, Estimate, Nuisances
from e2i_shared.causal.study import check

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from e2i_shared.causal.nuisance import CrossFit
    from e2i_shared.causal.results import Inference
    from e2i_shared.causal.study import Settings, Study

    Floats = NDArray[np.float64]

PROPENSITY = "The model of the propensity is right: nothing else guards against confounding."
UNITS_PER_COLUMN = 20
MANY_OUTSIDE, UNBALANCED = 0.2, 0.1
NO_PENALTY = 1e-9


class Ipw:
    """τ̂ = Σ(A/ê)Y / Σ(A/ê) − Σ((1 − A)/(1 − ê))Y / Σ((1 − A)/(1 − ê)), weights that sum to one in each arm (Hájek 1971).

    The log odds of ê are a line in the covariates, fitted to all units by maximum likelihood, plus what boosted trees add to it out of
    fold: cross-fitting keeps the trees from overfitting, the line balances the covariates. ê is clipped to [clip, 1 − clip]. The
    influence function is that of the Hájek means less its projection on the line's score (A − ê)(1, x), for estimating the propensity
    makes the estimate more precise (Hirano, Imbens & Ridder 2003; Lunceford & Davidian 2004); where trees add to it, the variance
    also has the squared shift of the estimate at half the trees. Not doubly robust: what the trees miss stays in the estimate.
    """

    name = "ipw"
    estimand = "average treatment effect (ATE) over the units selected"
    treated_only = False

    def suits(self, study: Study) -> bool:
        """Say whether the treatment is 0/1."""
        return study.kind == "binary"

    def estimate(self, study: Study, settings: Settings) -> Estimate:
        """Return the effect in outcome units; raise InsufficientDataError, NoVariationError or NoOverlapError."""
        check(study)
        fitted = cross_fit(study, settings)
        raw, columns = _recalibrated(study, fitted)
        e = raw.clip(0.0 if self.treated_only else settings.clip, 1 - settings.clip)
        means = _means(study, e, treated_only=self.treated_only)
        projected = _less_projection(study, means.influence, (study.treatment - raw)[:, None] * columns)
        scores = means.effect + projected
        shift = 0.0
        if fitted.smoother is not None and fitted.trees[1]:
            smooth = _recalibrated(study, fitted.smoother)[0].clip(e.min(), e.max())
            shift = means.effect - _means(study, smooth, treated_only=self.treated_only).effect
        inference = widened(infer_mean(scores, study.clusters, level=settings.level), shift)
        return _estimate(self, study, (settings, inference), means, scores, _nuisances(study, fitted, e, raw, means))


class IpwTreated(Ipw):
    """τ̂ = Ȳ₁ − Σ oY / Σ o over the untreated, with the odds o = ê/(1 − ê): the untreated made to look like the treated.

    Propensities and influence function as for all units (see ``Ipw``); only propensities near 1 are clipped.
    """

    name = "ipw_att"
    estimand = "average treatment effect on the treated (ATT) among the units selected"
    treated_only = True


@dataclass(frozen=True, slots=True)
class _Means:
    """Weights (n,) of both arms, their weighted means, and the influence (n,) of their difference."""

    treated: Floats
    control: Floats
    mean_1: float
    mean_0: float
    influence: Floats

    @property
    def effect(self) -> float:
        return self.mean_1 - self.mean_0


def _recalibrated(study: Study, fitted: CrossFit) -> tuple[Floats, Floats]:
    """Return propensities (n,) and the columns (n, k) of the line fitted to all units.

    The offset is what the trees add out of fold; without trees there is none, and the line is plain maximum likelihood. With too
    many covariates for that, the cross-fitted log odds are kept and only rescaled.
    """
    x, odds = study.design.linear, _log_odds(fitted.treatment)
    if x.shape[1] * UNITS_PER_COLUMN <= study.n:
        offset, columns = odds - _log_odds(fitted.line), x
    else:
        spread = max(float(odds.std()), 1e-12)
        offset, columns = odds, ((odds - odds.mean()) / spread)[:, None]
    line = learners.logistic(columns, study.treatment, NO_PENALTY, weights=study.weights, offset=offset)
    return learners.expit(offset + line(columns)), np.column_stack([np.ones(study.n), columns])


def _log_odds(chance: Floats) -> Floats:
    inside = chance.clip(1e-9, 1 - 1e-9)
    return np.asarray(np.log(inside) - np.log1p(-inside))


def _means(study: Study, e: Floats, *, treated_only: bool) -> _Means:
    a, y = study.treatment, study.outcome
    w = np.ones(study.n) if study.weights is None else study.weights
    treated = w * a if treated_only else w * a / e
    control = w * (1 - a) * e / (1 - e) if treated_only else w * (1 - a) / (1 - e)
    mean_1, mean_0 = float(np.average(y, weights=treated)), float(np.average(y, weights=control))
    influence = treated * (y - mean_1) / treated.mean() - control * (y - mean_0) / control.mean()
    return _Means(treated, control, mean_1, mean_0, influence)


def _less_projection(study: Study, influence: Floats, score: Floats) -> Floats:
    score = score if study.weights is None else score * (study.weights / study.weights.mean())[:, None]
    slope = np.linalg.lstsq(score, influence, rcond=None)[0]
    left = influence - score @ slope
    return np.asarray(left - left.mean())


def _nuisances(study: Study, fitted: CrossFit, e: Floats, raw: Floats, means: _Means) -> Nuisances:
    a = study.treatment
    weight = means.treated / means.treated.mean() - means.control / means.control.mean()
    if study.weights is not None:
        relative = study.weights / study.weights.mean()
        weight = weight / np.where(relative > 0, relative, 1.0)
    quality = {"treatment_auc": diagnostics.auc(a, raw), "treatment_trees": float(fitted.trees[1])}
    return Nuisances(
        outcome=fitted.pooled,
        fitted=np.where(a == 1, means.mean_1, means.mean_0),
        treatment=e,
        effect=np.full(study.n, means.effect),
        weight=weight,
        folds=fitted.folds,
        learner=fitted.learner,
        clipped=int((e != raw).sum()),
        quality=quality,
    )


def _estimate(
    estimator: Ipw,
    study: Study,
    asked: tuple[Settings, Inference],
    means: _Means,
    scores: Floats,
    nuisances: Nuisances,
) -> Estimate:
    settings, inference = asked
    overlap = diagnostics.binary_overlap(study.treatment, nuisances.treatment.clip(1e-9), study.weights)
    if estimator.treated_only:
        ess_1, ess_0 = diagnostics.kish(means.treated), diagnostics.kish(means.control)
        overlap = replace(overlap, ess_treated=ess_1, ess_control=ess_0, ess=min(ess_1, ess_0))
        beyond = float((nuisances.treatment[study.treatment == 1] > 1 - diagnostics.EDGE).mean())
        diagnostics.require_overlap(study, replace(overlap, share_outside=beyond))
    else:
        diagnostics.require_overlap(study, overlap)
    balance = diagnostics.weighted_balance(study, means.treated, means.control)
    return Estimate(
        inference=inference,
        method=estimator.name,
        estimand=estimator.estimand,
        scores=scores,
        nuisances=nuisances,
        diagnostics=Diagnostics(overlap, balance, diagnostics.influence(scores), nuisances.quality, nuisances.clipped),
        mean_treated=means.mean_1,
        mean_control=means.mean_0,
        assumptions=(
            CONSISTENCY,
            CONFOUNDING,
            OVERLAP_OF_TREATED if estimator.treated_only else OVERLAP,
            PROPENSITY,
        ),
        warnings=_warnings(study, nuisances, overlap.share_outside, [b.after for b in balance], settings.clip),
    )


def _warnings(study: Study, nuisances: Nuisances, outside: float, after: list[float], clip: float) -> tuple[str, ...]:
    found = []
    if outside > MANY_OUTSIDE:
        found.append(
            f"{outside:.0%} of rows have an estimated probability of treatment outside [0.05, 0.95]: the effect leans on few units."
        )
    if nuisances.clipped > study.n * 0.02:
        found.append(f"{nuisances.clipped} propensities were clipped to [{clip:g}, {1 - clip:g}].")
    worst = max(map(abs, after), default=0.0)
    if worst > UNBALANCED:
        found.append(
            f"After weighting a covariate still differs by {worst:.2f} standard deviations between the groups."
        )
    return tuple(found)
