"""What a simulation returns: frozen, JSON, every number with its meaning beside it."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from e2i_shared.api.common import Json, Wire

Recommendation = Literal["deploy", "skip", "refine"]


class SegmentEffect(Wire):
    """The effect in one group; intervals of one column's groups hold together (Šidák)."""

    level: str
    units: int
    twins: int
    effect: float
    std_error: float
    ci_lower: float
    ci_upper: float


class Comparison(Wire):
    """With against without: ``lift`` is delta over the baseline, null where the baseline is nearly zero.

    The standard errors are of these means themselves, for a population like the one learned from; that of ``delta`` is the simulation's.
    """

    baseline: float
    baseline_std_error: float
    with_intervention: float
    with_std_error: float
    delta: float
    lift: float | None
    lift_std_error: float | None
    statistic: float
    p_value: float
    baseline_is: str


class Advice(Wire):
    """What to do, why, and what to change before asking again."""

    recommendation: Recommendation
    rationale: str
    change: list[str]
    min_effect: float
    confidence: float
    sample_size_per_arm: int | None
    sample_unit: str
    available_per_arm: int
    smallest_detectable: float | None = Field(
        description="least effect that this population can show in a plausible time"
    )
    duration_weeks: int | None = Field(description="null where no plausible duration is enough")


class Uncertainty(Wire):
    """What the standard error is made of, each a standard error: they add in squares.

    ``data`` is what the training units know (influence functions), ``smoothing`` what their models may still hide, ``monte_carlo``
    the draw of twins, ``population`` how the twins' mean departs from the units', ``extrapolation`` what lies beyond recorded
    doses, ``past_errors`` how far earlier predictions were off.
    """

    data: float
    smoothing: float
    monte_carlo: float
    population: float
    extrapolation: float
    past_errors: float


class DosePoint(Wire):
    """The mean outcome's change at a dose, against the reference dose."""

    dose: float
    effect: float
    ci_lower: float
    ci_upper: float
    units: int


class Simulation(Wire):
    """One simulation. Effects are in outcome units (``outcome_unit``), per unit of the population asked for."""

    intervention: str
    intervention_type: str
    estimand: str
    outcome: str
    outcome_unit: str | None
    simulated_ate: float
    confidence_interval: tuple[float, float]
    std_error: float
    confidence_level: float
    p_effect_above_threshold: float
    uncertainty: Uncertainty
    compare_to_baseline: Comparison
    effect_heterogeneity: dict[str, list[SegmentEffect]]
    effect_quantiles: dict[str, float] = Field(description="of the single twins' predicted effects")
    dose_response: list[DosePoint]
    recommendation: Recommendation
    rationale: str
    advice: Advice
    recommended_sample_size: int | None = Field(description="per arm, in sample units")
    recommended_duration_weeks: int | None = Field(description="null where no plausible duration is enough")
    simulation_confidence: float
    fidelity_score: float
    fidelity_warning: bool
    fidelity_warning_reason: str | None
    extrapolation: bool
    share_outside: float = Field(
        description="of the units: those hardly ever without the intervention, or hardly ever with it"
    )
    warnings: list[str]
    twins: int
    units: int
    seed: int
    model_hash: str
    charts: dict[str, Json]
