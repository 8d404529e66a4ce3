"""Cross-fitted nuisances of dose curves and shifts: the outcome at any dose, and how likely another law makes a dose.

Both take one linear model in covariates, dose, its square and products of the two, with trees on top, as ``nuisance`` does.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from e2i_shared.causal import learners
from e2i_shared.causal.nuisance import choose_learner, side_by_side
from e2i_shared.causal.threads import one_thread_each

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from e2i_shared.causal.study import Settings, Study

    Floats = NDArray[np.float64]
    Rows = NDArray[np.intp]

MOST_PRODUCTS = 30
MOST_LOG_ODDS = 8.0


@dataclass(frozen=True, slots=True)
class Surface:
    """Ê[Y|A=a,X] out of fold: ``received`` (n,) at the dose received, ``at`` (n, k) at the doses asked for.

    ``smoother`` is the same one step back along the path of trees, by which estimators judge what smoothing may still do.
    """

    received: Floats
    at: Floats
    trees: int
    smoother: Surface | None = None


@dataclass(frozen=True, slots=True)
class Ratio:
    """The density of another law of the dose over the observed one, given X: at the dose received and at that law's draw."""

    received: Floats
    at_drawn: Floats
    trees: int
    smoother: Ratio | None = None


def outcome_surface(study: Study, folds: Rows, at: Floats, settings: Settings) -> Surface:
    """Fit Ê[Y|A,X] on each fold's complement; predict at the dose received and at the doses ``at`` (n, k)."""
    trees = choose_learner(study, settings) == "boosted"
    doses = [study.treatment, *at.T]
    paths = np.empty((study.n, len(doses), len(learners.PATH)))

    def one(fold: int) -> Floats:
        train, held = _split(folds, fold)
        return _outcome_path(study, train, held, doses, trees, settings.seed + fold)

    for fold, path in enumerate(side_by_side(one, int(folds.max()) + 1, settings.threads)):
        paths[folds == fold] = path
    losses = ((study.outcome[:, None] - paths[:, 0]) ** 2).mean(axis=0)
    step = learners.undersmoothed(losses) if trees else 0

    def at_step(number: int) -> Surface:
        values = paths[:, :, number]
        values = values.clip(0.0, 1.0) if study.binary_outcome else values
        return Surface(values[:, 0], values[:, 1:], learners.PATH[number])

    found, smoother = at_step(step), at_step(max(step - 1, 0))
    return Surface(found.received, found.at, found.trees, smoother)


def density_ratio(study: Study, folds: Rows, drawn: Floats, settings: Settings) -> Ratio:
    """Return p(drawn law)/p(observed law) of the dose given X, by telling ``drawn`` (n,) from observed doses.

    A classifier of two equally large samples, (A, X) and (drawn, X), has the ratio as its odds (Díaz et al. 2021, §4.2). The ratio is
    scaled to mean 1 over the units, as a density ratio is.
    """
    trees = choose_learner(study, settings) == "boosted"
    margins = np.empty((study.n, 2, len(learners.PATH)))

    def one(fold: int) -> Floats:
        train, held = _split(folds, fold)
        return _odds_path(study, train, held, drawn, trees, settings.seed + fold)

    for fold, path in enumerate(side_by_side(one, int(folds.max()) + 1, settings.threads)):
        margins[folds == fold] = path
    losses = (np.logaddexp(0.0, margins[:, 0]) + np.logaddexp(0.0, -margins[:, 1])).mean(axis=0)
    step = learners.undersmoothed(losses) if trees else 0

    def at_step(number: int) -> Ratio:
        odds = np.exp(margins[:, :, number].clip(-MOST_LOG_ODDS, MOST_LOG_ODDS))
        return Ratio(odds[:, 0] / odds[:, 0].mean(), odds[:, 1], learners.PATH[number])

    found, smoother = at_step(step), at_step(max(step - 1, 0))
    return Ratio(found.received, found.at_drawn, found.trees, smoother)


