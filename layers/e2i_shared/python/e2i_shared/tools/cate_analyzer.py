"""Find in which segments a treatment works better or worse than on average, with intervals that hold for all at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, ConfigDict, Field

from e2i_shared.api.common import Filter
from e2i_shared.api.tools import ToolCategory, ToolEdge
from e2i_shared.tools import _charts
from e2i_shared.tools._analysis import CausalResult
from e2i_shared.tools._registry import ToolParams, ToolResult, ToolSpec
from e2i_shared.tools._rerun import EFFECT_EXAMPLE, asked_specification
from e2i_shared.tools._segments import SegmentedEffect, segmented_effect

if TYPE_CHECKING:
    from e2i_shared.api.common import Json
    from e2i_shared.tools._registry import ToolContext

EXAMPLES: list[Json] = [
    {"causal_result": EFFECT_EXAMPLE, "segment_cols": ["payer"]},
    {
        "dataset": "hcp_monthly",
        "filters": [{"column": "brand", "value": "Kisqali"}, {"column": "region", "value": "Northeast"}],
        "treatment_col": "rep_visits",
        "outcome_col": "trx",
        "segment_cols": ["specialty", "decile"],
    },
]


class Params(ToolParams):
    """The effect to split, as a reported result or as columns, and by what."""

    causal_result: CausalResult | None = Field(None, description="the output of causal_effect_estimator")
    dataset: str | None = Field(None, description="data set, where there is no causal_result")
    filters: list[Filter] = Field([], description="conditions on rows, where there is no causal_result")
    treatment_col: str | None = Field(None, description="the cause, where there is no causal_result")
    outcome_col: str | None = Field(None, description="the outcome, where there is no causal_result")
    confounders: list[str] | None = Field(None, description="columns to adjust for, where there is no causal_result")
    cluster_col: str | None = Field(None, description="rows of one value are correlated, without a causal_result")
    segment_cols: list[str] = Field(
        min_length=1,
        max_length=6,
        description="columns whose groups are compared; numbers are cut into quantile groups",
    )
    quantile_groups: Annotated[int, Field(ge=2, le=10)] = Field(4, description="groups a numeric column is cut into")


class SegmentRow(BaseModel):
    """The effect in one segment; its interval holds for all segments at once."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    segment: str
    column: str
    level: str
    n: int
    n_clusters: int | None
    effect: float = Field(description="average effect in the segment, outcome units per unit of treatment")
    ci_lower: float = Field(description="lower bound, simultaneous over all segments")
    ci_upper: float = Field(description="upper bound, simultaneous over all segments")
    std_error: float = Field(description="standard error of the effect")
    p_value: float = Field(description="of no effect in this segment alone")
    p_value_adjusted: float = Field(description="of no effect, adjusted for the number of segments")


class SegmentEffect(BaseModel):
    """A segment's effect in short."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    effect: float = Field(description="average effect in the segment, outcome units per unit of treatment")
    ci_lower: float = Field(description="lower bound, simultaneous over all segments")
    ci_upper: float = Field(description="upper bound, simultaneous over all segments")
    n: int


class TestRow(BaseModel):
    """A test of whether the effect differs at all."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    name: str
    statistic: float = Field(
        description="F of equal effects, t of the predictor's slope, or the AUTOC in outcome units"
    )
    p_value: float = Field(description="of one effect everywhere")


class Result(ToolResult):
    """Effects by segment, who responds more and less, and whether they differ beyond chance."""

    segments: list[SegmentRow] = Field(description="largest effect first within each column")
    effect_by_segment: dict[str, SegmentEffect]
    high_responders: list[str] = Field(description="segments above the average effect beyond chance, largest first")
    low_responders: list[str] = Field(description="segments below the average effect beyond chance, least first")
    feature_importance: dict[str, float] = Field(
        description="share of the effect's variance between a column's groups, beyond chance; sums to 1, or all 0"
    )
    heterogeneity_p: float = Field(description="of equal effects in all segments; Bonferroni over the columns")
    tests: list[TestRow]
    overall_effect: float = Field(description="average effect, outcome units per unit of treatment")
    overall_ci_lower: float = Field(description="lower bound of its 95% interval")
    overall_ci_upper: float = Field(description="upper bound of its 95% interval")
    treatment_col: str
    outcome_col: str
    unit: str | None = Field(description="unit of the outcome")


def run(params: Params, context: ToolContext) -> Result:
    """Return the effects by segment; raise UnprocessableError for columns that cannot be compared, or what the estimator raises."""
    found = segmented_effect(asked_specification(params, "which effect to split"), params, context)
    rows = [SegmentRow.model_validate(row) for row in found.rows]
    overall = found.estimate.inference
    return Result(
        n=found.prepared.study.n,
        method=f"group averages of doubly robust scores ({found.estimate.method})",
        assumptions=[*found.estimate.assumptions, *found.prepared.assumptions],
        warnings=[*found.prepared.warnings, *found.estimate.warnings, *found.warnings],
        seed=context.seed,
        segments=rows,
        effect_by_segment={
            r.segment: SegmentEffect(effect=r.effect, ci_lower=r.ci_lower, ci_upper=r.ci_upper, n=r.n) for r in rows
        },
        high_responders=found.high,
        low_responders=found.low,
        feature_importance=found.importance,
        heterogeneity_p=_bonferroni(found),
        tests=[TestRow(name=t.name, statistic=t.statistic, p_value=t.p_value) for t in found.tests],
        overall_effect=overall.estimate,
        overall_ci_lower=overall.ci_lower,
        overall_ci_upper=overall.ci_upper,
        treatment_col=found.prepared.specification.treatment_col,
        outcome_col=found.prepared.specification.outcome_col,
        unit=found.prepared.outcome.unit,
    )


def _bonferroni(found: SegmentedEffect) -> float:
    each = [t.p_value for t in found.tests if t.name.startswith("equal effects")]
    return min(1.0, len(each) * min(each))


def charts(output: Json) -> list[Json]:
    """Draw a forest of segment effects, one chart per column, against the average."""
    columns = dict.fromkeys(row["column"] for row in output["segments"])
    unit = output["unit"] or output["outcome_col"]
    return [
        _charts.forest_chart(
            f"Effect of {output['treatment_col']} on {output['outcome_col']} by {column}",
            [
                {"label": r["segment"], "effect": r["effect"], "lower": r["ci_lower"], "upper": r["ci_upper"]}
                for r in output["segments"]
                if r["column"] == column
            ],
            unit=unit,
            overall=output["overall_effect"],
        )
        for column in columns
    ]


TOOL = ToolSpec(
    name="cate_analyzer",
    category=ToolCategory.SEGMENTATION,
    source_agent="heterogeneous_optimizer",
    description=(
        "For whom a treatment works best: its effect in each segment (specialty, region, decile, age group) with intervals that hold "
        "for all at once, high and low responders, what drives the differences, and a test that there are any."
    ),
    params=Params,
    result=Result,
    run=run,
    examples=EXAMPLES,
    edges=(ToolEdge(producer="causal_effect_estimator", output_field="", input_field="causal_result"),),
    runtime="image",
    charts=charts,
)
