"""What came true of predictions, and how far a twin can be trusted for it, as the service speaks of them. No arrays here."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, model_validator

from e2i_shared.api.common import Json, Wire
from e2i_shared.twins.model import Finite, Grade


class ExperimentResult(BaseModel):
    """What an experiment's analysis says of its primary outcome."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    estimate: Finite
    std_error: Finite | None = Field(None, ge=0)
    confidence_interval: tuple[Finite, Finite] | None = None
    sample_size: int | None = Field(None, ge=1)


class ValidateRequest(Wire):
    """What really happened: told by the caller, or left out and taken from the experiment's own analysis.

    The interval, or the standard error, of the actual effect says how far to trust it.
    """

    simulation_id: str = Field(max_length=36)
    actual_experiment_id: str | None = Field(None, max_length=36)
    actual_ate: Finite | None = Field(None, description="left out: that of the experiment's primary analysis")
    actual_ci: tuple[Finite, Finite] | None = Field(None, description="its 95% interval")
    actual_std_error: Finite | None = Field(None, ge=0)
    actual_sample_size: int | None = Field(None, ge=1)
    notes: str | None = Field(None, max_length=2_000)
    confounding_factors: list[str] = Field([], max_length=50)

    @model_validator(mode="after")
    def _ordered(self) -> ValidateRequest:
        told = (self.actual_ci, self.actual_std_error, self.actual_sample_size)
        if self.actual_ate is None:
            if self.actual_experiment_id is None:
                raise ValueError(
                    "actual_ate: give the effect that came true, or actual_experiment_id to take it from there"
                )
            if any(each is not None for each in told):
                raise ValueError("actual_ate: an interval, error or sample size needs the effect that it belongs to")
        elif self.actual_ci and not self.actual_ci[0] <= self.actual_ate <= self.actual_ci[1]:
            raise ValueError("actual_ci: the interval must hold actual_ate")
        return self

    def told_by(self, found: ExperimentResult) -> ValidateRequest:
        """Return the request with the effect that an experiment's analysis found."""
        return self.model_copy(
            update={
                "actual_ate": found.estimate,
                "actual_ci": found.confidence_interval,
                "actual_std_error": found.std_error,
                "actual_sample_size": found.sample_size,
            }
        )

    @property
    def effect(self) -> float:
        """The effect that came true, once it is told."""
        if self.actual_ate is None:
            raise ValueError("actual_ate: it is to be taken from the experiment first")
        return self.actual_ate

    @property
    def standard_error(self) -> float:
        """The standard error given, or that of the 95% interval, or 0 where nothing is known."""
        if self.actual_std_error is not None:
            return self.actual_std_error
        return (self.actual_ci[1] - self.actual_ci[0]) / (2 * 1.959963984540054) if self.actual_ci else 0.0


class Validation(Wire):
    """One prediction beside what came true. ``relative_error`` is null where the actual effect is nearly zero."""

    tracking_id: str
    simulation_id: str
    twin_id: str
    actual_experiment_id: str | None = None
    simulated_ate: float
    simulated_ci: tuple[float, float]
    simulated_std_error: float
    actual_ate: float
    actual_ci: tuple[float, float] | None = None
    actual_std_error: float = 0.0
    actual_sample_size: int | None = None
    error: float
    relative_error: float | None = None
    ci_coverage: bool
    fidelity_grade: Grade
    outcome_sd: float
    notes: str | None = None
    validated_by: str | None = None
    validated_at: str


class Fidelity(Wire):
    """How far a twin can be trusted: its population, its predictions, and whether they are getting worse."""

    twin_id: str
    score: float
    grade: Grade
    population: float = Field(description="likeness of the twins to the units they were learned from")
    accuracy: Json
    similarity: Json | None = Field(None, description="against the data set as it is now; null before the first check")
    degradation: Json
    past_errors: Json
    validations: list[Validation]
    checked_at: str | None = None
    warnings: list[str] = []
    charts: dict[str, Json] = {}
