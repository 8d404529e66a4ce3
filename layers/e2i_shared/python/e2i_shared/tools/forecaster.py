"""Forecast a KPI per month, quarter or year ahead with prediction intervals, by the method that did best in a backtest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from e2i_shared.api.tools import ToolCategory
from e2i_shared.tools import _charts_monitoring
from e2i_shared.tools._forecasting import Outlook, look_ahead
from e2i_shared.tools._periods import IsoDate, Period
from e2i_shared.tools._registry import DataParams, ToolResult, ToolSpec

if TYPE_CHECKING:
    from e2i_shared.api.common import Json
    from e2i_shared.tools._registry import ToolContext

EXAMPLES: list[Json] = [
    {"dataset": "hcp_monthly", "kpi": "TRx", "filters": [{"column": "brand", "value": "Remibrutinib"}], "horizon": 6},
    {
        "dataset": "hcp_monthly",
        "kpi": "TRx",
        "filters": [{"column": "brand", "value": "Kisqali"}],
        "horizon": 3,
        "intervention": {"name": "fewer visits", "start": "2026-07"},
    },
]


class Intervention(BaseModel):
    """A lasting or passing change of level, already begun or planned."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    name: Annotated[str, Field(min_length=1, max_length=100)] = Field("intervention", description="what it is called")
    start: IsoDate = Field(description="first day, YYYY-MM-DD or YYYY-MM")
    end: IsoDate | None = Field(None, description="first day after it; left out: it lasts")
    effect: float | None = Field(
        None, description="change per period, in the KPI's unit; left out: estimated, where the data hold periods of it"
    )

    @model_validator(mode="after")
    def _check(self) -> Intervention:
        """Refuse what is no period."""
        Period(start=self.start, end=self.end or "9999-12")
        return self


class Regressor(BaseModel):
    """A column whose future is known or planned."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    column: Annotated[str, Field(min_length=1, max_length=200)] = Field(description="numeric column, or a KPI")
    aggregate: Literal["sum", "mean"] = Field("mean", description="how its rows make a period's value")
    future: Annotated[list[float], Field(min_length=1, max_length=60)] = Field(
        description="its value in each period ahead, in its unit"
    )


class Params(DataParams):
    """Which KPI, how far."""

    kpi: Annotated[str, Field(min_length=1, max_length=200)] = Field(
        description="name or synonym of a KPI of the catalogue, or a numeric column of the data set"
    )
    horizon: Annotated[int, Field(ge=1, le=60)] = Field(6, description="how many periods ahead")
    grain: Literal["month", "quarter", "year"] = Field("month", description="length of a period")
    period: Period | None = Field(None, description="history to use; left out: all complete periods")
    aggregate: Literal["sum", "mean"] | None = Field(None, description="for a bare column; left out: its mean")
    level: Annotated[float, Field(ge=0.5, le=0.99)] = Field(0.9, description="coverage of the prediction intervals")
    intervention: Intervention | None = Field(None, description="a known change of level, past or planned")
    regressors: Annotated[list[Regressor], Field(max_length=5)] = Field([], description="columns whose future is known")


class ForecastPoint(BaseModel):
    """One period ahead."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    period: str = Field(description="2026-10, 2026-Q4 or 2026")
    start: str = Field(description="first day, YYYY-MM-DD")
    value: float = Field(description="forecast, in `unit`")
    lower: float = Field(description="lower end of the prediction interval, in `unit`")
    upper: float = Field(description="upper end of the prediction interval, in `unit`")


class HistoryPoint(BaseModel):
    """One period observed."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    period: str
    start: str = Field(description="first day, YYYY-MM-DD")
    value: float = Field(description="in `unit`")


class Candidate(BaseModel):
    """One method in the backtest."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    name: str
    title: str
    mase: float | None = Field(
        description="mean absolute scaled error; below 1 beats the naive method; null if not tested"
    )
    smape: float | None = Field(description="symmetric mean absolute percentage error, in percent")
    mae: float | None = Field(description="mean absolute error, in `unit`")
    coverage: float | None = Field(description="fraction of actual values inside the intervals")
    chosen: bool
    excluded: str | None = Field(description="why it was not tested")


