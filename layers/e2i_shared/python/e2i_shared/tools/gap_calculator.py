"""Compare territories, prescribers, regions or segments with a benchmark and size what closing the gaps would bring."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from e2i_shared.api.tools import ToolCategory
from e2i_shared.errors import UnprocessableError
from e2i_shared.tools import _charts
from e2i_shared.tools._gaps import Comparison, GapColumns, choose_columns, compare, half_width
from e2i_shared.tools._registry import DataParams, ToolResult, ToolSpec

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from e2i_shared.api.common import Json
    from e2i_shared.tools._registry import ToolContext

    Floats = NDArray[np.float64]

EntityType = Literal["territory", "hcp", "segment", "region"]
EXAMPLES: list[Json] = [
    {
        "dataset": "territories",
        "entity_type": "territory",
        "metric": "trx",
        "benchmark": "target",
        "target": "target_trx",
    },
    {
        "dataset": "hcp_monthly",
        "filters": [{"column": "brand", "value": "Kisqali"}],
        "entity_type": "region",
        "metric": "trx",
        "covariates": ["specialty", "decile", "trx_baseline"],
    },
    {
        "dataset": "patients",
        "entity_type": "segment",
        "group_by": "payer",
        "metric": "discontinued_90d",
        "benchmark": "top_decile",
        "higher_is_better": False,
    },
]


class Params(DataParams):
    """What to compare, on which metric, with which benchmark."""

    entity_type: EntityType = Field(description="what is compared; finds its column in the data set by name or synonym")
    metric: str = Field(description="numeric or true/false column, by name or synonym; compared as its mean per row")
    group_by: str | None = Field(None, description="column that names the entities; required for entity_type segment")
    benchmark: Literal["mean", "median", "top_decile", "target"] = Field(
        "mean", description="of the entities' values; target compares with the number or column in `target`"
    )
    target: float | str | None = Field(None, description="a number in the metric's unit, or a column of targets")
    covariates: list[str] | None = Field(
        None, description="case mix to adjust for; left out: the data set's covariates and segments; [] for none"
    )
    size_col: str | None = Field(None, description="column that weights rows and sizes opportunities; left out: rows")
    higher_is_better: bool = Field(default=True, description="false where a low value is good, such as discontinuation")
    top_n: Annotated[int, Field(ge=1, le=50)] = Field(5, description="how many top and bottom performers to name")
    limit: Annotated[int, Field(ge=1, le=2000)] = Field(100, description="how many gaps to list, largest first")


class Gap(BaseModel):
    """One entity against its benchmark, in the metric's unit per row; a positive gap is a shortfall."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    entity: str
    column: str = Field(description="the column that holds the entity's name: with it, a filter")
    value: float = Field(description="mean of the metric per row")
    benchmark: float = Field(description="what the value is compared with")
    gap: float = Field(description="shortfall against the benchmark; negative is ahead")
    gap_pct: float | None = Field(description="gap in percent of the benchmark; null where the benchmark is 0")
    adjusted_value: float | None = Field(description="the value at the average case mix")
    adjusted_gap: float | None = Field(description="the gap between case-mix-adjusted values")
    std_error: float | None = Field(description="of the (adjusted) value; null where one cluster gives none")
    beyond_noise: bool = Field(description="the (adjusted) gap exceeds 1.96 standard errors")
    n: int = Field(description="rows")
    size: float = Field(description="rows, or the sum of size_col")
    opportunity: float = Field(description="positive gap × size: metric units over the rows read")


