"""Rank the levers that move an outcome: each one's effect adjusted for the others and for confounders, on comparable scales."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from e2i_shared.api.tools import ToolCategory
from e2i_shared.tools._charts_change import driver_charts
from e2i_shared.tools._drivers import drivers_of
from e2i_shared.tools._registry import DataParams, ToolResult, ToolSpec

if TYPE_CHECKING:
    from e2i_shared.api.common import Json
    from e2i_shared.tools._registry import ToolContext

EXAMPLES: list[Json] = [
    {
        "dataset": "hcp_monthly",
        "filters": [
            {"column": "brand", "value": "Kisqali"},
            {"column": "month", "op": "ge", "value": "2026-04-01"},
        ],
        "outcome_col": "trx",
    },
    {
        "dataset": "patients",
        "outcome_col": "adherence_pdc",
        "levers": ["copay_card", "nurse_support"],
        "rank_by": "contribution",
    },
]


class Params(DataParams):
    """Which outcome, which candidate levers, by which scale to rank."""

    outcome_col: Annotated[str, Field(min_length=1, max_length=200)] = Field(
        description="numeric or true/false column, by name or synonym"
    )
    levers: Annotated[list[str], Field(min_length=1, max_length=15)] | None = Field(
        None, description="candidate levers, numeric or of two values; left out: every treatment by role"
    )
    confounders: Annotated[list[str], Field(max_length=60)] | None = Field(
        None, description="adjusted for besides the other levers; left out: by role; [] for none"
    )
    cluster_col: str | None = Field(None, description="rows with the same value are correlated; left out: by role")
    rank_by: Literal["per_sd", "per_unit", "contribution"] = Field(
        "per_sd",
        description="effect of one standard deviation, of one unit, or of the whole present level of the lever",
    )
    learner: Literal["auto", "linear"] = Field(
        "auto",
        description="model of outcome and levers given confounders: trees where they help, or linear only (faster)",
    )


class Driver(BaseModel):
    """One lever, adjusted for confounders and the other levers; amounts in the outcome's unit per row."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    lever: str
    rank: int = Field(description="1 is the largest magnitude on the scale of rank_by")
    rank_best: int = Field(description="best rank that the 95% intervals of all differences allow")
    rank_worst: int = Field(description="worst rank that they allow")
    effect: float = Field(description="outcome units per unit of the lever")
    ci_lower: float = Field(description="lower bound; the intervals of all levers hold together with 95%")
    ci_upper: float = Field(description="upper bound; the intervals of all levers hold together with 95%")
    std_error: float = Field(description="standard error of effect")
    p_value: float = Field(description="two-sided, of this lever alone")
    p_adjusted: float = Field(description="adjusted for all levers (max-|t|)")
    significant: bool = Field(description="p_adjusted is below 0.05")
    per_sd: float = Field(description="effect × standard deviation of the lever")
    contribution: float = Field(description="effect × mean level of the lever: what its present level brings per row")
    contribution_ci_lower: float = Field(description="simultaneous lower bound of contribution")
    contribution_ci_upper: float = Field(description="simultaneous upper bound of contribution")
    share_of_outcome: float | None = Field(description="contribution / mean outcome; null where that is 0")
    mean_level: float = Field(description="mean of the lever per row, in its unit")
    sd_level: float = Field(description="standard deviation of the lever, in its unit")
    unit: str | None = Field(description="unit of the lever")
    method: str = Field(description="estimator of this lever's effect")


class Unranked(BaseModel):
    """A lever whose effect could not be estimated."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    lever: str
    reason: str


class Result(ToolResult):
    """The levers by rank; effects in ``unit`` of the outcome per unit of the lever."""

    outcome: str
    unit: str | None = Field(description="unit of the outcome")
    outcome_mean: float = Field(description="mean outcome per row")
    rank_by: Literal["per_sd", "per_unit", "contribution"]
    top_driver: str | None = Field(description="the only lever that may have rank 1; null where several may")
    drivers: list[Driver] = Field(description="largest magnitude first")
    not_ranked: list[Unranked]
    critical_value: float = Field(description="of the simultaneous intervals, in standard errors")
    adjusted_for: list[str] = Field(description="confounders, besides the other levers")
    n_clusters: int | None = Field(description="independent clusters; null where rows are")


def run(params: Params, context: ToolContext) -> Result:
    """Return the ranking; raise UnprocessableError without a lever, or what the estimator raises if no lever can be estimated."""
    return Result(**drivers_of(params, context))


TOOL = ToolSpec(
    name="driver_ranker",
    category=ToolCategory.CAUSAL,
    source_agent="causal_analyst",
    description=(
        "Ranks which of several levers (visits, emails, samples, programmes) move an outcome most: each lever's effect adjusted for "
        "confounders and the other levers, per unit, per standard deviation and in total, with multiplicity-adjusted p-values and "
        "intervals for ranks."
    ),
    params=Params,
    result=Result,
    run=run,
    charts=driver_charts,
    examples=EXAMPLES,
    runtime="image",
)
