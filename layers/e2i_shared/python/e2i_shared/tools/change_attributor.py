"""Explain why an outcome changed between two periods or groups: who is counted, what levers they got, how they responded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from e2i_shared.api.tools import ToolCategory
from e2i_shared.tools._change_answer import explain
from e2i_shared.tools._change_reading import choose, read, sides
from e2i_shared.tools._charts_change import change_charts
from e2i_shared.tools._periods import Period
from e2i_shared.tools._registry import DataParams, ToolResult, ToolSpec

if TYPE_CHECKING:
    from e2i_shared.api.common import Json
    from e2i_shared.tools._registry import ToolContext

Kind = Literal["mix", "exposure", "response"]
EXAMPLES: list[Json] = [
    {
        "dataset": "hcp_monthly",
        "filters": [{"column": "brand", "value": "Kisqali"}],
        "outcome_col": "TRx",
        "period_b": {"start": "2026-07", "end": "2026-10"},
    },
    {
        "dataset": "hcp_monthly",
        "filters": [{"column": "brand", "value": "Fabhalta"}],
        "outcome_col": "trx",
        "aggregate": "mean",
        "compare": "previous_year",
        "levers": ["rep_visits", "samples_dropped"],
        "dimensions": ["region"],
    },
    {
        "dataset": "patients",
        "outcome_col": "adherence_pdc",
        "group_col": "region",
        "group_a": "South",
        "group_b": "Northeast",
    },
]


class Params(DataParams):
    """Which outcome, between which two periods (or groups), by which levers and covariates."""

    outcome_col: Annotated[str, Field(min_length=1, max_length=200)] = Field(
        description="numeric column, or a KPI that is a sum or mean of one (TRx), by name or synonym"
    )
    aggregate: Literal["sum", "mean"] | None = Field(
        None, description="explain the total or the mean per row; left out: as the KPI catalogue says, else the mean"
    )
    time_col: str | None = Field(None, description="column of dates; left out: by role")
    period_b: Period | None = Field(
        None, description="the later period, explained; left out: the last complete quarter"
    )
    period_a: Period | None = Field(None, description="the earlier period; left out: by `compare`")
    compare: Literal["previous_period", "previous_year"] = Field(
        "previous_period", description="what period_a is where it is not given"
    )
    group_col: str | None = Field(None, description="compare two groups of this column instead of two periods")
    group_a: str | None = Field(None, description="the group the change starts from")
    group_b: str | None = Field(None, description="the group the change leads to")
    levers: Annotated[list[str], Field(max_length=12)] | None = Field(
        None, description="treatments whose level may have changed; left out: all by role"
    )
    covariates: Annotated[list[str], Field(max_length=30)] | None = Field(
        None,
        description="columns that say who is counted, and confounders of the levers; left out: by role; [] for none",
    )
    dimensions: Annotated[list[str], Field(max_length=5)] | None = Field(
        None,
        description="columns to break the change down by, and by which effects may differ; left out: segments by role",
    )
    cluster_col: str | None = Field(None, description="rows with the same value are correlated; left out: by role")
    effects: Literal["by_sample", "common"] = Field(
        "by_sample", description="let the levers' effects differ between the two sides, or hold them equal"
    )
    limit: Annotated[int, Field(ge=1, le=50)] = Field(12, description="how many slices to list by dimension")


class Contribution(BaseModel):
    """One part of the change, in the outcome's unit; the contributions of a result add up to its change."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    kind: Kind = Field(
        description="mix: who is counted; exposure: how much of a lever they got; response: how the outcome responds"
    )
    name: str = Field(
        description="the lever or covariate; `counted`, `mix_through_levers` or `baseline` for what is neither"
    )
    label: str = Field(description="in words")
    amount: float = Field(description="part of the change, in `unit`")
    ci_lower: float = Field(description="lower 95% bound, in `unit`")
    ci_upper: float = Field(description="upper 95% bound, in `unit`")
    std_error: float = Field(description="standard error, in `unit`")
    share: float | None = Field(description="amount / change; may pass 1 or be negative; null where nothing changed")
    beyond_noise: bool = Field(description="the 95% interval leaves out 0")
    level_a: float | None = Field(description="the column's mean per row before; null where it is no one number")
    level_b: float | None = Field(description="the column's mean per row after; null where it is no one number")
    effect_per_unit: float | None = Field(
        description="of a lever: its adjusted effect, outcome units per unit of lever"
    )


