"""Measure how far a column's distribution in one period has drifted from an earlier one: the population stability index."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, ConfigDict, Field

from e2i_shared.api.tools import ToolCategory
from e2i_shared.causal.stability import SEVERITY_FROM, Severity
from e2i_shared.tools import _charts_monitoring
from e2i_shared.tools._drift import Drift, measure, settle
from e2i_shared.tools._periods import Period
from e2i_shared.tools._registry import DataParams, ToolResult, ToolSpec

if TYPE_CHECKING:
    from e2i_shared.api.common import Json
    from e2i_shared.tools._registry import ToolContext

EXAMPLES: list[Json] = [
    {
        "dataset": "hcp_monthly",
        "feature_name": "digital_affinity",
        "reference_period": {"start": "2025-07", "end": "2026-07"},
        "comparison_period": {"start": "2026-07", "end": "2026-10"},
    },
    {
        "dataset": "hcp_monthly",
        "feature_name": "samples_dropped",
        "comparison_period": {"start": "2026-02", "end": "2026-04"},
    },
    {"dataset": "territories", "feature_name": "brand"},
]


class Params(DataParams):
    """Which column, in which periods."""

    feature_name: Annotated[str, Field(min_length=1, max_length=200)] = Field(
        description="number, true/false or category column"
    )
    reference_period: Period | None = Field(None, description="left out: all dates before the comparison period")
    comparison_period: Period | None = Field(None, description="left out: the last complete month")
    bins: Annotated[int, Field(ge=2, le=50)] = Field(
        10, description="bins of a number, at equal shares of the reference"
    )


class BinContribution(BaseModel):
    """One bin; the contributions of all bins add up to ``psi_value``."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    bin: str = Field(description="range or value; (missing) holds rows without a value, (other) the rarest values")
    lower: float | None = Field(
        description="values above this, in the column's unit; null for the first bin and for text"
    )
    upper: float | None = Field(
        description="values up to this, in the column's unit; null for the last bin and for text"
    )
    reference_n: int = Field(description="rows of the reference period")
    comparison_n: int = Field(description="rows of the comparison period")
    reference_share: float = Field(description="fraction of the reference rows")
    comparison_share: float = Field(description="fraction of the comparison rows")
    contribution: float = Field(description="(q − p)·ln(q/p), dimensionless, ≥ 0")
    new: bool = Field(description="the reference has no such value")


class Result(ToolResult):
    """The index, its severity and where it comes from."""

    feature: str = Field(description="the column")
    psi_value: float = Field(description="population stability index, dimensionless, ≥ 0")
    drift_severity: Severity = Field(
        description="none below 0.1 or where chance gives as much; minor, moderate from 0.2, severe from 0.25"
    )
    threshold: float = Field(
        description="what chance alone exceeds in 5% of cases: (1/n + 1/m)·χ²₀.₉₅,B−1 × design effect"
    )
    beyond_chance: bool = Field(description="psi_value exceeds threshold")
    bin_contributions: list[BinContribution] = Field(description="in the column's order")
    largest_contribution: str = Field(description="the bin that contributes most")
    reference_period: Period = Field(description="dates used, end exclusive")
    comparison_period: Period = Field(description="dates used, end exclusive")
    reference_n: int = Field(description="rows of the reference period")
    comparison_n: int = Field(description="rows of the comparison period")
    reference_mean: float | None = Field(description="mean of a number where known, in its unit")
    comparison_mean: float | None = Field(description="mean of a number where known, in its unit")
    reference_missing_share: float = Field(description="fraction of the reference rows without a value")
    comparison_missing_share: float = Field(description="fraction of the comparison rows without a value")
    unit: str | None = Field(description="the column's unit")
    design_effect: float = Field(
        description="by how much rows of one unit widen what chance gives; 1 for independent rows"
    )


def run(params: Params, context: ToolContext) -> Result:
    """Return the index; raise UnprocessableError for an unfit column or overlapping periods, InsufficientDataError for few rows.

    Estimand, formula and source: ``e2i_shared.causal.stability.population_stability``; dimensionless.
    """
    dataset = context.data.describe(params.dataset)
    question = settle(dataset, params.feature_name, params.reference_period, params.comparison_period)
    drift = measure(question, params.filters, context.data, bins=params.bins)
    found = drift.stability
    return Result(
        n=drift.reference_n + drift.comparison_n,
        method=f"PSI over {len(drift.bins.labels)} bins, each the reference's own; shares (count + ½)/(n + B/2).",
        assumptions=_assumptions(drift),
        warnings=_warnings(drift),
        feature=question.column.name,
        psi_value=found.psi,
        drift_severity=found.severity,
        threshold=found.threshold,
        beyond_chance=found.psi > found.threshold,
        bin_contributions=_contributions(drift),
        largest_contribution=drift.largest(),
        reference_period=Period(start=str(question.reference.start), end=str(question.reference.end)),
        comparison_period=Period(start=str(question.comparison.start), end=str(question.comparison.end)),
        unit=question.column.unit,
        **drift.summary(),
    )


def charts(output: Json) -> list[Json]:
    """Return the shares of each bin, side by side."""
    return [_charts_monitoring.psi_chart(output)]


def _contributions(drift: Drift) -> list[BinContribution]:
    before, after = drift.counts
    return [
        BinContribution(
            bin=label,
            lower=drift.bins.lower[i],
            upper=drift.bins.upper[i],
            reference_n=int(before[i]),
            comparison_n=int(after[i]),
            reference_share=float(before[i] / before.sum()),
            comparison_share=float(after[i] / after.sum()),
            contribution=float(drift.stability.contributions[i]),
            new=bool(before[i] == 0),
        )
        for i, label in enumerate(drift.bins.labels)
    ]


def _assumptions(drift: Drift) -> list[str]:
    if drift.question.cluster is None:
        return ["Rows are independent of each other."]
    return [f"Rows of one {drift.question.cluster.name} belong together; different ones are independent."]


def _warnings(drift: Drift) -> list[str]:
    found, summary = drift.stability, drift.summary()
    new = [label for label, before in zip(drift.bins.labels, drift.counts[0], strict=True) if not before]
    rise = summary["comparison_missing_share"] - summary["reference_missing_share"]
    said = {
        f"Chance alone gives a PSI of up to {found.threshold:.2f} with so few rows: smaller drift cannot be told from it.": (
            found.threshold > SEVERITY_FROM["minor"]
        ),
        f"The reference has no {', '.join(new[:5])}.": new,
        f"Missing values rose by {100 * rise:.1f} percentage points: a broken feed, perhaps, rather than drift.": rise
        > 0.01,
        "All values fall into one bin: the column does not vary.": len(drift.bins.labels) == 1,
    }
    return [text for text, applies in said.items() if applies]


TOOL = ToolSpec(
    name="psi_calculator",
    category=ToolCategory.MONITORING,
    source_agent="drift_monitor",
    description=(
        "Measures drift of one column between two periods by the population stability index: severity beyond chance, and which bins, "
        "new categories or missing values it comes from."
    ),
    params=Params,
    result=Result,
    run=run,
    charts=charts,
    examples=EXAMPLES,
)
