"""Where a gain comes from, what it is worth a month, and how sure a profit is."""

from __future__ import annotations

import pytest
from e2i_shared.causal.normal import normal_cdf
from e2i_shared.errors import UnprocessableError
from e2i_shared.tools._returns import Gain, gain_of, probability_of_profit
from e2i_shared.tools.roi_estimator import Params

GAP = {
    "metric": "trx",
    "total_opportunity": 1_200.0,
    "total_opportunity_ci_lower": 600.0,
    "total_opportunity_ci_upper": 1_800.0,
    "n": 40,
}


def params(**more: object) -> Params:
    return Params.model_validate({"intervention_cost": 100.0, "value_per_unit": 10.0} | more)


def test_an_effect_is_worth_units_times_value_each_month():
    gain = gain_of(params(effect=2.0, units=50.0))

    assert gain.monthly == 2 * 50 * 10
    assert gain.bounds is None


def test_an_effect_over_several_months_is_spread_over_them():
    assert gain_of(params(effect=6.0, effect_months=3.0)).monthly == 20.0


def test_a_gap_is_spread_over_the_horizon_and_its_share_closed():
    gain = gain_of(params(gap_result=GAP, share_closed=0.5, time_horizon_months=12))

    assert gain.monthly == pytest.approx(500.0)
    assert gain.bounds == pytest.approx((250.0, 750.0))
    assert any("12 months" in note for note in gain.notes)


def test_a_gap_over_named_months_does_not_depend_on_the_horizon():
    one, other = (gain_of(params(gap_result=GAP, effect_months=6, time_horizon_months=h)) for h in (12, 36))

    assert one.monthly == other.monthly == 2_000


def test_bounds_of_an_effect_become_money():
    assert gain_of(params(effect=2.0, effect_ci_lower=1.0, effect_ci_upper=3.0)).bounds == (10.0, 30.0)


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({}, "effect"),
        ({"effect": 1.0, "gap_result": GAP}, "effect"),
        ({"effect": 1.0, "intervention_cost": 0.0}, "intervention_cost"),
        ({"gap_result": GAP, "units": 3.0}, "units"),
        ({"effect": 1.0, "effect_ci_lower": 0.0}, "effect_ci_upper"),
        ({"effect": 1.0, "effect_ci_upper": 2.0}, "effect_ci_lower"),
        ({"effect": 5.0, "effect_ci_lower": 0.0, "effect_ci_upper": 2.0}, "effect"),
    ],
)
def test_what_gives_no_single_gain_is_refused_at_its_field(given, field):
    with pytest.raises(UnprocessableError) as caught:
        gain_of(params(**given))

    assert caught.value.field == field


def test_a_monthly_cost_alone_is_a_cost():
    assert gain_of(params(effect=1.0, intervention_cost=0.0, monthly_cost=1.0)).monthly == 10.0


def gain(effect=10.0, bounds=(10.0 - 1.959964, 10.0 + 1.959964)) -> Gain:
    return Gain(effect, 1.0, bounds, 0, ())


@pytest.mark.parametrize(("needed", "z"), [(10.0, 0.0), (9.0, 1.0), (11.0, -1.0), (7.0, 3.0)])
def test_a_profit_is_as_sure_as_the_normal_gain_says(needed, z):
    assert probability_of_profit(gain(), needed) == pytest.approx(normal_cdf(z), abs=1e-6)


def test_without_an_interval_nothing_is_said_of_chances():
    assert probability_of_profit(gain(bounds=None), 5.0) is None
    assert probability_of_profit(gain(bounds=(10.0, 10.0)), 5.0) is None


def test_bounds_turned_by_a_negative_value_say_the_same():
    assert probability_of_profit(gain(bounds=(12.0, 8.0)), 9.0) == probability_of_profit(gain(bounds=(8.0, 12.0)), 9.0)
