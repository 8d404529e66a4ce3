"""Where the service keeps twins, their trainings, simulations and validations; each of one tenant."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from e2i_shared.api.common import Json, Page
    from e2i_shared.twins.entity import EntityStore
    from e2i_shared.twins.model import (
        GenerateRequest,
        Job,
        NewSimulation,
        NewTraining,
        SimulationQuery,
        SimulationView,
        Trained,
        Twin,
        TwinQuery,
        TwinSummary,
    )
    from e2i_shared.twins.results import Simulation
    from e2i_shared.twins.validation import ExperimentResult, ValidateRequest, Validation


class TrainingJobs(Protocol):
    """Trainings that were asked for."""

    def create(self, new: NewTraining) -> tuple[Job, int]:
        """Store a PENDING job and its model's next version, with ``training.requested`` in the outbox; return both."""
        ...

    def get(self, job_id: str) -> Job:
        """Return a job; raise NotFoundError."""
        ...

    def request(self, job_id: str) -> GenerateRequest:
        """Return what was asked for."""
        ...

    def begin(self, job_id: str) -> Job | None:
        """Mark a job RUNNING and count the attempt; None where it has ended."""
        ...

    def progress(self, job_id: str, phase: str, percent: int) -> None:
        """Record how far a RUNNING job is."""
        ...

    def complete(self, job_id: str, found: Trained) -> bool:
        """Keep what was trained, end the job; active unless a newer version is in use. False where it had ended before."""
        ...

    def fail(self, job_id: str, message: str) -> bool:
        """End a job FAILED with the reason; False where it had ended before."""
        ...

    def cancel(self, job_id: str, user: str | None) -> Job:
        """End a job CANCELLED; raise ConflictError where it has ended otherwise."""
        ...

    def retry(self, job_id: str) -> Job:
        """Let a FAILED job wait as if it were new, with ``training.requested`` in the outbox; raise ConflictError for another."""
        ...

    def ask_to_log(self, *, settled_seconds: float = 0, unless: str | None = None) -> Sequence[str]:
        """Write ``training.log_requested`` for each training that is not in the experiment log; return their jobs.

        Those whose reason is ``unless``, or that changed in the last ``settled_seconds``, are left alone.
        """
        ...

    def asked(self, name: str, brand: str, user: str) -> Sequence[datetime]:
        """Return when ``user`` asked for trainings of this twin in the last 30 days."""
        ...


class TwinModels(Protocol):
    """Versions of trained twins."""

    def get(self, twin_id: str) -> Twin:
        """Return a version that was not deleted; raise NotFoundError."""
        ...

    def list(self, query: TwinQuery) -> Page[TwinSummary]:
        """Return versions, newest first."""
        ...

    def active(self, brand: str, twin_type: str | None, name: str | None) -> Twin:
        """Return the active twin of a brand, the newest where there are several; raise NotFoundError with those there are."""
        ...

    def delete(self, twin_id: str, user: str | None) -> None:
        """Hide a version and deactivate it; raise NotFoundError."""
        ...

    def record_fidelity(self, twin_id: str, score: float, count: int, found: Json, event: str | None = None) -> None:
        """Keep what a check found; with ``event`` also write that topic to the outbox."""
        ...

    def record_run(self, twin_id: str, run_id: str | None, uri: str | None, pending: str | None) -> None:
        """Keep where the experiment log has the training, or why it has not."""
        ...

    def activate(self, twin_id: str, reason: str) -> None:
        """Make a version the active one of its name and brand; ``reason`` is why the others are not any more."""
        ...


class Simulations(Protocol):
    """Simulations and what came true of them."""

    def cached(self, twin_id: str, cache_key: str) -> SimulationView | None:
        """Return the COMPLETED simulation of that key."""
        ...

    def create(self, new: NewSimulation, *, queued: bool) -> None:
        """Store a PENDING simulation; a queued one with ``simulation.requested`` in the outbox."""
        ...

    def request(self, simulation_id: str) -> NewSimulation:
        """Return what was asked; raise NotFoundError."""
        ...

    def begin(self, simulation_id: str) -> bool:
        """Mark a simulation RUNNING; False where it has ended."""
        ...

    def complete(self, simulation_id: str, result: Simulation, elapsed_ms: float) -> bool:
        """Keep the result; False, and keep nothing, where its twin was deleted meanwhile or it has ended."""
        ...

    def fail(self, simulation_id: str, message: str) -> None:
        """End it FAILED with the reason."""
        ...

    def get(self, simulation_id: str) -> SimulationView:
        """Return one; raise NotFoundError."""
        ...

    def list(self, query: SimulationQuery) -> Page[SimulationView]:
        """Return simulations without their results, newest first."""
        ...

    def actual(self, experiment_id: str, outcome: str) -> ExperimentResult:
        """Return what an experiment found of an outcome; raise NotFoundError, or ConflictError where it found nothing of it."""
        ...

    def validate(self, request: ValidateRequest, verdict: Json, user: str | None) -> Validation:
        """Store what came true; ``verdict`` holds error, relative_error, ci_coverage, fidelity_grade and outcome_sd."""
        ...

    def validations(self, twin_id: str) -> Sequence[Validation]:
        """Return what came true of this name and brand's predictions, all versions, oldest first."""
        ...


class EntityTwins(Protocol):
    """Twins of single entities."""

    def open(self, model_id: str, twin_type: str, entity: str) -> tuple[str, EntityStore]:
        """Return the entity's twin id under a model (made when it is new) and where its versions are kept."""
        ...

    def find(self, entity_twin_id: str) -> tuple[str, EntityStore] | None:
        """Return the model's id and the versions of an entity's twin; None where there is none."""
        ...


@dataclass(frozen=True, slots=True)
class TwinStores:
    """Everything about twins of one tenant."""

    models: TwinModels
    jobs: TrainingJobs
    simulations: Simulations
    entities: EntityTwins
