"""How like the real population a drawn one is, column by column and as a whole."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from e2i_shared.causal.chi_square import chi2_sf
from e2i_shared.causal.kolmogorov import two_sample_gap, two_sample_p
from e2i_shared.causal.stability import bin_numbers, population_stability, quantile_edges
from e2i_shared.twins.population import copies

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from e2i_shared.twins.rules import Rules
    from e2i_shared.twins.table import Table

    Floats = NDArray[np.float64]

PSI_BINS = 10
JUDGED_ROWS = 5_000
NEIGHBOURS = 800


@dataclass(frozen=True, slots=True)
class ColumnRealism:
    """One column: ``complement`` is 1 − KS for numbers and 1 − total variation for categories.

    ``statistic`` and its p-value are of the two-sample Kolmogorov–Smirnov and χ² tests.
    """

    column: str
    kind: str
    complement: float
    psi: float
    statistic: float
    p_value: float


@dataclass(frozen=True, slots=True)
class Realism:
    """The whole: mean complement, Spearman similarity 1 − mean|ρ − ρ'|/2, the AUC of trees that tell drawn rows from real ones.

    ``privacy`` is the median distance of a drawn row to its nearest real one over that of real rows to each other (1: as far);
    ``score`` in 0–1 is what a fidelity is built on: the mean of complement, Spearman similarity and 2·(1 − AUC).
    """

    columns: tuple[ColumnRealism, ...]
    ks_complement: float
    spearman: float
    c2st_auc: float | None
    rules_broken: int
    copies: int
    privacy: float
    score: float

    def figures(self) -> dict[str, Any]:
        """Return everything as JSON data."""
        return asdict(self)


def compare(real: Table, drawn: Table, rules: Rules, *, seed: int = 0, trees: bool = True) -> Realism:
    """Judge ``drawn`` against ``real``; ``trees`` trains a classifier on both (Lopez-Paz & Oquab 2017)."""
    columns = tuple(
        column_realism(n, real.values(n), drawn.values(n), category=n in real.categories) for n in real.names
    )
    complement = float(np.mean([c.complement for c in columns]))
    spearman = spearman_similarity(real, drawn)
    auc = c2st(real, drawn, seed) if trees else None
    parts = [complement, spearman] + ([min(1.0, 2 * (1 - auc))] if auc is not None else [])
    return Realism(
        columns,
        complement,
        spearman,
        auc,
        rules.broken({name: drawn.values(name) for name in drawn.names}),
        int(copies(drawn, real).sum()),
        privacy(real, drawn, seed),
        float(np.mean(parts)),
    )


def column_realism(name: str, real: Floats, drawn: Floats, *, category: bool) -> ColumnRealism:
    """Return one column's figures; missing values are left out of numbers and are a level of categories."""
    if category:
        statistic, p_value, distance = chi_square(real, drawn)
        return ColumnRealism(name, "category", 1 - distance, psi(real, drawn, category=True), statistic, p_value)
    x, y = real[~np.isnan(real)], drawn[~np.isnan(drawn)]
    gap, p_value = ks(x, y)
    return ColumnRealism(name, "number", 1 - gap, psi(x, y, category=False), gap, p_value)


def ks(x: Floats, y: Floats) -> tuple[float, float]:
    """Return the largest gap between two distribution functions (Kolmogorov–Smirnov), and its p-value."""
    if not len(x) or not len(y):
        return float(len(x) != len(y)), float(len(x) == len(y))
    gap = two_sample_gap(np.sort(x), np.sort(y)).distance
    return gap, two_sample_p(gap, len(x), len(y))


def chi_square(real: Floats, drawn: Floats) -> tuple[float, float, float]:
    """Return χ² of homogeneity of two samples of codes, its p-value, and their total variation distance."""
    levels = np.unique(np.concatenate([real, drawn]))
    a, b = _counts(real, levels), _counts(drawn, levels)
    expected = (a + b) * len(real) / (len(real) + len(drawn))
    other = (a + b) - expected
    statistic = float(((a - expected) ** 2 / expected + (b - other) ** 2 / other).sum())
    distance = 0.5 * float(np.abs(a / len(real) - b / len(drawn)).sum())
    return statistic, chi2_sf(statistic, len(levels) - 1) if len(levels) > 1 else 1.0, distance


