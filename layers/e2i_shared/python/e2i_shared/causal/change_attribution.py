"""What a change of an outcome's mean or total between two samples is made of: who is counted, what they got, how they respond."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from e2i_shared.causal.student import t_quantile

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Codes = NDArray[np.intp]

Effects = Literal["by_sample", "common"]
GROUPS = 40
_RIDGE = 1e-8
_CORNERS = [(a, b, c) for a in (0, 1) for b in (0, 1) for c in (0, 1)]


@dataclass(frozen=True, slots=True)
class Layout:
    """Which columns of the moments are what: covariates ``x`` (first the constant), ``levers`` each with its modifiers.

    ``modifiers`` (q,) index into ``x``, first the constant.
    """

    x: int
    modifiers: tuple[int, ...]
    levers: int

    @property
    def width(self) -> int:
        """Columns of the moments, the outcome last."""
        return self.x + self.levers * len(self.modifiers) + 1

    def lever(self, k: int) -> slice:
        """Return the columns of lever ``k`` times each modifier."""
        q = len(self.modifiers)
        return slice(self.x + k * q, self.x + (k + 1) * q)


class Fit(NamedTuple):
    """One sample in terms of its moments: count ``n``, outcome ``mean``, ``x`` (p,) means, ``cross`` (p, q) = E[x·h].

    ``beta`` (p,) and ``delta`` (K, q) are the outcome's slopes on covariates and on levers times modifiers, ``gamma`` (K, p) the
    levers' slopes on covariates.
    """

    n: float
    mean: float
    x: Floats
    cross: Floats
    beta: Floats
    delta: Floats
    gamma: Floats


class Parts(NamedTuple):
    """A change in parts that add up to it, per row or as totals.

    ``size`` is by how many are counted, ``mix`` (p,) by covariate, ``mix_levers`` by covariates through levers, ``exposure`` (K,) by
    levers' levels, ``response`` (K,) by their effects, and ``baseline`` is the rest.
    """

    change: float
    size: float
    mix: Floats
    mix_levers: float
    exposure: Floats
    response: Floats
    baseline: float

    def vector(self) -> Floats:
        """Return all parts as one vector, in the order of the fields."""
        return np.hstack([np.atleast_1d(np.asarray(part, dtype=np.float64)) for part in self])


@dataclass(frozen=True, slots=True)
class Attribution:
    """``parts`` with the delete-a-group ``replicates`` (G, m) of their vector, and the average ``effects`` (K,) per unit of lever."""

    parts: Parts
    replicates: Floats
    effects: Floats
    fits: tuple[Fit, Fit]

    def interval(self, weights: Floats, level: float = 0.95) -> tuple[float, float, float]:
        """Return standard error and bounds of a weighted sum of the vector of parts; ``weights`` (m,).

        Delete-a-group jackknife: se² = (G − 1)/G · Σ_g (θ₍g₎ − θ̄)², t with G − 1 degrees of freedom. Kott (2001) Journal of Official
        Statistics 17:521–526.
        """
        values = self.replicates @ weights
        groups = len(values)
        error = float(np.sqrt((groups - 1) / groups * ((values - values.mean()) ** 2).sum()))
        point, half = float(self.parts.vector() @ weights), t_quantile(0.5 + level / 2, groups - 1) * error
        return error, point - half, point + half


def moments(x: Floats, levers: Floats, y: Floats, layout: Layout, groups: Codes, count: int) -> Floats:
    """Return the cross-products (G, m, m) of [x, lever ⊗ modifiers, y] by group; ``x`` (n, p), ``levers`` (n, K), ``y`` (n,)."""
    order = np.argsort(groups, kind="stable")
    edges = np.searchsorted(groups[order], np.arange(count + 1))
    found = np.zeros((count, layout.width, layout.width))
    for g in range(count):
        rows = order[edges[g] : edges[g + 1]]
        own = x[rows]
        products = levers[rows][:, :, None] * own[:, layout.modifiers][:, None, :]
        table = np.column_stack([own, products.reshape(len(rows), layout.levers * len(layout.modifiers)), y[rows]])
        found[g] = table.T @ table
    return found


def attribute(
    before: Floats, after: Floats, layout: Layout, *, total: bool = False, effects: Effects = "by_sample"
) -> Attribution:
    """Split the change of a mean (or total) outcome between two samples into mix, exposure and response, which add up exactly.

    Model in sample p: E_p[Y | x, T] = β_p·x + Σ_k T_k·δ_pk·h(x) with modifiers h ⊂ x, and levers E_p[T_k | x] = γ_pk·x. The mean
    of sample p is then exactly v(p, p, p), where v(r, s, t) takes the covariates of sample r, the levers' levels given covariates
    of s and the responses of t; each of the three factors gets its Shapley value of v(b, b, b) − v(a, a, a), which for two factors
    is the symmetric form of Kitagawa and of Oaxaca and Blinder. A total N·ȳ adds the number counted as a fourth factor, split from
    the mean in the same symmetric way.

    Causal reading: δ are effects of the levers if, given x and the other levers, no unmeasured cause moves both a lever and the
    outcome, and the model is linear in the dose within levels of h. The response of the baseline is whatever neither covariates nor
    levers explain.

    Parameters
    ----------
    before, after
        (G, m, m) moments by group of independent units; a unit seen in both samples lies in one group.
    layout
        Which columns are what.
    total
        Split N·ȳ instead of ȳ.
    effects
        ``common`` holds δ equal in both samples, so that all change of response is the baseline's.

    Sources: Kitagawa (1955) JASA 50:1168; Oaxaca (1973), Blinder (1973); Shorrocks (2013) J Econ Inequal 11:99 for the Shapley form;
    intervals by delete-a-group jackknife.
    """
    whole = before.sum(axis=0), after.sum(axis=0)
    fits = _fit(*whole, layout, effects)
    groups = len(before)
    scale = groups / (groups - 1)
    replicates = [
        _parts(*_fit((whole[0] - b) * scale, (whole[1] - a) * scale, layout, effects), layout, total=total).vector()
        for b, a in zip(before, after, strict=True)
    ]
    average = np.mean([fit.delta @ fit.x[list(layout.modifiers)] for fit in fits], axis=0)
    return Attribution(_parts(*fits, layout, total=total), np.array(replicates), average, fits)


def random_groups(units: Codes, seed: int, most: int = GROUPS) -> tuple[Codes, int]:
    """Return a group (n,) per row, all rows of one unit in one group, and how many groups there are; sizes differ by one unit."""
    held = int(units.max()) + 1
    count = min(held, most)
    return np.random.default_rng([seed, 11]).permutation(np.arange(held) % count)[units], count


def _fit(before: Floats, after: Floats, layout: Layout, effects: Effects) -> tuple[Fit, Fit]:
    a, b = (_regressions(table, layout) for table in (before, after))
    shared = _solve(a.inner + b.inner, a.outer + b.outer, a.size + b.size) if effects == "common" else None
    first, second = (_sample(table, part, layout, shared) for table, part in ((before, a), (after, b)))
    return first, second


class _Partial(NamedTuple):
    """Slopes on covariates of every further column, and what is left of their moments."""

    slopes: Floats
    inner: Floats
    outer: Floats
    size: Floats


def _regressions(table: Floats, layout: Layout) -> _Partial:
    """Partial the covariates out of levers and outcome (Frisch & Waugh 1933)."""
    p = layout.x
    slopes = _solve(table[:p, :p], table[:p, p:], np.diag(table)[:p])
    left = table[p:, p:] - table[p:, :p] @ slopes
    return _Partial(slopes, left[:-1, :-1], left[:-1, -1], np.diag(table)[p:-1])


def _sample(table: Floats, part: _Partial, layout: Layout, shared: Floats | None) -> Fit:
    p, q, n = layout.x, len(layout.modifiers), float(table[0, 0])
    delta = _solve(part.inner, part.outer, part.size) if shared is None else shared
    heads = [k * q for k in range(layout.levers)]
    return Fit(
        n=n,
        mean=float(table[0, -1]) / n,
        x=table[0, :p] / n,
        cross=table[:p, list(layout.modifiers)] / n,
        beta=part.slopes[:, -1] - part.slopes[:, :-1] @ delta,
        delta=delta.reshape(layout.levers, q),
        gamma=part.slopes[:, heads].T,
    )


def _solve(matrix: Floats, right: Floats, size: Floats) -> Floats:
    """Solve the normal equations; columns that carry nothing of their own get slope 0 by a ridge of 1e-8 of their ``size``."""
    if not len(matrix):
        return np.zeros((0, *right.shape[1:]))
    ridge = np.where(size > 0, _RIDGE * size, 1.0)
    return np.asarray(np.linalg.solve(matrix + np.diag(ridge), right))


def _parts(a: Fit, b: Fit, layout: Layout, *, total: bool) -> Parts:
    mix = (b.x - a.x) * (a.beta + b.beta) / 2
    shapley = np.array([_three_way(a, b, k) for k in range(layout.levers)]).reshape(layout.levers, 3)
    scale, size, change = 1.0, 0.0, b.mean - a.mean
    if total:
        scale, size = (a.n + b.n) / 2, (b.n - a.n) * (a.mean + b.mean) / 2
        change = b.n * b.mean - a.n * a.mean
    mix, shapley = mix * scale, shapley * scale
    rest = change - size - mix.sum() - shapley.sum()
    return Parts(change, size, mix, float(shapley[:, 0].sum()), shapley[:, 1], shapley[:, 2], float(rest))


def _three_way(a: Fit, b: Fit, k: int) -> Floats:
    """Return the Shapley values (3,) of covariates, level and response in E[T_k · δ_k · h]."""
    fits = (a, b)
    value = {(r, s, t): float(fits[s].gamma[k] @ fits[r].cross @ fits[t].delta[k]) for r, s, t in _CORNERS}
    return np.array([_shapley(value, axis) for axis in range(3)])


def _shapley(value: dict[tuple[int, int, int], float], axis: int) -> float:
    """Return one factor's mean marginal contribution over the six orders: weights 1/3, 1/6, 1/6, 1/3."""
    found = 0.0
    for corner in _CORNERS:
        if corner[axis]:
            others = sum(corner) - 1
            first, second, third = (0 if place == axis else on for place, on in enumerate(corner))
            found += (value[corner] - value[first, second, third]) * (1 / 6 if others == 1 else 1 / 3)
    return found
