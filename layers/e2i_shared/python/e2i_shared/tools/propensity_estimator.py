"""Estimate how likely each row was to be treated, and judge from it whether treated and untreated rows can be compared."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from e2i_shared.api.common import Scalar
from e2i_shared.api.tools import ToolCategory
from e2i_shared.causal import diagnostics
from e2i_shared.causal.propensity import propensity
from e2i_shared.causal.study import Settings
from e2i_shared.tools import _charts_causal, _charts_policy
from e2i_shared.tools._registry import DataParams, ToolResult, ToolSpec
from e2i_shared.tools._treated import treated_study

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from e2i_shared.api.common import Json
    from e2i_shared.causal.propensity import Propensity
    from e2i_shared.causal.results import Balance, Overlap
    from e2i_shared.causal.study import Study
    from e2i_shared.tools._registry import ToolContext

    Floats = NDArray[np.float64]

CLIP = 0.01
BINS = 20
FEW_OUTSIDE, UNBALANCED = 0.05, 0.1
SEPARATED = 0.98
EXAMPLES: list[Json] = [
    {
        "dataset": "patients",
        "treatment_col": "nurse_support",
        "covariates": ["age", "payer", "comorbidities", "region", "sex"],
    },
    {
        "dataset": "hcp_monthly",
        "filters": [{"column": "brand", "value": "Kisqali"}, {"column": "region", "value": "Northeast"}],
        "treatment_col": "speaker_program",
        "covariates": ["specialty", "decile", "trx_baseline", "academic", "digital_affinity"],
        "cluster_col": "hcp_id",
    },
]


class Params(DataParams):
    """Whose treatment, explained by what."""

    treatment_col: str = Field(description="0/1 treatment, or with treatment_contrast any column; name or synonym")
    covariates: Annotated[list[str], Field(min_length=1, max_length=100)] = Field(
        description="columns that may decide who is treated, by name or synonym"
    )
    treatment_contrast: list[Scalar] | None = Field(
        None, min_length=2, max_length=2, description="treated and untreated value; other rows are left out"
    )
    cluster_col: str | None = Field(None, description="rows with the same value stay in one fold; null: by role")


class Summary(BaseModel):
    """Out-of-fold propensities, each a probability."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    mean: float = Field(description="over all rows")
    std: float = Field(description="standard deviation over all rows")
    minimum: float = Field(description="least")
    p05: float = Field(description="5% quantile")
    median: float = Field(description="50% quantile")
    p95: float = Field(description="95% quantile")
    maximum: float = Field(description="largest")
    mean_treated: float = Field(description="over the treated rows")
    mean_untreated: float = Field(description="over the untreated rows")


class HistogramBin(BaseModel):
    """Rows with a propensity in [lower, upper)."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    lower: float = Field(description="probability")
    upper: float = Field(description="probability")
    treated: int
    untreated: int


class BalanceStatistic(BaseModel):
    """One covariate (its worst level), treated less untreated, in standard deviations."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    column: str
    smd_before: float = Field(description="standardised mean difference as observed")
    smd_after: float = Field(description="the same after inverse-propensity weighting")


class OverlapAssessment(BaseModel):
    """Whether rows alike in the covariates occur with and without treatment."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    verdict: Literal["good", "limited", "poor"]
    explanation: str
    share_outside: float = Field(description="share of rows with a propensity outside [0.05, 0.95]")
    support_lower: float = Field(description="least propensity that both treated and untreated rows reach")
    support_upper: float = Field(description="largest propensity that both treated and untreated rows reach")
    share_off_support: float = Field(description="share of rows outside [support_lower, support_upper]")
    ess_treated: float = Field(description="what the weighted treated rows are worth, in rows")
    ess_control: float = Field(description="what the weighted untreated rows are worth, in rows")


class CalibrationBin(BaseModel):
    """A tenth of the rows, by propensity."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    predicted: float = Field(description="mean propensity")
    observed: float = Field(description="share treated")
    n: int


