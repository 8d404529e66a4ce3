"""Watch a KPI and the data behind it: control limits, anomalies, completeness, volume, freshness and drift, per column and feed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from e2i_shared.api.tools import ToolCategory
from e2i_shared.causal.stability import Severity
from e2i_shared.tools import _charts_monitoring
from e2i_shared.tools._monitoring import inspect
from e2i_shared.tools._periods import IsoDate
from e2i_shared.tools._registry import DataParams, ToolResult, ToolSpec

if TYPE_CHECKING:
    from e2i_shared.api.common import Json
    from e2i_shared.tools._registry import ToolContext

EXAMPLES: list[Json] = [
    {"dataset": "hcp_monthly", "kpi": "TRx", "filters": [{"column": "brand", "value": "Kisqali"}]},
    {
        "dataset": "hcp_monthly",
        "columns": ["samples_dropped", "digital_affinity"],
        "feed_cols": ["region"],
        "as_of": "2026-10-05",
    },
]


class Params(DataParams):
    """What to watch."""

    kpi: Annotated[str, Field(min_length=1, max_length=200)] | None = Field(
        None, description="KPI of the catalogue or numeric column to chart; left out: the data alone"
    )
    aggregate: Literal["sum", "mean"] | None = Field(None, description="for a bare column; left out: its mean")
    columns: Annotated[list[str], Field(max_length=100)] = Field(
        [], description="columns to check; left out: all but identifiers"
    )
    feed_cols: Annotated[list[str], Field(max_length=5)] = Field(
        [], description="columns whose values are feeds; left out: the segments with at most 20 values"
    )
    grain: Literal["month", "quarter", "year"] = Field("month", description="length of a period")
    watch: Annotated[int, Field(ge=1, le=24)] = Field(3, description="how many of the last complete periods are judged")
    as_of: IsoDate | None = Field(None, description="the day freshness is judged on; left out: the data's own end")
    max_lag_days: Annotated[int, Field(ge=0, le=3650)] | None = Field(
        None, description="days the data may end before as_of; left out: one period"
    )
    false_alarm_rate: Annotated[float, Field(gt=0.0, le=0.5)] = Field(
        0.05, description="chance of any alarm when nothing has changed, shared among the kinds of checks"
    )


class Signal(BaseModel):
    """One thing that is not as it was."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    kind: Literal["kpi", "completeness", "volume", "freshness", "drift"]
    column: str | None = Field(description="the column concerned; null for whole rows")
    feed: str = Field(description="the feed concerned: column = value, or all rows")
    periods: list[str] = Field(description="where it shows")
    current: bool = Field(description="it shows in the periods watched, not only before")
    severity: Literal["minor", "moderate", "severe"]
    observed: float = Field(description="KPI value, fraction missing, rows, days late, or PSI")
    expected: float = Field(description="what it usually is, in the same unit; for drift what chance exceeds")
    rule: str = Field(description="the rule that tripped")
    detail: str = Field(description="in words")


class ChartPoint(BaseModel):
    """The KPI in one period against its limits."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    period: str
    start: str = Field(description="first day, YYYY-MM-DD")
    value: float = Field(description="in the KPI's unit")
    centre: float = Field(description="line and yearly wave of the periods before those watched, in the KPI's unit")
    lower: float = Field(description="lower control limit, in the KPI's unit")
    upper: float = Field(description="upper control limit, in the KPI's unit")
    z: float = Field(description="(value − centre)/σ")
    watched: bool
    rules: list[str] = Field(description="rules that tripped")


class KpiChart(BaseModel):
    """The control chart of the KPI."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    kpi: str
    title: str
    unit: str | None
    points: list[ChartPoint] = Field(description="oldest first")
    sigma_limits: float = Field(description="control limits in σ: 3 × the factor that keeps the rate of false alarms")
    run_length: int = Field(description="values in a row on one side that count as a signal")
    seasonal: bool = Field(description="a yearly wave was taken out")


class ColumnHealth(BaseModel):
    """One column's completeness and drift."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    column: str
    missing_share: float = Field(description="fraction of all rows without a value")
    watched_missing_share: float = Field(description="fraction of the watched periods' rows without a value")
    psi: float | None = Field(
        description="PSI of the watched periods against the same ones a year before, or all before; null if not comparable"
    )
    drift: Severity | None = Field(description="its severity, none unless beyond chance for all columns together")


class Freshness(BaseModel):
    """How late the data are."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    last_date: str = Field(description="last day covered by any row")
    as_of: str = Field(description="the day it is judged on")
    lag_days: int = Field(description="days from the last day covered to as_of")
    max_lag_days: int = Field(description="days allowed")
    late_feeds: list[str] = Field(description="feeds that end before the others")


class Result(ToolResult):
    """Whether KPI and data are healthy, and every signal."""

    status: Literal["healthy", "warning", "alarm"] = Field(
        description="alarm: a moderate or severe signal in the watched periods; warning: a minor one, or one in earlier periods"
    )
    signals: list[Signal] = Field(description="current ones first, severest first")
    alarms: int = Field(description="current signals that are moderate or severe")
    kpi: KpiChart | None = Field(description="null where no KPI was named")
    columns: list[ColumnHealth] = Field(description="in the data set's order")
    completeness: float = Field(description="fraction of cells that hold a value")
    freshness: Freshness
    feeds: int = Field(description="feeds checked, the whole among them")
    periods: list[str] = Field(description="complete periods, oldest first")
    watched: list[str] = Field(description="the periods judged")
    false_alarm_rate: float = Field(description="chance of any alarm when nothing has changed")


def run(params: Params, context: ToolContext) -> Result:
    """Return the health; raise InsufficientDataError with too few periods, UnprocessableError for data without dates.

    Control chart: ``e2i_shared.causal.control_chart``; drift: ``e2i_shared.causal.stability``; values in the KPI's unit, shares of rows.
    """
    return Result.model_validate(inspect(params, context.data))


def charts(output: Json) -> list[Json]:
    """Return the control chart, and what is missing by feed and period where something is."""
    return _charts_monitoring.health_charts(output)


TOOL = ToolSpec(
    name="kpi_monitor",
    category=ToolCategory.MONITORING,
    source_agent="drift_monitor",
    description=(
        "Monitors a KPI and the quality of its data: control limits with a stated rate of false alarms, anomalies, completeness per column "
        "and feed, row volume, freshness and drift; finds broken feeds and drifted columns."
    ),
    params=Params,
    result=Result,
    run=run,
    charts=charts,
    examples=EXAMPLES,
)
