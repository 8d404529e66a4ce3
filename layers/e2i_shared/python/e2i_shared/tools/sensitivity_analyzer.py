"""Say how strong an unobserved confounder would have to be to explain an estimated effect away."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from e2i_shared.api.tools import ToolCategory, ToolEdge
from e2i_shared.causal import sensitivity
from e2i_shared.causal.study import check_rows
from e2i_shared.errors import UnknownColumnError, UnprocessableError
from e2i_shared.tools import _charts
from e2i_shared.tools._analysis import CausalResult, Prepared, prepare
from e2i_shared.tools._registry import ToolContext, ToolParams, ToolResult, ToolSpec

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from e2i_shared.api.common import Json

    Floats = NDArray[np.float64]

TIMES = (1.0, 2.0, 3.0)
MOST_UNITS_MATCHED = 20_000
MOST_DEVIATIONS = 100.0
NOT_BENCHMARKS = frozenset({"combinations of categories"})

EXAMPLES: list[Json] = [
    {
        "causal_result": {
            "ate": 1.2,
            "ci_lower": 1.0,
            "ci_upper": 1.4,
            "std_error": 0.1,
            "specification": {
                "dataset": "hcp_monthly",
                "filters": [
                    {"column": "brand", "value": "Kisqali"},
                    {"column": "region", "value": "Northeast"},
                ],
                "treatment_col": "rep_visits",
                "outcome_col": "trx",
            },
        },
        "gamma_range": [1.0, 1.5, 2.0],
        "benchmark_covariates": ["decile", "specialty"],
    }
]


class Params(ToolParams):
    """Which estimate to examine."""

    causal_result: CausalResult = Field(description="the whole output of causal_effect_estimator")
    gamma_range: list[float] = Field(
        default=[1.0, 1.25, 1.5, 2.0, 3.0],
        min_length=1,
        max_length=20,
        description="Γ ≥ 1 at which Rosenbaum's bound is shown (0/1 treatments)",
    )
    benchmark_covariates: list[str] = Field(
        default=[], description="covariates to compare a confounder with; empty: the five strongest"
    )


class BoundRow(BaseModel):
    """The estimate had a confounder ``times`` as strong as a covariate been adjusted for."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    covariate: str
    times: float = Field(description="how many times as strong as the covariate")
    r2_treatment: float = Field(description="partial R² with the treatment")
    r2_outcome: float = Field(description="partial R² with the outcome given the treatment")
    adjusted_estimate: float = Field(description="outcome units per unit of treatment")
    adjusted_lower: float = Field(description="its 95% interval, lower")
    adjusted_upper: float = Field(description="its 95% interval, upper")
    explains_away: bool = Field(description="whether the interval then reaches 0 or beyond")


