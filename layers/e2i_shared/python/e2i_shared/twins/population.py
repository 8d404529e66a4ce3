"""A population of twins that looks like the real one and holds none of its members.

A mixed-type Gaussian copula (Nelsen 2006; Xue-Kun Song 2000): categories are drawn together as they occur together; every number is
a normal score whose mean depends on the categories, the scores are correlated, and each is mapped back to its column's own
distribution. Columns bound by a rule (``rules.py``) are drawn as their share of the bound, or computed, so that no rule breaks.
``fit_copula(table, seed)`` learns it, ``Copula.draw(count, seed)`` samples; ``bootstrap`` draws real rows instead.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from e2i_shared.causal.normal import normal_pdf, normal_quantile
from e2i_shared.twins.marginal import Marginal, marginal
from e2i_shared.twins.rules import AtMost, Rules, discover
from e2i_shared.twins.table import Table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Rows = NDArray[np.intp]

ROWS_PER_CELL = 12  # categories are drawn together while their combinations have this many rows on average
PILOT = 40_000
FEW_LEVELS = 60
LEAST_OWN = 0.05  # of a score's variance, that categories never explain
RIDGE = 2.0  # rows of no effect added to each level
MOST_REDRAWS, MOST_COPIES = 5, 0.01
_PROBABILITIES = np.linspace(0.0, 1.0, 4_097)[1:-1]
_SCORES = np.array([normal_quantile(float(p)) for p in _PROBABILITIES])


@dataclass(frozen=True, slots=True)
class Copula:
    """A fitted population: cells of categories drawn together with their chances (C,), mean scores (C, q), a Cholesky root (q, q)."""

    cells: Mapping[str, Floats]
    chances: Floats
    means: Floats
    root: Floats
    marginals: tuple[Marginal, ...]
    template: Table
    rules: Rules
    bounds: Mapping[str, tuple[str, ...]]
    loose: Mapping[str, tuple[str, ...]]
    order: tuple[str, ...]
    seen: Mapping[str, tuple[float, float]]
    whole: frozenset[str]
    differences: frozenset[str]

    def draw(self, count: int, seed: int) -> Table:
        """Return ``count`` rows; the same seed gives the same rows. Those that break what holds of computed columns are drawn again."""
        drawn = self._once(count, seed)
        for attempt in range(1, MOST_REDRAWS + 1):
            broken = self._broken(drawn)
            if not len(broken):
                return drawn
            drawn = _replaced(drawn, broken, self._once(len(broken), seed + 7_000_003 * attempt))
        broken = self._broken(drawn)
        kept = np.setdiff1d(np.arange(count), broken)
        if not len(broken) or not len(kept):
            return drawn
        return _replaced(drawn, broken, drawn.take(np.random.default_rng(seed).choice(kept, len(broken))))

    def _broken(self, drawn: Table) -> Rows:
        if not self.rules.derived:
            return np.empty(0, dtype=np.intp)
        return np.flatnonzero(np.any([rule.breaks(drawn.numbers) for rule in self.rules.derived], axis=0))

    def _once(self, count: int, seed: int) -> Table:
        rng = np.random.default_rng(seed)
        cell = np.searchsorted(np.cumsum(self.chances)[:-1], rng.random(count, dtype=np.float32), side="right")
        scores = rng.standard_normal((len(self.marginals), count), dtype=np.float32)
        scores = self.root.astype(np.float32) @ scores
        columns = {name: codes[cell] for name, codes in self.cells.items()}
        for j, one in enumerate(self.marginals):
            values = one.values(scores[j] + self.means.astype(np.float32)[:, j][cell])
            columns[one.name] = np.rint(values) if one.continuous and self._counts(one.name) else values
        return self._settled(columns, count)

    def _counts(self, name: str) -> bool:
        """Say whether a column is drawn as whole numbers: not as a share, which only its bound turns into one."""
        return name in self.whole and (name not in self.bounds or name in self.differences)

    def _settled(self, columns: dict[str, Floats], count: int) -> Table:
        """Put bounded columns back on their own scale, compute the computed ones and the missing."""
        for name in self.order:
            whole, values = name in self.whole, columns[name]
            if name in self.bounds:
                top = _top([columns[b] for b in self.bounds[name]], whole=whole)
                free = _below(values, top, whole=whole, difference=name in self.differences)
                values = np.minimum(free.clip(*self.seen[name]), top)
            if name in self.loose:
                values = np.minimum(values, _top([columns[b] for b in self.loose[name]], whole=whole))
            columns[name] = values
        for computed in reversed(self.rules.computed):
            columns[computed.column] = computed.of(columns)
        for decided in reversed(self.rules.decided):
            columns[decided.column] = decided.of(columns)
        numbers = {name: columns[name] for name in self.template.numbers}
        for name, values in numbers.items():
            if (gone := columns.get(_missing(name))) is not None:
                numbers[name] = np.where(gone == 1, np.nan, values)
        categories = {name: columns[name] for name in self.template.categories}
        return Table(count, numbers, categories, self.template.levels, self.template.dates)


def fit_copula(table: Table, seed: int = 0) -> Copula:
    """Learn the joint distribution of the columns of ``table``."""
    rng = np.random.default_rng(seed)
    rules = discover(table.numbers, table.categories)
    bounds = _bounds([rule for rule in rules.at_most if rule.tight])
    loose = _bounds([rule for rule in rules.at_most if not rule.tight])
    whole = frozenset(n for n in table.numbers if _is_whole(table.numbers[n]))
    signed = frozenset(n for n, b in bounds.items() if min(np.nanmin(table.numbers[x]) for x in (n, *b)) < 0)
    seen = {name: (float(np.nanmin(table.numbers[name])), float(np.nanmax(table.numbers[name]))) for name in bounds}
    latent = _latent(table, rules, bounds, whole, signed, rng)
    together = _together(table, {r.column for r in rules.decided})
    codes, cells = _cells(table, together)
    for name in table.categories:
        if name not in together and name not in {r.column for r in rules.decided}:
            latent[name] = table.categories[name]
    scores = np.column_stack([_scores(values, rng) for values in latent.values()]) if latent else np.empty((table.n, 0))
    kept = np.array([_kept(values) for values in latent.values()])
    means = _cell_means(scores, cells, codes)
    left = scores - means[codes]
    means = means / kept
    root = _root(left, kept, 1 - means[codes].var(axis=0))
    chances = np.bincount(codes, minlength=len(means)) / table.n
    pilot = rng.choice(len(chances), PILOT, p=chances)
    drawn = means[pilot] + rng.standard_normal((PILOT, len(root))) @ root.T
    marginals = tuple(marginal(name, latent[name], drawn[:, j]) for j, name in enumerate(latent))
    none, order = table.take(np.arange(0)), _order(rules.at_most)
    return Copula(cells, chances, means, root, marginals, none, rules, bounds, loose, order, seen, whole, signed)


def bootstrap(table: Table, count: int, seed: int) -> Table:
    """Return ``count`` real rows drawn with replacement: perfectly alike, and not private."""
    return table.take(np.random.default_rng(seed).integers(0, table.n, count))


def population(table: Table, count: int, *, seed: int, method: str = "copula") -> Table:
    """Return ``count`` twins; a row of the copula's that equals a real one in every column is drawn again.

    Not so where more than a hundredth of them do: then columns have few values, many people share each combination, and leaving
    those out would leave out the usual people.
    """
    if method == "bootstrap":
        return bootstrap(table, count, seed)
    copula = fit_copula(table, seed)
    drawn = copula.draw(count, seed)
    for attempt in range(1, MOST_REDRAWS + 1):
        copied = np.flatnonzero(copies(drawn, table))
        if not len(copied) or len(copied) > MOST_COPIES * count:
            break
        fresh = copula.draw(len(copied), seed + 1_000_003 * attempt)
        drawn = _replaced(drawn, copied, fresh)
    return drawn


def copies(drawn: Table, real: Table) -> NDArray[np.bool_]:
    """Return which rows drawn (m,) equal a real row in every column."""
    return np.isin(_keys(drawn), _keys(real))


def _keys(table: Table) -> NDArray[np.void]:
    whole = np.ascontiguousarray(np.nan_to_num(table.matrix(), nan=-1e300) + 0.0)
    return whole.view(np.dtype((np.void, whole.dtype.itemsize * whole.shape[1]))).ravel()


def _replaced(drawn: Table, rows: Rows, fresh: Table) -> Table:
    numbers = {n: v.copy() for n, v in drawn.numbers.items()}
    categories = {n: v.copy() for n, v in drawn.categories.items()}
    for name, column in (numbers | categories).items():
        column[rows] = fresh.values(name)
    return Table(drawn.n, numbers, categories, drawn.levels, drawn.dates)


def _is_whole(values: Floats) -> bool:
    present = values[~np.isnan(values)]
    return bool((present == np.round(present)).all())


def _bounds(rules: Sequence[AtMost]) -> dict[str, tuple[str, ...]]:
    """Return each bounded column's bounds."""
    above: dict[str, tuple[str, ...]] = {}
    for rule in rules:
        above[rule.column] = (*above.get(rule.column, ()), rule.bound)
    return above


