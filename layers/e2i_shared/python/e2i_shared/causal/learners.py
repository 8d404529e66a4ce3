"""Learners of nuisance functions: penalised linear models in closed form, and gradient-boosted trees on top of them.

A boosted model is returned as its path, from the linear model alone (no trees) to many trees, so that how many to use can be settled
out of fold. ``undersmoothed`` settles it: more trees than the loss asks for, since a learner chosen for its loss alone
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

PENALTIES = (1e-4, 1e-3, 1e-2, 3e-2, 1e-1, 0.3)
LOGISTIC_PENALTY = 3e-3
STEP_SIZES = (1.0, 0.5, 0.25, 0.1, 0.03)  # of Newton, the first that does not climb


@dataclass(frozen=True, slots=True)
class Trees:
    """Settings of a boosted ensemble (XGBoost, histogram trees); how many there are, the path settles."""

    depth: int
    rate: float
    min_child_weight: float
    bins: int = 64


OUTCOME_TREES = Trees(depth=3, rate=0.14, min_child_weight=5.0)
TREATMENT_TREES = Trees(depth=2, rate=0.2, min_child_weight=1.25)
# With many units these would underfit: deeper and faster.
LARGE = 5_000
OUTCOME_TREES_LARGE = Trees(depth=6, rate=0.2, min_child_weight=10.0, bins=128)
TREATMENT_TREES_LARGE = Trees(depth=4, rate=0.25, min_child_weight=2.5, bins=128)
PATH = (0, 5, 10, 20, 40, 80, 160)  # numbers of trees at which the path is looked at
UNDERSMOOTH = 2  # steps further along the path than the least loss: four times the trees


def expit(z: Floats) -> Floats:
    """Return 1/(1+e^−z) without overflow."""
    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * z)))


@dataclass(frozen=True, slots=True)
class RidgeBasis:
    """Columns x (n, p) diagonalised once, so that several outcomes can be fitted on them at little cost each."""

    centre: Floats
    vectors: Floats
    values: Floats
    rotated: Floats
    weights: Floats | None = None

    @classmethod
    def of(cls, x: Floats, weights: Floats | None = None) -> RidgeBasis:
        """Diagonalise x (n, p) about its means; ``weights`` (n,) are the units' own, of any scale."""
        w = None if weights is None else weights / weights.mean()
        centre = x.mean(axis=0) if w is None else w @ x / len(x)
        centred = x - centre if w is None else (x - centre) * np.sqrt(w)[:, None]
        values, vectors = np.linalg.eigh(centred.T @ centred)
        return cls(centre, vectors, np.maximum(values, 0.0), centred @ vectors, w)

    def fit(self, y: Floats, penalties: Sequence[float] = PENALTIES) -> Line:
        """Fit y (n,) with the L2 penalty of least leave-one-out error (Allen's PRESS); the intercept is not penalised."""
        n, w = len(y), self.weights
        mean = float(y.mean()) if w is None else float(w @ y) / n
        centred = y - mean if w is None else (y - mean) * np.sqrt(w)
        target, squares = self.rotated.T @ centred, self.rotated**2
        shrinks = [1.0 / (self.values + penalty * n) for penalty in penalties]
        residuals = centred[:, None] - self.rotated @ np.column_stack([s * target for s in shrinks])
        own = np.full((n, 1), 1.0 / n) if w is None else w[:, None] / n
        leverage = np.minimum(own + squares @ np.column_stack(shrinks), 0.99)
        best = shrinks[int(((residuals / (1.0 - leverage)) ** 2).mean(axis=0).argmin())]
        return Line(mean, self.centre, np.asarray(self.vectors @ (best * target)))


@dataclass(frozen=True, slots=True)
class Line:
    """mean + (x − centre)·coefficients."""

    mean: float
    centre: Floats
    coefficients: Floats

    def __call__(self, x: Floats) -> Floats:
        """Return predictions (m,) at x (m, p)."""
        return np.asarray(self.mean + (x - self.centre) @ self.coefficients)


def ridge(x: Floats, y: Floats, weights: Floats | None = None) -> Line:
    """Fit y (n,) on x (n, p) by ridge regression, its penalty settled by leave-one-out error."""
    return RidgeBasis.of(x, weights).fit(y)


