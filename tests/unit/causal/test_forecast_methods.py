from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from e2i_shared.causal.backtest import backtest, bounds, least_origins
from e2i_shared.causal.forecast_methods import Series, candidates

OUTSIDE = json.loads((Path(__file__).parents[2] / "reference" / "forecast_outside.json").read_text())["models"]
METHODS = {method.name: method for method in candidates(12)}


def plain(values, horizon: int = 6, season: int = 12) -> Series:
    y = np.asarray(values, dtype=float)
    return Series(y, np.zeros((len(y) + horizon, 0)), season)


@pytest.mark.parametrize("name", list(OUTSIDE))
def test_maximum_likelihood_forecasts_equal_statsmodels(name):
    stored = OUTSIDE[name]

    found = METHODS[name].forecast(plain(stored["values"]), np.array([60]), 6, refine=True)
    assert found.mean[0].tolist() == pytest.approx(stored["forecast"], rel=2e-4)


@pytest.mark.parametrize("name", list(METHODS))
def test_an_origin_sees_nothing_after_itself(name):
    values = 100.0 + np.random.default_rng(1).normal(0, 5.0, 48)
    changed = values.copy()
    changed[40:] += 1000.0

    a, b = (METHODS[name].forecast(plain(v), np.array([36, 40]), 4) for v in (values, changed))
    assert a.mean.ravel().tolist() == pytest.approx(b.mean.ravel().tolist())
    assert a.sd.ravel().tolist() == pytest.approx(b.sd.ravel().tolist())


@pytest.mark.parametrize("name", ["naive", "drift", "ses", "theta"])
def test_intervals_of_a_random_walk_cover_what_comes(name):
    held = []
    for seed in range(120):
        walk = 100.0 + np.cumsum(np.random.default_rng(seed).normal(0, 1.0, 64))
        lower, upper = bounds(METHODS[name].forecast(plain(walk[:60]), np.array([60]), 4), 0.9)
        held.append((lower[0] <= walk[60:]) & (walk[60:] <= upper[0]))

    assert 0.83 <= np.mean(held) <= 0.96


def test_the_naive_forecast_is_the_last_value_and_its_error_grows_as_a_root():
    found = METHODS["naive"].forecast(plain([1.0, 3.0, 2.0, 4.0, 5.0]), np.array([5]), 4)

    assert found.mean[0].tolist() == [5.0] * 4
    assert (found.sd[0] / found.sd[0, 0]).tolist() == pytest.approx(np.sqrt([1, 2, 3, 4]).tolist())


def test_the_seasonal_naive_forecast_repeats_the_year():
    values = np.arange(24.0)

    assert METHODS["seasonal_naive"].forecast(plain(values), np.array([24]), 6).mean[0].tolist() == list(range(12, 18))


def test_drift_goes_on_along_the_line():
    assert METHODS["drift"].forecast(plain(2.0 * np.arange(10)), np.array([10]), 3).mean[0].tolist() == [
        20.0,
        22.0,
        24.0,
    ]


def test_a_regressors_effect_is_recovered():
    rng = np.random.default_rng(3)
    x = rng.normal(size=66)
    series = Series(10.0 + 4.0 * x[:60] + rng.normal(0, 0.5, 60), x[:, None], 1)

    found = METHODS["ses"].forecast(series, np.array([60]), 6, refine=True)
    assert abs(found.effects[0] - 4.0) <= 3 * found.effect_sd[0]
    assert found.mean[0].tolist() == pytest.approx((10.0 + 4.0 * x[60:]).tolist(), abs=1.0)


def test_the_backtest_prefers_the_method_that_made_the_series():
    t = np.arange(60)
    wave = 100.0 + 20.0 * np.sin(2 * np.pi * t / 12) + np.random.default_rng(4).normal(0, 1.0, 60)

    tried = backtest(plain(wave), candidates(12), 6, 0.9)
    assert tried is not None
    assert tried.chosen.method.name not in {"naive", "drift", "ses", "holt_damped", "theta"}
    assert tried.chosen.mase == min(s.mase for s in tried.scores if s.mase is not None)
    assert tried.widening >= 1.0


def test_methods_that_need_more_periods_say_so():
    tried = backtest(plain(np.random.default_rng(5).normal(100, 3, 24)), candidates(12), 3, 0.9)

    assert tried is not None
    why = {s.method.name: s.excluded for s in tried.scores}
    assert "there are 24" in why["holt_winters"]
    assert why["naive"] is None


def test_a_series_too_short_for_any_method_has_no_backtest():
    assert backtest(plain([1.0, 2.0, 3.0]), candidates(1), 2, 0.9) is None
    assert [least_origins(n) for n in (6, 24, 100)] == [3, 8, 12]
