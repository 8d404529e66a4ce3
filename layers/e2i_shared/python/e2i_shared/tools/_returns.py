"""The monthly gain of an intervention, from a gap, a causal result or a bare effect."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field

from e2i_shared.causal.normal import normal_cdf, normal_quantile
from e2i_shared.errors import UnprocessableError

if TYPE_CHECKING:
    from e2i_shared.tools.roi_estimator import Params


class GapResult(BaseModel):
    """What is read of gap_calculator's output; its other fields are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)

    metric: str
    total_opportunity: float = Field(ge=0, description="sum of positive gaps × size: metric units over the rows read")
    total_opportunity_ci_lower: float | None = Field(None, description="its lower 95% bound")
    total_opportunity_ci_upper: float | None = Field(None, description="its upper 95% bound")
    n: int = 0


@dataclass(frozen=True, slots=True)
class Gain:
    """Money ``monthly`` at full pace, and at the bounds; ``per_effect`` is money a month per unit of ``effect``."""

    effect: float
    per_effect: float
    bounds: tuple[float, float] | None
    n: int
    notes: tuple[str, ...]

    @property
    def monthly(self) -> float:
        """Money a month."""
        return self.effect * self.per_effect


def gain_of(params: Params) -> Gain:
    """Return the gain; raise UnprocessableError without exactly one of gap_result, causal_result and effect, or without a cost."""
    given = [name for name in ("gap_result", "causal_result", "effect") if getattr(params, name) is not None]
    if len(given) != 1:
        raise UnprocessableError(
            "The gain must come from exactly one of a gap, a causal result and a bare effect.",
            field="effect",
            expected="one of gap_result, causal_result, effect",
            got=", ".join(given) or "none",
            hint="Run gap_calculator or causal_effect_estimator first, or give effect with its bounds.",
        )
    if params.intervention_cost + params.monthly_cost == 0:
        raise UnprocessableError(
            "Without any cost there is no return on it.",
            field="intervention_cost",
            expected="intervention_cost or monthly_cost above 0",
            got="0",
        )
    if params.gap_result is not None:
        return _of_gap(params, params.gap_result)
    return _of_effect(params)


def probability_of_profit(gain: Gain, needed: float) -> float | None:
    """Return P(monthly gain > ``needed``) for a normal gain whose 95% interval is its bounds; None without an interval of width."""
    if gain.bounds is None or gain.bounds[0] == gain.bounds[1]:
        return None
    error = abs(gain.bounds[1] - gain.bounds[0]) / (2 * normal_quantile(0.975))
    return normal_cdf((gain.monthly - needed) / error)


def _of_gap(params: Params, gap: GapResult) -> Gain:
    months = params.effect_months or float(params.time_horizon_months)
    factor = params.share_closed * params.value_per_unit / months
    lower, upper = gap.total_opportunity_ci_lower, gap.total_opportunity_ci_upper
    notes = [f"{params.share_closed:.0%} of the opportunity of {gap.total_opportunity:,.6g} {gap.metric} is won."]
    if params.effect_months is None:
        notes.append(
            f"The opportunity is taken to be that of {months:g} months, the horizon: name effect_months where its rows cover others."
        )
    if params.units != 1.0:
        raise UnprocessableError(
            "An opportunity is already a total: units would count it twice.",
            field="units",
            expected="units left out with a gap_result",
            got=f"{params.units:g}",
            hint="Use share_closed for a part of the gap.",
        )
    bounds = None if lower is None or upper is None else (lower * factor, upper * factor)
    return Gain(gap.total_opportunity, factor, bounds, gap.n, tuple(notes))


def _of_effect(params: Params) -> Gain:
    months = params.effect_months or 1.0
    factor = params.units * params.value_per_unit / months
    units = "one unit" if params.units == 1 else f"{params.units:,.6g} units"
    notes = [f"The effect acts on {units} every {'month' if months == 1 else f'{months:g} months'}."]
    result = params.causal_result
    if result is not None:
        notes.append("The estimated effect is taken to hold for those reached and over the whole horizon.")
        return Gain(result.ate, factor, (result.ci_lower * factor, result.ci_upper * factor), 0, tuple(notes))
    lower, effect, upper = params.effect_ci_lower, params.effect, params.effect_ci_upper
    if effect is None or (lower is None) != (upper is None):
        raise UnprocessableError(
            "An interval has two bounds.",
            field="effect_ci_lower" if lower is None else "effect_ci_upper",
            expected="both bounds, or none",
            got="one bound",
        )
    if lower is None or upper is None:
        return Gain(effect, factor, None, 0, tuple(notes))
    if not lower <= effect <= upper:
        raise UnprocessableError(
            "The effect must lie between its bounds.",
            field="effect",
            expected=f"a number from {lower:g} to {upper:g}",
            got=f"{effect:g}",
        )
    return Gain(effect, factor, (lower * factor, upper * factor), 0, tuple(notes))
