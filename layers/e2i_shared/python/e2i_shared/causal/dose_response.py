"""The outcome were everyone to receive the same dose, over a grid of doses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from e2i_shared.causal.dose_nuisance import density_ratio, outcome_surface
from e2i_shared.causal.estimators.base import CONFOUNDING, CONSISTENCY
from e2i_shared.causal.inference import cluster_codes, infer_mean, widened
from e2i_shared.causal.nuisance import draw_folds, fold_count
from e2i_shared.causal.study import check
from e2i_shared.errors import InsufficientDataError, NoOverlapError, UnprocessableError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from e2i_shared.causal.dose_nuisance import Ratio, Surface
    from e2i_shared.causal.results import Inference
    from e2i_shared.causal.study import Settings, Study

    Floats = NDArray[np.float64]
    Mask = NDArray[np.bool_]

MOST_LEVELS, FEWEST_AT_LEVEL = 12, 20
GRID = 21
TAIL = 0.01  # a continuous dose is supported between these quantiles
MOST_WEIGHT = 20.0
FEWEST_EFFECTIVE = 10.0
OVERLAP = "Overlap: at every dose reported there are units of every kind."


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """E[Y(a)] at dose a; ``units`` near it are worth ``ess`` after weighting; not ``supported`` is not to be relied on."""

    dose: float
    inference: Inference
    units: int
    ess: float
    supported: bool


@dataclass(frozen=True, slots=True)
class DoseCurve:
    """E[Y(a)] over a grid with pointwise intervals; ``influence`` (n, G) gives the error of any contrast of points.

    ``support`` are the doses between which the curve rests on data; rows outside ``rows`` (n,) have no influence.
    """

    points: tuple[CurvePoint, ...]
    influence: Floats
    rows: Mask
    support: tuple[float, float]
    levels: bool
    clipped: int
    trees: tuple[int, int]
    assumptions: tuple[str, ...]
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Grid:
    """Doses (G,) with the share of units at each (G,), the nearest grid point of each unit (n,), and whether doses are levels."""

    doses: Floats
    shares: Floats
    nearest: NDArray[np.intp]
    used: Mask
    levels: bool


def dose_response(study: Study, settings: Settings, at: Sequence[float] = (), rows: Mask | None = None) -> DoseCurve:
    """Estimate E[Y(a)] for the units ``rows`` (n,), on a grid and, after it, at the doses ``at``.

    Pseudo-outcomes ξ = w(A, X)(Y − m̂(A, X)) + ∫ m̂(A, x)dP(x), w = ϖ(A)/π(A|X), are regressed on the dose (Kennedy, Ma, McHugh &
    Small 2017): on a natural cubic spline, or, for at most 12 whole doses, on each level. Doubly robust: right when m̂ or w is. The
    pointwise interval is that of the series estimator, with the influence of averaging m̂ over the units, clusters summed, widened
    by the shift at half the trees. Assumes no unmeasured confounding and overlap at each dose.

    Raises what ``check`` raises; UnprocessableError for a 0/1 treatment; NoOverlapError for a dose ``at`` outside the doses seen.
    """
    check(study)
    chosen = np.ones(study.n, dtype=np.bool_) if rows is None else rows
    grid = _grid(study, chosen)
    wanted = _wanted(study, grid, at)
    folds = draw_folds(study, fold_count(study, settings), settings.seed)
    surface = outcome_surface(study, folds, np.tile(grid.doses, (study.n, 1)), settings)
    ratio = density_ratio(study, folds, _shuffled(study.treatment, chosen, settings.seed), settings)
    values, influence = _curve(study, grid, wanted, (surface, ratio), chosen)
    smooth = values
    if surface.smoother is not None and ratio.smoother is not None:
        smooth, _ = _curve(study, grid, wanted, (surface.smoother, ratio.smoother), chosen)
    points = _points(study, grid, wanted, values, values - smooth, influence, ratio, settings, chosen)
    clipped = int((ratio.received[chosen] > MOST_WEIGHT).sum())
    low, high = float(grid.doses[0]), float(grid.doses[-1])
    return DoseCurve(
        points,
        influence,
        chosen,
        (low, high),
        grid.levels,
        clipped,
        (surface.trees, ratio.trees),
        (CONSISTENCY, CONFOUNDING, OVERLAP),
        _warnings(points, clipped),
    )


def contrast(curve: DoseCurve, study: Study, first: int, second: int, *, level: float = 0.95) -> Inference:
    """Return E[Y(a)] − E[Y(b)] of two points of the curve, with its interval."""
    difference = (curve.influence[:, first] - curve.influence[:, second])[curve.rows]
    shift = curve.points[first].inference.estimate - curve.points[second].inference.estimate
    clusters = None if study.clusters is None else cluster_codes(study.clusters[curve.rows])
    return infer_mean(difference - difference.mean() + shift, clusters, level=level)


def _grid(study: Study, rows: Mask) -> _Grid:
    if study.kind == "binary":
        raise UnprocessableError(
            f"{study.treatment_name!r} is 0/1: its dose has no curve.",
            field="treatment_col",
            expected="a dose or a count",
            got=study.treatment_name,
        )
    dose = study.treatment
    if study.weights is not None:
        raise UnprocessableError(
            "A dose–response curve cannot be weighted.",
            field="weight_col",
            expected="no weights",
            got="a weight column",
            hint="Ask for a shift of the dose, which can, or leave the weights out.",
        )
    held, counts = np.unique(dose[rows], return_counts=True)
    levels = len(held) <= MOST_LEVELS or _few_whole(held, counts)
    low, high = np.quantile(dose[rows], (TAIL, 1 - TAIL))
    doses = held[counts >= FEWEST_AT_LEVEL] if levels else np.linspace(low, high, GRID)
    if len(doses) < 2:
        raise InsufficientDataError(
            f"Fewer than two doses of {study.treatment_name!r} are held by {FEWEST_AT_LEVEL} rows.",
            field="treatment_col",
            expected=f"two doses with at least {FEWEST_AT_LEVEL} rows each",
            got=f"{len(doses)}",
            hint="Widen the filters.",
        )
    nearest = np.abs(dose[:, None] - doses).argmin(axis=1)
    used = rows & (np.isin(dose, doses) if levels else (dose >= doses[0]) & (dose <= doses[-1]))
    shares = np.bincount(nearest[used], minlength=len(doses)) / max(int(used.sum()), 1)
    return _Grid(doses, shares, nearest, used, levels)


def _few_whole(held: Floats, counts: NDArray[np.intp]) -> bool:
    whole = bool(np.array_equal(held, np.round(held)))
    return whole and int((counts >= FEWEST_AT_LEVEL).sum()) <= MOST_LEVELS


def _wanted(study: Study, grid: _Grid, at: Sequence[float]) -> Floats:
    """Return the grid and the doses asked for; raise NoOverlapError for one outside the support."""
    low, high = float(grid.doses[0]), float(grid.doses[-1])
    for dose in at:
        inside = dose in grid.doses if grid.levels else low <= dose <= high
        if not inside:
            raise NoOverlapError(
                f"Dose {dose:g} of {study.treatment_name!r} is outside what enough units received: "
                + (f"{', '.join(f'{d:g}' for d in grid.doses)}." if grid.levels else f"{low:g} to {high:g}."),
                field="intervention",
                expected=f"a dose between {low:g} and {high:g}" + (" that units received" if grid.levels else ""),
                got=f"{dose:g}",
                candidates=[f"{d:g}" for d in sorted(grid.doses, key=lambda d: abs(d - dose))[:3]],
            )
    return np.concatenate([grid.doses, np.asarray(at, dtype=np.float64)])


def _shuffled(dose: Floats, rows: Mask, seed: int) -> Floats:
    """Return the doses shuffled among the chosen units and among the others: the marginal law without its covariates."""
    rng = np.random.default_rng([seed, 7])
    drawn = dose.copy()
    for part in (np.flatnonzero(rows), np.flatnonzero(~rows)):
        drawn[part] = dose[rng.permutation(part)]
    return drawn


def _weights(grid: _Grid, ratio: Ratio) -> Floats:
    """Return the clipped weights (n,), scaled to mean 1 at each level, or over all units of a continuous dose."""
    weight = np.minimum(ratio.received, MOST_WEIGHT)
    if not grid.levels:
        return np.asarray(weight / weight[grid.used].mean())
    sums = np.bincount(grid.nearest[grid.used], weight[grid.used], minlength=len(grid.doses))
    counts = np.bincount(grid.nearest[grid.used], minlength=len(grid.doses))
    return np.asarray(weight / (sums / np.maximum(counts, 1))[grid.nearest])


def _curve(study: Study, grid: _Grid, wanted: Floats, fits: tuple[Surface, Ratio], rows: Mask) -> tuple[Floats, Floats]:
    """Return the curve (W,) and the influence (n, W) of each unit on it."""
    surface, ratio = fits
    everyone = surface.at[rows].mean(axis=0)
    pseudo = _weights(grid, ratio) * (study.outcome - surface.received)
    pseudo = pseudo + np.interp(study.treatment, grid.doses, everyone)
    basis, at_grid, at_wanted = (_basis(grid, doses) for doses in (study.treatment, grid.doses, wanted))
    b = basis * grid.used[:, None]
    share = float(grid.used.sum()) / float(rows.sum())
    moment = np.linalg.pinv(b.T @ b / float(rows.sum()), hermitian=True)
    beta = moment @ (b.T @ pseudo) / float(rows.sum())
    own = b * (pseudo - basis @ beta)[:, None]
    averaging = (surface.at - everyone) @ (grid.shares[:, None] * at_grid) * share * rows[:, None]
    return at_wanted @ beta, (own + averaging) @ moment @ at_wanted.T


def _basis(grid: _Grid, doses: Floats) -> Floats:
    """Return indicators of the levels, or a natural cubic spline (linear beyond its outer knots) in the dose, (m, p)."""
    if grid.levels:
        return np.asarray(np.abs(doses[:, None] - grid.doses) < 1e-9, dtype=np.float64)
    knots = _knots(grid)
    scale = knots[-1] - knots[0]
    a, k = (doses - knots[0]) / scale, (knots - knots[0]) / scale

    def term(j: int) -> Floats:
        lead, last = np.maximum(a - k[j], 0.0) ** 3, np.maximum(a - k[-1], 0.0) ** 3
        return np.asarray((lead - last) / (k[-1] - k[j]))

    return np.column_stack([np.ones(len(a)), a, *[term(j) - term(len(k) - 2) for j in range(len(k) - 2)]])


def _knots(grid: _Grid) -> Floats:
    """Return knots at quantiles of the dose: 1.5·n^(1/5) of them, 4 to 10, so that bias stays below the noise."""
    units = int(grid.used.sum())
    count = int(np.clip(round(1.5 * units**0.2), 4, 10))
    cumulative = np.cumsum(grid.shares)
    middle = np.interp(np.linspace(0, 1, count + 2)[1:-1], cumulative, grid.doses)
    return np.unique(np.concatenate([[grid.doses[0]], middle, [grid.doses[-1]]]))


def _points(
    study: Study,
    grid: _Grid,
    wanted: Floats,
    values: Floats,
    shifts: Floats,
    influence: Floats,
    ratio: Ratio,
    settings: Settings,
    rows: Mask,
) -> tuple[CurvePoint, ...]:
    weight = _weights(grid, ratio)
    clusters = None if study.clusters is None else cluster_codes(study.clusters[rows])
    found = []
    for number, dose in enumerate(wanted):
        own = influence[rows, number]
        inference = widened(
            infer_mean(own - own.mean() + values[number], clusters, level=settings.level), float(shifts[number])
        )
        near = grid.used & (grid.nearest == int(np.abs(grid.doses - dose).argmin()))
        at = weight[near]
        ess = float(at.sum() ** 2 / max(float((at**2).sum()), 1e-300)) if len(at) else 0.0
        found.append(CurvePoint(float(dose), inference, int(near.sum()), ess, ess >= FEWEST_EFFECTIVE))
    return tuple(found)


def _warnings(points: tuple[CurvePoint, ...], clipped: int) -> tuple[str, ...]:
    found = []
    thin = [f"{p.dose:g}" for p in points if not p.supported]
    if thin:
        found.append(f"Too few units alike at dose {', '.join(thin)}: not to be relied on.")
    if clipped:
        found.append(f"{clipped} weights were clipped to {MOST_WEIGHT:g}.")
    return tuple(found)