class GammaRow(BaseModel):
    """Rosenbaum's bound at one Γ."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    gamma: float = Field(description="odds ratio by which a hidden bias may tilt treatment within a pair")
    p_value: float = Field(description="largest one-sided p-value")


class Result(ToolResult):
    """How sensitive the estimate is; strengths are shares of variance or risk ratios."""

    e_value: float = Field(description="risk ratio a confounder needs with both to explain the point estimate away")
    e_value_ci: float = Field(description="the same for the confidence limit nearer no effect; 1 if it holds no effect")
    approximate_risk_ratio: float = Field(
        description="the effect as a risk ratio, exp(0.91 d) of the standardised effect"
    )
    partial_r2: float = Field(description="share of the outcome's residual variance that the treatment explains")
    robustness_value: float = Field(description="share of residual variance of both needed to take the estimate to 0")
    robustness_value_ci: float = Field(description="the same for the confidence limit nearer 0; 0 if it holds 0")
    bounds: list[BoundRow]
    rosenbaum_gamma: float | None = Field(description="Γ up to which pairs stay significant; null for a dose")
    rosenbaum_pairs: int | None = Field(description="matched pairs; null for a dose")
    gamma_p_values: list[GammaRow]
    sensitivity_plot_data: list[BoundRow] = Field(description="the bounds, strongest covariate first")
    verdict: str


def run(params: Params, context: ToolContext) -> Result:
    """Return sensitivity figures; raise UnknownColumnError for a benchmark not adjusted for, EstimationError for unfit data."""
    asked = params.causal_result
    prepared = prepare(asked.specification, context)
    study = prepared.study
    check_rows(study)
    benchmarks = sensitivity.benchmarks(study.outcome, study.treatment, study.design.linear, study.design.linear_owners)
    names = _chosen(params.benchmark_covariates, benchmarks)
    bounds = [row for name in names for row in _bounds(name, benchmarks, asked)]
    near = _near_limit(asked)
    robust = [
        sensitivity.robustness(value / benchmarks.scale * math.sqrt(benchmarks.dof), benchmarks.dof)
        for value in (asked.ate, near)
    ]
    scale = _step(prepared) / float(study.outcome.std(ddof=1))
    d, d_error = asked.ate * scale, asked.std_error * scale
    _refuse_foreign(d, d_error)
    e_values = sensitivity.e_value_of_difference(d, d_error)
    gamma, pairs, gamma_rows, notes = _rosenbaum(prepared, params.gamma_range, context.seed)
    return Result(
        n=study.n,
        method="E-value, robustness value, benchmark bounds" + (", Rosenbaum bounds" if gamma is not None else ""),
        assumptions=[
            "Bounds are those of a linear model on the same covariates (Cinelli & Hazlett 2020).",
            f"The E-value is of {_step_text(prepared)}, as a standardised difference turned into a risk ratio.",
        ],
        warnings=[*prepared.warnings, *notes],
        seed=context.seed,
        e_value=e_values.point,
        e_value_ci=e_values.interval,
        approximate_risk_ratio=e_values.risk_ratio,
        partial_r2=robust[0].partial_r2,
        robustness_value=robust[0].robustness_value,
        robustness_value_ci=robust[1].robustness_value if near else 0.0,
        bounds=bounds,
        rosenbaum_gamma=gamma,
        rosenbaum_pairs=pairs,
        gamma_p_values=gamma_rows,
        sensitivity_plot_data=sorted(bounds, key=lambda row: -row.r2_outcome),
        verdict=_verdict(bounds, robust[0].robustness_value),
    )


def _refuse_foreign(d: float, error: float) -> None:
    """Refuse an effect so many standard deviations of the outcome large that it is none of this outcome's."""
    if max(abs(d), error) > MOST_DEVIATIONS:
        raise UnprocessableError(
            f"An effect of {d:.3g} ± {error:.3g} standard deviations of the outcome is not one of these data.",
            field="causal_result",
            expected=f"an effect and a standard error up to {MOST_DEVIATIONS:g} standard deviations",
            got=f"{d:.3g} ± {error:.3g}",
            hint="Pass the whole output of causal_effect_estimator, unchanged.",
        )


def _near_limit(asked: CausalResult) -> float:
    if asked.ci_lower <= 0 <= asked.ci_upper:
        return 0.0
    return asked.ci_lower if asked.ci_lower > 0 else asked.ci_upper


def _step(prepared: Prepared) -> float:
    return 1.0 if prepared.study.kind == "binary" else float(prepared.study.treatment.std(ddof=1))


def _step_text(prepared: Prepared) -> str:
    name = prepared.study.treatment_name
    return f"{name} against none" if prepared.study.kind == "binary" else f"one standard deviation more of {name}"


def _chosen(asked: list[str], benchmarks: sensitivity.Benchmarks) -> list[str]:
    known = [name for name in benchmarks.r2 if name not in NOT_BENCHMARKS]
    for name in asked:
        if name not in known:
            raise UnknownColumnError(
                f"{name!r} is not among the covariates that were adjusted for.",
                field="benchmark_covariates",
                expected="a covariate of the effect's specification",
                got=name,
                candidates=known[:10],
            )
    strongest = sorted(known, key=lambda name: -math.prod(benchmarks.r2[name]))
    return asked or strongest[:5]


