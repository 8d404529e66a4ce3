from __future__ import annotations

import numpy as np
import pytest
from e2i_shared.causal.control_chart import RULES, control_chart

RATE = 0.05


def alarms(draws: int, total: int, season: int) -> float:
    found = 0
    for seed in range(draws):
        noise = np.random.default_rng(10_000 + seed).normal(50.0, 4.0, total)
        found += control_chart(noise, 3, season=season, rate=RATE).signals.any()
    return found / draws


@pytest.mark.parametrize(("total", "season"), [(15, 1), (24, 12), (48, 12)])
def test_steady_series_trip_no_more_often_than_stated(total, season):
    assert alarms(400, total, season) <= RATE + 3 * np.sqrt(RATE * (1 - RATE) / 400)


def series(n: int = 30, seed: int = 1):
    return np.random.default_rng(seed).normal(100.0, 2.0, n)


def rules(values, watched=3):
    chart = control_chart(values, watched, season=1, rate=RATE)
    return {RULES[r] for r in np.flatnonzero(chart.signals.any(axis=1))}


def test_one_value_far_out_trips_the_first_rule():
    values = series()
    values[-1] += 20.0

    assert "beyond_3_sigma" in rules(values)


def test_two_of_three_trip_the_second_rule_where_one_would_not_the_first():
    values = series()
    chart = control_chart(values, 3, season=1, rate=RATE)
    values[-2:] = chart.centre[-2:] + 2.6 * chart.scale * chart.sigma[-2:]

    assert rules(values) == {"two_of_three_beyond_2_sigma"}


def test_a_small_lasting_shift_trips_the_run():
    values = np.where(np.arange(60) % 2, 1.0, -1.0) + 100.0
    values[-14:] = 101.0

    assert "run_on_one_side" in rules(values, watched=3)


def test_past_outliers_do_not_pull_the_limits():
    clean, spoiled = series(40), series(40)
    spoiled[5] += 200.0

    a, b = (control_chart(v, 3, season=1, rate=RATE) for v in (clean, spoiled))
    assert b.centre[-1] == pytest.approx(a.centre[-1], abs=2.0)
    assert b.sigma[-1] < 2.0 * a.sigma[-1]


def test_a_trend_is_no_signal():
    assert rules(series(40) + 3.0 * np.arange(40)) == set()


def test_signals_before_the_watched_values_are_not_reported():
    values = series()
    values[5] += 50.0

    chart = control_chart(values, 3, season=1, rate=RATE)
    assert not chart.signals[:, :-3].any()
    assert chart.z[5] > 10.0


def test_a_constant_series_has_no_signal_and_any_move_is_one():
    flat = np.full(20, 7.0)
    assert rules(flat) == set()

    flat[-1] = 7.1
    assert "beyond_3_sigma" in rules(flat)


def test_too_short_a_past_is_refused():
    with pytest.raises(ValueError, match="8 past values"):
        control_chart(np.arange(10.0), 3, season=1, rate=RATE)
