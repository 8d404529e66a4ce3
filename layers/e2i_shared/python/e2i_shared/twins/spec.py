"""What is asked of a twin: how to train one, what to simulate, and from which thresholds a recommendation follows.

``TwinSpec`` goes into ``train.train``; ``SimulationSpec`` and ``Thresholds`` into ``simulate.simulate``. All are frozen and JSON.
``cache_key`` is the same for the same question to the same model, and for no other.
"""

from __future__ import annotations

import hashlib
import json
from typing import Annotated, Literal

from pydantic import Field, model_validator

from e2i_shared.api.common import Filter, Wire

TwinType = Literal["hcp", "patient", "territory"]
Direction = Literal["increase", "decrease"]
Monotone = Literal["increasing", "decreasing"]
Name = Annotated[str, Field(min_length=1, max_length=200)]
Amount = Annotated[float, Field(ge=-1e12, le=1e12, allow_inf_nan=False)]

FEWEST_TWINS, MOST_TWINS, USUAL_TWINS = 100, 50_000, 10_000

# What each published intervention type is called in data sets, most telling first.
RECORDED_AS: dict[str, tuple[str, ...]] = {
    "email_campaign": ("email_campaign", "emails", "email"),
    "call_frequency_increase": ("rep_visits", "calls", "call_frequency", "visits", "details", "rep_calls"),
    "sample_distribution": ("samples_dropped", "samples", "sample_drops"),
    "speaker_program_invitation": ("speaker_program", "speaker_programs", "speaker"),
    "digital_engagement": ("digital_engagement", "digital", "web_visits"),
    "peer_influence_activation": ("peer_influence", "peer_activation", "peer"),
}


class TwinSpec(Wire):
    """A twin to train. ``features`` left open are the covariates and segments of the data set, by their roles."""

    name: Name
    twin_type: TwinType
    brand: str | None = Field(
        None, max_length=200, description="only rows of this brand, where the data set has brands"
    )
    dataset: Name
    outcome: Name
    interventions: list[Name] = Field(min_length=1, max_length=20)
    features: list[Name] | None = None
    cluster_col: str | None = Field(None, description="rows with the same value are correlated; null: by role")
    direction: Direction = Field("increase", description="which way the outcome is wanted to go")
    population: Literal["copula", "bootstrap"] = "copula"
    monotone: dict[str, Monotone] = Field({}, description="dose interventions whose curve may only go one way")
    replacement: bool = Field(
        default=False, description="whether an untreated unit may serve as a match more than once"
    )
    search_seconds: float = Field(0.0, ge=0.0, le=3_600.0, description="time to search better propensity trees in")
    twins: int = Field(MOST_TWINS, ge=FEWEST_TWINS, le=MOST_TWINS, description="twins kept to simulate with")
    seed: int = Field(20_260_101, ge=0, le=2**31 - 1)

    @model_validator(mode="after")
    def _distinct(self) -> TwinSpec:
        if len(set(self.interventions)) < len(self.interventions):
            raise ValueError("interventions: each may be named once")
        if self.outcome in self.interventions:
            raise ValueError(f"interventions: {self.outcome!r} is the outcome")
        if strange := sorted(set(self.monotone) - set(self.interventions)):
            raise ValueError(f"monotone: {strange[0]!r} is none of the interventions")
        return self


class InterventionConfig(Wire):
    """How the intervention is done. At most one of ``dose``, ``dose_change``, ``dose_change_pct``.

    ``channel``, ``frequency`` and ``content`` are recorded with the result; they move a number only where the data recorded them.
    """

    dose: Amount | None = Field(None, description="everyone receives this dose")
    dose_change: Amount | None = Field(None, description="units added to the recorded dose")
    dose_change_pct: float | None = Field(
        None, ge=-100.0, le=1_000.0, allow_inf_nan=False, description="percent added to the recorded dose"
    )
    duration_weeks: int | None = Field(None, ge=1, le=520)
    uptake: float = Field(1.0, gt=0.0, le=1.0, description="share of those targeted who really receive it")
    channel: str | None = Field(None, max_length=200)
    frequency: str | float | None = None
    content: str | None = Field(None, max_length=2_000)
    allow_extrapolation: bool = Field(
        default=False, description="answer beyond the recorded doses, flagged and with a wider interval"
    )

    @model_validator(mode="after")
    def _one_dose(self) -> InterventionConfig:
        given = [n for n in ("dose", "dose_change", "dose_change_pct") if getattr(self, n) is not None]
        if len(given) > 1:
            raise ValueError(
                f"{given[1]}: give one of dose, dose_change and dose_change_pct, not {' and '.join(given)}"
            )
        return self


class SimulationSpec(Wire):
    """One simulation. ``segments`` left open are the categories of few levels."""

    intervention_type: Name
    config: InterventionConfig = InterventionConfig()
    population_filters: list[Filter] = Field([], max_length=20)
    population_any: list[Filter] = Field(
        [], max_length=200, description="units that pass any of these; empty: no condition"
    )
    twin_count: int = Field(USUAL_TWINS, ge=FEWEST_TWINS, le=MOST_TWINS)
    confidence_level: float = Field(0.95, ge=0.5, le=0.999)
    segments: list[Name] | None = Field(None, max_length=10)
    seed: int = Field(20_260_101, ge=0, le=2**31 - 1)


class Thresholds(Wire):
    """From where a recommendation follows.

    ``min_effect_threshold`` is a share of the outcome's baseline, or, where the baseline is nearly zero, of its standard deviation.
    """

    min_effect_threshold: float = Field(0.05, ge=0.0, le=10.0)
    min_confidence: float = Field(0.70, ge=0.0, le=1.0)
    min_fidelity: float = Field(0.70, ge=0.0, le=1.0)
    power: float = Field(0.8, gt=0.5, lt=1.0)
    alpha: float = Field(0.05, gt=0.0, lt=0.5)
    duration_weeks: int = Field(12, ge=1, le=520)
    most_weeks: int = Field(52, ge=1, le=520, description="a test that would take longer is not recommended")


def cache_key(
    spec: SimulationSpec, model_hash: str, thresholds: Thresholds | None = None, history: object = None
) -> str:
    """Return the SHA-256 of everything a simulation's result depends on; ``history`` is JSON data of what was validated so far."""
    asked = [spec.model_dump(mode="json"), model_hash, (thresholds or Thresholds()).model_dump(mode="json"), history]
    return hashlib.sha256(json.dumps(asked, sort_keys=True, allow_nan=False).encode()).hexdigest()
