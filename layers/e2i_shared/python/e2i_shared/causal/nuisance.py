"""Cross-fitted nuisance functions: what each unit's outcome and treatment would be expected to be, fitted without that unit.

Folds are drawn from the seed, keep clusters whole and treated shares alike. Two learners: ``linear`` (ridge by leave-one-out,
penalised logistic) below 500 units, where trees overfit, and ``boosted`` (the same linear models with trees on their residuals).
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from e2i_shared.causal import learners
from e2i_shared.causal.threads import one_thread_each
from e2i_shared.errors import UnprocessableError

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from e2i_shared.causal.study import Settings, Study

    Floats = NDArray[np.float64]
    Rows = NDArray[np.intp]

T = TypeVar("T")
LEARNERS = ("auto", "linear", "boosted")
LINEAR_BELOW = 500
FOLDS_BY_SIZE = ((5_000, 5), (30_000, 3))
FOLDS_OF_LARGE = 2
REPEATS_OF_SMALL, SMALL = 2, 3_000


@dataclass(frozen=True, slots=True)
class Fit:
    """One fold's models at its held-out rows (m,), along the path of trees (L steps; 1 without trees).

    ``outcome`` (m, 2, L) are Ê[Y|A=0,X] and Ê[Y|A=1,X]; for a dose ĝ(X) twice. ``treatment`` (m, L) are log odds, or for a dose
    Ê[A|X]. ``target`` (m,) is what ``outcome`` was fitted to; ``slope`` the dose's preliminary slope, taken out of it.
    """

    rows: Rows
    outcome: Floats
    treatment: Floats
    target: Floats
    slope: float = 0.0


@dataclass(frozen=True, slots=True)
class CrossFit:
    """Out-of-fold predictions of all units: ``arms`` (n, 2), ``treatment`` (n,) not yet clipped, and the folds (n,).

    ``pooled`` (n,) is Ê[Y|X], the treatment left out; ``line`` (n,) is ``treatment`` without its trees. ``trees`` are how many the outcome and the treatment model use; ``smoother`` is the same fit one step back along their paths,
    with half the trees, by which estimators judge what smoothing still does to them.
    """

    arms: Floats
    treatment: Floats
    folds: Rows
    learner: str
    trees: tuple[int, int]
    pooled: Floats
    line: Floats
    smoother: CrossFit | None = None


def choose_learner(study: Study, settings: Settings) -> str:
    """Return ``linear`` or ``boosted``; raise UnprocessableError for any other name."""
    if settings.learner not in LEARNERS:
        raise UnprocessableError(
            f"There is no learner {settings.learner!r}.", field="learner", got=settings.learner, candidates=LEARNERS
        )
    if study.design.trees.shape[1] == 0:
        return "linear"
    if settings.learner != "auto":
        return settings.learner
    return "linear" if study.n < LINEAR_BELOW or study.randomised else "boosted"


def fold_count(study: Study, settings: Settings) -> int:
    """Return how many folds: 5 below 5,000 rows, 3 below 30,000, else 2; never more than the clusters allow."""
    by_size = next((folds for size, folds in FOLDS_BY_SIZE if study.n < size), FOLDS_OF_LARGE)
    return min(settings.folds or by_size, study.groups)


def repeat_count(study: Study, settings: Settings) -> int:
    """Return how often to cross-fit: as asked, else twice for trees on fewer than 3,000 units, else once."""
    if settings.repeats is not None:
        return settings.repeats
    return REPEATS_OF_SMALL if choose_learner(study, settings) == "boosted" and study.n < SMALL else 1


def draw_folds(study: Study, count: int, seed: int) -> Rows:
    """Return fold numbers (n,): clusters whole, units (or clusters) ordered by treatment so that folds are alike."""
    rng = np.random.default_rng(seed)
    unit_treatment = study.treatment
    if study.clusters is not None:
        sizes = np.bincount(study.clusters)
        unit_treatment = np.bincount(study.clusters, weights=study.treatment) / sizes
    shuffled = rng.permutation(len(unit_treatment))
    ordered = shuffled[np.argsort(unit_treatment[shuffled], kind="stable")]
    folds = np.empty(len(ordered), dtype=np.intp)
    folds[ordered] = _blockwise(len(ordered), count, rng)
    return folds if study.clusters is None else folds[study.clusters]


def _blockwise(units: int, count: int, rng: np.random.Generator) -> Rows:
    blocks = -(-units // count)
    return np.concatenate([rng.permutation(count) for _ in range(blocks)])[:units]


def cross_fit(
    study: Study, settings: Settings, *, seed: int | None = None, folds: Rows | None = None, subset: Rows | None = None
) -> CrossFit:
    """Fit both nuisances on each fold's complement, folds side by side on ``settings.threads`` threads.

    ``folds`` (n,) are drawn where not given; ``subset`` names the only rows to learn from (predictions are made for all).
    """
    seed = settings.seed if seed is None else seed
    learner = choose_learner(study, settings)
    folds = draw_folds(study, fold_count(study, settings), seed) if folds is None else folds
    fit = _fit_arms if study.kind == "binary" else _fit_dose
    learnt = np.ones(study.n, dtype=np.bool_)
    if subset is not None:
        learnt = np.isin(np.arange(study.n), subset)
        study = replace(study, weights=np.where(learnt, 1.0 if study.weights is None else study.weights, 0.0))

    def one(fold: int) -> Fit:
        held = np.flatnonzero(folds == fold)
        with one_thread_each():
            return fit(study, np.flatnonzero((folds != fold) & learnt), held, learner == "boosted", seed + fold)

    with one_thread_each():
        parts = side_by_side(one, int(folds.max()) + 1, settings.threads)
    order = np.argsort(np.concatenate([part.rows for part in parts]))
    outcome = np.concatenate([part.outcome for part in parts])[order]
    treatment = np.concatenate([part.treatment for part in parts])[order]
    target = np.concatenate([part.target for part in parts])[order]
    slope = np.concatenate([np.full(len(part.rows), part.slope) for part in parts])[order]
    return _settle(study, outcome, treatment, (target, slope), folds)


def _mean_loss(losses: Floats, weights: Floats | None) -> Floats:
    """Return the units' losses (n, L) averaged, (L,)."""
    return losses.mean(axis=0) if weights is None else np.asarray(weights @ losses / weights.sum())


