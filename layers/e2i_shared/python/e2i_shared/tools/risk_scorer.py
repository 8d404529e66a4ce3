"""Score who is at risk of an event (discontinuation, churn, adverse event, non-adherence), with honest out-of-fold performance."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from e2i_shared.api.tools import ToolCategory
from e2i_shared.tools._charts_risk import risk_charts
from e2i_shared.tools._registry import DataParams, ToolResult, ToolSpec
from e2i_shared.tools._risk_answer import scored

if TYPE_CHECKING:
    from e2i_shared.api.common import Json
    from e2i_shared.tools._registry import ToolContext

RiskType = Literal["discontinuation", "churn", "adverse_event", "non_adherence"]
EXAMPLES: list[Json] = [
    {"dataset": "patients", "entity_type": "patient", "risk_type": "discontinuation"},
    {"dataset": "patients", "entity_type": "hcp", "risk_type": "non_adherence", "time_horizon_days": 180, "limit": 10},
    {
        "dataset": "hcp_monthly",
        "filters": [{"column": "brand", "value": "Kisqali"}],
        "entity_type": "hcp",
        "risk_type": "churn",
    },
]


class Params(DataParams):
    """Whose risk of what, within how long."""

    entity_type: Annotated[str, Field(min_length=1, max_length=100)] = Field(
        description="whose risk (patient, hcp, territory); finds its column by name or synonym"
    )
    risk_type: RiskType = Field(description="the event")
    time_horizon_days: Annotated[int, Field(ge=1, le=3650)] = Field(
        90, description="days within which the event counts"
    )
    outcome_col: str | None = Field(
        None,
        description="column that says who had the event (or for churn from dated rows, the activity); left out: by name",
    )
    event_below: float | None = Field(None, description="the event is a value below this; 0.8 by default for adherence")
    event_above: float | None = Field(
        None, description="the event is a value above this; 0 by default for counts of events"
    )
    churn_drop: Annotated[float, Field(gt=0, le=1)] = Field(
        0.5, description="churn from dated rows: activity falls by at least this share against the horizon before"
    )
    predictors: Annotated[list[str], Field(min_length=1, max_length=60)] | None = Field(
        None, description="columns known before the event; left out: covariates, segments and treatments by role"
    )
    cluster_col: str | None = Field(None, description="rows that stay in one fold; left out: by role")
    high_risk_share: Annotated[float, Field(gt=0, le=0.5)] = Field(
        0.1, description="share of entities called high risk"
    )
    limit: Annotated[int, Field(ge=1, le=1000)] = Field(
        50, description="how many scores and high-risk entities to list"
    )
    learner: Literal["auto", "linear"] = Field(
        "auto", description="logistic regression with trees on its margin, or without"
    )


class Score(BaseModel):
    """One entity's risk."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    entity: str
    risk: float = Field(description="probability of the event, by a model that did not see the entity's outcome")
    rows: int = Field(description="rows of the entity that were scored; the risk is their mean")
    percentile: float = Field(description="share of entities with a lower risk, 0 to 1")
    drivers: list[str] = Field(description="the factors that raise this entity's risk most")


class RiskFactor(BaseModel):
    """How a factor goes with the risk: an association, not an effect."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    importance: float = Field(description="share of the spread of linear log odds; all factors sum to 1")
    direction: Literal["raises", "lowers", "differs"] = Field(
        description="the risk with a higher value; differs for categories"
    )
    odds_ratio_per_sd: float | None = Field(description="odds ratio of one standard deviation; null for categories")


class CalibrationBin(BaseModel):
    """A tenth of the judged rows by predicted risk."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    predicted: float = Field(description="mean predicted risk")
    observed: float = Field(description="share with the event")
    n: int = Field(description="rows")


class ModelPerformance(BaseModel):
    """All out of fold: judged on rows the model did not see."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    auc: float = Field(description="chance that a row with the event scores above one without; 0.5 is none, 1 perfect")
    auc_lower: float = Field(description="lower 95% bound")
    auc_upper: float = Field(description="upper 95% bound")
    brier: float = Field(description="mean squared error of the probability; lower is better")
    brier_reference: float = Field(description="the same of the event's share given to all")
    calibration_slope: float = Field(description="1 is perfect; below 1 risks are too extreme")
    calibration_intercept: float = Field(description="0 is perfect, in log odds")
    calibration: list[CalibrationBin] = Field(description="by tenths of predicted risk, lowest first")
    high_risk_events: float = Field(description="share of the judged rows in the high-risk share that had the event")
    high_risk_captured: float = Field(description="share of all events that lie in the high-risk share")
    lift: float = Field(description="high_risk_events / event rate")
    n: int = Field(description="rows judged")
    events: int = Field(description="rows judged with the event")
    validation: str = Field(description="how rows were held out")


class Result(ToolResult):
    """Risks, who is at high risk, what goes with it, and how far to believe it."""

    entity_type: str
    entity_column: str = Field(description="with an entity's name, a filter")
    risk_type: RiskType
    time_horizon_days: int
    label: str = Field(description="what counts as the event, by columns")
    event_rate: float = Field(description="share of labelled rows with the event")
    entities: int = Field(description="how many were scored")
    scores: list[Score] = Field(description="highest risk first, up to limit")
    high_risk_entities: list[str] = Field(description="entities from the threshold up, highest risk first, up to limit")
    high_risk_count: int = Field(description="how many entities reach the threshold")
    risk_threshold: float = Field(description="risk from which an entity is of high risk")
    mean_risk: float = Field(description="mean risk over entities")
    risk_factors: dict[str, RiskFactor] = Field(description="by importance")
    model_performance: ModelPerformance
    predictors: list[str]
    excluded: dict[str, str] = Field(description="columns not used, with the reason")


def run(params: Params, context: ToolContext) -> Result:
    """Return the risks; raise UnprocessableError without a column for the event, InsufficientDataError with too few events."""
    return Result(**scored(params, context))


TOOL = ToolSpec(
    name="risk_scorer",
    category=ToolCategory.PREDICTION,
    source_agent="prediction_synthesizer",
    description=(
        "Scores the risk of discontinuation, churn, an adverse event or non-adherence for patients, prescribers or territories: who is "
        "at high risk, which factors go with it, and out-of-fold AUC, Brier score and calibration."
    ),
    params=Params,
    result=Result,
    run=run,
    charts=risk_charts,
    examples=EXAMPLES,
    runtime="image",
)
