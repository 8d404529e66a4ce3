"""Backtests by hand: errors, coverage and scales of a method whose forecasts are known."""

from __future__ import annotations

import numpy as np
import pytest
from e2i_shared.causal.backtest import MOST_ORIGINS, Backtest, Score, backtest, bounds, least_origins
from e2i_shared.causal.forecast_methods import Forecasts, Series, candidates


class Constant:
    """Forecasts ``value`` ± ``sd`` for ever."""

    name, title, least, regressors = "constant", "one value", 2, True

    def __init__(self, value, sd=1.0) -> None:
        self.value, self.sd = value, sd

    def forecast(self, series, origins, horizon, *, refine=False):
        del series, refine
        shape = (len(origins), horizon)
        none = np.zeros(0)
        return Forecasts(np.full(shape, self.value), np.full(shape, self.sd), np.full(len(origins), 1e6), none, none)


def series(values, horizon=3, season=1, known=None) -> Series:
    y = np.asarray(values, dtype=float)
    return Series(y, np.zeros((len(y) + horizon, 0)) if known is None else known, season)


def test_errors_of_a_constant_forecast_by_hand():
    y = np.array([1.0, 3.0, 1.0, 3.0, 1.0, 3.0, 1.0, 3.0])
    tried = backtest(series(y), [Constant(2.0)], 1, 0.9)
    assert tried is not None

    assert tried.chosen.mae == 1.0
    assert tried.chosen.mase == 0.5  # the naive method is off by 2 each time
    assert tried.chosen.smape == pytest.approx(200 * (1 / 3 + 1 / 5) / 2, abs=8)
    assert tried.chosen.coverage == 1.0


def test_coverage_and_reach_are_of_the_interval():
    y = np.tile([0.0, 10.0], 20)
    narrow = backtest(series(y), [Constant(5.0, sd=1.0)], 2, 0.9)
    wide = backtest(series(y), [Constant(5.0, sd=100.0)], 2, 0.9)
    assert narrow is not None
    assert wide is not None

    assert (narrow.chosen.coverage, wide.chosen.coverage) == (0.0, 1.0)
    assert narrow.widening == pytest.approx(5 / 1.6449, rel=1e-3)
    assert wide.widening == 1.0


def test_the_method_with_the_lowest_scaled_error_is_chosen():
    tried = backtest(
        series(np.random.default_rng(1).normal(7, 1, 40)), [Constant(0.0), Constant(7.0), Constant(9.0)], 3, 0.9
    )
    assert tried is not None

    assert tried.chosen.method.value == 7.0
    assert [s.mase for s in tried.scores].index(tried.chosen.mase) == 1


@pytest.mark.parametrize("factor", [0.001, 1_000.0])
def test_scaled_errors_do_not_depend_on_the_unit(factor):
    y = 100 + np.cumsum(np.random.default_rng(2).normal(size=40))
    one, other = (backtest(series(v), candidates(1), 4, 0.9) for v in (y, factor * y))
    assert one is not None
    assert other is not None

    assert other.chosen.method.name == one.chosen.method.name
    assert [s.mase for s in other.scores] == pytest.approx([s.mase for s in one.scores], rel=1e-3)
    assert [s.coverage for s in other.scores] == pytest.approx([s.coverage for s in one.scores], abs=0.02)


def test_all_methods_are_tried_on_the_same_origins_and_on_no_more_than_allowed():
    tried = backtest(series(np.random.default_rng(3).normal(5, 1, 80), season=12), candidates(12), 3, 0.9)
    assert tried is not None

    assert len(tried.origins) <= MOST_ORIGINS
    assert tried.origins[-1] == 79


def test_what_no_origin_could_know_is_not_held_against_it():
    """A promotion that had never happened before an origin cannot have been forecast there."""
    y = np.full(30, 10.0) + np.random.default_rng(4).normal(0, 0.1, 30)
    y[29] += 100
    known = np.zeros((33, 1))
    known[29] = 1.0
    tried = backtest(series(y, known=known), [Constant(10.0)], 1, 0.9)
    assert tried is not None

    assert tried.chosen.mae < 0.2


def test_a_method_without_regressors_says_that_it_takes_none():
    class Deaf(Constant):
        regressors = False

    known = np.random.default_rng(5).normal(size=(33, 1))
    tried = backtest(series(np.random.default_rng(6).normal(size=30), known=known), [Constant(0.0), Deaf(0.0)], 1, 0.9)
    assert tried is not None

    assert tried.scores[1].excluded == "takes no regressor"
    assert tried.scores[1].mase is None


def test_bounds_are_those_of_students_t():
    made = Forecasts(np.array([[1.0]]), np.array([[2.0]]), np.array([5.0]), np.zeros(0), np.zeros(0))
    lower, upper = bounds(made, 0.95)

    assert upper[0, 0] == pytest.approx(1 + 2 * 2.5706, abs=1e-3)
    assert lower[0, 0] == pytest.approx(1 - 2 * 2.5706, abs=1e-3)


def test_the_widening_is_never_a_narrowing():
    score = Score(Constant(0.0), 1.0, 1.0, 1.0, 1.0, reach=0.2)

    assert Backtest(np.arange(3), 1, (score,), score).widening == 1.0


@pytest.mark.parametrize(("total", "least"), [(1, 3), (9, 3), (12, 4), (36, 12), (500, 12)])
def test_a_third_of_the_periods_is_tested_within_limits(total, least):
    assert least_origins(total) == least
