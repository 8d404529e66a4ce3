"""Learners of nuisance functions: penalised linear models in closed form, and gradient-boosted trees on top of them.

A boosted model is returned as its whole path, from the linear model alone (no trees) to all its trees, so that how many to use can
be settled out of fold. ``undersmoothed`` settles it: more trees than the loss asks for, since a learner chosen for its loss alone
regularises confounding away and biases the effect, and none where the loss asks for none.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Predict = Callable[[Floats], Floats]

PENALTIES = (1e-4, 1e-3, 1e-2, 3e-2, 1e-1, 0.3)
LOGISTIC_PENALTY = 3e-3


@dataclass(frozen=True, slots=True)
class Trees:
    """Settings of a boosted ensemble (XGBoost, histogram trees)."""

    rounds: int
    depth: int
    rate: float
    min_child_weight: float


OUTCOME_TREES = Trees(rounds=320, depth=3, rate=0.07, min_child_weight=5.0)
TREATMENT_TREES = Trees(rounds=320, depth=2, rate=0.1, min_child_weight=1.25)
PATH = (0, 10, 20, 40, 80, 160, 320)  # numbers of trees at which the path is looked at
UNDERSMOOTH = 2  # steps further along the path than the least loss: four times the trees


def expit(z: Floats) -> Floats:
    """Return 1/(1+e^−z) without overflow."""
    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * z)))


def ridge(x: Floats, y: Floats, penalties: Sequence[float] = PENALTIES) -> Predict:
    """Fit y (n,) on x (n, p) with the L2 penalty of least leave-one-out error (Allen's PRESS, closed form).

    Returns a function from (m, p) to predictions (m,). The intercept is not penalised.
    """
    mean, centre, n = float(y.mean()), x.mean(axis=0), len(y)
    centred = x - centre
    values, vectors = np.linalg.eigh(centred.T @ centred)
    rotated = centred @ vectors
    target, squares = rotated.T @ (y - mean), rotated**2
    best: tuple[float, Floats] = (np.inf, np.zeros(x.shape[1]))
    for penalty in penalties:
        shrink = 1.0 / (np.maximum(values, 0.0) + penalty * n)
        residual = y - mean - rotated @ (shrink * target)
        leverage = np.minimum(1.0 / n + squares @ shrink, 0.99)
        error = float(((residual / (1.0 - leverage)) ** 2).mean())
        if error < best[0]:
            best = (error, np.asarray(vectors @ (shrink * target)))
    coefficients = best[1]
    return lambda q: mean + (q - centre) @ coefficients


def logistic(x: Floats, a: Floats, penalty: float = LOGISTIC_PENALTY) -> Predict:
    """Fit P(a = 1 | x) by penalised maximum likelihood (Newton); returns a function to log odds (m,).

    ``penalty`` is per unit of standardised column; with it a separated sample still has finite coefficients.
    """
    design = np.column_stack([np.ones(len(a)), x])
    ridge_term = np.full(design.shape[1], penalty * len(a))
    ridge_term[0] = 1e-8
    beta = np.zeros(design.shape[1])
    beta[0] = np.log(a.mean() / (1 - a.mean()))
    for _ in range(12):
        p = expit(design @ beta)
        weight = np.maximum(p * (1 - p), 1e-5)
        hessian = (design * weight[:, None]).T @ design + np.diag(ridge_term)
        step = np.linalg.solve(hessian, design.T @ (a - p) - ridge_term * beta)
        beta = beta + step
        if float(np.abs(step).max()) < 1e-6:
            break
    return lambda q: beta[0] + q @ beta[1:]


def boosted(
    x: NDArray[np.float32], y: Floats, base: Floats, trees: Trees, *, objective: str, seed: int
) -> Callable[[NDArray[np.float32], Floats], Floats]:
    """Boost trees on top of ``base`` (n,), predictions on the margin scale.

    ``objective`` is ``reg:squarederror`` (margins are predictions) or ``binary:logistic`` (margins are log odds). Returns a function
    of rows (m, q) and their base (m,) to the path of margins (m, len(PATH)).
    """
    import xgboost

    parameters: dict[str, Any] = {
        "objective": objective,
        "tree_method": "hist",
        "max_bin": 64,
        "max_depth": trees.depth,
        "eta": trees.rate,
        "subsample": 0.8,
        "min_child_weight": trees.min_child_weight,
        "nthread": 1,
        "seed": seed,
        "base_score": 0.5,
    }
    data = xgboost.QuantileDMatrix(x, y, max_bin=64, base_margin=base, nthread=1)
    booster = xgboost.train(parameters, data, trees.rounds)

    def path(rows: NDArray[np.float32], margin: Floats) -> Floats:
        steps = [margin]
        for first, last in itertools.pairwise(PATH):
            part = booster.inplace_predict(
                rows, iteration_range=(first, last), base_margin=steps[-1], predict_type="margin"
            )
            steps.append(np.asarray(part, dtype=np.float64))
        return np.column_stack(steps)

    return path


def undersmoothed(losses: Floats) -> int:
    """Return the step of the path to use, from out-of-fold losses (len(PATH),): UNDERSMOOTH beyond the least, none at none."""
    best = int(np.argmin(losses))
    return 0 if best == 0 else min(best + UNDERSMOOTH, len(losses) - 1)
