"""Estimate the effect of a treatment on an outcome, adjusted for confounders, with an interval and diagnostics."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from e2i_shared.api.common import Scalar
from e2i_shared.api.tools import ToolCategory
from e2i_shared.causal.estimators.choice import estimate
from e2i_shared.causal.inference import intracluster_correlation
from e2i_shared.tools import _charts_causal
from e2i_shared.tools._analysis import Estimand, Method, Specification, prepare, settings_of
from e2i_shared.tools._effect_parts import Arm, BalanceRow, EventStudy, Influence, Overlap, diagnostics_of, several_of
from e2i_shared.tools._registry import DataParams, ToolResult, ToolSpec

if TYPE_CHECKING:
    from e2i_shared.api.common import Json
    from e2i_shared.causal.results import Estimate
    from e2i_shared.causal.study import Study
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
    {
        "dataset": "hcp_monthly",
        "filters": [{"column": "brand", "value": "Kisqali"}],
        "treatment_col": "academic",
        "outcome_col": "trx",
        "method": "difference_in_differences",
        "treated_from": "2025-07-01",
    },
    {
        "dataset": "patients",
        "treatment_col": "payer",
        "outcome_col": "adherence_pdc",
        "reference_level": "Commercial",
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
    method: Method = Field(
        "auto",
        description="auto chooses by treatment and randomisation, and says why; regression_adjustment sharpens an experiment by "
        "its covariates (CUPED: confounders = the outcome before); difference_in_differences compares units with their own past",
    )
    estimand: Estimand = Field(
        "ate", description="ate: over all rows; att: over the treated, where controls unlike them abound"
    )
    reference_level: Scalar | None = Field(
        None,
        description="of a category of 3 to 10 levels, the one that the others are compared with; left out: one called none or "
        "control, else the most frequent",
    )
    weight_col: str | None = Field(None, description="how many units each row stands for (a sampling weight)")
    unit_col: str | None = Field(
        None,
        description="difference_in_differences: what is seen again each period; left out: the id or cluster column",
    )
    time_col: str | None = Field(None, description="difference_in_differences: the period; left out: the time column")
    treated_from: Scalar | None = Field(
        None,
        description="difference_in_differences: first treated period, where treatment_col marks a fixed group; left out: the "
        "period in which treatment_col turns 1",
    )


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
    arms: list[Arm] = Field(
        [], description="each level of a treatment of several against the reference; ate is the first's"
    )
    event_study: EventStudy | None = Field(
        None, description="difference_in_differences: effects by time since the start"
    )
    method_reason: str
    specification: Specification


def run(params: Params, context: ToolContext) -> Result:
    """Return the effect; raise InsufficientDataError, NoVariationError, NoOverlapError or UnprocessableError, naming the field."""
    prepared = prepare(Specification.model_validate(params.model_dump()), context, several=True, panels=True)
    found = estimate(prepared.study, settings_of(context, prepared.specification), params.method)
    study, inference = prepared.study, found.inference
    treated, control = _sides(study)
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
        treatment_kind="arms" if study.arms is not None else study.kind,
        unit=prepared.outcome.unit,
        outcome_mean=float(study.outcome.mean()),
        outcome_sd=float(study.outcome.std(ddof=1)),
        treatment_mean=float(study.treatment.mean()),
        treatment_sd=float(study.treatment.std(ddof=1)),
        n_treated=treated,
        n_control=control,
        mean_treated=found.mean_treated,
        mean_control=found.mean_control,
        n_clusters=None if study.clusters is None else study.groups,
        cluster_size=None if study.clusters is None else study.n / study.groups,
        outcome_icc=intracluster_correlation(study.outcome, study.clusters),
        method_reason=found.reason,
        specification=prepared.specification,
        **diagnostics_of(found, study),
        **several_of(found),
    )


def _sides(study: Study) -> tuple[int | None, int | None]:
    """Return rows with and without treatment; of several arms those of the headline and the reference."""
    if study.kind != "binary":
        return None, None
    treated = int(study.treatment.sum())
    return treated, study.n - treated if study.arms is None else int((study.arms.codes == 0).sum())


def _relative(found: Estimate, outcome_mean: float) -> float | None:
    base = outcome_mean if found.mean_control is None else found.mean_control
    return found.inference.estimate / base if abs(base) > 1e-9 else None


def _risk_ratio(found: Estimate, *, binary_outcome: bool) -> float | None:
    if not binary_outcome or found.mean_treated is None or not found.mean_control or found.mean_control <= 0:
        return None
    return max(found.mean_treated, 0.0) / found.mean_control


def charts(output: Json) -> list[Json]:
    """Draw the effect with its interval (of several arms, or by time since treatment, all), balance and overlap."""
    return _charts_causal.of_effect(output)


TOOL = ToolSpec(
    name="causal_effect_estimator",
    category=ToolCategory.CAUSAL,
    source_agent="causal_analyst",
    description=(
        "How much a treatment (a campaign, visits, a programme) changes an outcome: the average effect per unit, adjusted for "
        "confounders by doubly robust estimation, with 95% interval, p-value, overlap and balance. For 0/1 treatments, doses, treatments "
        "of several levels, experiments, and panels whose units start at different times."
    ),
    params=Params,
    result=Result,
    run=run,
    examples=EXAMPLES,
    runtime="image",
    charts=charts,
)
