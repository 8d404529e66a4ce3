"""Units before and after they were treated, against units not treated yet."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from e2i_shared.causal import diagnostics
from e2i_shared.causal.estimators.base import CONSISTENCY
from e2i_shared.causal.group_time import Average, Cell, average, cells, contributions
from e2i_shared.causal.inference import interval, simultaneous
from e2i_shared.causal.panel import widen
from e2i_shared.causal.results import (
    ArmEffect,
    Diagnostics,
    Estimate,
    EventEffect,
    EventStudy,
    Nuisances,
    Overlap,
)
from e2i_shared.causal.study import check_rows
from e2i_shared.errors import InsufficientDataError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from e2i_shared.causal.panel import Panel, Wide
    from e2i_shared.causal.results import Balance, Inference
    from e2i_shared.causal.study import Settings, Study

    Floats = NDArray[np.float64]

PARALLEL = "Parallel trends: without treatment, treated and not yet treated units alike in the covariates would have changed alike."
ANTICIPATION = "No anticipation: outcomes before the start are not changed by what is to come."
SWEEPS = 50
LOW_PRETREND = 0.05


class DifferenceInDifferences:
    """The average effect on treated units in the periods in which they were treated.

    Group-time effects ATT(g, t) = E[Y_t(g) − Y_t(∞) | G = g] of units that start in period g, by the doubly robust estimator of
    Sant'Anna & Zhao (2020) on changes since g − 1, against units not yet treated (Callaway & Sant'Anna 2021); covariates are those of
    period g − 1. Their average weighs each treated unit and period alike; unlike two-way fixed effects it compares no one with units
    treated before. With two periods it is the 2 × 2 difference in differences. Influence functions count the estimation of the
    propensity, the outcome line and the weights, and are summed by unit or coarser cluster. Pre-trends: Wald's F test that all
    effects at event times before −1 are zero.
    """

    name = "difference_in_differences"
    estimand = "average treatment effect on the treated (ATT) over treated units and the periods since their start"

    def suits(self, study: Study) -> bool:
        """Say whether units are seen in several periods, with a 0/1 treatment."""
        return study.panel is not None and study.kind == "binary"

    def estimate(self, study: Study, settings: Settings) -> Estimate:
        """Return the effect in outcome units; raise InsufficientDataError, NoVariationError or EstimationError."""
        check_rows(study)
        wide = widen(study)
        found, lacking = cells(study, wide)
        after = [cell for cell in found if cell.event >= 0]
        if not after:
            raise InsufficientDataError(
                "No period has enough units both treated and still untreated.",
                field="treatment_col",
                expected="at least 10 units still untreated in a period in which others are treated",
                got="none",
                hint="Widen the filters to include units never treated.",
            )
        units = int(wide.used.sum())
        whole = average(after, units)
        error = float(np.sqrt((contributions([whole], wide) ** 2).sum()))
        groups = units if wide.cluster is None else len(np.unique(wide.cluster[wide.used]))
        events = event_study(found, wide, settings, df=groups - 1)
        return _result(
            _Found(study, wide, whole, events, after, lacking),
            interval(whole.effect, error, groups - 1, settings.level),
        )


@dataclass(frozen=True, slots=True)
class _Found:
    study: Study
    wide: Wide
    whole: Average
    events: EventStudy
    after: list[Cell]
    lacking: int


def event_study(found: Sequence[Cell], wide: Wide, settings: Settings, *, df: int) -> EventStudy:
    """Return the cells averaged by time since start and by group, and the test of pre-trends."""
    units = int(wide.used.sum())
    times = sorted({cell.event for cell in found})
    averages = [average([cell for cell in found if cell.event == time], units) for time in times]
    parts = contributions(averages, wide)
    critical, _ = simultaneous(parts, df=df, level=settings.level, seed=settings.seed)
    events = []
    for k, (time, each) in enumerate(zip(times, averages, strict=True)):
        error = float(np.sqrt((parts[:, k] ** 2).sum()))
        single = interval(each.effect, error, df, settings.level)
        events.append(
            EventEffect(
                time=time,
                units=each.units,
                effect=each.effect,
                std_error=error,
                ci_lower=single.ci_lower,
                ci_upper=single.ci_upper,
                lower_all=each.effect - critical * error,
                upper_all=each.effect + critical * error,
            )
        )
    leads = [k for k, time in enumerate(times) if time < 0]
    statistic, rank, p_value = _pretrend([averages[k].effect for k in leads], parts[:, leads], df)
    return EventStudy(tuple(events), _by_group(found, wide, settings, df), statistic, rank, p_value)


def _pretrend(effects: list[float], parts: Floats, df: int) -> tuple[float | None, int, float | None]:
    from scipy.special import fdtrc

    if not effects:
        return None, 0, None
    covariance = parts.T @ parts
    rank = int(np.linalg.matrix_rank(covariance, hermitian=True))
    if rank == 0:
        return None, 0, None
    gap = np.array(effects)
    statistic = float(gap @ np.linalg.pinv(covariance, hermitian=True) @ gap) / rank
    # Hotelling's T²: with many leads and few units the covariance is noise itself.
    room = df - rank + 1
    return statistic, rank, float(fdtrc(rank, max(room, 1), statistic * max(room, 1) / df))


def _by_group(found: Sequence[Cell], wide: Wide, settings: Settings, df: int) -> tuple[ArmEffect, ...]:
    groups = sorted({cell.group for cell in found if cell.event >= 0})
    units = int(wide.used.sum())
    averages = [average([c for c in found if c.group == g and c.event >= 0], units) for g in groups]
    parts = contributions(averages, wide)
    critical, largest = simultaneous(parts, df=df, level=settings.level, seed=settings.seed)
    effects = []
    for k, (group, each) in enumerate(zip(groups, averages, strict=True)):
        error = float(np.sqrt((parts[:, k] ** 2).sum()))
        p_value = interval(each.effect, error, df).p_value
        adjusted = max(float((largest >= abs(each.effect) / max(error, 1e-300)).mean()), p_value)
        mean = float(np.nanmean(wide.outcome[wide.start == group][:, group:]))
        half = critical * error
        effects.append(
            ArmEffect(
                str(group),
                each.units,
                mean,
                each.effect,
                error,
                each.effect - half,
                each.effect + half,
                p_value,
                adjusted,
            )
        )
    return tuple(effects)


def _result(found: _Found, inference: Inference) -> Estimate:
    study, panel = found.study, found.study.panel
    scores = _row_scores(found)
    treated_rows = found.wide.row[_treated_cells(found)]
    mean_1 = float(study.outcome[treated_rows].mean())
    overlap, balance = _looks(found)
    nuisances = _nuisances(study, inference.estimate, overlap)
    return Estimate(
        inference=inference,
        method=DifferenceInDifferences.name,
        estimand=DifferenceInDifferences.estimand,
        scores=scores,
        nuisances=nuisances,
        diagnostics=Diagnostics(
            overlap, balance, diagnostics.influence(found.whole.effect + found.whole.influence[found.wide.used]), {}, 0
        ),
        mean_treated=mean_1,
        mean_control=mean_1 - inference.estimate,
        assumptions=(CONSISTENCY, PARALLEL, ANTICIPATION),
        warnings=_warnings(found),
        event_study=_labelled(found.events, panel),
    )


def _labelled(events: EventStudy, panel: Panel | None) -> EventStudy:
    if panel is None:
        return events
    named = tuple(replace(each, label=panel.period_labels[int(each.label)]) for each in events.groups)
    return replace(events, groups=named)


def _treated_cells(found: _Found) -> NDArray[np.bool_]:
    """Return (N, T): unit and period are among the treated that the effect is an average of."""
    marked = np.zeros(found.wide.outcome.shape, dtype=np.bool_)
    for cell in found.after:
        marked[:, cell.time] |= cell.treated
    return marked


def _row_scores(found: _Found) -> Floats:
    """Return scores (n,) whose mean is the effect and whose sums by unit are the units' influence."""
    study, units = found.study, int(found.wide.used.sum())
    codes = study.panel.units if study.panel is not None else np.arange(study.n)
    rows = np.bincount(codes)[codes]
    return np.asarray(found.whole.effect + found.whole.influence[codes] * (study.n / units) / rows)


