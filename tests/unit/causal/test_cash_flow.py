"""Money over months: worked examples, scales, and when an investment has paid for itself."""

from __future__ import annotations

import numpy as np
import pytest
from e2i_shared.causal.cash_flow import Plan
from hypothesis import given
from hypothesis import strategies as st

MONEY = st.floats(0, 1e6)
PLANS = st.builds(
    Plan,
    upfront=MONEY,
    monthly=st.floats(0, 1e4),
    months=st.integers(1, 60),
    annual_rate=st.floats(0, 1),
    ramp=st.integers(0, 24),
)


def test_without_interest_money_is_simply_added():
    plan = Plan(upfront=1_000.0, monthly=50.0, months=12, annual_rate=0.0)

    assert plan.cost() == 1_600
    assert plan.npv(200.0) == 800
    assert plan.cumulative(200.0).tolist() == [-1_000 + 150 * t for t in range(13)]
    assert plan.breakeven(200.0) == pytest.approx(1_000 / 150)


def test_a_year_at_ten_percent_by_hand():
    plan = Plan(upfront=0.0, monthly=0.0, months=12, annual_rate=0.1)

    assert plan.discounts()[11] == pytest.approx(1 / 1.1)
    assert plan.discounts()[5] == pytest.approx(1.1**-0.5)
    # An annuity: (1 - 1.1^-1) / monthly rate.
    assert plan.gain_factor() == pytest.approx((1 - 1 / 1.1) / (1.1 ** (1 / 12) - 1))


def test_a_ramp_of_three_months_reaches_full_size_in_the_fourth():
    plan = Plan(0.0, 0.0, 6, 0.0, ramp=3)

    assert plan.pace().tolist() == [0.25, 0.5, 0.75, 1.0, 1.0, 1.0]
    assert plan.gain_factor() == 4.5


@given(plan=PLANS, gain=st.floats(-1e4, 1e5))
def test_the_balance_ends_at_the_present_value_and_starts_at_the_outlay(plan, gain):
    balance = plan.cumulative(gain)

    assert len(balance) == plan.months + 1
    assert balance[0] == -plan.upfront
    assert balance[-1] == pytest.approx(plan.npv(gain), rel=1e-9, abs=1e-6)


@given(plan=PLANS, gain=st.floats(0, 1e5), more=st.floats(0, 1e5), scale=st.floats(0.01, 100))
def test_value_is_linear_in_money_and_grows_with_the_gain(plan, gain, more, scale):
    scaled = Plan(scale * plan.upfront, scale * plan.monthly, plan.months, plan.annual_rate, plan.ramp)

    assert plan.npv(gain + more) >= plan.npv(gain) - 1e-6
    assert scaled.npv(scale * gain) == pytest.approx(scale * plan.npv(gain), rel=1e-9, abs=1e-3)


@given(plan=PLANS, gain=st.floats(0, 1e5))
def test_interest_and_ramp_only_ever_cost(plan, gain):
    free = Plan(plan.upfront, 0.0, plan.months, 0.0, 0)

    assert Plan(plan.upfront, 0.0, plan.months, plan.annual_rate, plan.ramp).npv(gain) <= free.npv(gain) + 1e-6


@given(plan=PLANS, gain=st.floats(0, 1e5))
def test_the_balance_is_nothing_at_break_even_and_never_less_after(plan, gain):
    months = plan.breakeven(gain)
    balance = plan.cumulative(gain)

    if months is None:
        assert balance[-1] < 0
        return
    assert 0 <= months <= plan.months
    assert np.interp(months, np.arange(plan.months + 1), balance) >= -1e-6 * (1 + plan.upfront + gain)
    assert (balance[int(np.ceil(months)) :] >= -1e-6 * (1 + plan.upfront + gain)).all()


def test_nothing_to_pay_back_is_paid_back_at_once_and_a_loss_never():
    assert Plan(0.0, 0.0, 12, 0.1).breakeven(1.0) == 0
    assert Plan(100.0, 0.0, 12, 0.1).breakeven(1.0) is None
    assert Plan(0.0, 10.0, 12, 0.0).breakeven(5.0) is None


def test_a_balance_that_dips_during_the_ramp_is_paid_back_after_the_dip():
    plan = Plan(0.0, 10.0, 24, 0.0, ramp=11)

    assert plan.cumulative(20.0)[3] < 0
    assert plan.breakeven(20.0) == pytest.approx(11.0)
