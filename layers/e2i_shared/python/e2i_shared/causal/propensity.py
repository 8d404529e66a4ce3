"""Cross-fitted propensities of a 0/1 treatment, and how well they are calibrated."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from e2i_shared.causal import learners
from e2i_shared.causal.diagnostics import auc
from e2i_shared.causal.nuisance import choose_learner, draw_folds, fold_count
from e2i_shared.causal.threads import one_thread_each

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from e2i_shared.causal.study import Settings, Study

    Floats = NDArray[np.float64]
    Rows = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Propensity:
    """P̂(A=1|X) out of fold (n,), with its AUC, Brier score, and the logistic recalibration line (slope 1, intercept 0 is perfect)."""

    scores: Floats
    folds: Rows
    learner: str
    trees: int
    auc: float
    brier: float
    calibration_slope: float
    calibration_intercept: float


def propensity(study: Study, settings: Settings) -> Propensity:
    """Fit P(A=1|X) on each fold's complement: penalised logistic regression with trees on its margin (see ``nuisance``).

    Unlike a propensity inside an estimator, which is undersmoothed, this one has the trees of least out-of-fold loss: it is to
    describe who is treated. Calibration after Cox (1958): logistic regression of A on the log odds.
    """
    folds = draw_folds(study, fold_count(study, settings), settings.seed)
    boosted = choose_learner(study, settings) == "boosted"
    margins = np.empty((study.n, len(learners.PATH)))
    for fold in range(int(folds.max()) + 1):
        train, held = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
        with one_thread_each():
            margins[held] = _fit(study, train, held, boosted, settings.seed + fold)
    signs = (1 - 2 * study.treatment)[:, None]
    step = int(np.argmin(np.logaddexp(0.0, signs * margins).mean(axis=0))) if boosted else 0
    odds = margins[:, step]
    scores = learners.expit(odds)
    slope, intercept = _recalibrated(odds, study.treatment)
    trees = learners.PATH[step]
    return Propensity(
        scores=scores,
        folds=folds,
        learner="boosted" if trees else "linear",
        trees=trees,
        auc=auc(study.treatment, scores),
        brier=float(((study.treatment - scores) ** 2).mean()),
        calibration_slope=slope,
        calibration_intercept=intercept,
    )


def _fit(study: Study, train: Rows, held: Rows, trees: bool, seed: int) -> Floats:
    x, t, a = study.design.linear, study.design.trees, study.treatment
    line = learners.logistic(x[train], a[train])
    base = line(x[held])
    if not trees:
        return np.repeat(base[:, None], len(learners.PATH), axis=1)
    path = learners.boosted(
        (t[train], a[train], line(x[train])),
        [(t[held], base)],
        lambda margins: float(np.logaddexp(0.0, (1 - 2 * a[held]) * margins[0]).mean()),
        learners.tree_settings(len(train))[1],
        objective="binary:logistic",
        seed=seed,
    )
    return np.asarray(path[0])


def _recalibrated(odds: Floats, a: Floats) -> tuple[float, float]:
    spread = float(odds.std())
    if spread < 1e-9:
        return 0.0, float(np.log(a.mean() / (1 - a.mean())))
    line = learners.logistic((odds / spread)[:, None], a, penalty=1e-8)
    slope = float(line.coefficients[0]) / spread
    return slope, float(line.mean)
