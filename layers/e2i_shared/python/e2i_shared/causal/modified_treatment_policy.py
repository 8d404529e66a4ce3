"""What a shift of everyone's dose would do: modified treatment policies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from e2i_shared.causal.dose_nuisance import density_ratio, outcome_surface
from e2i_shared.causal.estimators.base import CONFOUNDING, CONSISTENCY
from e2i_shared.causal.inference import infer_mean, weighted, widened
from e2i_shared.causal.nuisance import draw_folds, fold_count
from e2i_shared.causal.study import check
from e2i_shared.errors import InsufficientDataError, NoOverlapError, UnprocessableError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from e2i_shared.causal.dose_nuisance import Ratio, Surface
    from e2i_shared.causal.results import Inference
    from e2i_shared.causal.study import Settings, Study

    Floats = NDArray[np.float64]
    Mask = NDArray[np.bool_]

MOST_BEYOND, SOME_BEYOND = 0.1, 0.01
MOST_RATIO = 20.0
NO_NEIGHBOURS = 50.0  # the ratio at a shifted dose above which hardly any observed unit is like it
FEWEST_EFFECTIVE, FEWEST_ROWS = 20.0, 30
POSITIVITY = "Overlap: whatever dose the shift gives a unit, some unit alike in the covariates received."


@dataclass(frozen=True, slots=True)
class Shift:
    """d(a): ``add`` a number of units, or change by ``percent``; kept within ``floor`` and ``cap`` where given.

    The bounds hold back the shift only: a dose already outside them stays as it is.
    """

    kind: Literal["add", "percent"]
    amount: float
    floor: float | None = None
    cap: float | None = None

    def apply(self, dose: Floats) -> Floats:
        """Return the doses (n,) after the shift."""
        moved = dose + self.amount if self.kind == "add" else dose * (1.0 + self.amount / 100.0)
        if self.floor is not None:
            moved = np.maximum(moved, np.minimum(self.floor, dose))
        if self.cap is not None:
            moved = np.minimum(moved, np.maximum(self.cap, dose))
        return np.asarray(moved)


@dataclass(frozen=True, slots=True)
class ShiftedOutcome:
    """E[Y(d(A, X))] and its change against the doses as they were, over the units ``rows`` (n,).

    ``scores`` (n,) have the mean outcome under the shift as their mean over any set of units, ``change_scores`` (n,) the change;
    ``lift`` is the change as a share of the mean outcome as it was, None where that is 0. ``moved`` (n,) are the mean shifted doses,
    ``ratio`` (n,) the density ratio used, ``ess`` what the reweighted units are worth, ``shift`` the change's widening for smoothing.
    """

    mean: Inference
    change: Inference
    lift: Inference | None
    observed: float
    scores: Floats
    change_scores: Floats
    moved: Floats
    ratio: Floats
    rows: Mask
    clipped: int
    share_beyond: float
    ess: float
    trees: tuple[int, int]
    assumptions: tuple[str, ...]
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Rounded:
    """A shift of whole doses: ``lower``, or with probability ``chance`` ``upper``; each (n,)."""

    lower: Floats
    upper: Floats
    chance: Floats

    @property
    def mean(self) -> Floats:
        """The mean shifted dose (n,)."""
        return np.asarray(self.lower + self.chance * (self.upper - self.lower))


def shifted_outcome(study: Study, shift: Shift, settings: Settings, rows: Mask | None = None) -> ShiftedOutcome:
    """Estimate the mean outcome had every unit's dose been d(A, X) instead of A.

    θ̂ = 1/n Σ r̂(A, X)(Y − m̂(A, X)) + m̂(d(A, X), X): the one-step estimator of Díaz, Williams, Hoffman & Schenck (2021) for the
    estimand of Haneuse & Rotnitzky (2013), r the density of the shifted dose over that of the observed one given X, by
    classification; both nuisances cross-fitted. Doubly robust. Whole doses stay whole: where d is a fraction, the dose is rounded
    at random to keep its mean, which is itself a modified treatment policy. Assumes no unmeasured confounding and that shifted
    doses occur. The variance is the influence function's (clusters summed), plus the squared shift at half the trees.

    Raises what ``check`` raises; UnprocessableError for a 0/1 treatment or a shift that moves nobody; NoOverlapError where more
    than 10% of the units would be moved beyond the doses seen.
    """
    check(study)
    chosen = np.ones(study.n, dtype=np.bool_) if rows is None else rows
    target = _round(study.treatment, shift.apply(study.treatment))
    _refuse(study, shift, target, chosen)
    folds = draw_folds(study, fold_count(study, settings), settings.seed)
    surface = outcome_surface(study, folds, np.column_stack([target.lower, target.upper]), settings)
    drawn = target.lower + (np.random.default_rng(settings.seed).random(study.n) < target.chance) * (
        target.upper - target.lower
    )
    ratio = density_ratio(study, folds, drawn, settings)
    beyond = _share_beyond(study, target, ratio, chosen)
    return _result(study, settings, target, chosen, (surface, ratio), beyond)


def _round(dose: Floats, moved: Floats) -> Rounded:
    if not np.array_equal(dose, np.round(dose)):
        return Rounded(moved, moved, np.zeros(len(moved)))
    lower = np.floor(moved + 1e-9)
    return Rounded(lower, np.where(moved - lower > 1e-9, lower + 1.0, lower), np.maximum(moved - lower, 0.0))


def _refuse(study: Study, shift: Shift, target: Rounded, rows: Mask) -> None:
    if study.kind == "binary":
        raise UnprocessableError(
            f"{study.treatment_name!r} is 0/1: it can be switched, not shifted.",
            field="intervention",
            expected="a dose or a count, or an intervention that sets the treatment to 0 or 1",
            got=study.treatment_name,
        )
    if rows.sum() < FEWEST_ROWS:
        raise InsufficientDataError(
            f"{int(rows.sum())} rows are too few to say what a shift would do to them.",
            field="target_population",
            expected=f"at least {FEWEST_ROWS} rows",
            got=f"{int(rows.sum())} rows",
            hint="Choose a larger population.",
        )
    if np.abs(target.mean - study.treatment)[rows].max() < 1e-9:
        raise UnprocessableError(
            f"The intervention changes no dose of {study.treatment_name!r}: amount {shift.amount:g} ({shift.kind}) moves nobody.",
            field="intervention",
            expected="an amount that moves some doses between floor and cap",
            got=f"{shift.amount:g}",
        )


def _share_beyond(study: Study, target: Rounded, ratio: Ratio, rows: Mask) -> float:
    """Return the share of units whose shifted dose is outside the doses seen, or that no unit alike received."""
    low, high = float(study.treatment.min()), float(study.treatment.max())
    moved = np.abs(target.mean - study.treatment) > 1e-9
    outside = (target.lower < low - 1e-9) | (target.upper > high + 1e-9) | (ratio.at_drawn > NO_NEIGHBOURS)
    share = float((outside & moved)[rows].mean())
    if share > MOST_BEYOND:
        raise NoOverlapError(
            f"The shift would move {share:.0%} of the units to doses of {study.treatment_name!r} that units like them never had "
            f"(seen: {low:g} to {high:g}).",
            field="intervention",
            expected=f"at most {MOST_BEYOND:.0%} of units moved beyond the doses seen",
            got=f"{share:.0%}",
            hint="Choose a smaller shift, or give a floor or cap within the doses seen.",
        )
    return share


def _result(
    study: Study, settings: Settings, target: Rounded, rows: Mask, fits: tuple[Surface, Ratio], beyond: float
) -> ShiftedOutcome:
    surface, ratio = fits
    scores, weight = _scores(study, target, surface, ratio)
    step = 0.0
    if surface.smoother is not None and ratio.smoother is not None:
        other, _ = _scores(study, target, surface.smoother, ratio.smoother)
        step = float((scores - other)[rows].mean())
    clusters = _within(study, rows)
    change_scores = scores - study.outcome
    counted, changed, base = (_counted(study, values, rows) for values in (scores, change_scores, study.outcome))
    mean = widened(infer_mean(counted, clusters, level=settings.level), step)
    change = widened(infer_mean(changed, clusters, level=settings.level), step)
    used = weight[rows]
    ess = float(used.sum() ** 2 / max(float((used**2).sum()), 1e-300))
    clipped = int((ratio.received[rows] > MOST_RATIO).sum())
    return ShiftedOutcome(
        mean=mean,
        change=change,
        lift=relative(change, counted, base, clusters, step),
        observed=float(base.mean()),
        scores=scores,
        change_scores=change_scores,
        moved=target.mean,
        ratio=weight,
        rows=rows,
        clipped=clipped,
        share_beyond=beyond,
        ess=ess,
        trees=(surface.trees, ratio.trees),
        assumptions=(CONSISTENCY, CONFOUNDING, POSITIVITY),
        warnings=_warnings(beyond, clipped, ess),
    )


def relative(
    change: Inference, scores: Floats, base: Floats, clusters: NDArray[np.intp] | None, step: float = 0.0
) -> Inference | None:
    """Return θ/θ₀ − 1 of scores (m,) over base scores (m,), its variance by the delta method; None where θ₀ is 0 within its noise."""
    centre = float(base.mean())
    if abs(centre) <= 1e-9 or abs(centre) < 3 * infer_mean(base, clusters).std_error:
        return None
    share = change.estimate / centre
    influence = (scores - base - share * (base - centre)) / centre
    plain = infer_mean(influence - influence.mean() + share, clusters, level=change.level)
    return widened(plain, step / centre)


def _counted(study: Study, values: Floats, rows: Mask) -> Floats:
    """Return values of the rows (m,), so that their plain mean is the weighted one."""
    return weighted(values[rows], None if study.weights is None else study.weights[rows])


def _within(study: Study, rows: Mask) -> NDArray[np.intp] | None:
    if study.clusters is None:
        return None
    return np.asarray(np.unique(study.clusters[rows], return_inverse=True)[1].ravel(), dtype=np.intp)


def _scores(study: Study, target: Rounded, surface: Surface, ratio: Ratio) -> tuple[Floats, Floats]:
    weight = np.minimum(ratio.received, MOST_RATIO)
    at = surface.at[:, 0] + target.chance * (surface.at[:, 1] - surface.at[:, 0])
    return np.asarray(at + weight * (study.outcome - surface.received)), weight


def _warnings(beyond: float, clipped: int, ess: float) -> tuple[str, ...]:
    found = []
    if beyond > SOME_BEYOND:
        found.append(f"{beyond:.0%} of the units would be moved to doses that units like them never had: extrapolated.")
    if clipped:
        found.append(f"{clipped} density ratios were clipped to {MOST_RATIO:g}.")
    if ess < FEWEST_EFFECTIVE:
        found.append(f"The reweighted sample is worth {ess:.0f} units: the estimate leans on the outcome model.")
    return tuple(found)
