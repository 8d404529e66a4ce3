"""The parts of an effect's result: overlap, balance, influence, arms and event study."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

if TYPE_CHECKING:
    from e2i_shared.api.common import Json
    from e2i_shared.causal import results as causal
    from e2i_shared.causal.results import ArmEffect, Estimate
    from e2i_shared.causal.study import Study

BINS = 25


class OverlapBin(BaseModel):
    """Rows whose estimated propensity lies in one interval."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    lower: float = Field(description="least propensity of the interval")
    upper: float = Field(description="largest propensity of the interval")
    treated: int = Field(description="rows with treatment")
    control: int = Field(description="rows without")


class Overlap(BaseModel):
    """How alike treated and untreated rows are."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    share_outside: float = Field(description="share of rows with a propensity outside [0.05, 0.95]")
    minimum: float = Field(description="least propensity (for a dose: least dose)")
    maximum: float = Field(description="largest propensity (for a dose: largest dose)")
    ess_treated: float | None = Field(description="effective sample size of the weighted treated rows")
    ess_control: float | None = Field(description="effective sample size of the weighted untreated rows")
    ess: float = Field(description="effective sample size that limits the estimate")
    histogram: list[OverlapBin] = Field([], description="rows by estimated propensity; none for a dose or a panel")


class BalanceRow(BaseModel):
    """One covariate before and after weighting."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    column: str
    smd_before: float = Field(description="standardised mean difference (for a dose: correlation) before weighting")
    smd_after: float = Field(description="the same after weighting")


class Influence(BaseModel):
    """What the most influential 1% of rows do."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    rows: int
    variance_share: float = Field(description="share of the estimate's variance due to these rows")
    ate_without: float = Field(description="the effect without their scores, outcome units")


class Arm(BaseModel):
    """One level of the treatment against the reference, or one group of adopters against its past."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    label: str
    n: int = Field(description="rows with this level (for adopters: units)")
    mean: float = Field(description="adjusted mean outcome at this level (for adopters: their mean when treated)")
    effect: float = Field(description="difference from the reference, outcome units")
    std_error: float = Field(description="standard error of the effect")
    ci_lower: float = Field(description="lower bound of an interval that holds for all levels at once")
    ci_upper: float = Field(description="upper bound of an interval that holds for all levels at once")
    p_value: float = Field(description="two-sided, of no effect of this level alone")
    p_value_adjusted: float = Field(description="adjusted for comparing several levels")


class Event(BaseModel):
    """The effect a number of periods after treatment started; negative before, where it should be zero."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    time: int = Field(description="periods since treatment started")
    units: int = Field(description="treated units it is an average of")
    effect: float = Field(description="effect at that time, outcome units")
    std_error: float = Field(description="standard error of the effect")
    ci_lower: float = Field(description="lower bound of the 95% interval")
    ci_upper: float = Field(description="upper bound of the 95% interval")
    lower_all: float = Field(description="lower bound of a band that holds for all times at once")
    upper_all: float = Field(description="upper bound of a band that holds for all times at once")


class EventStudy(BaseModel):
    """Effects by time since treatment started and by group of adopters, with a test of what was before."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    events: list[Event]
    groups: list[Arm] = Field(description="units that started in the same period")
    pretrend_p_value: float | None = Field(
        description="test that treated units did not move apart before; null without"
    )
    pretrend_statistic: float | None = Field(description="its F statistic")
    pretrend_df: int = Field(description="times before treatment tested")


def diagnostics_of(found: Estimate, study: Study) -> Json:
    """Return overlap, balance, influence, nuisance quality and clipping of an estimate."""
    seen = found.diagnostics
    names = ("share_outside", "minimum", "maximum", "ess_treated", "ess_control", "ess")
    overlap = None
    if seen.overlap:
        overlap = Overlap(**{n: getattr(seen.overlap, n) for n in names}, histogram=_histogram(found, study))
    return {
        "overlap": overlap,
        "balance": [BalanceRow(column=b.column, smd_before=b.before, smd_after=b.after) for b in seen.balance],
        "influence": Influence(
            rows=seen.influence.units,
            variance_share=seen.influence.variance_share,
            ate_without=seen.influence.estimate_without,
        ),
        "nuisance": {"learner": found.nuisances.learner, **seen.quality},
        "clipped": seen.clipped,
    }


def several_of(found: Estimate) -> Json:
    """Return the effects of arms and of times since treatment, where there are any."""
    return {
        "arms": [_arm(arm) for arm in found.arms],
        "event_study": None if found.event_study is None else _events(found.event_study),
    }


def _arm(arm: ArmEffect) -> Arm:
    return Arm.model_validate(asdict(arm))


def _events(study: causal.EventStudy) -> EventStudy:
    return EventStudy(
        events=[Event.model_validate(asdict(event)) for event in study.events],
        groups=[_arm(group) for group in study.groups],
        pretrend_p_value=study.pretrend_p,
        pretrend_statistic=study.pretrend_statistic,
        pretrend_df=study.pretrend_df,
    )


def _histogram(found: Estimate, study: Study) -> list[OverlapBin]:
    """Count treated and untreated rows by estimated propensity; nothing where all have the same."""
    e = found.nuisances.treatment
    if study.kind != "binary" or study.panel is not None or float(np.ptp(e)) < 1e-9:
        return []
    edges = np.linspace(0.0, 1.0, BINS + 1)
    treated, _ = np.histogram(e[study.treatment == 1], edges)
    control, _ = np.histogram(e[study.treatment == 0], edges)
    return [
        OverlapBin(lower=float(edges[i]), upper=float(edges[i + 1]), treated=int(treated[i]), control=int(control[i]))
        for i in range(BINS)
        if treated[i] + control[i]
    ]
