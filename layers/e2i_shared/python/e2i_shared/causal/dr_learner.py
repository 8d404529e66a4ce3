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

TREES = learners.Trees(rounds=320, depth=2, rate=0.05, min_child_weight=20.0)
BINS = 8
TAIL = 0.005


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
    scores, folds, design = found.scores, found.nuisances.folds, study.design
    low, high = np.quantile(scores, (TAIL, 1 - TAIL))
    target = scores.clip(low, high)
    means, paths = np.empty(study.n), np.empty((study.n, len(learners.PATH)))
    for fold in range(int(folds.max()) + 1):
        train, held = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
        means[held] = target[train].mean()
        with one_thread_each():
            paths[held] = _fit(design, target, train, held, settings.seed + fold)
    losses = ((target[:, None] - paths) ** 2).mean(axis=0)
    alone = float(((target - means) ** 2).mean())
    step = int(np.argmin(losses))
    gain = 1.0 - float(losses[step]) / alone if alone > 0 else 0.0
    if gain <= 0.0:
        return UnitEffects(means, dict.fromkeys(dict.fromkeys(design.linear_owners), 0.0), "mean", 0, gain)
    effects = np.asarray(paths[:, step])
    trees = learners.PATH[step]
    return UnitEffects(effects, importance(effects, design), "boosted" if trees else "linear", trees, gain)


def _fit(design: Design, target: Floats, train: Rows, held: Rows, seed: int) -> Floats:
    x, t = design.linear, design.trees
    if x.shape[1] == 0:
        return np.full((len(held), len(learners.PATH)), float(target[train].mean()))
    line = learners.ridge(x[train], target[train])
    base, y = line(x[held]), target[held]
    path = learners.boosted(
        (t[train], target[train], line(x[train])),
        [(t[held], base)],
        lambda margins: float(((y - margins[0]) ** 2).mean()),
        TREES,
        objective="reg:squarederror",
        seed=seed,
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
