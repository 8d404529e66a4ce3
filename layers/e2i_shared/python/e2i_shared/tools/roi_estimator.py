"""Estimate what an intervention returns: ROI, net present value and break-even, with the effect's uncertainty carried through."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, ConfigDict, Field

from e2i_shared.api.tools import ToolCategory, ToolEdge
from e2i_shared.causal.cash_flow import Plan
from e2i_shared.tools._analysis import CausalResult
from e2i_shared.tools._charts_change import cash_charts
from e2i_shared.tools._registry import ToolParams, ToolResult, ToolSpec
from e2i_shared.tools._returns import Gain, GapResult, gain_of, probability_of_profit

if TYPE_CHECKING:
    from e2i_shared.api.common import Json
    from e2i_shared.tools._registry import ToolContext

Money = Annotated[float, Field(ge=0, le=1e15, allow_inf_nan=False)]
Finite = Annotated[float, Field(ge=-1e15, le=1e15, allow_inf_nan=False)]
EXAMPLES: list[Json] = [
    {
        "effect": 1.71,
        "effect_ci_lower": 1.56,
        "effect_ci_upper": 1.85,
        "units": 500,
        "intervention_cost": 250000,
        "monthly_cost": 100000,
        "value_per_unit": 300,
    },
    {
        "gap_result": {
            "metric": "trx",
            "total_opportunity": 5200.0,
            "total_opportunity_ci_lower": 2100.0,
            "total_opportunity_ci_upper": 8300.0,
            "n": 960,
        },
        "share_closed": 0.5,
        "effect_months": 12,
        "intervention_cost": 400000,
        "value_per_unit": 250,
        "time_horizon_months": 24,
        "discount_rate": 0.08,
    },
]


class Params(ToolParams):
    """A gap to close or an effect, what it costs and what a unit of the outcome is worth."""

    gap_result: GapResult | None = Field(
        None, description="gap_calculator's output: its total opportunity is what could be won"
    )
    causal_result: CausalResult | None = Field(
        None, description="causal_effect_estimator's output: its effect and interval"
    )
    effect: Finite | None = Field(
        None, description="outcome units gained per month and unit reached, instead of a result"
    )
    effect_ci_lower: Finite | None = Field(None, description="lower 95% bound of effect")
    effect_ci_upper: Finite | None = Field(None, description="upper 95% bound of effect")
    units: Annotated[float, Field(gt=0, le=1e12)] = Field(
        1.0, description="how many units an effect applies to each month (500 extra visits a month)"
    )
    share_closed: Annotated[float, Field(gt=0, le=1)] = Field(1.0, description="share of a gap that is closed")
    effect_months: Annotated[float, Field(gt=0, le=1200)] | None = Field(
        None,
        description="months over which an effect or opportunity accrues; left out: 1 for an effect, the horizon for a gap",
    )
    intervention_cost: Money = Field(description="money spent at the start")
    monthly_cost: Money = Field(0.0, description="money spent at the end of each month")
    value_per_unit: Finite = Field(description="money per unit of the outcome; negative where less of it is better")
    time_horizon_months: Annotated[int, Field(ge=1, le=600)] = Field(
        12, description="months over which gains are counted"
    )
    discount_rate: Annotated[float, Field(ge=0, le=1)] = Field(
        0.1, description="effective discount rate of a year; 0.1 is 10%"
    )
    ramp_months: Annotated[int, Field(ge=0, le=600)] = Field(
        0, description="months until gains reach their full size, linearly"
    )


class CashPoint(BaseModel):
    """The discounted balance at a month's end, in money."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    month: int
    balance: float = Field(description="discounted gains less costs so far")
    balance_lower: float | None = Field(
        description="the same at the worse bound of the effect; null without an interval"
    )
    balance_upper: float | None = Field(
        description="the same at the better bound of the effect; null without an interval"
    )


class Result(ToolResult):
    """Return, net present value and break-even; money in the unit of the costs given."""

    estimated_roi: float = Field(
        description="net present value / present value of all costs; 0 breaks even, 1 doubles the money"
    )
    npv: float = Field(description="net present value: discounted gains less costs")
    breakeven_months: float | None = Field(
        description="months until discounted gains cover costs; null if not within the horizon"
    )
    breakeven_reason: str | None = Field(description="why there is no break-even; null where there is one")
    confidence_range: list[float] | None = Field(
        description="ROI at the 95% bounds of the effect, low then high; null without them"
    )
    npv_range: list[float] | None = Field(
        description="net present value at the bounds, low then high; null without them"
    )
    breakeven_range: list[float | None] | None = Field(
        description="break-even at the better, then the worse bound; null is never"
    )
    probability_of_profit: float | None = Field(
        description="chance that the net present value is positive, taking the effect as normal with its interval; null without one"
    )
    breakeven_effect: float | None = Field(
        description="the effect (or opportunity) at which the net present value is 0; null if none"
    )
    effect: float = Field(description="the effect or opportunity used, outcome units")
    monthly_gain: float = Field(description="money gained a month at full pace")
    total_gain: float = Field(description="present value of all gains")
    total_cost: float = Field(description="present value of all costs")
    time_horizon_months: int
    discount_rate: float = Field(description="effective, of a year")
    monthly_rate: float = Field(description="(1 + discount_rate)^(1/12) − 1")
    cash_flow: list[CashPoint] = Field(description="the discounted balance by month, the start first")