def _order(rules: Sequence[AtMost]) -> tuple[str, ...]:
    """Return the bounded columns, each after those that bound it."""
    above, found = _bounds(rules), dict[str, None]()

    def place(name: str, below: frozenset[str]) -> None:
        if name in above and name not in found and name not in below:
            for bound in above[name]:
                place(bound, below | {name})
            found[name] = None

    for name in above:
        place(name, frozenset())
    return tuple(found)


def _latent(
    table: Table,
    rules: Rules,
    bounds: Mapping[str, tuple[str, ...]],
    whole: frozenset[str],
    signed: frozenset[str],
    rng: np.random.Generator,
) -> dict[str, Floats]:
    """Return the columns drawn through normal scores, without missing values."""
    gone = {c.column for c in rules.computed} | {d.column for d in rules.decided}
    latent: dict[str, Floats] = {}
    for name, values in table.numbers.items():
        missing = np.isnan(values)
        if missing.any():
            latent[_missing(name)] = missing.astype(np.float64)
        if name in gone:
            continue
        if name in bounds:
            top = np.minimum.reduce([table.numbers[b] for b in bounds[name]])
            values = _share(values, top, rng, whole=name in whole, difference=name in signed)  # noqa: PLW2901 -- same column, other scale
        latent[name] = _filled(values, rng)
    return latent