class Group(BaseModel):
    """All contributions of one kind together, in the outcome's unit."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    kind: Kind
    amount: float = Field(description="part of the change, in `unit`")
    ci_lower: float = Field(description="lower 95% bound, in `unit`")
    ci_upper: float = Field(description="upper 95% bound, in `unit`")
    share: float | None = Field(description="amount / change; null where nothing changed")


class LeverChange(BaseModel):
    """How a lever moved within a slice."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    lever: str
    level_a: float = Field(description="mean per row before")
    level_b: float = Field(description="mean per row after")
    amount: float = Field(description="what the moved level did to the overall outcome by way of this slice, in `unit`")


class Slice(BaseModel):
    """One level of a dimension and its part of the change; the slices of a dimension add up to the change."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    dimension: str
    level: str
    amount: float = Field(description="part of the change, in `unit`")
    share: float | None = Field(description="amount / change; null where nothing changed")
    by_size: float = Field(description="of the amount: the slice has more or fewer rows (or a larger share of them)")
    by_rate: float = Field(description="of the amount: the outcome per row of the slice changed")
    value_a: float | None = Field(description="mean outcome per row before; null without rows")
    value_b: float | None = Field(description="mean outcome per row after; null without rows")
    n_a: int = Field(description="rows before")
    n_b: int = Field(description="rows after")
    main_lever: LeverChange | None = Field(description="the lever whose moved level did most here; null without levers")


class Result(ToolResult):
    """The change and what it is made of; amounts in ``unit``, contributions sorted by how far they push the way the outcome went."""

    outcome: str = Field(description="the outcome's column")
    title: str = Field(description="the outcome in words")
    unit: str | None = Field(description="unit of all amounts")
    aggregate: Literal["sum", "mean"] = Field(description="sum over rows, or mean per row")
    side_a: str = Field(description="the earlier period or first group, in words")
    side_b: str = Field(description="the later period or second group, in words")
    period_a: Period | None = Field(description="dates before, end exclusive; null where groups are compared")
    period_b: Period | None = Field(description="dates after, end exclusive; null where groups are compared")
    n_a: int = Field(description="rows before")
    n_b: int = Field(description="rows after")
    value_a: float = Field(description="the outcome before, in `unit`")
    value_b: float = Field(description="the outcome after, in `unit`")
    change: float = Field(description="value_b − value_a, in `unit`")
    change_pct: float | None = Field(description="change in percent of |value_a|; null where that is 0")
    ci_lower: float = Field(description="lower 95% bound of the change, were other units drawn")
    ci_upper: float = Field(description="upper 95% bound of the change, were other units drawn")
    main_cause: Contribution | None = Field(
        description="the largest contribution in the direction of the change whose interval leaves out 0; null if none"
    )
    contributions: list[Contribution] = Field(
        description="add up to the change exactly; `baseline` is the unexplained rest"
    )
    groups: list[Group] = Field(description="mix, exposure and response; add up to the change")
    residual: float = Field(description="change − sum of contributions: 0 but for rounding")
    slices: list[Slice] = Field(description="by dimension, the furthest in the direction of the change first")
    levers: list[str] = Field(description="columns taken as levers")
    adjusted_for: list[str] = Field(description="covariates that effects and levels hold equal")


def run(params: Params, context: ToolContext) -> Result:
    """Return the change in parts; raise UnprocessableError for a ratio or overlapping periods, InsufficientDataError for few rows."""
    columns = choose(params, context.data.describe(params.dataset))
    compared, notes = sides(params, columns)
    rows = read(params, columns, compared, context.data)
    return Result(**explain(params, columns, compared, rows, context.seed, notes))


TOOL = ToolSpec(
    name="change_attributor",
    category=ToolCategory.CAUSAL,
    source_agent="causal_analyst",
    description=(
        "Explains why an outcome or KPI (TRx) rose or fell between two periods or groups: splits the change into mix (who is "
        "counted), exposure (levers' levels changed × their adjusted effects) and response, with intervals; parts add up exactly; "
        "breaks it down by dimension."
    ),
    params=Params,
    result=Result,
    run=run,
    charts=change_charts,
    examples=EXAMPLES,
)