def psi(real: Floats, drawn: Floats, *, category: bool) -> float:
    """Return the population stability index over levels, or over tenths of the real distribution."""
    if category:
        levels = np.unique(np.concatenate([real, drawn]))
        p, q = _counts(real, levels), _counts(drawn, levels)
    else:
        edges = quantile_edges(real, PSI_BINS)
        p, q = (np.bincount(bin_numbers(v, edges), minlength=len(edges) + 1) for v in (real, drawn))
    return population_stability(p.astype(np.float64), q.astype(np.float64)).psi if len(p) > 1 else 0.0


def spearman_similarity(real: Table, drawn: Table) -> float:
    """Return 1 − mean|ρ − ρ'|/2 over pairs of numeric columns; 1 where there are fewer than two."""
    names = [n for n in real.numbers if np.nanstd(real.numbers[n]) > 0 and np.nanstd(drawn.numbers[n]) > 0]
    if len(names) < 2:
        return 1.0
    one, other = (
        np.atleast_2d(np.corrcoef(_ranks(np.column_stack([t.numbers[n] for n in names])).T)) for t in (real, drawn)
    )
    pairs = np.triu_indices(len(names), 1)
    return float(1 - np.abs(one[pairs] - other[pairs]).mean() / 2)


def c2st(real: Table, drawn: Table, seed: int = 0) -> float:
    """Return the out-of-fold AUC of boosted trees that tell ``drawn`` from ``real``: 0.5 where they cannot."""
    import xgboost

    from e2i_shared.causal.diagnostics import auc

    rng = np.random.default_rng(seed)
    size = min(real.n, drawn.n, JUDGED_ROWS)
    x = np.vstack([t.matrix()[rng.permutation(t.n)[:size]] for t in (real, drawn)])
    label = np.repeat([1.0, 0.0], size)
    folds, score = rng.permutation(2 * size) % 3, np.empty(2 * size)
    parameters = {
        "objective": "binary:logistic",
        "max_depth": 4,
        "eta": 0.1,
        "nthread": 1,
        "seed": seed,
        "subsample": 0.8,
    }
    for fold in range(3):
        train, held = folds != fold, folds == fold
        booster = xgboost.train(parameters, xgboost.DMatrix(x[train], label[train], nthread=1), 100)
        score[held] = booster.predict(xgboost.DMatrix(x[held], nthread=1))
    return auc(label, score)


def privacy(real: Table, drawn: Table, seed: int = 0) -> float:
    """Return the median nearest-neighbour distance drawn → real over real → other real; 0 means copies."""
    rng = np.random.default_rng(seed)
    pool, fresh = (np.nan_to_num(t.matrix()) for t in (real, drawn))
    spread = np.where(pool.std(axis=0) > 0, pool.std(axis=0), 1.0)
    pool = pool[rng.permutation(len(pool))[:JUDGED_ROWS]] / spread
    fresh = fresh[rng.permutation(len(fresh))[:NEIGHBOURS]] / spread
    own = _nearest(pool[:NEIGHBOURS], pool, skip=True)
    return float(np.median(_nearest(fresh, pool, skip=False)) / max(float(np.median(own)), 1e-9))


def _nearest(rows: Floats, pool: Floats, *, skip: bool) -> Floats:
    squares = (rows**2).sum(axis=1)[:, None] + (pool**2).sum(axis=1) - 2 * rows @ pool.T
    if skip:
        squares[np.arange(len(rows)), np.arange(len(rows))] = np.inf
    return np.asarray(np.sqrt(np.maximum(squares.min(axis=1), 0.0)))


def _counts(values: Floats, levels: Floats) -> NDArray[np.intp]:
    return np.bincount(np.searchsorted(levels, values), minlength=len(levels))


def _ranks(columns: Floats) -> Floats:
    """Return mid-ranks (n, p), missing values at the median."""
    ranks = np.empty_like(columns)
    for j, column in enumerate(columns.T):
        filled = np.where(np.isnan(column), np.nanmedian(column), column)
        levels, codes, counts = np.unique(filled, return_inverse=True, return_counts=True)
        middle = np.cumsum(counts) - (counts - 1) / 2
        ranks[:, j] = middle[codes.ravel()] if len(levels) else 0.0
    return ranks