def _share(values: Floats, top: Floats, rng: np.random.Generator, *, whole: bool, difference: bool) -> Floats:
    if difference:
        return top - values
    if whole:
        return np.asarray((values + rng.random(len(values))) / (top + 1.0))
    return np.asarray(np.divide(values, top, out=rng.random(len(values)), where=top > 0))


def _top(bounds: Sequence[Floats], *, whole: bool) -> Floats:
    """Return the least of the bounds (n,), as a whole number where what lies below is one."""
    least = np.minimum.reduce(bounds)
    return np.asarray(np.floor(least) if whole else least)


def _below(share: Floats, top: Floats, *, whole: bool, difference: bool) -> Floats:
    if difference:
        return np.asarray(top - np.maximum(share, 0.0))
    return np.minimum(np.floor(share * (top + 1.0)), top) if whole else share.clip(0.0, 1.0) * top


def _filled(values: Floats, rng: np.random.Generator) -> Floats:
    missing = np.isnan(values)
    if not missing.any():
        return values
    return np.where(missing, rng.choice(values[~missing], len(values)), values)


def _missing(name: str) -> str:
    return f"{name} is missing"


def _together(table: Table, decided: set[str]) -> list[str]:
    """Return the categories drawn as they occur together, few levels first, while combinations have rows enough."""
    found: list[str] = []
    cells = np.zeros(table.n, dtype=np.intp)
    for name in sorted(set(table.categories) - decided, key=lambda n: (len(table.levels[n]), n)):
        finer = np.unique(cells * (len(table.levels[name]) + 1) + table.categories[name], return_inverse=True)[
            1
        ].ravel()
        if not found or int(finer.max()) + 1 <= table.n / ROWS_PER_CELL:
            found.append(name)
            cells = finer
    return found


