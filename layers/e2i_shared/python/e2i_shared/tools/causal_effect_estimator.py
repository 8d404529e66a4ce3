"""Estimate the effect of a treatment on an outcome, adjusted for confounders, with an interval and diagnostics."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field

from e2i_shared.api.common import Scalar
from e2i_shared.api.tools import ToolCategory
from e2i_shared.causal.estimators.choice import estimate
from e2i_shared.causal.inference import intracluster_correlation
from e2i_shared.tools import _charts
from e2i_shared.tools._analysis import Estimand, Method, Specification, prepare, settings_of
from e2i_shared.tools._registry import DataParams, ToolResult, ToolSpec

if TYPE_CHECKING:
    from e2i_shared.api.common import Json
    from e2i_shared.causal.results import Estimate
    from e2i_shared.tools._registry import ToolContext

EXAMPLES: list[Json] = [
    {
        "dataset": "hcp_monthly",
        "filters": [{"column": "brand", "value": "Kisqali"}, {"column": "region", "value": "Northeast"}],
        "treatment_col": "rep_visits",
        "outcome_col": "trx",
    },
    {
        "dataset": "patients",
        "treatment_col": "copay_card",
        "outcome_col": "adherence_pdc",
        "confounders": ["age", "sex", "region", "payer", "comorbidities", "brand"],
        "cluster_col": "hcp_id",
    },
    {
        "dataset": "hcp_monthly",
        "filters": [{"column": "brand", "value": "Kisqali"}, {"column": "region", "value": "West"}],
        "treatment_col": "email_campaign",
        "outcome_col": "nrx",
        "method": "aipw",
    },
]


class Params(DataParams):
    """Which effect to estimate."""

    treatment_col: str = Field(description="the cause: true/false, a count or amount (a dose), or a category")
    outcome_col: str = Field(description="numeric or true/false column that the treatment may change")
    confounders: list[str] | None = Field(
        None,
        description="columns to adjust for; left out: covariates, segments, time and other treatments by role; [] for none",
    )
    treatment_contrast: list[Scalar] | None = Field(
        None, min_length=2, max_length=2, description="treated and untreated value; rows with others are left out"
    )
    cluster_col: str | None = Field(None, description="rows of one value are correlated; left out: the cluster column")
    method: Method = Field("auto", description="auto chooses by treatment and randomisation, and says why")
    estimand: Estimand = Field(
        "ate", description="ate: over all rows; att: over the treated, where controls unlike them abound"
    )


class Overlap(BaseModel):
    """How alike treated and untreated rows are."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    share_outside: float = Field(description="share of rows with a propensity outside [0.05, 0.95]")
    minimum: float = Field(description="least propensity (for a dose: least dose)")
    maximum: float = Field(description="largest propensity (for a dose: largest dose)")
    ess_treated: float | None = Field(description="effective sample size of the weighted treated rows")
    ess_control: float | None = Field(description="effective sample size of the weighted untreated rows")
    ess: float = Field(description="effective sample size that limits the estimate")


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


class Result(ToolResult):
    """The effect in outcome units (per unit of a dose), its uncertainty, and what to check before believing it."""

    ate: float = Field(description="the effect, outcome units per unit of treatment")
    ci_lower: float = Field(description="lower bound of the 95% interval")
    ci_upper: float = Field(description="upper bound of the 95% interval")
    std_error: float = Field(description="standard error of the effect")
    p_value: float = Field(description="two-sided, of no effect")
    relative_effect: float | None = Field(description="effect over the untreated mean (for a dose: the outcome's mean)")
    risk_ratio: float | None = Field(description="treated over untreated risk, where the outcome is 0/1")
    estimand: str
    treatment_kind: str
    unit: str | None = Field(description="unit of the outcome")
    outcome_mean: float = Field(description="mean of the outcome, outcome units")
    outcome_sd: float = Field(description="standard deviation of the outcome")
    treatment_mean: float = Field(description="mean of the treatment; for 0/1 the share treated")
    treatment_sd: float = Field(description="standard deviation of the treatment")
    n_treated: int | None = Field(description="rows with treatment; null for a dose")
    n_control: int | None = Field(description="rows without; null for a dose")
    mean_treated: float | None = Field(description="adjusted mean outcome were all treated; null for a dose")
    mean_control: float | None = Field(description="adjusted mean outcome were none treated; null for a dose")
    n_clusters: int | None = Field(description="independent clusters; null without")
    cluster_size: float | None = Field(description="mean rows per cluster; null without")
    outcome_icc: float | None = Field(description="intracluster correlation of the outcome; null without clusters")
    overlap: Overlap | None
    balance: list[BalanceRow]
    influence: Influence
    nuisance: dict[str, float | str] = Field(description="learner and its out-of-fold quality")
    clipped: int = Field(description="propensities moved to [0.01, 0.99]")
    method_reason: str
    specification: Specification


