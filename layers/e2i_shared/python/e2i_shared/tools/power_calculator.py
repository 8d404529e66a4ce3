"""Size an experiment: power, sample size per arm, smallest detectable effect and duration of a two-arm comparison."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from e2i_shared.api.common import Filter
from e2i_shared.api.tools import ToolCategory, ToolEdge
from e2i_shared.tools import _charts
from e2i_shared.tools._power_answer import answer
from e2i_shared.tools._power_inputs import choose_effect, find_spread
from e2i_shared.tools._registry import ToolParams, ToolResult, ToolSpec

if TYPE_CHECKING:
    from e2i_shared.api.common import Json
    from e2i_shared.tools._registry import ToolContext

Fraction = Annotated[float, Field(gt=0, lt=1)]
Positive = Annotated[float, Field(ge=1e-12, le=1e12)]
Amount = Annotated[float, Field(ge=-1e12, le=1e12)]
EXAMPLES: list[Json] = [
    {"effect_size": 0.02, "baseline_rate": 0.10, "enrol_per_week": 400},
    {"effect_size": 1.5, "sd": 6.0, "icc": 0.05, "cluster_size": 25, "power_target": 0.9},
    {
        "effect_size": {
            "Oncology": {"effect": 2.2, "ci_lower": 2.0, "ci_upper": 2.4, "n": 6720},
            "Allergy": {"effect": 0.9, "ci_lower": 0.6, "ci_upper": 1.2, "n": 2880},
        },
        "dataset": "hcp_monthly",
        "outcome_col": "trx",
        "filters": [{"column": "brand", "value": "Kisqali"}],
        "looks": 3,
    },
    {"effect_size": None, "sd": 1.0, "sample_size": 200},
]


class SegmentEffect(BaseModel):
    """One segment's effect with its interval; other fields are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)

    effect: Amount
    ci_lower: Amount | None = None
    ci_upper: Amount | None = None
    n: Annotated[int, Field(ge=0)] | None = None


class Params(ToolParams):
    """The effect to find, how the outcome varies, and the design."""

    model_config = ConfigDict(allow_inf_nan=False)

    effect_size: Amount | dict[str, SegmentEffect] | None = Field(
        description=(
            "difference to detect, in outcome units (a fraction for rates), its sign only says the direction; or "
            "effect_by_segment of cate_analyzer; null, with a sample size, asks for the detectable effect alone"
        )
    )
    effect_choice: Literal["smallest", "weighted_mean", "largest"] = Field(
        "smallest",
        description="which segment effect is used: the smallest or largest in size of those whose interval excludes 0, or the mean",
    )
    effect_ci_lower: Amount | None = Field(
        None, description="95% bound of effect_size; adds a cautious size and assurance"
    )
    effect_ci_upper: Amount | None = Field(None, description="95% bound of effect_size")
    baseline_rate: Fraction | None = Field(
        None, description="rate of a yes/no outcome in the control arm, as a fraction"
    )
    sd: Positive | None = Field(None, description="standard deviation of a numeric outcome, in its unit")
    sd_treated: Positive | None = Field(
        None, description="of the treated arm where it differs from sd; uses the z test"
    )
    dataset: str | None = Field(None, description="where to measure sd or baseline_rate when neither is given")
    outcome_col: str | None = Field(None, description="outcome column of `dataset`")
    filters: list[Filter] = []
    sample_size: Annotated[int, Field(ge=2, le=10**9)] | None = Field(
        None, description="units in the control arm (in each arm at allocation 1), to get its power"
    )
    total_sample_size: Annotated[int, Field(ge=4, le=10**9)] | None = Field(
        None, description="units in both arms together, instead"
    )
    alpha: Annotated[float, Field(ge=1e-9, le=0.5)] = Field(0.05, description="total type I error")
    sided: Literal[1, 2] = Field(2, description="a two-sided test spends alpha/2 in each tail")
    power_target: Annotated[float, Field(ge=0.05, lt=1)] = Field(0.8, description="1 − type II error")
    allocation: Annotated[float, Field(ge=0.05, le=20)] = Field(1.0, description="treated units per control unit")
    test: Literal["t", "z"] = Field("t", description="for means")
    proportion_method: Literal["pooled_z", "unpooled_z", "arcsine_h", "pooled_z_continuity_corrected"] = "pooled_z"
    icc: Annotated[float, Field(ge=0, lt=1)] | None = Field(
        None, description="intracluster correlation, for randomised clusters"
    )
    cluster_size: Annotated[float, Field(ge=1)] | None = Field(None, description="mean units per cluster")
    cluster_name: Annotated[str, Field(max_length=60)] | None = Field(
        None, description="what one randomised cluster is called, for the answer: HCPs"
    )
    cluster_size_cv: Annotated[float, Field(ge=0, le=3)] = Field(
        0.0, description="coefficient of variation of cluster sizes"
    )
    looks: Annotated[int, Field(ge=1, le=10)] = Field(1, description="analyses at equal steps, the last included")
    boundary: Literal["obf", "pocock", "ld_obf", "ld_pocock"] = Field(
        "obf", description="with looks > 1: exact O'Brien–Fleming or Pocock, or their Lan–DeMets spending functions"
    )
    prognostic_r2: Annotated[float, Field(ge=0, lt=1)] = Field(
        0.0, description="share of variance a prognostic covariate explains"
    )
    prognostic_correlation: Annotated[float, Field(ge=0, le=1)] = Field(
        1.0, description="how well the covariate carries over to this trial; the size falls by (r2 × correlation²)"
    )
    enrol_per_week: Positive | None = Field(
        None, description="units enrolled per week in both arms; gives the duration"
    )
    follow_up_weeks: Annotated[float, Field(ge=0)] = Field(0.0, description="from the last enrolment to its outcome")

    @model_validator(mode="after")
    def _power_above_alpha(self) -> Params:
        """Refuse a target that chance alone reaches."""
        if self.power_target <= self.alpha:
            raise ValueError(f"power_target must exceed alpha ({self.alpha:g}), got {self.power_target:g}")
        return self


