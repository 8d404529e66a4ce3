"""A treatment of several levels: each against the reference, doubly robust."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from e2i_shared.causal import diagnostics
from e2i_shared.causal.estimators.base import CONFOUNDING, CONSISTENCY, OVERLAP, RANDOMISED
from e2i_shared.causal.inference import cluster_sums, extrapolated, infer_mean, simultaneous, weighted
from e2i_shared.causal.nuisance import cross_fit, draw_folds, fold_count
from e2i_shared.causal.results import ArmEffect, Diagnostics, Estimate, Nuisances, Overlap
from e2i_shared.causal.study import check
from e2i_shared.errors import UnprocessableError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from e2i_shared.causal.arms import Arms
    from e2i_shared.causal.nuisance import CrossFit
    from e2i_shared.causal.results import Balance, Inference
    from e2i_shared.causal.study import Settings, Study

    Floats = NDArray[np.float64]

MANY_OUTSIDE = 0.2


class MultiArm:
    """E[Y(k)] − E[Y(0)] over all units, for each level k of the treatment against the reference 0.

    Each mean is 1/n Σ μ̂ₖ + 1[A = k](Y − μ̂ₖ)/p̂ₖ (Robins, Rotnitzky & Zhao 1994; Cattaneo 2010), cross-fitted. The multinomial
    propensities p̂ₖ come of one model of k against the reference each, fitted on units of these two levels (Begg & Gray 1984), whose
    odds are scaled to sum to one. Intervals of all levels hold at once: the quantile of the largest |t| under their joint law.
    The bias that smoothing leaves is taken out (see ``inference.extrapolated``).
    The effect that stands for the whole (``inference``) is that of the headline level, with its own 95% interval.
    """

    name = "multi_arm_aipw"
    estimand = "average treatment effect (ATE) of each level against the reference over the units selected"

    def suits(self, study: Study) -> bool:
        """Say whether the treatment has several levels."""
        return study.arms is not None

    def estimate(self, study: Study, settings: Settings) -> Estimate:
        """Return all levels' effects; raise InsufficientDataError, NoVariationError, NoOverlapError or UnprocessableError."""
        check(study)
        arms = _arms_of(study)
        fit, smooth = _fit(study, arms, settings)
        scores = extrapolated(_scores(study, arms, fit), _scores(study, arms, smooth))
        overlap = _overlap(study, arms, fit)
        diagnostics.require_overlap(study, overlap)
        effects = _effects(study, arms, scores, settings)
        own = arms.headline
        label, reference = arms.labels[own], arms.labels[0]
        means = scores.mean(axis=0)
        difference = scores[:, own] - scores[:, 0]
        nuisances = _nuisances(study, arms, fit)
        looks = Diagnostics(
            overlap,
            _balance(study, arms, fit),
            diagnostics.influence(difference),
            nuisances.quality,
            nuisances.clipped,
        )
        return Estimate(
            inference=infer_mean(difference, study.clusters, level=settings.level),
            method=self.name,
            estimand=f"average treatment effect (ATE) of {label!r} against {reference!r} over the units selected",
            scores=difference,
            nuisances=nuisances,
            diagnostics=looks,
            mean_treated=float(means[own]),
            mean_control=float(means[0]),
            assumptions=(CONSISTENCY, RANDOMISED if study.randomised else CONFOUNDING, OVERLAP),
            warnings=_warnings(overlap.share_outside, len(arms.labels)),
            arms=effects,
        )


@dataclass(frozen=True, slots=True)
class _Fit:
    """Out-of-fold means and propensities of all levels, (n, K) each; ``clipped`` counts units with a raised propensity."""

    means: Floats
    chances: Floats
    folds: NDArray[np.intp]
    learner: str
    clipped: int
    quality: dict[str, float]


def _arms_of(study: Study) -> Arms:
    if study.arms is None:
        raise UnprocessableError(
            f"Treatment {study.treatment_name!r} has no levels to compare.", field="method", got=MultiArm.name
        )
    return study.arms


def _fit(study: Study, arms: Arms, settings: Settings) -> tuple[_Fit, _Fit]:
    """Fit every level against the reference; return the fit and the one with half the trees."""
    coded = replace(study, treatment=arms.codes.astype(np.float64))
    folds = draw_folds(coded, fold_count(study, settings), settings.seed)
    pairs = []
    for level in range(1, len(arms.labels)):
        pair = replace(study, treatment=(arms.codes == level).astype(np.float64))
        rows = np.flatnonzero((arms.codes == level) | (arms.codes == 0))
        pairs.append(cross_fit(pair, settings, folds=folds, subset=rows))
    return _joined(study, arms, pairs, settings.clip), _joined(
        study, arms, [p.smoother or p for p in pairs], settings.clip
    )


