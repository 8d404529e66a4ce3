"""Twins as the service speaks of them: what is asked over the wire, and what comes back. No arrays here."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import AwareDatetime, Field

from e2i_shared.api.common import Filter, Json, PageQuery, Wire
from e2i_shared.ids import new_id
from e2i_shared.twins.results import Advice, Comparison, DosePoint, Recommendation, SegmentEffect, Uncertainty
from e2i_shared.twins.spec import (
    FEWEST_TWINS,
    MOST_TWINS,
    USUAL_TWINS,
    InterventionConfig,
    Name,
    SimulationSpec,
    TwinSpec,
    TwinType,
)

JobStatus = Literal["PENDING", "RUNNING", "COMPLETED", "FAILED", "CANCELLED"]
SimulationStatus = Literal["PENDING", "RUNNING", "COMPLETED", "FAILED"]
Grade = Literal["excellent", "good", "fair", "poor", "unvalidated"]
Finite = Annotated[float, Field(allow_inf_nan=False)]
ENDED: frozenset[JobStatus] = frozenset({"COMPLETED", "FAILED", "CANCELLED"})


class GenerateRequest(TwinSpec):
    """A twin to train, and what to say of it. No features, or an empty list, means those of the data set by their roles."""

    brand: Name
    search_seconds: float = Field(0.0, ge=0.0, le=300.0, description="time to search better propensity trees in")
    description: str | None = Field(None, max_length=2_000)
    geographic_scope: str | None = Field(None, max_length=200)

    def spec(self) -> TwinSpec:
        """Return what training is told."""
        told = self.model_dump(include=set(TwinSpec.model_fields))
        return TwinSpec.model_validate(told | {"features": self.features or None})


class NewTraining(Wire):
    """A training to be stored, with the ids that it and its twin will have."""

    job_id: str = Field(default_factory=new_id)
    twin_id: str = Field(default_factory=new_id)
    request: GenerateRequest
    user: str | None = None


class GenerateAccepted(Wire):
    """Where to look after a training that was asked for."""

    job_id: str
    twin_id: str
    version: int
    status_url: str


class LogAccepted(Wire):
    """The trainings that are to be logged."""

    jobs: list[str]


class Job(Wire):
    """How far a training is; ``error`` says why it FAILED."""

    job_id: str
    twin_id: str
    name: str
    brand: str
    status: JobStatus
    phase: str
    percent: int
    attempts: int
    retries: int = Field(0, description="how often it was asked for again after it FAILED")
    error: str | None = None
    requested_by: str | None = None
    created_at: str
    started_at: str | None = None
    completed_at: str | None = None

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen."""
        return self.status in ENDED


class TwinQuery(PageQuery):
    """Which twins; without ``active`` every version."""

    name: str | None = Field(None, max_length=200)
    brand: str | None = Field(None, max_length=200)
    twin_type: TwinType | None = None
    active: bool | None = None


class TwinSummary(Wire):
    """One version of a twin. ``status`` is its training's; only a COMPLETED one can be simulated."""

    twin_id: str
    name: str
    brand: str
    twin_type: TwinType
    version: int
    status: JobStatus
    active: bool
    outcome: str
    interventions: list[str]
    fidelity_score: float | None = None
    fidelity_grade: Grade = "unvalidated"
    fidelity_sample_count: int = 0
    created_at: str


class Twin(TwinSummary):
    """One version of a twin with what its training found."""

    job_id: str | None = None
    description: str | None = None
    geographic_scope: str | None = None
    dataset: str
    features: list[str] = []
    training_config: Json = {}
    metrics: dict[str, float] = {}
    figures: Json = {}
    warnings: list[str] = []
    fidelity: Json = Field({}, description="what the last check found")
    last_fidelity_update: str | None = None
    model_hash: str | None = Field(None, description="SHA-256 of the trained twin's file")
    bundle_key: str | None = None
    mlflow_run_id: str | None = None
    mlflow_model_uri: str | None = None
    mlflow_pending: str | None = Field(None, description="why the training is not in the experiment log yet")
    deactivation_reason: str | None = None
    created_by: str | None = None


class SimulateRequest(Wire):
    """A simulation of one twin; ``segments`` left open are the categories of few levels."""

    intervention_type: Name
    intervention_config: InterventionConfig = InterventionConfig()
    target_population: str | None = Field(None, max_length=500, description="in words; filters decide")
    population_filters: list[Filter] = Field([], max_length=20)
    population_any: list[Filter] = Field(
        [], max_length=200, description="units that pass any of these; empty: no condition"
    )
    twin_count: int = Field(USUAL_TWINS, ge=FEWEST_TWINS, le=MOST_TWINS)
    confidence_level: float = Field(0.95, ge=0.5, le=0.999)
    segments: list[Name] | None = Field(None, max_length=10)
    seed: int = Field(20_260_101, ge=0, le=2**31 - 1)
    queued: bool = Field(default=False, description="answer 202 at once, whatever the size")

    def spec(self) -> SimulationSpec:
        """Return what the simulation is told."""
        shared = {name: getattr(self, name) for name in SimulationSpec.model_fields if name != "config"}
        return SimulationSpec(config=self.intervention_config, **shared)


