"""Look up a KPI: its value, trend and breakdown by dimension and period, defined once in the KPI catalogue."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from e2i_shared.api.tools import ToolCategory
from e2i_shared.tools import _charts
from e2i_shared.tools._kpi_answer import MOST_LINES, Answer
from e2i_shared.tools._kpi_reading import load, understand
from e2i_shared.tools._periods import Grain, Period
from e2i_shared.tools._registry import DataParams, ToolResult, ToolSpec

if TYPE_CHECKING:
    from e2i_shared.api.common import Json
    from e2i_shared.tools._periods import Span
    from e2i_shared.tools._registry import ToolContext

Compare = Literal["previous_period", "previous_year"]
EXAMPLES: list[Json] = [
    {
        "dataset": "hcp_monthly",
        "kpi": "TRx",
        "filters": [{"column": "brand", "value": "Kisqali"}],
        "period": {"start": "2026-07-01", "end": "2026-10-01"},
        "compare": "previous_period",
        "dimensions": ["region"],
    },
    {"dataset": "hcp_monthly", "kpi": "market share", "dimensions": ["brand"], "grain": "quarter"},
    {
        "dataset": "territories",
        "kpi": "attainment",
        "dimensions": ["territory_id"],
        "period": {"start": "2026-07", "end": "2026-10"},
    },
    {"dataset": "patients", "kpi": "discontinuation rate", "dimensions": ["payer"]},
]


class Params(DataParams):
    """Which KPI, cut how."""

    kpi: Annotated[str, Field(min_length=1, max_length=200)] = Field(
        description="name or synonym of a KPI of the catalogue, or a numeric column of the data set"
    )
    dimensions: Annotated[list[str], Field(max_length=3)] = Field([], description="columns to break the value down by")
    period: Period | None = Field(None, description="left out: all dates, or with `compare` the last complete period")
    grain: Grain = Field("none", description="periods of the trend")
    compare: Compare | None = Field(None, description="what the value is compared with")
    aggregate: Literal["sum", "mean"] | None = Field(None, description="for a bare column; left out: its mean")
    limit: Annotated[int, Field(ge=1, le=500)] = Field(50, description="how many groups of the breakdown to list")


class SeriesPoint(BaseModel):
    """The KPI in one period, of one group where the trend is broken down."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    period: str = Field(description="2026-07, 2026-Q3 or 2026")
    start: str = Field(description="first day, YYYY-MM-DD")
    group: str | None = Field(description="null for all groups together")
    value: float | None = Field(description="in the KPI's unit; null where no row has it")
    n: int = Field(description="rows")
    missing: int = Field(description="rows left out because a column of the formula is missing")
    complete: bool = Field(description="the data and the chosen period cover the whole of it")