def logistic(
    x: Floats,
    a: Floats,
    penalty: float = LOGISTIC_PENALTY,
    *,
    weights: Floats | None = None,
    offset: Floats | None = None,
) -> Line:
    """Fit P(a = 1 | x) by penalised maximum likelihood (Newton).

    ``penalty`` is per unit of standardised column; with it a separated sample still has finite coefficients. ``weights`` (n,) are
    the units' own; ``offset`` (n,) are log odds known beforehand. Returns a line of log odds (without the offset).
    """
    design = np.column_stack([np.ones(len(a)), x])
    shrink = np.full(design.shape[1], penalty * len(a))
    shrink[0] = 1e-8
    beta = np.zeros(design.shape[1])
    beta[0] = np.log(a.mean() / (1 - a.mean())) if offset is None else 0.0
    signs = 1 - 2 * a
    w = np.ones(len(a)) if weights is None else weights / weights.mean()
    known = np.zeros(len(a)) if offset is None else offset

    def cost(candidate: Floats) -> float:
        return float(w @ np.logaddexp(0.0, signs * (known + design @ candidate)) + 0.5 * shrink @ candidate**2)

    lowest = cost(beta)
    for _ in range(25):
        p = expit(known + design @ beta)
        hessian = (design * (w * np.maximum(p * (1 - p), 1e-9))[:, None]).T @ design + np.diag(shrink)
        step = np.linalg.solve(hessian, design.T @ (w * (a - p)) - shrink * beta)
        size = next((s for s in STEP_SIZES if cost(beta + s * step) <= lowest), 0.0)
        beta = beta + size * step
        before, lowest = lowest, cost(beta)
        if before - lowest < 1e-7 * len(a):
            break
    return Line(float(beta[0]), np.zeros(x.shape[1]), beta[1:])


def boosted(
    train: tuple[NDArray[np.float32], Floats, Floats],
    held: Sequence[tuple[NDArray[np.float32], Floats]],
    loss: Callable[[Sequence[Floats]], float],
    trees: Trees,
    *,
    objective: str,
    seed: int,
    weights: Floats | None = None,
) -> Floats:
    """Boost trees on top of a base and return margins along the path, (B, m, len(PATH)).

    Parameters
    ----------
    train
        Rows (n, q), target (n,) and base margins (n,).
    held
        B blocks of held-out rows (m, q) with their base margins (m,).
    loss
        Held-out loss of the blocks' margins. Growing stops once the least lies UNDERSMOOTH steps back: no more trees than that are
        ever used; later steps then repeat the last.
    objective
        ``reg:squarederror`` (margins are predictions) or ``binary:logistic`` (margins are log odds).
    weights
        The training units' own weights (n,).
    """
    import xgboost

    parameters: dict[str, Any] = {
        "objective": objective,
        "tree_method": "hist",
        "max_bin": trees.bins,
        "max_depth": trees.depth,
        "eta": trees.rate,
        "subsample": 0.8,
        "min_child_weight": trees.min_child_weight,
        "nthread": 1,
        "seed": seed,
        "base_score": 0.5,
    }
    x, y, base = train
    unit = _unit(y - base) if objective == "reg:squarederror" else 1.0
    y, base = y / unit, base / unit
    if len(y) < LARGE:  # twice as quick to set up as the matrix that saves memory
        data = xgboost.DMatrix(x, y, weight=weights, base_margin=base, nthread=1)
    else:
        data = xgboost.QuantileDMatrix(x, y, weight=weights, max_bin=trees.bins, base_margin=base, nthread=1)
    booster = xgboost.Booster(parameters, [data])
    steps = [[margin for _, margin in held]]
    losses = [loss(steps[0])]
    for first, last in itertools.pairwise(PATH):
        if len(losses) - 1 - int(np.argmin(losses)) >= UNDERSMOOTH:
            steps.append(steps[-1])
            continue
        for number in range(first, last):
            booster.update(data, number)
        steps.append(
            [
                _grown(booster, rows, margin / unit, first, last) * unit
                for (rows, _), margin in zip(held, steps[-1], strict=True)
            ]
        )
        losses.append(loss(steps[-1]))
    return np.stack([np.column_stack(path) for path in zip(*steps, strict=True)])


def _unit(residuals: Floats) -> float:
    """Return the power of two nearest to the residuals' spread: XGBoost makes no split that gains less than 1e-6, whatever the unit."""
    spread = float(residuals.std())
    return float(2.0 ** np.round(np.log2(spread))) if spread > 0 else 1.0


def _grown(booster: Any, rows: NDArray[np.float32], margin: Floats, first: int, last: int) -> Floats:
    part = booster.inplace_predict(rows, iteration_range=(first, last), base_margin=margin, predict_type="margin")
    return np.asarray(part, dtype=np.float64)


def tree_settings(n: int) -> tuple[Trees, Trees]:
    """Return the settings of the outcome's and the treatment's trees for ``n`` training units."""
    return (OUTCOME_TREES_LARGE, TREATMENT_TREES_LARGE) if n >= LARGE else (OUTCOME_TREES, TREATMENT_TREES)


def undersmoothed(losses: Floats) -> int:
    """Return the step of the path to use, from out-of-fold losses (len(PATH),): UNDERSMOOTH beyond the least, none at none."""
    best = int(np.argmin(losses))
    return 0 if best == 0 else min(best + UNDERSMOOTH, len(losses) - 1)