class SimulateByBrandRequest(SimulateRequest):
    """A simulation of the active twin of a brand; ``name`` decides where it has several."""

    brand: Name
    twin_type: TwinType | None = None
    name: Name | None = None

    def plain(self) -> SimulateRequest:
        """Return the simulation without the choice of the twin."""
        return SimulateRequest.model_validate(self.model_dump(exclude={"brand", "twin_type", "name"}))


class SimulationQuery(PageQuery):
    """Which simulations."""

    twin_id: str | None = Field(None, max_length=36)
    brand: str | None = Field(None, max_length=200)
    status: SimulationStatus | None = None


class SimulationSummary(Wire):
    """One simulation in a list; numbers are null until it is COMPLETED."""

    simulation_id: str
    twin_id: str
    brand: str | None
    intervention_type: str
    status: SimulationStatus
    twin_count: int
    simulated_ate: float | None = None
    confidence_interval: tuple[float, float] | None = None
    recommendation: Recommendation | None = None
    fidelity_grade: Grade = "unvalidated"
    created_at: str


class SimulationView(SimulationSummary):
    """A simulation and, once it is COMPLETED, everything that ``Simulation`` holds; null before."""

    intervention_config: Json = {}
    target_population: str | None = None
    population_filters: list[Filter] = []
    confidence_level: float = 0.95
    seed: int | None = None
    intervention: str | None = None
    estimand: str | None = None
    outcome: str | None = None
    outcome_unit: str | None = None
    std_error: float | None = None
    p_effect_above_threshold: float | None = None
    uncertainty: Uncertainty | None = None
    compare_to_baseline: Comparison | None = None
    effect_heterogeneity: dict[str, list[SegmentEffect]] = {}
    effect_quantiles: dict[str, float] = {}
    dose_response: list[DosePoint] = []
    rationale: str | None = None
    advice: Advice | None = None
    recommended_sample_size: int | None = None
    recommended_duration_weeks: int | None = None
    simulation_confidence: float | None = None
    fidelity_score: float | None = None
    fidelity_warning: bool = False
    fidelity_warning_reason: str | None = None
    extrapolation: bool = False
    share_outside: float | None = None
    warnings: list[str] = []
    twins: int | None = None
    units: int | None = None
    model_hash: str | None = None
    charts: dict[str, Json] = {}
    execution_time_ms: float | None = None
    cached: bool = False
    error: str | None = None
    status_url: str | None = None


class NewSimulation(Wire):
    """A simulation to be stored, with the id that it will have."""

    simulation_id: str = Field(default_factory=new_id)
    twin_id: str
    brand: str
    request: SimulateRequest
    cache_key: str
    user: str | None = None


class EntityEvent(Wire):
    """Something that happened to one entity. ``entity`` names it by a pseudonym of the caller's; ``create`` makes its twin."""

    entity: str | None = Field(
        None, min_length=1, max_length=200, description="needed unless the path is its twin's id"
    )
    event_id: str = Field(min_length=1, max_length=200)
    kind: Literal["create", "set", "add", "remove"] = "set"
    at: AwareDatetime | None = Field(None, description="when it happened; now where left out")
    values: dict[Name, float | str | bool | None] = Field(max_length=200)


class EntityVersion(Wire):
    """One state of an entity's twin."""

    twin_id: str
    model_id: str
    version: int
    state: dict[str, float | str | bool | None]
    predictions: dict[str, float]
    caused_by: str
    valid_at: str
    recorded_at: str
    digest: str
    changes: list[Json] = Field([], description="what differs from the version before")


class VersionsQuery(PageQuery):
    """Which versions; ``as_of`` reads an entity's twin as it was known then."""

    as_of: datetime | None = None


class Versions(Wire):
    """All versions of a twin, newest first: of a trained one, or of one entity's."""

    items: list[TwinSummary | EntityVersion]
    next_cursor: str | None = None


class Trained(Wire):
    """What a completed training leaves behind."""

    bundle_key: str
    bundle_digest: str
    features: list[str]
    metrics: dict[str, float]
    figures: Json
    warnings: list[str]
    fidelity_score: float
    active: bool = Field(default=True, description="a challenger that must first prove better is not")
    mlflow_pending: str | None = "waiting to be logged"
