from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from builders_frames import NO_DATA
from e2i_shared.causal.cash_flow import Plan
from e2i_shared.errors import UnprocessableError
from e2i_shared.tools._registry import run_tool
from e2i_shared.tools.roi_estimator import EXAMPLES, TOOL, Params, run
from vega_lite import assert_valid

GAP = {
    "metric": "trx",
    "total_opportunity": 1200.0,
    "total_opportunity_ci_lower": 600.0,
    "total_opportunity_ci_upper": 1800.0,
    "n": 50,
}
CAUSAL = {
    "ate": 2.0,
    "ci_lower": 1.0,
    "ci_upper": 3.0,
    "std_error": 0.5,
    "specification": {"dataset": "d", "treatment_col": "t", "outcome_col": "y"},
}


def worth(**params: Any):
    base = {"intervention_cost": 1000.0, "value_per_unit": 10.0}
    return run(Params.model_validate(base | params), NO_DATA)


def by_hand(gain: float, cost: float, monthly: float, months: int, rate: float) -> float:
    """Return the net present value summed month by month."""
    total = -cost
    for t in range(1, months + 1):
        total += (gain - monthly) / (1 + rate) ** (t / 12)
    return total


def test_net_present_value_is_what_one_sums_by_hand():
    result = worth(effect=3.0, units=10, monthly_cost=50.0, time_horizon_months=18, discount_rate=0.12)

    expected = by_hand(300.0, 1000.0, 50.0, 18, 0.12)
    cost = 1000.0 + sum(50.0 / 1.12 ** (t / 12) for t in range(1, 19))
    assert result.npv == pytest.approx(expected)
    assert result.total_cost == pytest.approx(cost)
    assert result.estimated_roi == pytest.approx(expected / cost)
    assert result.total_gain - result.total_cost == pytest.approx(result.npv)


def test_a_textbook_annuity():
    # 100 a month for 12 months at 1% a month is worth 1125.51 (Brealey, Myers & Allen, annuity factor 11.2551).
    annual = 1.01**12 - 1

    result = worth(effect=10.0, discount_rate=annual)

    assert result.monthly_rate == pytest.approx(0.01)
    assert result.total_gain == pytest.approx(1125.51, abs=0.005)
    assert result.npv == pytest.approx(125.51, abs=0.005)


def test_without_discounting_break_even_is_cost_over_gain():
    result = worth(effect=12.5, discount_rate=0.0)

    assert result.breakeven_months == pytest.approx(8.0)
    assert result.estimated_roi == pytest.approx(12 * 125 / 1000 - 1)
    assert result.breakeven_reason is None


def test_discounting_delays_break_even():
    assert (
        worth(effect=12.5, discount_rate=0.3).breakeven_months > worth(effect=12.5, discount_rate=0.0).breakeven_months
    )


@pytest.mark.parametrize(
    ("params", "reason"),
    [
        ({"effect": -1.0}, "gains nothing"),
        ({"effect": 4.0, "monthly_cost": 40.0}, "does not exceed the monthly cost"),
        ({"effect": 5.0}, "within 12 months"),
    ],
)
def test_a_break_even_that_never_comes_has_a_reason(params, reason):
    result = worth(**params)

    assert result.breakeven_months is None
    assert reason in result.breakeven_reason
    assert result.npv < 0


def test_the_range_is_the_same_sum_at_the_bounds_of_the_effect():
    result = worth(effect=10.0, effect_ci_lower=4.0, effect_ci_upper=16.0)

    low, high = worth(effect=4.0), worth(effect=16.0)
    assert result.npv_range == pytest.approx([low.npv, high.npv])
    assert result.confidence_range == pytest.approx([low.estimated_roi, high.estimated_roi])
    assert result.breakeven_range == [high.breakeven_months, None]
    assert any("includes a loss" in text for text in result.warnings)


def test_a_harm_avoided_is_a_gain():
    result = worth(effect=-0.05, effect_ci_lower=-0.08, effect_ci_upper=-0.02, units=1000, value_per_unit=-40.0)

    assert result.monthly_gain == pytest.approx(2000.0)
    assert result.npv_range == sorted(result.npv_range)
    assert result.npv_range[0] < result.npv < result.npv_range[1]


def test_the_chance_of_profit_is_that_of_the_normal_effect():
    result = worth(effect=10.0, effect_ci_lower=4.0, effect_ci_upper=16.0)

    rng = np.random.default_rng(1)
    drawn = rng.normal(10.0, 6.0 / 1.959964, 200_000)
    profits = drawn * result.total_gain / 10.0 > result.total_cost
    assert result.probability_of_profit == pytest.approx(profits.mean(), abs=3 * math.sqrt(0.25 / 200_000))


def test_at_the_break_even_effect_nothing_is_won_or_lost():
    needed = worth(effect=10.0, monthly_cost=20.0).breakeven_effect

    assert worth(effect=needed, monthly_cost=20.0).npv == pytest.approx(0.0, abs=1e-9)


