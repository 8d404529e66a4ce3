"""A randomised experiment's effect, sharpened by covariates."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from e2i_shared.causal import diagnostics
from e2i_shared.causal.estimators.base import CONFOUNDING, CONSISTENCY, RANDOMISED
from e2i_shared.causal.inference import infer_mean, weighted
from e2i_shared.causal.nuisance import cross_fit
from e2i_shared.causal.results import Diagnostics, Estimate, Nuisances
from e2i_shared.causal.study import check
from e2i_shared.errors import UnprocessableError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from e2i_shared.causal.study import Settings, Study

    Floats = NDArray[np.float64]

UNITS_PER_COLUMN = 10  # of the smaller arm, below which lines are penalised and fitted out of fold
LINEAR_OUTCOME = "The outcome is linear in the covariates within each arm (the data set is not marked as randomised)."


class RegressionAdjustment:
    """Least squares of the outcome on treatment, centred covariates and their products (Lin 2013).

    τ̂ = 1/n Σ μ̂₁(X) − μ̂₀(X) with one line per arm, μ̂ₐ(x) = x̃ᵀβ̂ₐ. In a randomised experiment it is consistent whatever the
    outcome's true shape and no less precise than the difference in means (Lin, Annals of Applied Statistics 7, 2013). CUPED (Deng,
    Xu, Kohavi & Walker 2013) is the case of one covariate: the outcome measured before the experiment, named as the only confounder.

    The variance is the sandwich of the scores μ̂₁ − μ̂₀ + Σₐ ±(x̄ᵀ(Σₐ x̃x̃ᵀ/n)⁻¹x̃)·r/√(1 − h), residuals r raised by their leverage h
    (HC2; MacKinnon & White 1985), summed within clusters; it counts the units as drawn from a population (Negi & Wooldridge 2021).
    With more columns than a tenth of the smaller arm, the lines are ridge regressions fitted out of fold.
    """

    name = "regression_adjustment"
    estimand = "average treatment effect (ATE) over the units selected"

    def suits(self, study: Study) -> bool:
        """Say whether the treatment is 0/1."""
        return study.kind == "binary"

    def estimate(self, study: Study, settings: Settings) -> Estimate:
        """Return the effect in outcome units; raise InsufficientDataError, NoVariationError or UnprocessableError."""
        check(study)
        columns = study.design.linear.shape[1]
        if columns == 0:
            raise UnprocessableError(
                "There is no covariate to adjust for.",
                field="confounders",
                expected="at least one column, such as the outcome before the experiment",
                got="none",
                candidates=["difference_in_means"],
            )
        least = min(int(study.treatment.sum()), study.n - int(study.treatment.sum()))
        fit = _least_squares if columns * UNITS_PER_COLUMN <= least else _out_of_fold
        arms, weight, raised, learner = fit(study, settings)
        return _estimate(self, study, settings, (arms, weight, raised), learner)


def _least_squares(study: Study, _: Settings) -> tuple[Floats, Floats, Floats, str]:
    """Return both lines at all units (n, 2), the weight of each residual (n,), and residual weights raised by leverage (n,)."""
    x = np.column_stack([np.ones(study.n), study.design.linear])
    w = np.ones(study.n) if study.weights is None else study.weights / study.weights.mean()
    centre = w @ x / study.n
    arms, weight, raised = np.empty((study.n, 2)), np.zeros(study.n), np.zeros(study.n)
    for arm, sign in ((0, -1.0), (1, 1.0)):
        rows = study.treatment == arm
        inside, own = x[rows], w[rows]
        inverse = np.linalg.pinv((inside * own[:, None]).T @ inside, hermitian=True)
        beta = inverse @ (inside.T @ (own * study.outcome[rows]))
        arms[:, arm] = x @ beta
        leverage = np.minimum(((inside @ inverse) * inside).sum(axis=1) * own, 0.99)
        weight[rows] = sign * study.n * (inside @ (inverse @ centre))
        raised[rows] = weight[rows] / np.sqrt(1 - leverage)
    return arms, weight, raised, "least squares"


def _out_of_fold(study: Study, settings: Settings) -> tuple[Floats, Floats, Floats, str]:
    arms = cross_fit(study, replace(settings, learner="linear")).arms
    share = float(np.average(study.treatment, weights=study.weights))
    weight = study.treatment / share - (1 - study.treatment) / (1 - share)
    return arms, weight, weight, "linear"


def _estimate(
    estimator: RegressionAdjustment,
    study: Study,
    settings: Settings,
    parts: tuple[Floats, Floats, Floats],
    learner: str,
) -> Estimate:
    arms, weight, raised = parts
    a, y = study.treatment, study.outcome
    mu_0, mu_1 = arms.T
    fitted = np.where(a == 1, mu_1, mu_0)
    scores = weighted(mu_1 - mu_0 + weight * (y - fitted), study.weights)
    effect = float(scores.mean())
    noisy = weighted(mu_1 - mu_0 + raised * (y - fitted), study.weights)
    share = np.full(study.n, float(np.average(a, weights=study.weights)))
    quality = {"outcome_r2": diagnostics.r_squared(y, fitted)}
    nuisances = Nuisances(
        outcome=mu_0 + share * (mu_1 - mu_0),
        fitted=fitted,
        treatment=share,
        effect=mu_1 - mu_0,
        weight=weight,
        folds=np.zeros(study.n, dtype=np.intp),
        learner=learner,
        clipped=0,
        quality=quality,
    )
    treated = float(np.average(mu_1 + np.where(a == 1, weight, 0.0) * (y - mu_1), weights=study.weights))
    w = np.ones(study.n) if study.weights is None else study.weights
    return Estimate(
        inference=infer_mean(noisy - noisy.mean() + effect, study.clusters, level=settings.level),
        method=estimator.name,
        estimand=estimator.estimand,
        scores=scores,
        nuisances=nuisances,
        diagnostics=Diagnostics(
            diagnostics.binary_overlap(a, share, study.weights),
            diagnostics.weighted_balance(study, w * np.maximum(weight, 0.0), w * np.maximum(-weight, 0.0)),
            diagnostics.influence(scores),
            quality,
            0,
        ),
        mean_treated=treated,
        mean_control=treated - effect,
        assumptions=(CONSISTENCY, RANDOMISED) if study.randomised else (CONSISTENCY, CONFOUNDING, LINEAR_OUTCOME),
        warnings=()
        if study.randomised
        else (
            "The data set is not marked as randomised: one line per arm may leave confounding that aipw would take out.",
        ),
    )
