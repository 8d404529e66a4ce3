"""The chance of an event given covariates, out of fold, and how far it can be believed."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from e2i_shared.causal import learners
from e2i_shared.causal.diagnostics import auc
from e2i_shared.causal.inference import cluster_sums
from e2i_shared.causal.threads import one_thread_each

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from e2i_shared.causal.design import Design

    Floats = NDArray[np.float64]
    Rows = NDArray[np.intp]
    Splits = Sequence[tuple[Rows, Rows]]

BINS = 10


@dataclass(frozen=True, slots=True)
class RiskFit:
    """Log odds (n,) from models that did not see the row, NaN where none was made; ``line`` is the linear model of all labelled rows.

    ``trees`` are how many are grown on the linear model's margin, settled by out-of-fold log loss.
    """

    odds: Floats
    line: learners.Line
    trees: int


@dataclass(frozen=True, slots=True)
class Performance:
    """AUC with its 95% interval, Brier score beside that of the event's share alone, and the logistic recalibration line."""

    auc: float
    auc_lower: float
    auc_upper: float
    brier: float
    brier_reference: float
    slope: float
    intercept: float
    bins: tuple[tuple[float, float, int], ...]


def fit_risk(design: Design, label: Floats, splits: Splits, *, trees: bool, seed: int) -> RiskFit:
    """Fit P(event | x) by penalised logistic regression with boosted trees on its margin, on each split's training rows.

    ``label`` (n,) is 0/1 or NaN where the outcome is not known; ``splits`` hold (train, held-out) rows with known labels. Rows without
    a label are scored by the model of all labelled rows, with as many trees as were best out of fold.
    """
    n, path = len(label), len(learners.PATH) if trees else 1
    margins = np.full((n, path), np.nan)
    with one_thread_each():
        for number, (train, held) in enumerate(splits):
            margins[held] = _margins(design, label, train, held, trees=trees, seed=seed + number)
        known, unknown = np.flatnonzero(~np.isnan(label)), np.flatnonzero(np.isnan(label))
        judged = ~np.isnan(margins[:, 0])
        signs = (1 - 2 * label[judged])[:, None]
        step = int(np.argmin(np.logaddexp(0.0, signs * margins[judged]).mean(axis=0)))
        if len(unknown):
            margins[unknown] = _margins(design, label, known, unknown, trees=trees, seed=seed + len(splits))
    return RiskFit(margins[:, step], learners.logistic(design.linear[known], label[known]), learners.PATH[step])


def grouped_splits(label: Floats, clusters: Rows | None, folds: int, seed: int) -> list[tuple[Rows, Rows]]:
    """Return ``folds`` splits of the labelled rows that keep clusters whole."""
    known = np.flatnonzero(~np.isnan(label))
    units = known if clusters is None else clusters[known]
    held, codes = np.unique(units, return_inverse=True)
    fold = np.random.default_rng([seed, 5]).permutation(np.arange(len(held)) % folds)[codes.ravel()]
    return [(known[fold != f], known[fold == f]) for f in range(folds)]


def performance(label: Floats, odds: Floats, clusters: Rows | None) -> Performance:
    """Judge log odds (n,) against labels (n,) of 0/1, both complete.

    AUC with the standard error of DeLong, DeLong & Clarke-Pearson (1988), summed within clusters (Obuchowski 1997); recalibration
    by logistic regression of the label on the log odds (Cox 1958): slope 1 and intercept 0 are perfect, a slope below 1 means that
    risks are too extreme; bins of equal size hold mean predicted risk, observed share and rows.
    """
    risk = learners.expit(odds)
    area = auc(label, odds)
    half = 1.959964 * _auc_error(label, odds, area, clusters)
    spread = float(odds.std())
    slope, intercept = 0.0, float(np.log(label.mean() / (1 - label.mean())))
    if spread > 1e-9:
        line = learners.logistic((odds / spread)[:, None], label, penalty=1e-8)
        slope, intercept = float(line.coefficients[0]) / spread, line.mean
    chunks = np.array_split(np.argsort(risk, kind="stable"), BINS)
    return Performance(
        auc=area,
        auc_lower=max(0.0, area - half),
        auc_upper=min(1.0, area + half),
        brier=float(((label - risk) ** 2).mean()),
        brier_reference=float(label.mean() * (1 - label.mean())),
        slope=slope,
        intercept=intercept,
        bins=tuple((float(risk[c].mean()), float(label[c].mean()), len(c)) for c in chunks if len(c)),
    )


def contributions(design: Design, line: learners.Line) -> dict[str, Floats]:
    """Return what each source column adds to the linear log odds (n,), against its mean."""
    parts = (design.linear - design.linear.mean(axis=0)) * line.coefficients
    owners = np.array(design.linear_owners)
    return {str(name): parts[:, owners == name].sum(axis=1) for name in dict.fromkeys(design.linear_owners)}


def _margins(design: Design, label: Floats, train: Rows, held: Rows, *, trees: bool, seed: int) -> Floats:
    line = learners.logistic(design.linear[train], label[train])
    base = line(design.linear[held])
    if not trees:
        return base[:, None]
    known = ~np.isnan(label[held]).any()
    path = learners.boosted(
        (design.trees[train], label[train], line(design.linear[train])),
        [(design.trees[held], base)],
        (lambda m: float(np.logaddexp(0.0, (1 - 2 * label[held]) * m[0]).mean())) if known else _ever_less(),
        learners.tree_settings(len(train))[1],
        objective="binary:logistic",
        seed=seed,
    )
    return np.asarray(path[0])


def _ever_less() -> Callable[[Sequence[Floats]], float]:
    """Return a loss that always falls, so that the whole path is grown where no label can judge it."""
    fall = itertools.count(0, -1)
    return lambda _: float(next(fall))


def _auc_error(label: Floats, score: Floats, area: float, clusters: Rows | None) -> float:
    from scipy.stats import rankdata

    positive = label == 1
    ones, zeros = int(positive.sum()), int((~positive).sum())
    overall, within = rankdata(score), np.empty(len(score))
    for side in (positive, ~positive):
        within[side] = rankdata(score[side])
    placement = np.where(positive, (overall - within) / zeros, 1 - (overall - within) / ones)
    influence = (placement - area) / np.where(positive, ones, zeros)
    return float(np.sqrt((cluster_sums(influence, clusters) ** 2).sum()))
