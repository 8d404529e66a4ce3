"""Fits the curve of a dose (see ``curve.py``) by residuals on residuals, cross-fitted."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from e2i_shared.causal import learners, nuisance
from e2i_shared.causal.diagnostics import r_squared
from e2i_shared.errors import NoOverlapError
from e2i_shared.twins.curve import Curve
from e2i_shared.twins.regress import Learner, regress

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from e2i_shared.causal.study import Settings, Study
    from e2i_shared.twins.regress import Regression

    Floats = NDArray[np.float64]

MOST_MODIFIERS, UNITS_PER_MODIFIER = 40, 25
FEWEST_DOSES = 6  # distinct doses below which the curve is a line
BENDS = (0.45, 0.8)  # quantiles of the doses at which it may bend
PENALTY = 1e-3
LEAST_VARIANCE = 0.1  # of the mean squared residual
MOST_EXPLAINED = 0.99
EDGE = 0.01
MOST_LEVERAGE = 0.9


@dataclass(frozen=True, slots=True)
class DoseEffect:
    """A curve, the conditional variance of the dose (n,) as a share of its own, and how good the nuisances are."""

    curve: Curve
    left_share: Floats
    quality: dict[str, float]


@dataclass(frozen=True, slots=True)
class _Nuisances:
    outcome: Regression
    columns: tuple[Regression, ...]


def dose_effect(study: Study, settings: Settings, modifiers: Floats) -> DoseEffect:
    """Return the curve of study.treatment; ``modifiers`` (n, p) are standardised features by which its slope may differ.

    Assumes no unobserved confounding given X, and the curve's form; θ̂ solves Σ z̃(Y − Ê[Y|X] − z̃ᵀθ)/v̂ = 0 with z̃ = z − Ê[z|X],
    v̂(X) the dose's conditional variance. Raises NoOverlapError where X explains more than 99% of the dose.
    """
    a = study.treatment
    knots = bends(a)
    columns = [a, *(np.maximum(a - knot, 0.0) for knot in knots)]
    folds = nuisance.draw_folds(study, nuisance.fold_count(study, settings), settings.seed)
    learner = Learner(folds, seed=settings.seed, threads=settings.threads)
    fits = _Nuisances(
        regress(study.outcome, study.design, learner),
        tuple(regress(c, study.design, replace(learner, seed=settings.seed + 31 * j)) for j, c in enumerate(columns)),
    )
    explained = r_squared(a, fits.columns[0].held_out)
    _require_variation(study, explained)
    most = min(MOST_MODIFIERS, study.groups // UNITS_PER_MODIFIER)
    phi = np.column_stack([np.ones(study.n), modifiers[:, :most]])
    expected = [f.held_out for f in fits.columns]
    left = np.column_stack([c - e for c, e in zip(columns, expected, strict=True)])
    variance = _variance(study, expected[0], left[:, 0])
    residual = study.outcome - fits.outcome.held_out
    theta, inverse, pull = _solve(phi, left, residual, variance)
    leverage = _leverage(phi, left, inverse, variance)
    halves = np.column_stack([c - f.smoother for c, f in zip(columns, fits.columns, strict=True)])
    smoother = _solve(phi, halves, study.outcome - fits.outcome.smoother, variance)[0]
    support = np.quantile(a, [EDGE, 1 - EDGE], method="inverted_cdf")
    curve = Curve(
        theta=theta,
        smoother=smoother,
        inverse=inverse,
        knots=knots,
        phi=phi,
        dose=a,
        left=left,
        pull=pull,
        jackknife=1 / (1 - leverage.clip(0.0, MOST_LEVERAGE)),
        support=(float(support[0]), float(support[1])),
        reach=(float(a.min()), float(a.max())),
    )
    quality = {"treatment_r2": explained, "outcome_r2": r_squared(study.outcome, fits.outcome.held_out)}
    return DoseEffect(curve, variance / float(a.var()), quality)


def bends(dose: Floats) -> Floats:
    """Return the knots (J,) of a dose (n,): none where few doses are recorded, never at the edge."""
    if len(np.unique(dose)) < FEWEST_DOSES:
        return np.empty(0)
    low, high = np.quantile(dose, [0.1, 0.95])
    found = np.unique(np.quantile(dose, BENDS))
    return np.asarray(found[(found > low) & (found < high)])


def _solve(phi: Floats, left: Floats, residual: Floats, variance: Floats) -> tuple[Floats, Floats, Floats]:
    """Return θ̂ (P,), M⁻¹ (P, P) and the weighted residuals (n,)."""
    z = np.column_stack([phi * left[:, :1], left[:, 1:]])
    weighted = z / variance[:, None]
    moment = weighted.T @ z / len(z)
    moment += PENALTY * np.diag(np.diag(moment))
    theta = np.linalg.solve(moment, weighted.T @ residual / len(z))
    return np.asarray(theta), np.asarray(np.linalg.inv(moment)), np.asarray((residual - z @ theta) / variance)


def _leverage(phi: Floats, left: Floats, inverse: Floats, variance: Floats) -> Floats:
    """Return how far each unit (n,) pulls the fit towards itself: z̃ᵀM⁻¹z̃ / (n·v̂)."""
    z = np.column_stack([phi * left[:, :1], left[:, 1:]])
    return np.asarray(((z @ inverse) * z).sum(axis=1) / variance / len(z))


def _variance(study: Study, expected: Floats, left: Floats) -> Floats:
    """Return v̂(X) (n,): squared residuals regressed on the expected dose, its square and the covariates."""
    centred = (expected - expected.mean()) / max(float(expected.std()), 1e-12)
    columns = np.column_stack([centred, centred**2, study.design.linear])
    squares = left**2
    return np.maximum(learners.ridge(columns, squares)(columns), LEAST_VARIANCE * float(squares.mean()))


def _require_variation(study: Study, explained: float) -> None:
    if explained > MOST_EXPLAINED:
        raise NoOverlapError(
            f"The features predict {explained:.1%} of {study.treatment_name!r}: too little is left to learn an effect from.",
            field="features",
            expected=f"features that explain at most {MOST_EXPLAINED:.0%} of the dose",
            got=f"{explained:.1%}",
            hint="Leave out features that are copies or consequences of the intervention.",
        )