def test_a_gap_is_spread_over_its_months():
    result = worth(gap_result=GAP, share_closed=0.5, effect_months=6)

    assert result.monthly_gain == pytest.approx(1200 * 0.5 / 6 * 10)
    assert result.n == 50
    assert result.npv_range[0] < result.npv < result.npv_range[1]


def test_a_gap_without_its_months_is_the_horizons_and_says_so():
    result = worth(gap_result=GAP, time_horizon_months=24)

    assert result.monthly_gain == pytest.approx(500.0)
    assert any("the horizon" in text for text in result.assumptions)
    assert any("not shown" in text for text in result.warnings)
    assert any("share_closed" in text for text in result.warnings)


def test_a_causal_result_carries_its_interval():
    result = worth(causal_result=CAUSAL | {"p_value": 0.01}, units=20)

    assert result.effect == 2.0
    assert result.monthly_gain == pytest.approx(400.0)
    assert result.npv_range == pytest.approx([worth(effect=1.0, units=20).npv, worth(effect=3.0, units=20).npv])


def test_gains_that_ramp_up_come_later():
    slow, fast = worth(effect=20.0, ramp_months=3, discount_rate=0.0), worth(effect=20.0, discount_rate=0.0)

    assert slow.total_gain == pytest.approx(200 * (0.25 + 0.5 + 0.75 + 9))
    assert slow.breakeven_months > fast.breakeven_months


def test_the_balance_ends_at_the_net_present_value():
    result = worth(effect=9.0, effect_ci_lower=5.0, effect_ci_upper=13.0)

    assert result.cash_flow[0].balance == -1000.0
    assert result.cash_flow[-1].balance == pytest.approx(result.npv)
    assert result.cash_flow[-1].balance_lower == pytest.approx(result.npv_range[0])
    assert len(result.cash_flow) == 13


@pytest.mark.parametrize("seed", range(20))
def test_break_even_is_where_the_balance_crosses_zero(seed):
    rng = np.random.default_rng(seed)
    months, ramp = (int(m) for m in rng.integers((2, 0), (40, 12)))
    plan = Plan(rng.uniform(0, 500), rng.uniform(0, 20), months, rng.uniform(0, 0.4), ramp)
    gain = rng.uniform(10, 120)

    found, balance = plan.breakeven(gain), plan.cumulative(gain)

    assert (found is None) == (balance[-1] < 0)
    if found is not None:
        assert np.interp(found, np.arange(months + 1), balance) == pytest.approx(0.0, abs=1e-6) or found == 0.0
        assert (balance[math.ceil(found) :] >= -1e-9).all()


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({}, "effect"),
        ({"effect": 1.0, "gap_result": GAP}, "effect"),
        ({"effect": 1.0, "intervention_cost": 0.0}, "intervention_cost"),
        ({"effect": 1.0, "effect_ci_lower": 0.5}, "effect_ci_upper"),
        ({"effect": 1.0, "effect_ci_upper": 1.5}, "effect_ci_lower"),
        ({"effect": 5.0, "effect_ci_lower": 0.5, "effect_ci_upper": 1.5}, "effect"),
        ({"gap_result": GAP, "units": 3.0}, "units"),
    ],
)
def test_what_has_no_return_is_refused(params, field):
    with pytest.raises(UnprocessableError) as caught:
        worth(**params)
    assert caught.value.field == field


@pytest.mark.parametrize(
    "params",
    [
        {"effect": float("nan")},
        {"effect": 1.0, "intervention_cost": -5.0},
        {"effect": 1.0, "discount_rate": 1.5},
        {"effect": 1.0, "time_horizon_months": 0},
    ],
)
def test_numbers_out_of_range_are_refused(params):
    with pytest.raises(UnprocessableError):
        run_tool("roi_estimator", {"intervention_cost": 1.0, "value_per_unit": 1.0} | params, NO_DATA)


def test_without_an_interval_there_is_no_range_and_the_answer_says_so():
    result = worth(effect=10.0)

    assert result.confidence_range is None
    assert result.probability_of_profit is None
    assert any("no interval" in text for text in result.warnings)


def test_a_worthless_unit_never_pays():
    result = worth(effect=10.0, value_per_unit=0.0)

    assert result.breakeven_effect is None
    assert result.estimated_roi == pytest.approx(-1.0)


def test_the_picture_is_the_balance_by_month():
    output = run_tool("roi_estimator", EXAMPLES[0], NO_DATA)

    (chart,) = TOOL.charts(output)

    assert_valid(chart)
    assert chart["data"]["values"][-1]["y"] == output["npv"]


def test_a_gap_calculators_output_fits_as_it_is(sample_context):
    gap = run_tool(
        "gap_calculator",
        {
            "dataset": "territories",
            "entity_type": "territory",
            "metric": "trx",
            "benchmark": "target",
            "target": "target_trx",
        },
        sample_context,
    )

    result = worth(gap_result=gap, effect_months=24)

    assert result.effect == gap["total_opportunity"]
