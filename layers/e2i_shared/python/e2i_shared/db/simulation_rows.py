"""Rows of twin_simulations and twin_fidelity_tracking as the service's models, and back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from psycopg.types.json import Jsonb
from pydantic import ValidationError

from e2i_shared.db.repository import iso, known_id
from e2i_shared.errors import ConflictError
from e2i_shared.twins.model import SimulationView
from e2i_shared.twins.validation import ExperimentResult, Validation

if TYPE_CHECKING:
    from collections.abc import Mapping

    from e2i_shared.api.common import Json
    from e2i_shared.twins.validation import ValidateRequest

    Row = Mapping[str, Any]


def view(row: Row) -> SimulationView:
    """Return a simulation, with its result where the row holds one."""
    known = {
        "simulation_id": str(row["simulation_id"]),
        "twin_id": str(row["model_id"]),
        "brand": row["brand"],
        "intervention_type": row["intervention_type"],
        "status": row["simulation_status"].upper(),
        "twin_count": row["twin_count"],
        "simulated_ate": row["simulated_ate"],
        "confidence_interval": _pair(row["simulated_ci_lower"], row["simulated_ci_upper"]),
        "std_error": row["simulated_std_error"],
        "recommendation": row["recommendation"],
        "fidelity_grade": row["fidelity_grade"] or "unvalidated",
        "created_at": iso(row["created_at"]),
        "intervention_config": row["intervention_config"],
        "target_population": row["target_population"],
        "population_filters": row["population_filters"],
        "confidence_level": row["request"].get("confidence_level", 0.95),
        "seed": row["seed"],
        "execution_time_ms": row["execution_time_ms"],
        "error": row["error_message"],
    }
    return SimulationView.model_validate(known | (row["result"] or {}))


def validation(row: Row) -> Validation:
    """Return what came true of one prediction."""
    return Validation(
        tracking_id=str(row["tracking_id"]),
        simulation_id=str(row["simulation_id"]),
        twin_id=row["model_id"],
        actual_experiment_id=str(row["actual_experiment_id"]) if row["actual_experiment_id"] else None,
        simulated_ate=row["simulated_ate"],
        simulated_ci=(row["simulated_ci_lower"], row["simulated_ci_upper"]),
        simulated_std_error=row["simulated_std_error"],
        actual_ate=row["actual_ate"],
        actual_ci=_pair(row["actual_ci_lower"], row["actual_ci_upper"]),
        actual_std_error=row["actual_std_error"],
        actual_sample_size=row["actual_sample_size"],
        error=row["simulated_ate"] - row["actual_ate"],
        relative_error=row["prediction_error"],
        ci_coverage=row["ci_coverage"],
        fidelity_grade=row["fidelity_grade"],
        outcome_sd=row["outcome_sd"],
        notes=row["validation_notes"],
        validated_by=row["validated_by"],
        validated_at=iso(row["validated_at"]),
    )


def experiment_result(status: str, measured: str | None, result: Any, outcome: str) -> ExperimentResult:
    """Return what an experiment's analysis says of an outcome.

    Raises
    ------
    ConflictError
        When it was not analysed, its primary outcome is another one, or its analysis cannot be read.
    """
    if result is None:
        raise ConflictError(
            "The experiment has no analysis yet.",
            field="actual_experiment_id",
            expected="an experiment with the analysis of its primary outcome",
            got=f"one that is {status}",
            hint="Analyse the experiment, or tell the effect as actual_ate.",
        )
    if measured is not None and measured != outcome:
        raise ConflictError(
            "The experiment measured another outcome than the twin predicts.",
            field="actual_experiment_id",
            expected=f"the primary outcome {outcome!r}",
            got=measured,
            hint="Name an experiment on the twin's outcome, or tell the effect as actual_ate.",
        )
    try:
        return ExperimentResult.model_validate(result)
    except ValidationError as error:
        fault = error.errors()[0]
        raise ConflictError(
            "The experiment's analysis cannot be read.",
            field=".".join(["primary", *map(str, fault["loc"])]),
            expected="estimate, std_error, confidence_interval and sample_size",
            got=fault["msg"],
            hint="Tell the effect as actual_ate.",
        ) from error


def validation_values(request: ValidateRequest, verdict: Json, user: str | None) -> dict[str, Any]:
    """Return the parameters of the insertion of a validation."""
    lower, upper = request.actual_ci or (None, None)
    return {
        "simulation_id": known_id(request.simulation_id, "simulation"),
        "experiment_id": None,
        "actual": request.effect,
        "lower": lower,
        "upper": upper,
        "actual_se": request.standard_error,
        "sample_size": request.actual_sample_size,
        "relative": verdict["relative_error"],
        "absolute": abs(verdict["error"]),
        "covered": verdict["ci_coverage"],
        "grade": verdict["fidelity_grade"],
        "sd": verdict["outcome_sd"],
        "notes": request.notes,
        "factors": Jsonb(request.confounding_factors),
        "user": user,
    }


def _pair(lower: float | None, upper: float | None) -> tuple[float, float] | None:
    return None if lower is None or upper is None else (lower, upper)
