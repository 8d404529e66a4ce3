"""Say how strong an unobserved confounder would have to be to explain a reported effect away."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, ConfigDict, Field

from e2i_shared.api.tools import ToolCategory, ToolEdge
from e2i_shared.tools import _charts
from e2i_shared.tools._analysis import CausalResult
from e2i_shared.tools._registry import ToolParams, ToolResult, ToolSpec
from e2i_shared.tools._rerun import EFFECT_EXAMPLE, rerun
from e2i_shared.tools._sensitivity import matched_pairs, measure, sensitivity_grid, settle_benchmarks, value_of_e

if TYPE_CHECKING:
    from e2i_shared.api.common import Json
    from e2i_shared.tools._registry import ToolContext

EXAMPLES: list[Json] = [
    {"causal_result": EFFECT_EXAMPLE},
    {"causal_result": EFFECT_EXAMPLE, "gamma_range": [1.0, 1.5, 2.0], "benchmark_covariates": ["age", "payer"]},
]


class Params(ToolParams):
    """The effect, and what to compare a hidden confounder with."""

    causal_result: CausalResult = Field(description="the output of causal_effect_estimator")
    gamma_range: list[Annotated[float, Field(ge=1, le=20)]] = Field(
        [1.0, 1.25, 1.5, 2.0, 3.0], description="odds by which hidden bias may shift treatment within matched pairs"
    )
    benchmark_covariates: list[str] = Field(
        [], description="covariates to compare with; left out: the three strongest adjusted for"
    )


class BenchmarkRow(BaseModel):
    """A hidden confounder as strong as a covariate."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    column: str
    multiple: float = Field(description="how many times as strong as the covariate")
    r2_treatment: float = Field(description="partial R² with the treatment")
    r2_outcome: float = Field(description="partial R² with the outcome")
    adjusted_effect: float = Field(description="effect left, outcome units")
    adjusted_lower: float = Field(description="lower bound of its 95% interval")
    adjusted_upper: float = Field(description="upper bound of its 95% interval")


class GammaRow(BaseModel):
    """The worst p-value under hidden bias Γ."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    gamma: float = Field(description="odds ratio of treatment within a pair that hidden bias may cause")
    p_upper: float = Field(description="largest one-sided signed-rank p-value it allows")


class PlotPoint(BaseModel):
    """The effect left at one strength of confounding."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    r2: float = Field(description="partial R² of the confounder with both treatment and outcome")
    adjusted_effect: float = Field(description="effect left, outcome units")
    adjusted_lower: float = Field(description="lower bound of its 95% interval")
    adjusted_upper: float = Field(description="upper bound of its 95% interval")


class Result(ToolResult):
    """Strengths at which the effect would vanish."""

    e_value_point: float = Field(
        description="least risk ratio with treatment and outcome that explains the effect away"
    )
    e_value_ci: float = Field(
        description="the same for the interval's bound nearer to no effect; 1 where it holds none"
    )
    risk_ratio: float = Field(description="the effect as a risk ratio, of which the E-values are")
    robustness_value: float = Field(description="partial R² with both at which the effect vanishes")
    robustness_value_ci: float = Field(description="partial R² with both at which it stops being significant")
    partial_r2: float = Field(description="share of the outcome's residual variance that the treatment explains")
    benchmarks: list[BenchmarkRow]
    rosenbaum_gamma: float | None = Field(
        description="largest Γ at which matched pairs stay significant; null for a dose"
    )
    rosenbaum: list[GammaRow]
    sensitivity_plot_data: list[PlotPoint]
    ate: float = Field(description="the reported effect, outcome units per unit of treatment")


def run(params: Params, context: ToolContext) -> Result:
    """Return the analysis; raise UnknownColumnError for a benchmark that was not adjusted for, or what estimating again raises."""
    reported = params.causal_result
    again = rerun(reported, context)
    study = again.prepared.study
    strength = measure(reported, again)
    e_value, scale_note = value_of_e(reported, again)
    pairs = matched_pairs(reported, again, params.gamma_range)
    return Result(
        n=study.n,
        method="E-value (VanderWeele & Ding 2017), robustness value (Cinelli & Hazlett 2020), Rosenbaum bounds (2002)",
        assumptions=[scale_note, *strength.notes, *pairs.notes],
        warnings=again.warnings,
        seed=context.seed,
        e_value_point=e_value.point,
        e_value_ci=e_value.interval,
        risk_ratio=e_value.risk_ratio,
        robustness_value=strength.robustness,
        robustness_value_ci=strength.robustness_ci,
        partial_r2=strength.partial_r2,
        benchmarks=[
            BenchmarkRow.model_validate(row)
            for row in settle_benchmarks(strength, again, reported, params.benchmark_covariates)
        ],
        rosenbaum_gamma=pairs.gamma,
        rosenbaum=[GammaRow(gamma=gamma, p_upper=p) for gamma, p in pairs.bounds],
        sensitivity_plot_data=[PlotPoint.model_validate(row) for row in sensitivity_grid(strength, reported)],
        ate=reported.ate,
    )


def charts(output: Json) -> list[Json]:
    """Draw the effect left against the confounder's strength."""
    rows = [
        {"x": p["r2"], "y": p["adjusted_effect"], "lower": p["adjusted_lower"], "upper": p["adjusted_upper"]}
        for p in output["sensitivity_plot_data"]
    ]
    title = "Effect left by a hidden confounder of this partial R² with treatment and outcome"
    return [_charts.line_chart(title, rows, unit="effect", temporal=False, x_title="partial R²")]


TOOL = ToolSpec(
    name="sensitivity_analyzer",
    category=ToolCategory.CAUSAL,
    source_agent="causal_analyst",
    description=(
        "How strong a confounder nobody measured would have to be to explain an effect away: E-value, robustness value with partial "
        "R² of benchmark covariates, Rosenbaum's Γ for matched pairs, and the effect left at each strength."
    ),
    params=Params,
    result=Result,
    run=run,
    examples=EXAMPLES,
    edges=(ToolEdge(producer="causal_effect_estimator", output_field="", input_field="causal_result"),),
    runtime="image",
    charts=charts,
)