def _bounds(name: str, benchmarks: sensitivity.Benchmarks, asked: CausalResult) -> list[BoundRow]:
    error = benchmarks.scale / math.sqrt(benchmarks.dof)
    rows = []
    for times in TIMES:
        found = sensitivity.bound(name, times, benchmarks.r2[name], asked.ate, error, benchmarks.dof)
        if found is None:
            continue
        half = (asked.ci_upper - asked.ci_lower) / 2
        lower, upper = found.adjusted_estimate - half, found.adjusted_estimate + half
        rows.append(
            BoundRow(
                covariate=name,
                times=times,
                r2_treatment=found.r2_treatment,
                r2_outcome=found.r2_outcome,
                adjusted_estimate=found.adjusted_estimate,
                adjusted_lower=lower,
                adjusted_upper=upper,
                explains_away=lower <= 0 if asked.ate > 0 else upper >= 0,
            )
        )
    return rows


def _rosenbaum(
    prepared: Prepared, gammas: list[float], seed: int
) -> tuple[float | None, int | None, list[GammaRow], list[str]]:
    study = prepared.study
    if study.kind == "dose":
        return None, None, [], ["Rosenbaum bounds need a 0/1 treatment and are left out."]
    rng = np.random.default_rng(seed)
    kept = np.arange(study.n)
    if study.n > MOST_UNITS_MATCHED:
        kept = np.sort(rng.choice(study.n, MOST_UNITS_MATCHED, replace=False))
    treated = study.treatment[kept] == 1
    pairs = sensitivity.match_pairs(_scores(study.design.linear[kept], treated), treated)
    differences = np.array([study.outcome[kept[i]] - study.outcome[kept[j]] for i, j in pairs])
    if int((differences != 0).sum()) < sensitivity.FEWEST_PAIRS:
        return None, len(pairs), [], ["Too few matched pairs differ for Rosenbaum bounds."]
    rows = [GammaRow(gamma=g, p_value=sensitivity.rosenbaum_p(differences, g)) for g in gammas]
    return sensitivity.rosenbaum_gamma(differences), len(pairs), rows, []


def _scores(design: Floats, treated: NDArray[np.bool_]) -> Floats:
    """Return the linear discriminant (n,), which ranks units as a linear propensity does."""
    if design.shape[1] == 0:
        return np.zeros(len(treated))
    gram = design.T @ design / len(treated) + 1e-3 * np.eye(design.shape[1])
    return np.asarray(design @ np.linalg.solve(gram, design.T @ (treated - treated.mean()) / len(treated)))


def _verdict(bounds: list[BoundRow], robustness_value: float) -> str:
    weak = [row for row in bounds if row.explains_away]
    if weak:
        first = min(weak, key=lambda row: row.times)
        return f"A confounder {first.times:g} times as strong as {first.covariate} would make the effect uncertain."
    if not bounds:
        return (
            f"A confounder explaining {robustness_value:.1%} of both residual variances would explain the effect away."
        )
    return f"Not even a confounder {TIMES[-1]:g} times as strong as any benchmark would make the effect uncertain."


def charts(output: Json) -> list[Json]:
    """Draw the estimate as it would be under confounders as strong as the benchmarks."""
    rows = [
        {
            "label": f"{row['times']:g} × {row['covariate']}",
            "effect": row["adjusted_estimate"],
            "lower": row["adjusted_lower"],
            "upper": row["adjusted_upper"],
        }
        for row in output["sensitivity_plot_data"]
    ]
    return [_charts.forest_chart("Effect under a confounder as strong as …", rows, unit="effect")] if rows else []


TOOL = ToolSpec(
    name="sensitivity_analyzer",
    category=ToolCategory.CAUSAL,
    source_agent="causal_impact",
    description=(
        "How strong an unobserved confounder would have to be to explain an effect away: E-value, robustness value, bounds by "
        "benchmark covariates, Rosenbaum's gamma."
    ),
    params=Params,
    result=Result,
    run=run,
    examples=EXAMPLES,
    edges=[ToolEdge(producer="causal_effect_estimator", output_field="", input_field="causal_result")],
    runtime="image",
    charts=charts,
)
