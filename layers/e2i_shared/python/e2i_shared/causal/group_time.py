"""Effects of treatment by group of adoption and period, doubly robust, and their averages with influence functions."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from e2i_shared.causal import learners
from e2i_shared.causal.design import PRODUCTS
from e2i_shared.causal.inference import cluster_sums

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from e2i_shared.causal.panel import Wide
    from e2i_shared.causal.study import Study

    Floats = NDArray[np.float64]
    Flags = NDArray[np.bool_]

FEWEST_COMPARED = 10  # untreated units, below which a cell is left out
FEWEST_SEEN = 3  # treated units of the group seen in both periods
MOST_CHANCE = 0.995  # propensities above it are clipped, as in the DRDID package
RIDGE = 1e-6


@dataclass(frozen=True, slots=True)
class Cell:
    """ATT(g, t) of the units that start in period ``group``, at period ``time``, with its influence (N,) over all units.

    ``treated`` (N,) marks the group's units it is an average of; ``compared`` (N,) the untreated units, ``chance`` (N,) their
    estimated probability of being in the group (0 outside the cell).
    """

    group: int
    time: int
    effect: float
    influence: Floats
    treated: Flags
    compared: Flags
    chance: Floats

    @property
    def event(self) -> int:
        """Periods since treatment started; negative before."""
        return self.time - self.group


@dataclass(frozen=True, slots=True)
class Average:
    """A mean of cells weighted by their treated units, with its influence (N,), weights' estimation included."""

    effect: float
    influence: Floats
    units: int


@dataclass(frozen=True, slots=True)
class _Adjusted:
    """Nuisances of a cell's units (m,): propensities, and what a row adds to the outcome line's and propensity's coefficients."""

    rows: NDArray[np.intp]
    d: Floats
    x: Floats
    w: Floats
    chance: Floats
    chance_rows: Floats
    outcome_inverse: Floats


def cells(study: Study, wide: Wide, *, before: bool = True) -> tuple[list[Cell], int]:
    """Return ATT(g, t) for every group and period but the one before it starts, and how many lacked units to compare with.

    Each compares the group's change since g − 1 with that of units not yet treated at max(g, t) (Callaway & Sant'Anna 2021).
    Without ``before``, periods before the start are passed over.
    """
    found, lacking = [], 0
    periods = wide.outcome.shape[1]
    for group in wide.groups:
        cached: _Adjusted | None = None
        for time in (t for t in range(periods) if t >= group or (before and t < group - 1)):
            seen = ~np.isnan(wide.outcome[:, time]) & ~np.isnan(wide.outcome[:, group - 1]) & wide.used
            treated, compared = seen & (wide.start == group), seen & (wide.start > max(group, time))
            if int(treated.sum()) < FEWEST_SEEN or int(compared.sum()) < FEWEST_COMPARED:
                lacking += int(time >= group)
                continue
            rows = np.flatnonzero(treated | compared)
            if cached is None or not np.array_equal(cached.rows, rows):
                cached = _adjust(study, wide, rows, treated, group)
            change = (wide.outcome[:, time] - wide.outcome[:, group - 1])[rows]
            effect, inside = _doubly_robust(cached, change)
            found.append(_cell(wide, (group, time), (effect, inside), (treated, compared), cached))
    return found, lacking


def average(members: Sequence[Cell], units: int) -> Average:
    """Return Σ mₖ·ATTₖ / Σ mₖ over cells, mₖ their treated units; ``units`` is the number of units used."""
    counts = np.array([cell.treated.sum() for cell in members], dtype=np.float64)
    effects = np.array([cell.effect for cell in members])
    effect = float(counts @ effects / counts.sum())
    influence = np.zeros(len(members[0].influence))
    for count, cell in zip(counts, members, strict=True):
        influence += count / counts.sum() * cell.influence
        influence += cell.treated * (cell.effect - effect) * units / counts.sum()
    return Average(effect, influence, int(np.any([cell.treated for cell in members], axis=0).sum()))


def contributions(averages: Sequence[Average], wide: Wide) -> Floats:
    """Return what each independent unit or cluster (G, K) adds to K averages; sums of squares are their variances."""
    influence = np.column_stack([each.influence for each in averages])[wide.used] / int(wide.used.sum())
    if wide.cluster is None:
        return np.asarray(influence * np.sqrt(len(influence) / max(len(influence) - 1, 1)))
    codes = np.unique(wide.cluster[wide.used], return_inverse=True)[1].ravel().astype(np.intp)
    sums = cluster_sums(influence, codes)
    return np.asarray(sums * np.sqrt(len(sums) / max(len(sums) - 1, 1)))


