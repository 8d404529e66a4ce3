"""Simulations and what came true of them, in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from e2i_shared import paging
from e2i_shared.db import simulation_rows, simulations
from e2i_shared.db.repository import known_id, not_found
from e2i_shared.ids import new_id
from e2i_shared.twins.model import SimulationView
from e2i_shared.twins.validation import Validation

if TYPE_CHECKING:
    from collections.abc import Sequence

    from e2i_shared.api.common import Json, Page
    from e2i_shared.testing.twin_rows import Held
    from e2i_shared.twins.model import NewSimulation, SimulationQuery
    from e2i_shared.twins.results import Simulation
    from e2i_shared.twins.validation import ExperimentResult, ValidateRequest


class FakeSimulations:
    """Simulations in memory."""

    def __init__(self, held: Held) -> None:
        self._held = held

    def cached(self, twin_id: str, cache_key: str) -> SimulationView | None:
        """Return the COMPLETED simulation of that key."""
        same = [i for i, new in self._held.asked.items() if (new.twin_id, new.cache_key) == (twin_id, cache_key)]
        done = [self._held.simulations[i] for i in reversed(same)]
        return next((view for view in done if view.status == "COMPLETED"), None)

    def create(self, new: NewSimulation, *, queued: bool) -> None:
        """Store a PENDING simulation."""
        simulation_id, asked = new.simulation_id, new.request
        self._held.asked[simulation_id] = new
        self._held.simulations[simulation_id] = SimulationView(
            simulation_id=simulation_id,
            twin_id=new.twin_id,
            brand=new.brand,
            intervention_type=asked.intervention_type,
            status="PENDING",
            twin_count=asked.twin_count,
            created_at=self._held.now(),
            intervention_config=asked.intervention_config.model_dump(mode="json"),
            target_population=asked.target_population,
            population_filters=asked.population_filters,
            confidence_level=asked.confidence_level,
            seed=asked.seed,
        )
        if queued:
            self._held.outbox.append("simulation.requested", {"simulation_id": simulation_id})

    def request(self, simulation_id: str) -> NewSimulation:
        """Return what was asked; raise NotFoundError."""
        return self._held.asked[self.get(simulation_id).simulation_id]

    def begin(self, simulation_id: str) -> bool:
        """Mark a simulation RUNNING; False where it has ended."""
        return self._change(simulation_id, status="RUNNING")

    def complete(self, simulation_id: str, result: Simulation, elapsed_ms: float) -> bool:
        """Keep the result; False where its twin was deleted meanwhile or it has ended."""
        if self._held.simulations[simulation_id].twin_id in self._held.deleted:
            return False
        found = SimulationView.model_validate(
            self._held.simulations[simulation_id].model_dump() | result.model_dump(mode="json")
        )
        changes = {name: getattr(found, name) for name in type(result).model_fields}
        if not self._change(simulation_id, **changes, status="COMPLETED", execution_time_ms=elapsed_ms):
            return False
        self._announce(simulation_id)
        return True

    def fail(self, simulation_id: str, message: str) -> None:
        """End it FAILED with the reason."""
        if self._change(simulation_id, status="FAILED", error=message[:2_000]):
            self._announce(simulation_id)

    def get(self, simulation_id: str) -> SimulationView:
        """Return one; raise NotFoundError."""
        known = known_id(simulation_id, "simulation")
        if known not in self._held.simulations:
            raise not_found("simulation", simulation_id)
        grades = [v.fidelity_grade for v in self._held.validations if v.simulation_id == known]
        return self._held.simulations[known].model_copy(update={"fidelity_grade": (grades or ["unvalidated"])[-1]})

    def list(self, query: SimulationQuery) -> Page[SimulationView]:
        """Return simulations, newest first."""
        after = paging.decode(query.cursor)
        wanted = known_id(query.twin_id, "twin") if query.twin_id else None
        known = [
            view
            for view in map(self.get, self._held.simulations)
            if (wanted is None or view.twin_id == wanted)
            and (query.brand is None or (view.brand or "").lower() == query.brand.lower())
            and (query.status is None or view.status == query.status)
        ]
        known = sorted(known, key=simulations.position, reverse=True)
        known = [view for view in known if after is None or simulations.position(view) < after]
        return paging.page(known[: query.limit + 1], query.limit, simulations.position)

    def actual(self, experiment_id: str, outcome: str) -> ExperimentResult:
        """Return what an experiment found of an outcome; raise NotFoundError or ConflictError."""
        return simulation_rows.experiment_result(*self._experiment(experiment_id), outcome)

    def _experiment(self, experiment_id: str) -> tuple[str, str | None, Any]:
        known = known_id(experiment_id, "experiment")
        if known not in self._held.experiments:
            raise not_found("experiment", experiment_id)
        return self._held.experiments[known]

    def validate(self, request: ValidateRequest, verdict: Json, user: str | None) -> Validation:
        """Store what came true."""
        view = self.get(request.simulation_id)
        if request.actual_experiment_id is not None:
            self._experiment(request.actual_experiment_id)
        if view.simulated_ate is None or view.confidence_interval is None:
            raise simulations.not_completed(request.simulation_id)
        made = Validation(
            tracking_id=new_id(),
            simulation_id=view.simulation_id,
            twin_id=view.twin_id,
            simulated_ate=view.simulated_ate,
            simulated_ci=view.confidence_interval,
            simulated_std_error=view.std_error or 0.0,
            actual_experiment_id=request.actual_experiment_id,
            actual_ate=request.effect,
            actual_ci=request.actual_ci,
            actual_std_error=request.standard_error,
            actual_sample_size=request.actual_sample_size,
            **verdict,
            notes=request.notes,
            validated_by=user,
            validated_at=self._held.now(),
        )
        self._held.validations.append(made)
        return made

    def validations(self, twin_id: str) -> Sequence[Validation]:
        """Return what came true of this name and brand's predictions, all versions, oldest first."""
        asked = self._held.twins[twin_id]
        same = {t.twin_id for t in self._held.twins.values() if (t.name, t.brand) == (asked.name, asked.brand)}
        return [v for v in self._held.validations if v.twin_id in same]

    def _change(self, simulation_id: str, **changes: Any) -> bool:
        view = self._held.simulations[simulation_id]
        if view.status in ("COMPLETED", "FAILED"):
            return False
        self._held.simulations[simulation_id] = view.model_copy(update=changes)
        return True

    def _announce(self, simulation_id: str) -> None:
        view = self._held.simulations[simulation_id]
        payload = {"simulation_id": simulation_id, "twin_id": view.twin_id, "status": view.status}
        self._held.outbox.append("simulation.updated", payload)