def _cells(table: Table, together: Sequence[str]) -> tuple[Rows, dict[str, Floats]]:
    if not together:
        return np.zeros(table.n, dtype=np.intp), {}
    held, codes = np.unique(np.column_stack([table.categories[n] for n in together]), axis=0, return_inverse=True)
    return codes.ravel().astype(np.intp), {name: held[:, j] for j, name in enumerate(together)}


def _scores(values: Floats, rng: np.random.Generator) -> Floats:
    """Return normal scores (n,); equal values are spread at random over their ranks."""
    order = np.lexsort((rng.random(len(values)), values))
    ranks = np.empty(len(values))
    ranks[order] = np.arange(len(values))
    return np.asarray(np.interp((ranks + 0.5) / len(values), _PROBABILITIES, _SCORES))


def _cell_means(scores: Floats, cells: Mapping[str, Floats], codes: Rows) -> Floats:
    """Return mean scores (C, q): sums of the categories' effects by ridge regression, weighted by the cells' rows."""
    count = int(codes.max()) + 1
    size = np.bincount(codes, minlength=count).astype(np.float64)
    indicators = [(held[:, None] == np.unique(held)).astype(np.float64) for held in cells.values()]
    design = np.column_stack([np.ones((count, 1)), *indicators])
    totals = np.zeros((count, scores.shape[1]))
    for j, column in enumerate(scores.T):
        totals[:, j] = np.bincount(codes, weights=column, minlength=count)
    penalty = np.full(design.shape[1], RIDGE)
    penalty[0] = 1e-9
    main = design @ np.linalg.solve((design * size[:, None]).T @ design + np.diag(penalty), design.T @ totals)
    own = (totals - size[:, None] * main) / (size[:, None] + 10 * RIDGE)  # what a combination adds, shrunk
    return np.asarray(main + own)


def _kept(values: Floats) -> float:
    """Return which share of a normal score's variance the column tells: 1 for a continuous one, 2/π for a fair coin."""
    _, counts = np.unique(values, return_counts=True)
    if len(counts) > FEW_LEVELS or len(counts) == 1:  # a constant tells nothing, and nothing is asked of it
        return 1.0
    edges = np.cumsum(counts)[:-1] / counts.sum()
    heights = [0.0, *(normal_pdf(normal_quantile(float(edge))) for edge in edges), 0.0]
    return float((np.diff(heights) ** 2 / (counts / counts.sum())).sum())


def _root(left: Floats, kept: Floats, variances: Floats) -> Floats:
    """Return the Cholesky root (q, q) of the latent scores' covariance, kept positive definite.

    Scores of columns with few levels are spread over their ranks at random, which multiplies covariances by what both columns tell
    (first order in the Hermite expansion; Pearson 1913): undone here.
    """
    if left.shape[1] == 0:
        return np.zeros((0, 0))
    covariance = np.atleast_2d(np.cov(left.T)) / np.outer(kept, kept)
    np.fill_diagonal(covariance, np.maximum(variances, LEAST_OWN))
    values, vectors = np.linalg.eigh(covariance)
    repaired = (vectors * np.maximum(values, 1e-3)) @ vectors.T
    scale = np.sqrt(np.diag(covariance) / np.diag(repaired))
    return np.asarray(np.linalg.cholesky(repaired * np.outer(scale, scale)))