def _adjust(study: Study, wide: Wide, rows: NDArray[np.intp], treated: Flags, group: int) -> _Adjusted:
    """Fit the propensity of being in the group; covariates are those of the period before it starts."""
    base = wide.row[rows, group - 1]
    owners = np.array(study.design.linear_owners, dtype=object)
    covariates = study.design.linear[base][:, owners != PRODUCTS]
    x = np.column_stack([np.ones(len(rows)), covariates])
    d = treated[rows].astype(np.float64)
    w = np.ones(len(rows)) if study.weights is None else study.weights[base] / study.weights[base].mean()
    chance, chance_rows = _chances(d, x, w, known=study.randomised)
    untreated = w * (1 - d)
    gram = (x * untreated[:, None]).T @ x / len(rows)
    inverse = np.linalg.inv(gram + RIDGE * max(float(untreated.mean()), 1e-12) * np.eye(x.shape[1]))
    return _Adjusted(rows, d, x, w, chance, chance_rows, inverse)


def _chances(d: Floats, x: Floats, w: Floats, *, known: bool) -> tuple[Floats, Floats]:
    """Return propensities (m,) and what each row adds to their coefficients (m, k); one share for all where ``known``."""
    if known:
        return np.full(len(d), float(np.average(d, weights=w))), np.zeros_like(x)
    line = learners.logistic(x[:, 1:], d, weights=w)
    chance = np.minimum(learners.expit(line(x[:, 1:])), MOST_CHANCE)
    penalty = learners.LOGISTIC_PENALTY * np.eye(x.shape[1])
    penalty[0, 0] = 1e-8
    hessian = (x * (w * chance * (1 - chance))[:, None]).T @ x / len(d) + penalty
    scores = (w * (d - chance))[:, None] * x - np.concatenate([[0.0], penalty.diagonal()[1:] * line.coefficients])
    return chance, np.linalg.solve(hessian, scores.T).T


def shuffled_effect(study: Study, wide: Wide, rng: np.random.Generator) -> float:
    """Return the effect found when the starts are dealt to the units anew, whole clusters where there are any.

    Dealt by chance the start depends on nothing: the propensity is the share that starts, and covariates sharpen the comparison only.
    """
    used = np.flatnonzero(wide.used)
    start = wide.start.copy()
    start[used] = wide.start[used][_dealt(None if wide.cluster is None else wide.cluster[used], len(used), rng)]
    found, _ = cells(replace(study, randomised=True), replace(wide, start=start), before=False)
    return average(found, len(used)).effect if found else 0.0


def _dealt(clusters: NDArray[np.intp] | None, units: int, rng: np.random.Generator) -> NDArray[np.intp]:
    if clusters is None:
        return rng.permutation(units)
    place = rng.permutation(int(clusters.max()) + 1)
    dealt = np.empty(units, dtype=np.intp)
    dealt[np.argsort(clusters, kind="stable")] = np.argsort(place[clusters], kind="stable")
    return dealt


def _doubly_robust(fit: _Adjusted, change: Floats) -> tuple[float, Floats]:
    """Return Sant'Anna & Zhao's (2020) doubly robust ATT of the change (m,) and its influence (m,), nuisances' estimation included.

    τ = E[(w₁ − w₀)(ΔY − μ̂(X))], w₁ = D/E[D], w₀ ∝ ê(X)(1 − D)/(1 − ê(X)), μ̂ the untreated units' line.
    """
    d, x, w = fit.d, fit.x, fit.w
    beta = fit.outcome_inverse @ (x.T @ (w * (1 - d) * change)) / len(d)
    left = change - x @ beta
    line_rows = ((w * (1 - d) * left)[:, None] * x) @ fit.outcome_inverse
    w_1, w_0 = w * d, w * (1 - d) * fit.chance / (1 - fit.chance)
    mean_1, mean_0 = float((w_1 * left).mean() / w_1.mean()), float((w_0 * left).mean() / w_0.mean())
    of_treated = w_1 * (left - mean_1) - line_rows @ (w_1 @ x / len(d))
    by_chance = fit.chance_rows @ ((w_0 * (left - mean_0)) @ x / len(d))
    of_compared = w_0 * (left - mean_0) + by_chance - line_rows @ (w_0 @ x / len(d))
    return mean_1 - mean_0, of_treated / w_1.mean() - of_compared / w_0.mean()


def _cell(
    wide: Wide, at: tuple[int, int], found: tuple[float, Floats], sides: tuple[Flags, Flags], fit: _Adjusted
) -> Cell:
    effect, inside = found
    influence, chance = np.zeros(len(wide.start)), np.zeros(len(wide.start))
    influence[fit.rows] = inside * int(wide.used.sum()) / len(fit.rows)
    chance[fit.rows] = fit.chance
    return Cell(*at, effect, influence, *sides, chance)