def _joined(study: Study, arms: Arms, pairs: list[CrossFit], clip: float) -> _Fit:
    reference = np.mean([pair.arms[:, 0] for pair in pairs], axis=0)
    means = np.column_stack([reference, *[pair.arms[:, 1] for pair in pairs]])
    odds = np.column_stack([np.ones(study.n), *[p.treatment / (1 - p.treatment).clip(1e-9) for p in pairs]])
    raw = odds / odds.sum(axis=1, keepdims=True)
    chances = np.maximum(raw, clip)
    received = means[np.arange(study.n), arms.codes]
    quality = {"outcome_r2": diagnostics.r_squared(study.outcome, received)}
    for level, label in enumerate(arms.labels):
        quality[f"treatment_auc: {label}"] = diagnostics.auc((arms.codes == level).astype(np.float64), raw[:, level])
    learner = "boosted" if any(p.learner == "boosted" for p in pairs) else "linear"
    return _Fit(means, chances, pairs[0].folds, learner, int((raw < clip).any(axis=1).sum()), quality)


def _scores(study: Study, arms: Arms, fit: _Fit) -> Floats:
    """Return each level's doubly robust scores (n, K), whose means are the levels' adjusted mean outcomes."""
    held = (arms.codes[:, None] == np.arange(len(arms.labels))).astype(np.float64)
    plain = fit.means + held * (study.outcome[:, None] - fit.means) / fit.chances
    return np.column_stack([weighted(column, study.weights) for column in plain.T])


def _effects(study: Study, arms: Arms, scores: Floats, settings: Settings) -> tuple[ArmEffect, ...]:
    differences = scores[:, 1:] - scores[:, :1]
    singles = [infer_mean(differences[:, k], study.clusters, level=settings.level) for k in range(differences.shape[1])]
    sums = cluster_sums(differences - differences.mean(axis=0), study.clusters) / study.n
    critical, largest = simultaneous(sums, df=singles[0].df, level=settings.level, seed=settings.seed)
    counts = np.bincount(arms.codes, minlength=len(arms.labels))
    means = scores.mean(axis=0)
    return tuple(
        _arm(label, int(counts[k + 1]), float(means[k + 1]), singles[k], critical, largest)
        for k, label in enumerate(arms.labels[1:])
    )


def _arm(label: str, n: int, mean: float, single: Inference, critical: float, largest: Floats) -> ArmEffect:
    half = critical * single.std_error
    t = abs(single.estimate) / max(single.std_error, 1e-300)
    adjusted = max(float((largest >= t).mean()), single.p_value)
    return ArmEffect(
        label,
        n,
        mean,
        single.estimate,
        single.std_error,
        single.estimate - half,
        single.estimate + half,
        single.p_value,
        adjusted,
    )


def _overlap(study: Study, arms: Arms, fit: _Fit) -> Overlap:
    """Return overlap of all levels: ``share_outside`` counts units with a propensity below 0.1/K (0.05 for two levels)."""
    edge = 2 * diagnostics.EDGE / len(arms.labels)
    w = np.ones(study.n) if study.weights is None else study.weights
    worth = [diagnostics.kish(w[arms.codes == k] / fit.chances[arms.codes == k, k]) for k in range(len(arms.labels))]
    outside = float((fit.chances.min(axis=1) < edge).mean())
    return Overlap(
        outside, float(fit.chances.min()), float(fit.chances.max()), worth[arms.headline], worth[0], min(worth)
    )


def _balance(study: Study, arms: Arms, fit: _Fit) -> tuple[Balance, ...]:
    rows = (arms.codes == arms.headline) | (arms.codes == 0)
    pair = study.take(rows)
    pair = replace(pair, treatment=(arms.codes[rows] == arms.headline).astype(np.float64))
    w = np.ones(pair.n) if pair.weights is None else pair.weights
    a = pair.treatment
    return diagnostics.weighted_balance(
        pair, w * a / fit.chances[rows, arms.headline], w * (1 - a) / fit.chances[rows, 0]
    )


def _nuisances(study: Study, arms: Arms, fit: _Fit) -> Nuisances:
    own = arms.headline
    is_own, is_reference = (arms.codes == own).astype(np.float64), (arms.codes == 0).astype(np.float64)
    shares = fit.chances / fit.chances.sum(axis=1, keepdims=True)
    return Nuisances(
        outcome=np.asarray((shares * fit.means).sum(axis=1)),
        fitted=fit.means[np.arange(study.n), arms.codes],
        treatment=fit.chances[:, own],
        effect=fit.means[:, own] - fit.means[:, 0],
        weight=is_own / fit.chances[:, own] - is_reference / fit.chances[:, 0],
        folds=fit.folds,
        learner=fit.learner,
        clipped=fit.clipped,
        quality=fit.quality,
    )


def _warnings(outside: float, levels: int) -> tuple[str, ...]:
    if outside <= MANY_OUTSIDE:
        return ()
    edge = 2 * diagnostics.EDGE / levels
    return (
        f"{outside:.0%} of rows have some level of estimated probability below {edge:.3f}: its effect leans on few.",
    )