class Calibration(BaseModel):
    """Whether a propensity of 30% means that 30% are treated."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    slope: float = Field(description="of the treatment on the log odds; 1 is perfect, below 1 overconfident")
    intercept: float = Field(description="of the same logistic line; 0 is perfect")
    largest_gap: float = Field(description="largest |predicted − observed| over the bins")
    bins: list[CalibrationBin]


class Result(ToolResult):
    """Who is treated, how well that is predicted, and what weighting makes of it."""

    treatment_col: str
    covariates: list[str]
    treated: int
    untreated: int
    propensity_scores: Summary
    histogram: list[HistogramBin]
    balance_statistics: list[BalanceStatistic] = Field(description="largest difference before weighting first")
    largest_smd_before: float = Field(description="largest absolute standardised mean difference as observed")
    largest_smd_after: float = Field(description="the same after weighting")
    overlap_assessment: OverlapAssessment
    auc: float = Field(description="out of fold: how often a treated row scores above an untreated one; 0.5 is chance")
    brier: float = Field(description="out of fold: mean squared error of the propensity")
    calibration: Calibration
    learner: str


def run(params: Params, context: ToolContext) -> Result:
    """Return the propensities; raise what naming a wrong column raises, InsufficientDataError, NoVariationError or NoOverlapError."""
    asked = treated_study(params, context)
    study = asked.study
    found = propensity(study, Settings(seed=context.seed, threads=context.threads))
    clipped = found.scores.clip(CLIP, 1 - CLIP)
    overlap = diagnostics.binary_overlap(study.treatment, clipped)
    balance = sorted(diagnostics.binary_balance(study, clipped), key=lambda row: -abs(row.before))
    assessment = _assess(study, found, overlap)
    treated = int(study.treatment.sum())
    return Result(
        n=study.n,
        method=f"cross-fitted propensity ({'trees on ' if found.trees else ''}penalised logistic regression)",
        assumptions=[*asked.notes, "Balance on these covariates says nothing of what was not measured."],
        warnings=[*asked.warnings, *_warnings(study, clipped, found, balance, assessment)],
        seed=context.seed,
        treatment_col=study.treatment_name,
        covariates=list(asked.covariates),
        treated=treated,
        untreated=study.n - treated,
        propensity_scores=_summary(study, found.scores),
        histogram=_histogram(study, found.scores),
        balance_statistics=[BalanceStatistic(column=b.column, smd_before=b.before, smd_after=b.after) for b in balance],
        largest_smd_before=max((abs(b.before) for b in balance), default=0.0),
        largest_smd_after=max((abs(b.after) for b in balance), default=0.0),
        overlap_assessment=assessment,
        auc=found.auc,
        brier=found.brier,
        calibration=_calibration(study, found),
        learner=found.learner,
    )


def _summary(study: Study, scores: Floats) -> Summary:
    low, middle, high = (float(q) for q in np.quantile(scores, (0.05, 0.5, 0.95)))
    treated = study.treatment == 1
    return Summary(
        mean=float(scores.mean()),
        std=float(scores.std()),
        minimum=float(scores.min()),
        p05=low,
        median=middle,
        p95=high,
        maximum=float(scores.max()),
        mean_treated=float(scores[treated].mean()),
        mean_untreated=float(scores[~treated].mean()),
    )


def _histogram(study: Study, scores: Floats) -> list[HistogramBin]:
    edges = np.round(np.linspace(0, 1, BINS + 1), 6)
    treated = study.treatment == 1
    with_, without = (np.histogram(scores[rows], edges)[0] for rows in (treated, ~treated))
    return [
        HistogramBin(lower=float(edges[k]), upper=float(edges[k + 1]), treated=int(with_[k]), untreated=int(without[k]))
        for k in range(BINS)
    ]


def _assess(study: Study, found: Propensity, overlap: Overlap) -> OverlapAssessment:
    treated = study.treatment == 1
    low = float(max(found.scores[treated].min(), found.scores[~treated].min()))
    high = float(min(found.scores[treated].max(), found.scores[~treated].max()))
    off = float(((found.scores < low) | (found.scores > high)).mean()) if low <= high else 1.0
    least = min(overlap.ess_treated or 0.0, overlap.ess_control or 0.0)
    poor = (
        overlap.share_outside > diagnostics.MOST_OUTSIDE
        or least < diagnostics.FEWEST_EFFECTIVE
        or found.auc > SEPARATED
    )
    good = overlap.share_outside <= FEW_OUTSIDE and off <= FEW_OUTSIDE
    verdict: Literal["good", "limited", "poor"] = "poor" if poor else "good" if good else "limited"
    advice = {
        "good": "Treated and untreated rows can be compared over their whole range.",
        "limited": "Effects lean on few rows where treatment is nearly certain either way.",
        "poor": "Treated and untreated rows are too unlike: narrow the rows, or ask for the effect on the treated.",
    }
    return OverlapAssessment(
        verdict=verdict,
        explanation=f"{overlap.share_outside:.0%} of rows have a propensity outside [0.05, 0.95]. {advice[verdict]}",
        share_outside=overlap.share_outside,
        support_lower=min(low, high),
        support_upper=max(low, high),
        share_off_support=off,
        ess_treated=overlap.ess_treated or 0.0,
        ess_control=overlap.ess_control or 0.0,
    )


def _calibration(study: Study, found: Propensity) -> Calibration:
    order = np.argsort(found.scores, kind="stable")
    bins = [
        CalibrationBin(
            predicted=float(found.scores[part].mean()), observed=float(study.treatment[part].mean()), n=len(part)
        )
        for part in np.array_split(order, 10)
    ]
    return Calibration(
        slope=found.calibration_slope,
        intercept=found.calibration_intercept,
        largest_gap=max(abs(b.predicted - b.observed) for b in bins),
        bins=bins,
    )


def _warnings(
    study: Study, clipped: Floats, found: Propensity, balance: Sequence[Balance], assessment: OverlapAssessment
) -> list[str]:
    beyond = int((clipped != found.scores).sum())
    worst = max(balance, key=lambda row: abs(row.after), default=None)
    told = {
        f"The covariates all but decide {study.treatment_name} (AUC {found.auc:.3f}).": found.auc > SEPARATED,
        f"{beyond} propensities were clipped to [{CLIP:g}, {1 - CLIP:g}] for weighting.": beyond > 0,
        f"After weighting {worst.column if worst else ''} still differs by more than {UNBALANCED} standard deviations.": worst
        is not None
        and abs(worst.after) > UNBALANCED,
        assessment.explanation: assessment.verdict == "poor",
    }
    return [text for text, applies in told.items() if applies]


def charts(output: Json) -> list[Json]:
    """Draw overlap, balance and calibration."""
    name = output["treatment_col"]
    counts = [each | {"control": each["untreated"]} for each in output["histogram"]]
    return [
        _charts_causal.overlap_chart(f"Who could have had {name}", counts),
        _charts_causal.love_plot(f"Balance of {name} before and after weighting", output["balance_statistics"]),
        _charts_policy.calibration_chart(f"Calibration of the propensity of {name}", output["calibration"]["bins"]),
    ]


TOOL = ToolSpec(
    name="propensity_estimator",
    category=ToolCategory.PREDICTION,
    source_agent="prediction_synthesizer",
    description=(
        "Who gets a treatment and whether treated and untreated can be compared: out-of-fold propensity scores with AUC and "
        "calibration, covariate balance before and after weighting, and a verdict on overlap. For 0/1 treatments."
    ),
    params=Params,
    result=Result,
    run=run,
    examples=EXAMPLES,
    runtime="image",
    charts=charts,
)
