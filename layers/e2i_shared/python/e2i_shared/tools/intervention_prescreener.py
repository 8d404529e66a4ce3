"""Pre-screen an intervention on a trained digital twin: its likely effect, whom it moves, and whether a real test is worth it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from e2i_shared.api.common import Filter
from e2i_shared.api.tools import ToolCategory, ToolEdge
from e2i_shared.errors import UnprocessableError
from e2i_shared.tools._registry import ToolParams, ToolResult, ToolSpec
from e2i_shared.twins.spec import InterventionConfig

if TYPE_CHECKING:
    from collections.abc import Sequence

    from e2i_shared.api.common import Json
    from e2i_shared.api.datasets import Dataset
    from e2i_shared.tools._registry import ToolContext
    from e2i_shared.twins.model import SimulationView

EXAMPLES: list[Json] = [
    {"intervention_type": "visits", "brand": "Kisqali"},
    {
        "intervention_type": "call_frequency_increase",
        "brand": "Kisqali",
        "target_population": ["North"],
        "twin_count": 300,
    },
]


class Entity(BaseModel):
    """An entity to target; other fields of gap_calculator's performers are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    entity: str
    column: str = Field(description="the column that holds the entity's name")


class Params(ToolParams):
    """What is to be done, on which twin, and to whom."""

    intervention_type: str = Field(
        min_length=1, max_length=200, description="a recorded treatment, or a published type"
    )
    brand: str | None = Field(None, max_length=200, description="whose active twin is asked; left out: the newest")
    twin_id: str | None = Field(None, max_length=36, description="this twin instead")
    intervention_config: InterventionConfig = Field(
        InterventionConfig(), description="dose, dose_change or dose_change_pct; duration_weeks; uptake"
    )
    filters: list[Filter] = Field([], max_length=20, description="conditions that the population must pass")
    target_population: Annotated[list[str | Entity], Field(max_length=200)] | None = Field(
        None, description="segments as cate_analyzer names them (its low_responders), or entities with their column"
    )
    twin_count: int = Field(10_000, ge=100, le=10_000, description="how many twins are asked")
    seed: int = Field(20_260_101, ge=0, le=2**31 - 1, description="the same seed gives the same result")


class Segment(BaseModel):
    """The predicted effect in one group."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    column: str
    level: str
    effect: float = Field(description="predicted change of the outcome's mean, in its unit")
    ci_lower: float = Field(description="lower bound; the intervals of one column hold together")
    ci_upper: float = Field(description="upper bound")
    units: int


class Result(ToolResult):
    """What the twin predicts, and what to do about it."""

    simulation_id: str
    twin_id: str
    twin: str = Field(description="the twin's name, brand and version")
    intervention: str
    outcome: str
    outcome_unit: str | None
    estimand: str
    simulated_ate: float = Field(description="predicted change of the outcome's mean, in its unit")
    ci_lower: float = Field(description="lower bound of the 95% interval")
    ci_upper: float = Field(description="upper bound of the 95% interval")
    std_error: float = Field(description="standard error of simulated_ate, model and past errors included")
    baseline: float = Field(description="the outcome's mean without the intervention")
    lift: float | None = Field(description="simulated_ate as a share of the baseline; null where that is nearly zero")
    recommendation: Literal["deploy", "refine", "skip"]
    rationale: str
    recommended_sample_size: int | None = Field(description="per arm of a real test; null where none could show it")
    recommended_duration_weeks: int | None = Field(description="null where no plausible duration is enough")
    confidence: float = Field(description="how sure the twin is that the effect passes the least worth having, 0 to 1")
    fidelity_score: float = Field(description="how far the twin can be trusted, 0 to 1")
    fidelity_grade: str
    segments: list[Segment]
    pictures: list[dict[str, object]] = Field([], description="Vega-Lite charts of the simulation")


def run(params: Params, context: ToolContext) -> Result:
    """Ask the twin.

    Raises
    ------
    UnprocessableError
        When no twins are at hand, or the twin cannot know: it names the field and what would work.
    NotFoundError
        When no twin has been trained for the brand.
    """
    from e2i_shared.twins.model import SimulateRequest

    if context.twins is None:
        raise UnprocessableError(
            "No digital twins are at hand here.",
            field="twin_id",
            expected="a trained twin",
            hint="Train one with POST /digital-twins/generate.",
        )
    twin = context.twins.find(params.twin_id, params.brand)
    request = SimulateRequest(
        intervention_type=params.intervention_type,
        intervention_config=params.intervention_config,
        population_filters=params.filters,
        population_any=_targets(twin.catalogue, params.target_population),
        twin_count=params.twin_count,
        seed=params.seed,
    )
    found = context.twins.simulate(twin.twin_id, request)
    return _result(found, twin.said, twin.fidelity_grade)


def _targets(catalogue: Dataset, members: Sequence[str | Entity] | None) -> list[Filter]:
    """Return conditions of which a target population passes at least one."""
    from e2i_shared.tools._population import Entity as Named
    from e2i_shared.tools._population import resolve_population
    from e2i_shared.tools._twins import conditions

    if members is None:
        return []
    named = [Named(entity=m.entity, column=m.column) if isinstance(m, Entity) else m for m in members]
    return conditions(catalogue, resolve_population(catalogue, named))


def _result(found: SimulationView, twin: str, grade: str) -> Result:
    known = found.model_dump()
    lower, upper = known["confidence_interval"]
    baseline = known["compare_to_baseline"]
    return Result(
        n=known["units"],
        method="digital twin: doubly robust scores of the training units over the population asked for",
        assumptions=[
            "no unobserved confounding given the twin's features",
            "units that could have had either, or a dose nearby",
            "one unit's outcome is untouched by another's treatment",
        ],
        warnings=[*known["warnings"], *filter(None, [known["fidelity_warning_reason"]])],
        seed=known["seed"],
        twin=twin,
        ci_lower=lower,
        ci_upper=upper,
        baseline=baseline["baseline"],
        lift=baseline["lift"],
        confidence=known["simulation_confidence"],
        fidelity_grade=grade,
        segments=[
            Segment(column=column, **{name: row[name] for name in ("level", "effect", "ci_lower", "ci_upper", "units")})
            for column, rows in sorted(known["effect_heterogeneity"].items())
            for row in rows
        ],
        pictures=[chart for _, chart in sorted(known["charts"].items())],
        **{name: known[name] for name in _SAME},
    )


_SAME = (
    "simulation_id",
    "twin_id",
    "intervention",
    "outcome",
    "outcome_unit",
    "estimand",
    "simulated_ate",
    "std_error",
    "recommendation",
    "rationale",
    "recommended_sample_size",
    "recommended_duration_weeks",
    "fidelity_score",
)


def charts(output: Json) -> list[Json]:
    """Return the simulation's own pictures."""
    return list(output["pictures"])


TOOL = ToolSpec(
    name="intervention_prescreener",
    category=ToolCategory.EXPERIMENT,
    source_agent="experiment_designer",
    description="Predicts on a trained digital twin what an intervention would do, and whether a real test is worth it.",
    params=Params,
    result=Result,
    run=run,
    examples=EXAMPLES,
    edges=(
        ToolEdge(producer="cate_analyzer", output_field="high_responders", input_field="target_population"),
        ToolEdge(producer="cate_analyzer", output_field="low_responders", input_field="target_population"),
        ToolEdge(producer="gap_calculator", output_field="bottom_performers", input_field="target_population"),
    ),
    charts=charts,
)