def run(params: Params, context: ToolContext) -> Result:
    """Return the effect; raise InsufficientDataError, NoVariationError, NoOverlapError or UnprocessableError, naming the field."""
    prepared = prepare(Specification.model_validate(params.model_dump()), context)
    found = estimate(prepared.study, settings_of(context, prepared.specification), params.method)
    study, inference = prepared.study, found.inference
    binary = study.kind == "binary"
    treated = int(study.treatment.sum()) if binary else None
    return Result(
        n=study.n,
        method=found.method,
        assumptions=[*found.assumptions, *prepared.assumptions],
        warnings=[*prepared.warnings, *found.warnings],
        seed=context.seed,
        ate=inference.estimate,
        ci_lower=inference.ci_lower,
        ci_upper=inference.ci_upper,
        std_error=inference.std_error,
        p_value=inference.p_value,
        relative_effect=_relative(found, float(study.outcome.mean())),
        risk_ratio=_risk_ratio(found, binary_outcome=study.binary_outcome),
        estimand=found.estimand,
        treatment_kind=study.kind,
        unit=prepared.outcome.unit,
        outcome_mean=float(study.outcome.mean()),
        outcome_sd=float(study.outcome.std(ddof=1)),
        treatment_mean=float(study.treatment.mean()),
        treatment_sd=float(study.treatment.std(ddof=1)),
        n_treated=treated,
        n_control=None if treated is None else study.n - treated,
        mean_treated=found.mean_treated,
        mean_control=found.mean_control,
        n_clusters=None if study.clusters is None else study.groups,
        cluster_size=None if study.clusters is None else study.n / study.groups,
        outcome_icc=intracluster_correlation(study.outcome, study.clusters),
        method_reason=found.reason,
        specification=prepared.specification,
        **_diagnostics(found),
    )


def _diagnostics(found: Estimate) -> Json:
    seen = found.diagnostics
    names = ("share_outside", "minimum", "maximum", "ess_treated", "ess_control", "ess")
    return {
        "overlap": Overlap(**{n: getattr(seen.overlap, n) for n in names}) if seen.overlap else None,
        "balance": [BalanceRow(column=b.column, smd_before=b.before, smd_after=b.after) for b in seen.balance],
        "influence": Influence(
            rows=seen.influence.units,
            variance_share=seen.influence.variance_share,
            ate_without=seen.influence.estimate_without,
        ),
        "nuisance": {"learner": found.nuisances.learner, **seen.quality},
        "clipped": seen.clipped,
    }


def _relative(found: Estimate, outcome_mean: float) -> float | None:
    base = outcome_mean if found.mean_control is None else found.mean_control
    return found.inference.estimate / base if abs(base) > 1e-9 else None


def _risk_ratio(found: Estimate, *, binary_outcome: bool) -> float | None:
    if not binary_outcome or found.mean_treated is None or not found.mean_control or found.mean_control <= 0:
        return None
    return max(found.mean_treated, 0.0) / found.mean_control


def charts(output: Json) -> list[Json]:
    """Draw the effect with its interval."""
    settled = output["specification"]
    title = f"Effect of {settled['treatment_col']} on {settled['outcome_col']}"
    return [
        _charts.effect_chart(
            title, output["ate"], output["ci_lower"], output["ci_upper"], unit=output["unit"] or settled["outcome_col"]
        )
    ]


TOOL = ToolSpec(
    name="causal_effect_estimator",
    category=ToolCategory.CAUSAL,
    source_agent="causal_analyst",
    description=(
        "How much a treatment (a campaign, visits, a programme) changes an outcome: the average effect per unit, adjusted for "
        "confounders by doubly robust estimation, with 95% interval, p-value, overlap and balance. For 0/1 treatments and doses."
    ),
    params=Params,
    result=Result,
    run=run,
    examples=EXAMPLES,
    runtime="image",
    charts=charts,
)