def _settle(study: Study, outcome: Floats, treatment: Floats, targets: tuple[Floats, Floats], folds: Rows) -> CrossFit:
    """Settle how many trees each model uses, by out-of-fold loss and undersmoothing."""
    target, slope = targets
    a = study.treatment
    binary = study.kind == "binary"
    received = np.where((a == 1)[:, None], outcome[:, 1], outcome[:, 0]) if binary else outcome[:, 0]
    at_y = learners.undersmoothed(_mean_loss((target[:, None] - received) ** 2, study.weights))
    signs = (1 - 2 * a)[:, None]
    losses = np.logaddexp(0.0, signs * treatment) if binary else (a[:, None] - treatment) ** 2
    at_a = learners.undersmoothed(_mean_loss(losses, study.weights))

    def at(step_y: int, step_a: int) -> CrossFit:
        arms, expected = outcome[:, :, step_y], treatment[:, step_a]
        if binary:
            expected = learners.expit(expected)
            arms = arms.clip(0.0, 1.0) if study.binary_outcome else arms
        line = learners.expit(treatment[:, 0]) if binary else treatment[:, 0]
        trees = (learners.PATH[step_y], learners.PATH[step_a])
        pooled = arms[:, 0] + expected * ((arms[:, 1] - arms[:, 0]) if binary else slope)
        return CrossFit(arms, expected, folds, "boosted" if max(trees) else "linear", trees, pooled, line)

    return replace(at(at_y, at_a), smoother=at(max(at_y - 1, 0), max(at_a - 1, 0)))


def side_by_side(one: Callable[[int], T], count: int, threads: int) -> list[T]:
    """Return ``one`` of each fold 0 … count − 1, on ``threads`` threads; each should hold its libraries to one thread."""
    if threads <= 1:
        return [one(fold) for fold in range(count)]
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(one, range(count)))


