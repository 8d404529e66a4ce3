from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from builders_frames import context
from e2i_shared.errors import InsufficientDataError, NoVariationError, UnknownColumnError, UnprocessableError
from e2i_shared.tools._registry import run_tool
from e2i_shared.tools.forecaster import TOOL, Params, Result, run

if TYPE_CHECKING:
    from e2i_shared.tools._registry import ToolContext


def months(n: int, first: str = "2020-01") -> list[str]:
    return [f"{month}-01" for month in np.datetime64(first, "M") + np.arange(n)]


def world(values: Any, **more: Any) -> ToolContext:
    """One row a month of a column ``amount``."""
    columns = {"month": months(len(values)), "amount": [None if v is None else float(v) for v in values], **more}
    return context(columns, roles={"month": "time", "amount": "outcome"}, kinds={"month": "date"})


def forecast(ctx: ToolContext, **params: Any) -> Result:
    return run(Params.model_validate({"dataset": "data", "kpi": "amount", "aggregate": "sum", **params}), ctx)


def wave(n: int, seed: int, noise: float = 2.0) -> np.ndarray:
    t = np.arange(n)
    return 200.0 + 20.0 * np.sin(2 * np.pi * t / 12) + np.random.default_rng(seed).normal(0.0, noise, n)


def test_a_yearly_wave_is_continued():
    result = forecast(world(wave(60, 1)), horizon=12)

    truth = 200.0 + 20.0 * np.sin(2 * np.pi * np.arange(60, 72) / 12)
    assert result.seasonal
    assert np.abs(np.array([p.value for p in result.forecast]) - truth).max() < 3 * 2.0
    assert [p.period for p in result.forecast][:2] == ["2025-01", "2025-02"]
    assert result.backtest.mase < 1.0


def test_a_line_is_continued():
    values = 50.0 + 3.0 * np.arange(40) + np.random.default_rng(2).normal(0, 1.0, 40)

    result = forecast(world(values), horizon=4)
    truth = 50.0 + 3.0 * np.arange(40, 44)
    assert np.abs(np.array([p.value for p in result.forecast]) - truth).max() < 5.0


def test_intervals_cover_what_comes_as_often_as_they_say():
    held = []
    for seed in range(40):
        values = wave(54, seed)
        result = forecast(world(values[:48]), horizon=6, level=0.8)
        held += [p.lower <= v <= p.upper for p, v in zip(result.forecast, values[48:], strict=True)]

    assert 0.68 <= np.mean(held) <= 0.98  # 240 values, dependent within a series


def test_the_method_with_the_lowest_error_is_chosen_and_said():
    result = forecast(world(wave(60, 3)), horizon=6)

    tested = [c for c in result.candidates if c.mase is not None]
    assert tested[0].chosen
    assert tested[0].mase == min(c.mase for c in tested)
    assert tested[0].name == result.chosen
    assert f"{result.backtest.mase:.2f}" in result.why


def test_white_noise_is_not_given_a_trend_or_season():
    values = 100.0 + np.random.default_rng(5).normal(0, 5, 48)

    result = forecast(world(values), horizon=6)
    assert all(abs(p.value - 100.0) < 10.0 for p in result.forecast)


def test_a_past_intervention_is_estimated():
    step = np.r_[np.zeros(30), np.full(10, -25.0)]
    values = 100.0 + step + np.random.default_rng(6).normal(0, 2.0, 40)

    result = forecast(world(values), horizon=3, intervention={"start": months(40)[30]})
    assert result.intervention is not None
    assert result.intervention.periods_observed == 10
    assert result.intervention.lower <= -25.0 <= result.intervention.upper
    assert result.intervention.upper < 0.0


def test_a_planned_intervention_adds_what_is_given():
    values = 100.0 + np.random.default_rng(7).normal(0, 2.0, 36)
    plain = forecast(world(values), horizon=4)
    planned = forecast(world(values), horizon=4, intervention={"start": "2023-03", "effect": 40.0})

    added = [b.value - a.value for a, b in zip(plain.forecast, planned.forecast, strict=True)]
    assert added == pytest.approx([0.0, 0.0, 40.0, 40.0])


def test_a_known_column_moves_the_forecast():
    rng = np.random.default_rng(8)
    price = rng.uniform(1.0, 3.0, 40)
    ctx = world(100.0 - 20.0 * price + rng.normal(0, 1.0, 40), price=price.tolist())

    result = forecast(ctx, horizon=2, regressors=[{"column": "price", "future": [1.0, 3.0]}])
    assert result.forecast[0].value - result.forecast[1].value == pytest.approx(40.0, abs=3.0)


def test_a_kpi_of_the_sample_is_forecast_with_its_history(sample_context):
    output = run_tool("forecaster", TOOL.examples[0], sample_context)

    assert len(output["history"]) == 24
    assert output["forecast"][0]["period"] == "2026-10"
    assert output["total"] == pytest.approx(sum(p["value"] for p in output["forecast"]))
    assert all(p["lower"] < p["value"] < p["upper"] for p in output["forecast"])


def test_what_was_never_negative_is_not_forecast_to_be():
    values = np.maximum(0.0, 3.0 + np.random.default_rng(9).normal(0, 3.0, 40))

    assert all(p.lower >= 0.0 for p in forecast(world(values), horizon=12).forecast)


def test_a_month_without_a_value_is_said_and_only_later_ones_are_used():
    values = [*wave(20, 1).tolist(), None, *wave(20, 2).tolist()]

    result = forecast(world(values), horizon=2)
    assert len(result.history) == 20
    assert any("has no value" in text for text in result.warnings)


def test_too_few_periods_are_refused():
    with pytest.raises(InsufficientDataError) as caught:
        forecast(world(wave(7, 1)))
    assert "7" in str(caught.value.got)
    assert "8" in str(caught.value.expected)


def test_a_constant_kpi_is_refused():
    with pytest.raises(NoVariationError):
        forecast(world([5.0] * 24))


def test_data_without_dates_are_refused(sample_context):
    with pytest.raises(UnprocessableError) as caught:
        run(Params(dataset="patients", kpi="age"), sample_context)
    assert "date" in str(caught.value)


def test_an_unknown_kpi_names_the_nearest(sample_context):
    with pytest.raises(UnknownColumnError):
        run(Params(dataset="hcp_monthly", kpi="wibble"), sample_context)


def test_an_effect_the_data_cannot_show_must_be_given():
    with pytest.raises(InsufficientDataError) as caught:
        forecast(world(wave(36, 1)), horizon=3, intervention={"start": "2023-02"})
    assert caught.value.field == "intervention.effect"


def test_an_intervention_beyond_the_horizon_is_refused():
    with pytest.raises(UnprocessableError) as caught:
        forecast(world(wave(36, 1)), horizon=3, intervention={"start": "2030-02", "effect": 1.0})
    assert caught.value.field == "intervention"


def test_future_values_must_fill_the_horizon():
    with pytest.raises(UnprocessableError) as caught:
        forecast(world(wave(36, 1), x=wave(36, 2).tolist()), horizon=3, regressors=[{"column": "x", "future": [1.0]}])
    assert caught.value.field == "regressors"


def test_a_constant_regressor_is_refused():
    with pytest.raises(NoVariationError):
        forecast(world(wave(36, 1), x=[1.0] * 36), horizon=1, regressors=[{"column": "x", "future": [2.0]}])