class Backtest(BaseModel):
    """The chosen method's errors when it forecast periods that are known by now."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    origins: int = Field(description="periods it forecast from")
    first_origin: str = Field(description="last period known at the first of them")
    horizon: int = Field(description="periods ahead at most")
    mase: float = Field(description="mean absolute scaled error; below 1 beats the naive method")
    smape: float = Field(description="symmetric mean absolute percentage error, in percent")
    mae: float = Field(description="mean absolute error, in `unit`")
    coverage: float = Field(description="fraction of actual values inside the intervals at `level`, before widening")
    widening: float = Field(
        description="factor by which the given intervals are wider, so that they would have held `level` of them"
    )


class InterventionEffect(BaseModel):
    """What the intervention adds per period."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    name: str
    effect: float = Field(description="change per period while it lasts, in `unit`")
    lower: float | None = Field(description="lower end of its interval at `level`; null where the effect was given")
    upper: float | None = Field(description="upper end of its interval at `level`; null where the effect was given")
    estimated: bool = Field(description="from the data rather than given")
    periods_observed: int = Field(description="periods of the history it was in force")


class Result(ToolResult):
    """The forecast, how well the method did before, and what it was chosen from; amounts in ``unit``."""

    kpi: str = Field(description="name in the catalogue, or the column")
    title: str
    unit: str | None = Field(description="unit of all values")
    grain: Literal["month", "quarter", "year"]
    horizon: int = Field(description="periods ahead")
    level: float = Field(description="nominal coverage of the intervals")
    forecast: list[ForecastPoint] = Field(description="nearest period first")
    history: list[HistoryPoint] = Field(description="the periods used, oldest first")
    total: float | None = Field(description="sum of the forecasts, in `unit`, for KPIs that are sums")
    last_value: float = Field(description="the last period observed, in `unit`")
    next_value: float = Field(description="the first period ahead, in `unit`")
    change_pct: float | None = Field(
        description="mean of the forecasts against the mean of as many last periods, in percent"
    )
    chosen: str = Field(description="the method used")
    chosen_title: str
    why: str = Field(description="why that method")
    season: int = Field(description="periods of the cycle considered; 1 for none")
    seasonal: bool = Field(description="the chosen method has a yearly pattern")
    backtest: Backtest
    candidates: list[Candidate] = Field(description="best first, those not tested last")
    intervention: InterventionEffect | None = None


def run(params: Params, context: ToolContext) -> Result:
    """Return the forecast; raise InsufficientDataError with too few periods, NoVariationError for a constant KPI.

    Methods: ``e2i_shared.causal.forecast_methods``; backtest: ``e2i_shared.causal.backtest``; values in the KPI's unit.
    """
    outlook = look_ahead(params, context.data)
    series = outlook.series
    question = series.question
    return Result(
        n=series.rows,
        method=f"{outlook.chosen.title[:1].upper()}{outlook.chosen.title[1:]}, the lowest error of {outlook.tested()} methods in a rolling-origin backtest.",
        assumptions=outlook.assumptions(),
        warnings=outlook.warnings(),
        kpi=question.kpi.name,
        title=question.kpi.title,
        unit=question.definition.unit or None,
        grain=params.grain,
        horizon=params.horizon,
        level=params.level,
        history=[
            HistoryPoint(period=label, start=start, value=float(value))
            for label, start, value in zip(series.labels, series.starts, series.values, strict=True)
        ],
        **_ahead(params, outlook),
        chosen=outlook.chosen.name,
        chosen_title=outlook.chosen.title,
        why=outlook.why(),
        season=outlook.season,
        seasonal=outlook.seasonal(),
        backtest=Backtest(**outlook.errors()),
        candidates=[Candidate(**row) for row in outlook.compared()],
        intervention=InterventionEffect(**outlook.effect) if outlook.effect else None,
    )


def charts(output: Json) -> list[Json]:
    """Return the history with the forecast's fan, and the methods' errors."""
    return [_charts_monitoring.fan_chart(output), _charts_monitoring.errors_chart(output)]


def _ahead(params: Params, outlook: Outlook) -> Json:
    points = [ForecastPoint(**point) for point in outlook.points()]
    mean = sum(p.value for p in points) / len(points)
    recent = float(outlook.series.values[-params.horizon :].mean())
    sums = outlook.series.question.definition.formula == "sum"
    return {
        "forecast": points,
        "total": sum(p.value for p in points) if sums else None,
        "last_value": float(outlook.series.values[-1]),
        "next_value": points[0].value,
        "change_pct": 100.0 * (mean - recent) / abs(recent) if recent else None,
    }


TOOL = ToolSpec(
    name="forecaster",
    category=ToolCategory.PREDICTION,
    source_agent="prediction_synthesizer",
    description=(
        "Forecasts a KPI by month, quarter or year ahead with prediction intervals and seasonality, optionally with a past or planned "
        "intervention or known future columns; the method is chosen by a backtest whose errors are reported."
    ),
    params=Params,
    result=Result,
    run=run,
    charts=charts,
    examples=EXAMPLES,
)