def _fit_arms(study: Study, train: Rows, held: Rows, trees: bool, seed: int) -> Fit:
    """Fit Ê[Y|A,X], one ridge per arm with trees over both arms on its residuals, and the propensity."""
    x, a, y = study.design.linear, study.treatment, study.outcome
    w, w_held = _of(study.weights, train), _of(study.weights, held)
    base_train, base_held = np.empty(len(train)), np.empty((len(held), 2))
    for arm in (0, 1):
        rows = a[train] == arm
        line = learners.ridge(x[train][rows], y[train][rows], _of(w, rows))
        base_train[rows], base_held[:, arm] = line(x[train][rows]), line(x[held])
    odds = learners.logistic(x[train], a[train], weights=w)
    if not trees:
        return Fit(held, base_held[:, :, None], odds(x[held])[:, None], y[held])
    t = study.design.trees
    for_outcome, for_treatment = learners.tree_settings(len(train))
    treated = a[held] == 1
    blocks = [(_with_arm(t[held], np.full(len(held), float(arm))), base_held[:, arm]) for arm in (0, 1)]
    outcome = learners.boosted(
        (_with_arm(t[train], a[train]), y[train], base_train),
        blocks,
        lambda arms: _loss((y[held] - np.where(treated, arms[1], arms[0])) ** 2, w_held),
        for_outcome,
        objective="reg:squarederror",
        seed=seed,
        weights=w,
    )
    chance = learners.boosted(
        (t[train], a[train], odds(x[train])),
        [(t[held], odds(x[held]))],
        lambda margins: _loss(np.logaddexp(0.0, (1 - 2 * a[held]) * margins[0]), w_held),
        for_treatment,
        objective="binary:logistic",
        seed=seed,
        weights=w,
    )
    return Fit(held, outcome.transpose(1, 0, 2), chance[0], y[held])


def _of(weights: Floats | None, rows: NDArray[np.intp] | NDArray[np.bool_]) -> Floats | None:
    return None if weights is None else weights[rows]


def _loss(losses: Floats, weights: Floats | None) -> float:
    return float(losses.mean()) if weights is None else float(weights @ losses / max(float(weights.sum()), 1e-300))


def _with_arm(rows: NDArray[np.float32], arm: Floats) -> NDArray[np.float32]:
    return np.column_stack([rows, arm.astype(np.float32)])


def _fit_dose(study: Study, train: Rows, held: Rows, trees: bool, seed: int) -> Fit:
    """Fit ĝ(X) = Ê[Y − τ̂₀A|X], with τ̂₀ from a linear model in the dose, and Ê[A|X].

    ĝ may absorb an error of τ̂₀: the estimator that uses it is orthogonal to both nuisances.
    """
    x, a, y = study.design.linear, study.treatment, study.outcome
    w = _of(study.weights, train)
    basis = learners.RidgeBasis.of(x[train], w)
    dose = basis.fit(a[train])
    residual = a[train] - dose(x[train])
    left = residual if w is None else residual * w
    slope = float(left @ (y[train] - basis.fit(y[train])(x[train])) / max(float(left @ residual), 1e-12))
    rest = y - slope * a
    line = basis.fit(rest[train])
    if not trees:
        g = line(x[held])[:, None]
        return Fit(held, np.stack([g, g], axis=1), dose(x[held])[:, None], rest[held], slope)
    sizes = learners.tree_settings(len(train))
    g = _grow(study, train, held, rest, line, sizes[0], seed)
    return Fit(held, np.stack([g, g], axis=1), _grow(study, train, held, a, dose, sizes[1], seed), rest[held], slope)


def _grow(
    study: Study, train: Rows, held: Rows, y: Floats, line: learners.Line, size: learners.Trees, seed: int
) -> Floats:
    """Boost a squared-error model of y (n,) on top of its line; return the held-out path (m, L)."""
    x, t = study.design.linear, study.design.trees
    path = learners.boosted(
        (t[train], y[train], line(x[train])),
        [(t[held], line(x[held]))],
        lambda margins: _loss((y[held] - margins[0]) ** 2, _of(study.weights, held)),
        size,
        objective="reg:squarederror",
        seed=seed,
        weights=_of(study.weights, train),
    )
    return np.asarray(path[0])