def _looks(found: _Found) -> tuple[Overlap, tuple[Balance, ...]]:
    """Return overlap and balance of the largest group with the units it is compared with when it starts."""
    cell = max(found.after, key=lambda each: (int(each.treated.sum()), -each.time))
    rows = np.flatnonzero(cell.treated | cell.compared)
    study = found.study.take(found.wide.row[rows, cell.group - 1])
    a = cell.treated[rows].astype(np.float64)
    study = replace(study, treatment=a, clusters=None, panel=None)
    e = cell.chance[rows]
    odds = (1 - a) * e / (1 - e)
    ess = diagnostics.kish(odds)
    outside = float(((e < diagnostics.EDGE) | (e > 1 - diagnostics.EDGE)).mean())
    overlap = Overlap(outside, float(e.min()), float(e.max()), float(a.sum()), ess, min(float(a.sum()), ess))
    return overlap, diagnostics.weighted_balance(study, a, odds)


def _nuisances(study: Study, effect: float, overlap: Overlap) -> Nuisances:
    """Return two-way fixed effects of outcome and treatment as nuisances: what refuters work on."""
    y, a = _swept(study, study.outcome), _swept(study, study.treatment)
    spread = max(float((a**2).mean()), 1e-300)
    outcome = study.outcome - y
    return Nuisances(
        outcome=outcome,
        fitted=outcome + effect * a,
        treatment=study.treatment - a,
        effect=np.full(study.n, effect),
        weight=a / spread,
        folds=np.zeros(study.n, dtype=np.intp),
        learner="linear",
        clipped=0,
        quality={"ess_compared": float(overlap.ess_control or 0.0)},
    )


def _swept(study: Study, values: Floats) -> Floats:
    """Return values (n,) less unit and period means, alternately until they stay."""
    if study.panel is None:
        return np.asarray(values - values.mean())
    left: Floats = values.astype(np.float64)
    units, periods = study.panel.units, study.panel.periods
    for _ in range(SWEEPS):
        before = left
        for codes in (units, periods):
            left = left - (np.bincount(codes, weights=left) / np.maximum(np.bincount(codes), 1))[codes]
        if float(np.abs(left - before).max()) < 1e-9 * max(float(np.abs(values).max()), 1e-300):
            break
    return np.asarray(left)


def _warnings(found: _Found) -> tuple[str, ...]:
    notes = list(found.wide.notes)
    if found.lacking:
        notes.append(
            f"{found.lacking} pairs of adopting group and period have too few units still untreated to compare with: left out."
        )
    p_value = found.events.pretrend_p
    if p_value is None:
        notes.append("No unit is seen twice before treatment: parallel trends cannot be looked at.")
    elif p_value < LOW_PRETREND:
        notes.append(
            f"Treated units moved apart before treatment started (test of pre-trends p = {p_value:.3f}): the effect is doubtful."
        )
    return tuple(notes)
