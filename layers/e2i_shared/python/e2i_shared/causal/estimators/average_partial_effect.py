"""The average effect of one more unit of a dose, doubly robust."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from e2i_shared.causal import diagnostics
from e2i_shared.causal.estimators.base import CONFOUNDING, CONSISTENCY
from e2i_shared.causal.inference import extrapolated, infer_mean, weighted
from e2i_shared.causal.learners import ridge
from e2i_shared.causal.nuisance import cross_fit
from e2i_shared.causal.results import Diagnostics, Estimate, Nuisances
from e2i_shared.causal.study import check
from e2i_shared.errors import NoOverlapError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from e2i_shared.causal.nuisance import CrossFit
    from e2i_shared.causal.study import Settings, Study

    Floats = NDArray[np.float64]

LINEAR_DOSE = (
    "The outcome is linear in the dose, with a slope that may differ between units: the effect is an average slope."
)
MOST_EXPLAINED = 0.99
UNITS_PER_MODIFIER = 25
PENALTY = 1e-3
LEAST_VARIANCE = 0.1  # of the mean squared residual


class AveragePartialEffect:
    """E[τ(X)] in Y = g(X) + τ(X)·A + ε, τ linear in the encoded covariates φ(X) (with an intercept).

    β̂ solves Σ (A − ê)/v̂ · φ(Y − ĝ − A·φᵀβ) = 0, the orthogonal moment of Robinson (1988) and Chernozhukov et al. (2018, eq. 4.4)
    with effect modifiers, v̂(X) the dose's conditional variance; the scores are φᵀβ̂ + α(Y − ĝ − A·φᵀβ̂) with Riesz weights
    α = (A − ê)/v̂ · φᵀ(Ê[(A − ê)A/v̂ · φφᵀ])⁻¹Ê[φ] (Chernozhukov, Newey & Singh 2022; grf's average_partial_effect is the case φ = 1).
    Dividing by v̂ keeps units whose dose varies much from counting for more than one. The bias that smoothing leaves is taken out
    (see ``inference.extrapolated``).
    """

    name = "average_partial_effect"
    estimand = "average effect of one more unit of treatment (average partial effect) over the units selected"

    def suits(self, study: Study) -> bool:
        """Say whether the treatment varies at all: a 0/1 treatment is a dose of one unit."""
        return study.n > 0

    def estimate(self, study: Study, settings: Settings) -> Estimate:
        """Return the effect in outcome units per unit of dose; raise InsufficientDataError, NoVariationError or NoOverlapError."""
        check(study)
        fitted = cross_fit(study, settings)
        phi = _modifiers(study)
        variance = _conditional_variance(study, fitted.treatment)
        nuisances = _nuisances(study, fitted, phi, variance)
        scores = weighted(_scores(study, nuisances), study.weights)
        if fitted.smoother is not None and max(fitted.trees):
            smooth = _scores(study, _nuisances(study, fitted.smoother, phi, variance))
            scores = extrapolated(scores, weighted(smooth, study.weights))
        inference = infer_mean(scores, study.clusters, level=settings.level, parameters=phi.shape[1])
        overlap = diagnostics.dose_overlap(study.treatment, variance, nuisances.weight)
        balance = diagnostics.dose_balance(study, nuisances.weight)
        return Estimate(
            inference=inference,
            method=self.name,
            estimand=self.estimand,
            scores=scores,
            nuisances=nuisances,
            diagnostics=Diagnostics(overlap, balance, diagnostics.influence(scores), nuisances.quality, 0),
            mean_treated=None,
            mean_control=None,
            assumptions=(CONSISTENCY, CONFOUNDING, LINEAR_DOSE),
            warnings=_warnings(overlap.share_outside),
        )


def _scores(study: Study, nuisances: Nuisances) -> Floats:
    return np.asarray(nuisances.effect + nuisances.weight * (study.outcome - nuisances.fitted))


def _modifiers(study: Study) -> Floats:
    """Return φ (n, k): an intercept and as many encoded covariates as the units carry, the given modifiers first."""
    columns = study.design.linear
    if study.modifiers is not None:
        columns = np.column_stack([study.modifiers - study.modifiers.mean(axis=0), columns])
    most = study.groups // UNITS_PER_MODIFIER
    return np.column_stack([np.ones(study.n), columns[:, :most]])


def _nuisances(study: Study, fitted: CrossFit, phi: Floats, variance: Floats) -> Nuisances:
    a, e, g = study.treatment, fitted.treatment, fitted.arms[:, 0]
    residual = a - e
    explained = diagnostics.r_squared(a, e)
    if explained > MOST_EXPLAINED:
        raise NoOverlapError(
            f"The covariates predict {explained:.1%} of {study.treatment_name!r}: too little is left to learn an effect from.",
            field="confounders",
            expected=f"covariates that explain at most {MOST_EXPLAINED:.0%} of the treatment",
            got=f"{explained:.1%}",
            hint="Leave out covariates that are copies or consequences of the treatment.",
        )
    instrument = residual / variance
    w = np.ones(study.n) if study.weights is None else study.weights / study.weights.mean()
    moment = (phi * (w * instrument * a)[:, None]).T @ phi / study.n
    moment += PENALTY * np.eye(phi.shape[1])
    beta = np.linalg.solve(moment, phi.T @ (w * instrument * (study.outcome - g)) / study.n)
    weight = instrument * (phi @ np.linalg.solve(moment.T, w @ phi / study.n))
    tau = phi @ beta
    outcome = g + tau * e
    quality = {
        "outcome_r2": diagnostics.r_squared(study.outcome, g + tau * a),
        "treatment_r2": explained,
        "outcome_trees": float(fitted.trees[0]),
        "treatment_trees": float(fitted.trees[1]),
    }
    return Nuisances(outcome, g + tau * a, e, tau, weight, fitted.folds, fitted.learner, 0, quality)


def _conditional_variance(study: Study, expected: Floats) -> Floats:
    """Return v̂(X) (n,): squared residuals regressed on the expected dose, its square and the covariates."""
    spread = max(float(expected.std()), 1e-12)
    centred = (expected - expected.mean()) / spread
    columns = np.column_stack([centred, centred**2, study.design.linear])
    squares = (study.treatment - expected) ** 2
    return np.maximum(ridge(columns, squares)(columns), LEAST_VARIANCE * max(float(squares.mean()), 1e-300))


def _warnings(outside: float) -> tuple[str, ...]:
    if outside <= diagnostics.EDGE:
        return ()
    return (f"In {outside:.0%} of rows the covariates leave hardly any variation of the dose.",)
