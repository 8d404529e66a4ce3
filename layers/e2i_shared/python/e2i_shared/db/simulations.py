"""twin_simulations and twin_fidelity_tracking: what was predicted, and what came true."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from psycopg.types.json import Jsonb

from e2i_shared import paging
from e2i_shared.db import outbox, simulation_rows
from e2i_shared.db.queries import query
from e2i_shared.db.repository import Repository, json_of, known_id, new_id_from, not_found
from e2i_shared.errors import ConflictError
from e2i_shared.twins.model import NewSimulation, SimulateRequest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from e2i_shared.api.common import Json, Page
    from e2i_shared.db.connection import Connection
    from e2i_shared.twins.model import SimulationQuery, SimulationView
    from e2i_shared.twins.results import Simulation
    from e2i_shared.twins.validation import ExperimentResult, ValidateRequest, Validation


class PostgresSimulations(Repository):
    """Simulations over Postgres."""

    def cached(self, twin_id: str, cache_key: str) -> SimulationView | None:
        """Return the COMPLETED simulation of that key."""
        row = self._row(query("simulations", "cached"), model_id=twin_id, cache_key=cache_key)
        return None if row is None else simulation_rows.view(row)

    def create(self, new: NewSimulation, *, queued: bool) -> None:
        """Store a PENDING simulation; a queued one with ``simulation.requested`` in the outbox."""

        def work(connection: Connection) -> None:
            connection.execute(query("simulations", "insert"), _values(new))
            if queued:
                outbox.append(connection, "simulation.requested", {"simulation_id": new.simulation_id})

        self._run(work)

    def request(self, simulation_id: str) -> NewSimulation:
        """Return what was asked; raise NotFoundError."""
        row = self._row(query("simulations", "get"), simulation_id=known_id(simulation_id, "simulation"))
        if row is None:
            raise not_found("simulation", simulation_id)
        return NewSimulation(
            simulation_id=str(row["simulation_id"]),
            twin_id=str(row["model_id"]),
            brand=row["brand"],
            request=SimulateRequest.model_validate(row["request"]),
            cache_key=row["cache_key"],
            user=row["requested_by"],
        )

    def begin(self, simulation_id: str) -> bool:
        """Mark a simulation RUNNING; False where it has ended."""
        return self._row(query("simulations", "begin"), simulation_id=simulation_id) is not None

    def complete(self, simulation_id: str, result: Simulation, elapsed_ms: float) -> bool:
        """Keep the result; False, and keep nothing, where its twin was deleted meanwhile or it has ended."""

        def work(connection: Connection) -> bool:
            values = _found(result) | {"simulation_id": simulation_id, "elapsed": elapsed_ms}
            row = connection.execute(query("simulations", "complete"), values).fetchone()
            if row is not None:
                _announce(connection, simulation_id, row["model_id"], "COMPLETED")
            return row is not None

        return self._run(work)

    def fail(self, simulation_id: str, message: str) -> None:
        """End it FAILED with the reason."""

        def work(connection: Connection) -> None:
            values = {"simulation_id": simulation_id, "error": message[:2_000]}
            row = connection.execute(query("simulations", "fail"), values).fetchone()
            if row is not None:
                _announce(connection, simulation_id, row["model_id"], "FAILED")

        self._run(work)

    def get(self, simulation_id: str) -> SimulationView:
        """Return one; raise NotFoundError."""
        row = self._row(query("simulations", "get"), simulation_id=known_id(simulation_id, "simulation"))
        if row is None:
            raise not_found("simulation", simulation_id)
        return simulation_rows.view(row)

    def list(self, query: SimulationQuery) -> Page[SimulationView]:
        """Return simulations without their results, newest first."""
        after = paging.decode(query.cursor)
        rows = self._rows(
            _LIST,
            model_id=known_id(query.twin_id, "twin") if query.twin_id else None,
            brand=query.brand,
            status=query.status and query.status.lower(),
            after_time=after and after.moment,
            after_id=after and after.identity,
            limit=query.limit + 1,
        )
        return paging.page([simulation_rows.view(row) for row in rows], query.limit, position)

    def actual(self, experiment_id: str, outcome: str) -> ExperimentResult:
        """Return what an experiment found of an outcome; raise NotFoundError, or ConflictError where it found nothing of it."""
        row = self._experiment(experiment_id)
        return simulation_rows.experiment_result(row["status"], row["primary_outcome"], row["result"], outcome)

    def validate(self, request: ValidateRequest, verdict: Json, user: str | None) -> Validation:
        """Store what came true; ``verdict`` holds error, relative_error, ci_coverage, fidelity_grade and outcome_sd."""
        values = simulation_rows.validation_values(request, verdict, user)
        if request.actual_experiment_id is not None:
            self._experiment(request.actual_experiment_id)
            values["experiment_id"] = request.actual_experiment_id
        row = self._row(query("simulations", "validate"), **values)
        if row is None:
            raise not_completed(request.simulation_id)
        return simulation_rows.validation(row)

    def validations(self, twin_id: str) -> Sequence[Validation]:
        """Return what came true of this name and brand's predictions, all versions, oldest first."""
        return [
            simulation_rows.validation(row) for row in self._rows(query("simulations", "validations"), model_id=twin_id)
        ]

    def _experiment(self, experiment_id: str) -> Mapping[str, Any]:
        row = self._row(query("simulations", "experiment"), experiment_id=known_id(experiment_id, "experiment"))
        if row is None:
            raise not_found("experiment", experiment_id)
        return row


_LIST = query("simulations", "list")


def not_completed(simulation_id: str) -> ConflictError:
    """Return the error for a simulation without a result."""
    return ConflictError(
        "Only a COMPLETED simulation can be compared with what came true.", field="simulation_id", got=simulation_id
    )


def position(line: SimulationView) -> paging.Position:
    """Return where a line stands in the list."""
    return paging.Position(datetime.fromisoformat(line.created_at), line.simulation_id)


def _announce(connection: Connection, simulation_id: str, twin_id: str, status: str) -> None:
    payload = {"simulation_id": simulation_id, "twin_id": twin_id, "status": status}
    outbox.append(connection, "simulation.updated", payload)


def _values(new: NewSimulation) -> dict[str, Any]:
    asked = new.request
    return {
        "simulation_id": new_id_from(new.simulation_id, "simulation_id"),
        "model_id": new.twin_id,
        "intervention_type": asked.intervention_type,
        "config": json_of(asked.intervention_config),
        "target": asked.target_population,
        "filters": json_of([*asked.population_filters]),
        "twin_count": asked.twin_count,
        "seed": asked.seed,
        "brand": new.brand,
        "request": json_of(asked),
        "cache_key": new.cache_key,
        "user": new.user,
    }


def _found(result: Simulation) -> dict[str, Any]:
    lower, upper = result.confidence_interval
    groups = {name: [each.model_dump() for each in found] for name, found in result.effect_heterogeneity.items()}
    return {
        "ate": result.simulated_ate,
        "lower": lower,
        "upper": upper,
        "std_error": result.std_error,
        "heterogeneity": Jsonb(groups),
        "recommendation": result.recommendation,
        "rationale": result.rationale,
        "sample_size": result.recommended_sample_size,
        "weeks": result.recommended_duration_weeks,
        "confidence": result.simulation_confidence,
        "warning": result.fidelity_warning,
        "reason": result.fidelity_warning_reason,
        "result": json_of(result),
    }
