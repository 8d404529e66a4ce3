"""Cross-fitted regressions that also predict the twins: penalised lines with trees on their residuals.

Of the path from the line alone to many trees, the step is settled out of fold: ``least`` takes the least loss (for predictions),
``under`` twice the step beyond it (for nuisances of an effect; see ``causal.learners``).
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeVar

import numpy as np

from e2i_shared.causal import learners
from e2i_shared.causal.threads import one_thread_each

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from e2i_shared.causal.design import Design
    from e2i_shared.causal.learners import Trees

    Floats = NDArray[np.float64]
    Rows = NDArray[np.intp]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Regression:
    """Out-of-fold predictions (n,), the same with half the trees, the mean of the folds' models at the twins (m,), trees used."""

    held_out: Floats
    smoother: Floats
    twins: Floats
    trees: int


@dataclass(frozen=True, slots=True)
class Learner:
    """How to regress: ``folds`` (n,), which step of the path, a logistic or a squared-error model, and sizes of its trees."""

    folds: Rows
    settle: Literal["least", "under"] = "under"
    binary: bool = False
    trees: Trees | None = None
    seed: int = 0
    threads: int = 1


def regress(y: Floats, design: Design, learner: Learner, twins: Design | None = None) -> Regression:
    """Return E[y | design] for y (n,), each unit predicted by models fitted without its fold; log odds where binary."""
    blocks = design.trees.shape[0] if twins is None else twins.trees.shape[0]
    count = int(learner.folds.max()) + 1
    parts = folded(lambda fold: _fit(y, design, learner, fold, twins), count, learner.threads)
    held_out = np.empty((len(y), len(learners.PATH)))
    for fold, (held, _) in enumerate(parts):
        held_out[learner.folds == fold] = held
    losses = _losses(y, held_out, binary=learner.binary)
    step = learners.undersmoothed(losses) if learner.settle == "under" else int(losses.argmin())
    others = np.mean([other[:, step] for _, other in parts], axis=0) if twins is not None else np.zeros(blocks)
    return Regression(held_out[:, step], held_out[:, max(step - 1, 0)], others, learners.PATH[step])


def folded(one: Callable[[int], T], count: int, threads: int) -> list[T]:
    """Return ``one`` of each fold, side by side on ``threads`` threads, native libraries held to one thread each."""

    def alone(fold: int) -> T:
        with one_thread_each():
            return one(fold)

    with one_thread_each():
        if threads <= 1:
            return [alone(fold) for fold in range(count)]
        with ThreadPoolExecutor(threads) as pool:
            return list(pool.map(alone, range(count)))


def _fit(y: Floats, design: Design, learner: Learner, fold: int, twins: Design | None) -> tuple[Floats, Floats]:
    train, held = learner.folds != fold, learner.folds == fold
    fit = learners.logistic if learner.binary else learners.ridge
    line = fit(design.linear[train], y[train])
    rows, base, count = design.trees[held], line(design.linear[held]), int(held.sum())
    if twins is not None:
        rows, base = np.vstack([rows, twins.trees]), np.concatenate([base, line(twins.linear)])
    path = learners.boosted(
        (design.trees[train], y[train], line(design.linear[train])),
        [(rows, base)],
        lambda margins: float(_losses(y[held], margins[0][:count, None], binary=learner.binary)[0]),
        learner.trees or learners.tree_settings(int(train.sum()))[int(learner.binary)],
        objective="binary:logistic" if learner.binary else "reg:squarederror",
        seed=learner.seed + fold,
    )[0]
    return np.asarray(path[:count]), np.asarray(path[count:])


def _losses(y: Floats, path: Floats, *, binary: bool) -> Floats:
    if binary:
        return np.asarray(np.logaddexp(0.0, (1 - 2 * y)[:, None] * path).mean(axis=0))
    return np.asarray(((y[:, None] - path) ** 2).mean(axis=0))