class Performer(BaseModel):
    """An entity named for follow-up; `column` and `entity` make a filter."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    entity: str
    column: str
    value: float = Field(description="mean of the metric per row")
    gap: float = Field(description="shortfall against the benchmark, metric units per row")
    adjusted_gap: float | None = Field(description="the gap between case-mix-adjusted values")


class Result(ToolResult):
    """Gaps, who leads and who trails, and the opportunity; amounts in the metric's unit."""

    entity_type: EntityType
    entity_column: str
    metric: str
    unit: str | None = Field(description="unit of the metric")
    entities: int = Field(description="how many were compared")
    benchmark: str
    benchmark_value: float = Field(
        description="metric units per row; with a column of targets, their mean over entities"
    )
    adjusted_benchmark_value: float | None = Field(description="the same among case-mix-adjusted values")
    gaps: list[Gap] = Field(description="largest shortfall first")
    top_performers: list[Performer] = Field(description="furthest ahead first, by adjusted gap where there is one")
    bottom_performers: list[Performer] = Field(description="furthest behind first, by adjusted gap where there is one")
    total_opportunity: float = Field(description="sum of positive gaps × size: metric units over the rows read")
    total_opportunity_ci_lower: float | None = Field(description="95% bound from the entities' standard errors")
    total_opportunity_ci_upper: float | None = Field(description="95% bound from the entities' standard errors")
    adjusted_total_opportunity: float | None = Field(description="the same sum over case-mix-adjusted gaps")
    adjusted_for: list[str] = Field(description="covariates the adjusted values hold equal")


def run(params: Params, context: ToolContext) -> Result:
    """Return the gaps; raise UnprocessableError for a target without a value, InsufficientDataError under two entities."""
    if (params.benchmark == "target") == (params.target is None):
        raise UnprocessableError(
            "A benchmark of 'target' and a value in `target` go together.",
            field="target",
            expected="a number or a column of targets with benchmark 'target', nothing otherwise",
            got=f"benchmark {params.benchmark!r} with target {params.target!r}",
        )
    columns = choose_columns(params, context.data.describe(params.dataset))
    measured = compare(params, context.data.read(params.dataset, columns.names(), params.filters), columns)
    raw, adjusted = measured.raw, measured.adjusted
    total, half = float(_opportunity(raw.gap, measured).sum()), half_width(measured)
    return Result(
        n=int(measured.count.sum()),
        method=_method(params, measured),
        assumptions=_assumptions(measured),
        warnings=_warnings(params, columns, measured),
        entity_type=params.entity_type,
        entity_column=columns.entity.name,
        metric=columns.metric.name,
        unit=columns.metric.unit,
        entities=len(measured.labels),
        benchmark=params.benchmark,
        benchmark_value=float(raw.benchmark.mean()),
        adjusted_benchmark_value=float(adjusted.benchmark.mean()) if adjusted else None,
        gaps=[_gap(measured, columns, i) for i in _largest(raw.gap)[: params.limit]],
        top_performers=_performers(measured, columns, -measured.used.gap, params.top_n),
        bottom_performers=_performers(measured, columns, measured.used.gap, params.top_n),
        total_opportunity=total,
        total_opportunity_ci_lower=None if half is None else max(0.0, total - half),
        total_opportunity_ci_upper=None if half is None else total + half,
        adjusted_total_opportunity=float(_opportunity(adjusted.gap, measured).sum()) if adjusted else None,
        adjusted_for=list(measured.adjusted_for),
    )


def charts(output: Json) -> list[Json]:
    """Return bars of the listed entities against the benchmark."""
    fields = {"label": "entity", "value": "value", "gap": "gap", "benchmark": "benchmark"}
    rows = [{name: g[source] for name, source in fields.items()} for g in output["gaps"]]
    title = f"{output['metric']} by {output['entity_column']} against {output['benchmark']}"
    return [_charts.gap_chart(title, rows, unit=output["unit"] or "", benchmark=output["benchmark_value"])]


def _opportunity(gap: Floats, measured: Comparison) -> Floats:
    return np.asarray(np.maximum(gap, 0.0) * measured.size)


def _largest(values: Floats) -> list[int]:
    return [int(i) for i in np.argsort(-values, kind="stable")]