class Slice(BaseModel):
    """The KPI of one group."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    group: str
    levels: dict[str, str] = Field(description="the group as column: value")
    value: float | None = Field(description="in the KPI's unit; null where no row has it")
    share: float | None = Field(description="fraction of the total, for sums of values of one sign")
    previous: float | None = Field(description="value of the comparison period")
    change: float | None = Field(description="value − previous, in the KPI's unit")
    change_pct: float | None = Field(description="change in percent of |previous|")
    n: int = Field(description="rows")
    missing: int = Field(description="rows left out because a column of the formula is missing")


class Result(ToolResult):
    """The value, its comparison, trend and breakdown; amounts in ``unit``."""

    kpi: str = Field(description="name in the catalogue, or the column")
    title: str
    value: float = Field(description="in `unit`")
    unit: str | None = Field(description="unit of all values; fraction lies between 0 and 1")
    formula: str = Field(description="how the value comes from the columns")
    higher_is_better: bool
    period: Period | None = Field(description="dates used, end exclusive; null for data without dates")
    previous: float | None = Field(description="value of the comparison period, in `unit`")
    previous_period: Period | None = Field(description="dates of the comparison, end exclusive")
    change: float | None = Field(description="value − previous, in `unit`")
    change_pct: float | None = Field(description="change in percent of |previous|")
    missing: int = Field(description="rows left out because a column of the formula is missing")
    series: list[SeriesPoint] = Field(description="the trend by grain, oldest first")
    breakdown: list[Slice] = Field(description="largest value first")


def run(params: Params, context: ToolContext) -> Result:
    """Return the KPI; raise UnknownColumnError with the nearest KPIs for an unknown one, InsufficientDataError without a value."""
    question = understand(params, context.data.describe(params.dataset))
    rows = load(params, question, context.data)
    answer = Answer(question, rows)
    total, breakdown = answer.total(), answer.breakdown()
    listed = breakdown[: params.limit]
    return Result(
        **total,
        method=f"{question.kpi.title}: {question.definition.text()}.",
        assumptions=list(question.notes),
        warnings=_warnings(params, answer, total, breakdown),
        kpi=question.kpi.name,
        title=question.kpi.title,
        unit=question.definition.unit or None,
        formula=question.definition.text(),
        higher_is_better=question.kpi.higher_is_better,
        period=_period(rows.span),
        previous_period=_period(question.before),
        series=[SeriesPoint(**point) for point in answer.series(params.grain, [row["group"] for row in listed])],
        breakdown=[Slice(**row) for row in listed],
    )


def charts(output: Json) -> list[Json]:
    """Return the trend and the breakdown, where there are any."""
    unit, found = output["unit"] or "", []
    points = [p for p in output["series"] if p["value"] is not None]
    if points:
        groups = [p for p in points if p["group"] is not None] or points
        rows = [{"x": p["start"], "y": p["value"], "series": p["group"] or output["title"]} for p in groups]
        found.append(_charts.line_chart(output["title"], rows, unit=unit))
    bars = [{"label": b["group"], "value": b["value"]} for b in output["breakdown"] if b["value"] is not None]
    if bars:
        found.append(
            _charts.bar_chart(f"{output['title']} by {' and '.join(output['breakdown'][0]['levels'])}", bars, unit=unit)
        )
    return found


def _period(span: Span | None) -> Period | None:
    return Period(start=str(span.start), end=str(span.end)) if span else None


def _warnings(params: Params, answer: Answer, total: Json, breakdown: list[Json]) -> list[str]:
    question = answer.question
    columns = ", ".join(question.definition.columns())
    hidden = len(breakdown) - params.limit
    by = " or ".join(column.name for column in question.dimensions)
    nowhere = total["n"] - sum(row["n"] for row in breakdown) if by else 0
    found = {
        f"{total['missing']:,} of {total['n']:,} rows lack {columns}: left out, not counted as 0.": total["missing"],
        f"{answer.undated():,} rows have no {question.time.name if question.time else 'date'} and fall in no period.": answer.undated(),
        f"{nowhere:,} of {total['n']:,} rows have no {by}: they count in the value, but in no group.": nowhere,
        _uncovered("period", question.span, question.available): question.span,
        _uncovered("comparison", question.before, question.available): question.before,
        "The comparison period has no value, so there is no change.": question.before and total["previous"] is None,
        "The comparison value is 0, so there is no percentage.": total["previous"] == 0.0,
        f"{hidden} smaller groups are not listed.": hidden > 0,
        "The trend is given for the 12 largest groups.": params.grain != "none" and len(breakdown) > MOST_LINES,
    }
    return [text for text, applies in found.items() if text and applies]


def _uncovered(name: str, span: Span | None, available: Span | None) -> str:
    """Return what to say where the data do not reach the whole span."""
    if not span or not available or (available.start <= span.start and span.end <= available.end):
        return ""
    return f"The {name} {span.text()} is not fully covered: the data run from {available.text()}."


TOOL = ToolSpec(
    name="kpi_lookup",
    category=ToolCategory.KPI,
    source_agent="kpi_reporter",
    description=(
        "Looks up a KPI (TRx, NRx, market share, reach, calls, attainment, adherence, …) or a numeric column: its value in a period, "
        "the change against the previous period or year, the trend by month, quarter or year, and the breakdown by any columns."
    ),
    params=Params,
    result=Result,
    run=run,
    charts=charts,
    examples=EXAMPLES,
)