def run(params: Params, context: ToolContext) -> Result:  # noqa: ARG001  # every tool is called alike; this one reads no data
    """Return the worth; raise UnprocessableError without exactly one effect, without a cost or with bounds the wrong way round."""
    gain = gain_of(params)
    plan = Plan(
        params.intervention_cost,
        params.monthly_cost,
        params.time_horizon_months,
        params.discount_rate,
        params.ramp_months,
    )
    cost, npv = plan.cost(), plan.npv(gain.monthly)
    bounds = sorted(gain.bounds) if gain.bounds else None
    at_bounds = [plan.npv(g) for g in bounds] if bounds else None
    breakeven = plan.breakeven(gain.monthly)
    per_effect = gain.per_effect * plan.gain_factor()
    return Result(
        n=gain.n,
        method=(
            f"Monthly gains and costs discounted at (1 + {params.discount_rate:g})^(−t/12); ROI = net present value / present value "
            f"of costs; ranges are the same sums at the effect's 95% bounds."
        ),
        assumptions=_assumptions(params, gain),
        warnings=_warnings(params, gain, npv, at_bounds),
        estimated_roi=npv / cost,
        npv=npv,
        breakeven_months=breakeven,
        breakeven_reason=None if breakeven is not None else _never(params, gain),
        confidence_range=[value / cost for value in at_bounds] if at_bounds else None,
        npv_range=at_bounds,
        breakeven_range=[plan.breakeven(g) for g in reversed(bounds)] if bounds else None,
        probability_of_profit=probability_of_profit(gain, cost / plan.gain_factor()),
        breakeven_effect=cost / per_effect if per_effect else None,
        effect=gain.effect,
        monthly_gain=gain.monthly,
        total_gain=gain.monthly * plan.gain_factor(),
        total_cost=cost,
        time_horizon_months=params.time_horizon_months,
        discount_rate=params.discount_rate,
        monthly_rate=(1.0 + params.discount_rate) ** (1 / 12) - 1.0,
        cash_flow=_cash_flow(plan, gain.monthly, bounds),
    )


def _cash_flow(plan: Plan, gain: float, bounds: list[float] | None) -> list[CashPoint]:
    middle = plan.cumulative(gain)
    low, high = (plan.cumulative(g) for g in bounds) if bounds else (None, None)
    return [
        CashPoint(
            month=t,
            balance=float(middle[t]),
            balance_lower=None if low is None else float(low[t]),
            balance_upper=None if high is None else float(high[t]),
        )
        for t in range(plan.months + 1)
    ]


def _never(params: Params, gain: Gain) -> str:
    if gain.monthly <= 0:
        return "The intervention gains nothing, so its cost is never covered."
    if gain.monthly <= params.monthly_cost:
        return "The monthly gain does not exceed the monthly cost, so the cost is never covered."
    return f"Discounted gains do not cover the costs within {params.time_horizon_months} months."


def _assumptions(params: Params, gain: Gain) -> list[str]:
    found = [
        *gain.notes,
        (
            f"Gains and monthly costs fall at each month's end, for {params.time_horizon_months} months; costs, value and horizon are "
            f"taken as certain."
        ),
    ]
    if params.ramp_months:
        found.append(f"Gains grow linearly to their full size over {params.ramp_months} months.")
    return found


def _warnings(params: Params, gain: Gain, npv: float, at_bounds: list[float] | None) -> list[str]:
    worst, best = at_bounds or (None, None)
    found = {
        "The effect has no interval, so the return has no range.": gain.bounds is None,
        "The range includes a loss.": worst is not None and worst < 0 < npv,
        "The range includes a profit.": best is not None and npv < 0 < best,
        "A gap shows what could be won if it closed; that the intervention closes it is not shown.": params.gap_result
        is not None,
        "The whole gap is taken to close: name share_closed for a cautious figure.": params.gap_result is not None
        and params.share_closed == 1.0,
    }
    return [text for text, applies in found.items() if applies]


TOOL = ToolSpec(
    name="roi_estimator",
    category=ToolCategory.GAP,
    source_agent="gap_analyzer",
    description=(
        "Estimates the return on an intervention from a gap to close or a causal effect, its cost and the value of a unit: ROI, net "
        "present value, months to break-even and their ranges from the effect's interval."
    ),
    params=Params,
    result=Result,
    run=run,
    charts=cash_charts,
    examples=EXAMPLES,
    edges=(
        ToolEdge(producer="gap_calculator", output_field="", input_field="gap_result"),
        ToolEdge(producer="causal_effect_estimator", output_field="", input_field="causal_result"),
    ),
)