def _gap(measured: Comparison, columns: GapColumns, i: int) -> Gap:
    raw, adjusted, error = measured.raw, measured.adjusted, float(measured.errors[i])
    gap, benchmark = float(raw.gap[i]), float(raw.benchmark[i])
    return Gap(
        entity=measured.labels[i],
        column=columns.entity.name,
        value=float(raw.values[i]),
        benchmark=benchmark,
        gap=gap,
        gap_pct=100.0 * gap / abs(benchmark) if benchmark else None,
        adjusted_value=float(adjusted.values[i]) if adjusted else None,
        adjusted_gap=float(adjusted.gap[i]) if adjusted else None,
        std_error=error if np.isfinite(error) else None,
        beyond_noise=bool(abs(measured.used.gap[i]) > 1.96 * error),
        n=int(measured.count[i]),
        size=float(measured.size[i]),
        opportunity=max(gap, 0.0) * float(measured.size[i]),
    )


def _performers(measured: Comparison, columns: GapColumns, lead: Floats, most: int) -> list[Performer]:
    adjusted = measured.adjusted
    return [
        Performer(
            entity=measured.labels[i],
            column=columns.entity.name,
            value=float(measured.raw.values[i]),
            gap=float(measured.raw.gap[i]),
            adjusted_gap=float(adjusted.gap[i]) if adjusted else None,
        )
        for i in _largest(lead)[:most]
        if lead[i] > 0
    ]


def _method(params: Params, measured: Comparison) -> str:
    basis = {
        "mean": "the mean of the entities' values",
        "median": "the median of the entities' values",
        "top_decile": "the value that the best tenth of the entities reach (linear interpolation)",
        "target": "the given target",
    }
    text = f"Mean per {'unit of ' + params.size_col if params.size_col else 'row'} against {basis[params.benchmark]}."
    if measured.adjusted:
        slopes = "pooled over entities" if measured.pooled else "within entities"
        text += f" Adjusted: value − (entity's mean covariates − overall means) × least-squares slopes {slopes}."
    return text


def _assumptions(measured: Comparison) -> list[str]:
    notes = [
        "The opportunity assumes that an entity behind could reach the benchmark; what causes its gap is not shown."
    ]
    if measured.adjusted:
        notes.append(
            f"Adjusted gaps assume linear effects of {', '.join(measured.adjusted_for)}, the same for every entity."
        )
    return notes


def _warnings(params: Params, columns: GapColumns, measured: Comparison) -> list[str]:
    metric, unit = columns.metric.name, columns.metric.unit or ""
    found = {
        f"{measured.dropped:,} rows without {metric}, {columns.entity.name} or a positive size were left out, not counted as 0.": measured.dropped,
        f"No value of {metric} for {', '.join(measured.empty[:10])}: left out.": measured.empty,
        f"{', '.join(measured.inseparable)}: constant within every {columns.entity.name}, so not adjusted for.": measured.inseparable,
        f"{metric} is a rate ({unit}); name size_col to size opportunities in whole units.": " per " in unit
        and not params.size_col,
        f"{len(measured.labels) - params.limit} more entities are not listed; totals include them.": len(
            measured.labels
        )
        > params.limit,
        "Entities with a single row or cluster have no standard error, so the opportunity has no interval.": half_width(
            measured
        )
        is None,
        "No gap exceeds its noise: the ranking may be chance.": not _any_beyond_noise(measured),
    }
    return [text for text, applies in found.items() if applies]


def _any_beyond_noise(measured: Comparison) -> bool:
    return bool((np.abs(measured.used.gap) > 1.96 * measured.errors).any())


TOOL = ToolSpec(
    name="gap_calculator",
    category=ToolCategory.GAP,
    source_agent="gap_analyzer",
    description=(
        "Measures how far territories, prescribers, regions or any segment fall short of a benchmark (mean, median, top decile or "
        "target) on a metric, raw and adjusted for case mix, names top and bottom performers and sizes the total opportunity."
    ),
    params=Params,
    result=Result,
    run=run,
    charts=charts,
    examples=EXAMPLES,
)