class SegmentSize(BaseModel):
    """What it takes to find one segment's effect within that segment."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    segment: str
    effect: float = Field(description="outcome units")
    required_sample_size_per_arm: int | None = Field(
        description="control-arm units; null for an effect that cannot be tested"
    )


class Caution(BaseModel):
    """The size if the effect is no larger than its interval's near end."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    effect: float = Field(description="the end of the 95% interval nearer to 0, outcome units")
    required_sample_size_per_arm: int = Field(description="control-arm units")
    clusters_per_arm: int | None = Field(default=None, description="control-arm clusters, for randomised clusters")


class CurvePoint(BaseModel):
    """Power at one sample size."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    n: int = Field(description="control-arm units")
    power: float = Field(description="probability of finding the effect")


class Result(ToolResult):
    """The design's numbers; arms in units, effects in outcome units."""

    endpoint: Literal["means", "proportions"]
    effect_used: float | None = Field(description="outcome units; null when only the detectable effect was asked for")
    effect_basis: str = Field(description="where the effect comes from")
    standardized_effect: float | None = Field(description="effect in control-arm standard deviations")
    baseline_rate: float | None = Field(description="control rate used, a fraction")
    sd: float = Field(description="control standard deviation used, outcome units")
    power_target: float = Field(description="probability of finding the effect that sizes aim at")
    power: float | None = Field(description="at the given sample size, else at the required one")
    required_sample_size_per_arm: int | None = Field(description="control-arm units (each arm at allocation 1)")
    required_sample_size_treated: int | None = Field(description="treated-arm units")
    required_total_sample_size: int | None = Field(description="units in both arms")
    clusters_per_arm: int | None = Field(description="control-arm clusters, for randomised clusters")
    cluster_name: str | None = Field(description="what one cluster is called")
    clusters_treated: int | None = Field(description="treated-arm clusters")
    minimum_detectable_effect: float | None = Field(
        description="at the given sample size, else the required one; outcome units, with the effect's sign; null if none is detectable"
    )
    duration_estimate_weeks: float | None = Field(
        description="weeks to enrol the given, else the required, size and follow up"
    )
    design_effect: float = Field(description="variance inflation by clusters; 1 without")
    inflation: float = Field(description="sample size inflation by interim looks; 1 without")
    boundary_z: list[float] = Field(description="critical values at the looks; one for a single analysis")
    cautious: Caution | None = Field(description="sized by the effect's nearer confidence bound, where it is given")
    assurance: float | None = Field(
        description="power averaged over the effect's uncertainty, where its interval is given"
    )
    by_segment: list[SegmentSize] = Field(description="for a dictionary of segment effects")
    power_curve: list[CurvePoint]


def run(params: Params, context: ToolContext) -> Result:
    """Return the design's numbers; raise UnprocessableError for a zero effect or an outcome of unknown spread."""
    spread = find_spread(params, context.data)
    effect = choose_effect(params)
    return Result(**answer(params, spread, effect))


def charts(output: Json) -> list[Json]:
    """Return the power curve, over clusters where these are randomised."""
    rows, target = output["power_curve"], output["power_target"]
    if not rows:
        return []
    if output["clusters_per_arm"] is None:
        return [_charts.power_chart(rows, target=target)]
    each = output["required_sample_size_per_arm"] / output["clusters_per_arm"]
    clusters = [row | {"n": round(row["n"] / each)} for row in rows]
    return [_charts.power_chart(clusters, target=target, counted=output["cluster_name"] or "clusters")]


TOOL = ToolSpec(
    name="power_calculator",
    category=ToolCategory.EXPERIMENT,
    source_agent="experiment_designer",
    description=(
        "Sizes a two-arm experiment on a mean or a rate: power for a given size, required sample size per arm, minimum detectable effect "
        "and duration, with unequal allocation, cluster randomisation (ICC), interim looks and a cautious size from the effect's interval."
    ),
    params=Params,
    result=Result,
    run=run,
    charts=charts,
    examples=EXAMPLES,
    edges=(
        ToolEdge(producer="causal_effect_estimator", output_field="ate", input_field="effect_size"),
        ToolEdge(producer="causal_effect_estimator", output_field="ci_lower", input_field="effect_ci_lower"),
        ToolEdge(producer="causal_effect_estimator", output_field="ci_upper", input_field="effect_ci_upper"),
        ToolEdge(producer="causal_effect_estimator", output_field="outcome_sd", input_field="sd"),
        ToolEdge(producer="causal_effect_estimator", output_field="outcome_icc", input_field="icc"),
        ToolEdge(producer="causal_effect_estimator", output_field="cluster_size", input_field="cluster_size"),
        ToolEdge(producer="cate_analyzer", output_field="effect_by_segment", input_field="effect_size"),
    ),
)
