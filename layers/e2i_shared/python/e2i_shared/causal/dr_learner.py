"""Each unit's own effect, learnt from doubly robust scores and predicted out of fold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from e2i_shared.causal import learners
from e2i_shared.causal.threads import one_thread_each

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from e2i_shared.causal.design import Design
    from e2i_shared.causal.results import Estimate
    from e2i_shared.causal.study import Settings, Study

    Floats = NDArray[np.float64]
    Rows = NDArray[np.intp]

TREES = learners.Trees(depth=2, rate=0.1, min_child_weight=20.0)
BINS = 8
TAIL = 0.005
LEAST_VARIANCE = 0.1  # of the mean
EXPECTED = "expected outcome"  # a further covariate of τ: effects often grow with what is expected anyway


@dataclass(frozen=True, slots=True)
class UnitEffects:
    """τ̂(X) (n,) out of fold, per unit of treatment; ``importance`` of each covariate sums to 1, or is all 0 for one effect for all.

    ``gain`` is the out-of-fold share of the scores' squared error that τ̂ takes away from their mean: 0 or less says that no
    heterogeneity was learnt, and τ̂ is then that mean (of the other folds).
    """

    effects: Floats
    importance: Mapping[str, float]
    learner: str
    trees: int
    gain: float


def unit_effects(study: Study, found: Estimate, settings: Settings) -> UnitEffects:
    """Learn τ(x) = E[Y(1) − Y(0)|X=x] (for a dose: the slope at x) with the DR-learner (Kennedy 2023).

    The estimate's doubly robust scores are regressed on the covariates: ridge (penalty by leave-one-out), with XGBoost on its
    residuals where that lowers the out-of-fold loss. Each unit's prediction comes from the other folds. Assumes what the estimate
    assumes. Scores beyond their 0.5% tails are drawn in for fitting (not for evaluation): few units must not decide a ranking.
    """
    scores, folds = found.scores, found.nuisances.folds
    low, high = np.quantile(scores, (TAIL, 1 - TAIL))
    target = scores.clip(low, high)
    weights = _precision(target, found)
    design = study.design.with_columns(found.nuisances.outcome[:, None], EXPECTED)
    means, paths = np.empty(study.n), np.empty((study.n, len(learners.PATH)))
    for fold in range(int(folds.max()) + 1):
        train, held = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
        means[held] = np.average(target[train], weights=weights[train])
        with one_thread_each():
            paths[held] = _fit(design, target, weights, train, held, settings.seed + fold)
    losses = weights @ (target[:, None] - paths) ** 2
    alone = float(weights @ (target - means) ** 2)
    step = int(np.argmin(losses))
    gain = 1.0 - float(losses[step]) / alone if alone > 0 else 0.0
    if gain <= 0.0:
        return UnitEffects(means, dict.fromkeys(importance(means * 0.0, study.design), 0.0), "mean", 0, gain)
    effects = np.asarray(paths[:, step])
    trees = learners.PATH[step]
    return UnitEffects(effects, importance(effects, study.design), "boosted" if trees else "linear", trees, gain)


def _precision(target: Floats, found: Estimate) -> Floats:
    """Return weights (n,): one over the scores' variance as the expected treatment and outcome let expect, mean 1.

    Scores of units whose treatment is nearly certain are far noisier than others; τ(x) is their mean either way.
    """
    parts = [found.nuisances.treatment, found.nuisances.outcome]
    columns = [(p - p.mean()) / max(float(p.std()), 1e-12) for p in parts]
    columns = [np.clip(c, -4.0, 4.0) for c in columns]
    basis = np.column_stack([*columns, *[c**2 for c in columns]])
    squares = (target - target.mean()) ** 2
    least = LEAST_VARIANCE * max(float(squares.mean()), 1e-300)
    weights = 1.0 / np.maximum(learners.ridge(basis, squares)(basis), least)
    return np.asarray(weights / weights.mean())


def _fit(design: Design, target: Floats, weights: Floats, train: Rows, held: Rows, seed: int) -> Floats:
    x, t = design.linear, design.trees
    line = learners.ridge(x[train], target[train], weights[train])
    base, y, w = line(x[held]), target[held], weights[held]
    path = learners.boosted(
        (t[train], target[train], line(x[train])),
        [(t[held], base)],
        lambda margins: float(w @ (y - margins[0]) ** 2),
        TREES,
        objective="reg:squarederror",
        seed=seed,
        weights=weights[train],
    )
    return np.asarray(path[0])


def importance(effects: Floats, design: Design) -> dict[str, float]:
    """Return each covariate's share of the variance of τ̂ (n,) that lies between its levels or quantile groups.

    First-order variance indices (Sobol' 1993), scaled to sum to 1; correlated covariates share what they have in common.
    """
    owners = np.array(design.linear_owners)
    between = {}
    for owner in dict.fromkeys(design.linear_owners):
        if owner == "combinations of categories":
            continue
        between[owner] = _between(effects, design.linear[:, owners == owner])
    total = sum(between.values())
    return {name: value / total if total > 0 else 0.0 for name, value in between.items()}


def _between(effects: Floats, columns: Floats) -> float:
    keys = np.column_stack([_binned(column) for column in columns.T])
    _, codes = np.unique(keys, axis=0, return_inverse=True)
    codes = codes.ravel()
    counts = np.bincount(codes)
    means = np.bincount(codes, effects) / np.maximum(counts, 1)
    chance = float(effects.var()) * (len(counts) - 1) / len(effects)
    return max(0.0, float(counts @ (means - effects.mean()) ** 2) / len(effects) - chance)


def _binned(column: Floats) -> Rows:
    edges = np.unique(np.quantile(column, np.linspace(0, 1, BINS + 1)[1:-1]))
    return np.searchsorted(edges, column, side="left")