def _split(folds: Rows, fold: int) -> tuple[Rows, Rows]:
    return np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)


def _outcome_path(study: Study, train: Rows, held: Rows, doses: list[Floats], trees: bool, seed: int) -> Floats:
    """Return held-out predictions (m, doses, len(PATH)); without trees all steps are alike."""
    with one_thread_each():
        line = learners.ridge(_linear(study, train, study.treatment), study.outcome[train])
        blocks = [(_for_trees(study, held, dose), line(_linear(study, held, dose))) for dose in doses]
        if not trees:
            return _flat([margin for _, margin in blocks])
        y = study.outcome[held]
        fitted = line(_linear(study, train, study.treatment))
        path = learners.boosted(
            (_for_trees(study, train, study.treatment), study.outcome[train], fitted),
            blocks,
            lambda margins: float(((y - margins[0]) ** 2).mean()),
            learners.tree_settings(len(train))[0],
            objective="reg:squarederror",
            seed=seed,
        )
    return path.transpose(1, 0, 2)


def _odds_path(study: Study, train: Rows, held: Rows, drawn: Floats, trees: bool, seed: int) -> Floats:
    """Return held-out log odds (m, 2, len(PATH)) of the drawn law, at the dose received and at the draw."""
    with one_thread_each():
        unusual = _unusual(study, train)

        def linear(rows: Rows, dose: Floats) -> Floats:
            z = unusual(rows, dose)
            return np.column_stack([_linear(study, rows, dose), z, z**2 - 1.0])

        def grown(rows: Rows, dose: Floats) -> NDArray[np.float32]:
            return np.column_stack([_for_trees(study, rows, dose), unusual(rows, dose).astype(np.float32)])

        both = np.concatenate([linear(train, study.treatment), linear(train, drawn)])
        label = np.repeat([0.0, 1.0], len(train))
        line = learners.logistic(both, label)
        blocks = [(grown(held, dose), line(linear(held, dose))) for dose in (study.treatment, drawn)]
        if not trees:
            return _flat([margin for _, margin in blocks])
        path = learners.boosted(
            (np.concatenate([grown(train, study.treatment), grown(train, drawn)]), label, line(both)),
            blocks,
            lambda margins: float((np.logaddexp(0.0, margins[0]) + np.logaddexp(0.0, -margins[1])).mean()),
            _slowly(learners.tree_settings(len(train))[1]),
            objective="binary:logistic",
            seed=seed,
        )
    return path.transpose(1, 0, 2)


def _slowly(trees: learners.Trees) -> learners.Trees:
    """Return the trees at half the rate: a ratio multiplies outcomes, and a rough one costs more than a slow one."""
    return replace(trees, rate=trees.rate / 2)


def _unusual(study: Study, train: Rows) -> Callable[[Rows, Floats], Floats]:
    """Return how many standard deviations a dose lies from what the covariates let expect, learnt on ``train``.

    Where covariates nearly decide the dose, a penalised classifier could not find this difference of near-copies by itself.
    """
    x, a = study.design.linear, study.treatment
    line = learners.ridge(x[train], a[train])
    spread = max(float((a[train] - line(x[train])).std()), 1e-9 * float(a.std()))
    return lambda rows, dose: np.asarray((dose[rows] - line(x[rows])) / spread)


def _flat(margins: list[Floats]) -> Floats:
    return np.repeat(np.column_stack(margins)[:, :, None], len(learners.PATH), axis=2)


def _linear(study: Study, rows: Rows, dose: Floats) -> Floats:
    """Return covariates, the standardised dose, its square, and its products with the first covariates."""
    x = study.design.linear[rows]
    a = (dose[rows] - study.treatment.mean()) / study.treatment.std()
    return np.column_stack([x, a, a**2 - 1.0, a[:, None] * x[:, :MOST_PRODUCTS]])


def _for_trees(study: Study, rows: Rows, dose: Floats) -> NDArray[np.float32]:
    return np.column_stack([study.design.trees[rows], dose[rows].astype(np.float32)])
