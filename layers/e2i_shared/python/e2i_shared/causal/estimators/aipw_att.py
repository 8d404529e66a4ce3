"""The effect on the treated, doubly robust and cross-fitted."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from e2i_shared.causal import diagnostics
from e2i_shared.causal.estimators.base import CONFOUNDING, CONSISTENCY
from e2i_shared.causal.inference import extrapolated, infer_mean
from e2i_shared.causal.nuisance import cross_fit
from e2i_shared.causal.results import Diagnostics, Estimate, Nuisances, Overlap
from e2i_shared.causal.study import check

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from e2i_shared.causal.nuisance import CrossFit
    from e2i_shared.causal.study import Settings, Study

    Floats = NDArray[np.float64]

OVERLAP = "Overlap for the treated: units like every treated one occur untreated."


class AipwTreated:
    """τ̂ = Σ [A − (1 − A)ê/(1 − ê)](Y − μ̂₀) / ΣA  (Hahn 1998; Sant'Anna & Zhao 2020), which needs no model of treated outcomes.

    The bias that smoothing leaves is taken out as for all units (see ``inference.extrapolated``).
    """

    name = "aipw_att"
    estimand = "average treatment effect on the treated (ATT) among the units selected"

    def suits(self, study: Study) -> bool:
        """Say whether the treatment is 0/1."""
        return study.kind == "binary"

    def estimate(self, study: Study, settings: Settings) -> Estimate:
        """Return the effect in outcome units; raise InsufficientDataError, NoVariationError or NoOverlapError."""
        check(study)
        fitted = cross_fit(study, settings)
        a, y = study.treatment, study.outcome
        e = fitted.treatment.clip(0.0, 1 - settings.clip)
        w = np.ones(study.n) if study.weights is None else study.weights / study.weights.mean()
        odds, share = (1 - a) * e / (1 - e), float((w * a).mean())
        weight = w * (a - odds) / share
        scores = _scores(study, fitted, settings.clip)
        if fitted.smoother is not None:
            scores = extrapolated(scores, _scores(study, fitted.smoother, settings.clip))
        nuisances = _nuisances(study, fitted.arms, e, weight, fitted.learner, fitted.folds, fitted.treatment)
        overlap = _overlap(w * a, e, w * odds)
        diagnostics.require_overlap(study, replace(overlap, share_outside=float((e[a == 1] > 0.95).mean())))
        balance = diagnostics.weighted_balance(study, w * a, w * odds)
        treated = float(np.average(y, weights=w * a))
        return Estimate(
            inference=infer_mean(scores, study.clusters, level=settings.level),
            method=self.name,
            estimand=self.estimand,
            scores=scores,
            nuisances=nuisances,
            diagnostics=Diagnostics(
                overlap, balance, diagnostics.influence(scores), nuisances.quality, nuisances.clipped
            ),
            mean_treated=treated,
            mean_control=treated - float(scores.mean()),
            assumptions=(CONSISTENCY, CONFOUNDING, OVERLAP),
            warnings=(),
        )


def _scores(study: Study, fitted: CrossFit, clip: float) -> Floats:
    a, e = study.treatment, fitted.treatment.clip(0.0, 1 - clip)
    w = np.ones(study.n) if study.weights is None else study.weights / study.weights.mean()
    share = float((w * a).mean())
    residual = w * (a - (1 - a) * e / (1 - e)) / share * (study.outcome - fitted.arms[:, 0])
    return np.asarray(residual - (w * a / share - 1) * float(residual.mean()))


def _nuisances(
    study: Study, arms: Floats, e: Floats, weight: Floats, learner: str, folds: NDArray[np.intp], raw: Floats
) -> Nuisances:
    a = study.treatment
    mu_0, mu_1 = arms.T
    quality = {
        "outcome_r2": diagnostics.r_squared(study.outcome, np.where(a == 1, mu_1, mu_0)),
        "treatment_auc": diagnostics.auc(a, raw),
    }
    return Nuisances(
        outcome=mu_0 + e * (mu_1 - mu_0),
        fitted=np.where(a == 1, mu_1, mu_0),
        treatment=e,
        effect=mu_1 - mu_0,
        weight=weight,
        folds=folds,
        learner=learner,
        clipped=int((e != raw).sum()),
        quality=quality,
    )


def _overlap(treated: Floats, e: Floats, odds: Floats) -> Overlap:
    outside = float(((e < diagnostics.EDGE) | (e > 1 - diagnostics.EDGE)).mean())
    ess_1, ess_0 = diagnostics.kish(treated), diagnostics.kish(odds)
    return Overlap(outside, float(e.min()), float(e.max()), ess_1, ess_0, min(ess_1, ess_0))
