from __future__ import annotations

import pytest
from e2i_shared.tools import _charts
from vega_lite import assert_valid

INTERVALS = [
    {"label": "Oncology", "effect": 2.0, "lower": 1.5, "upper": 2.5},
    {"label": "Allergy", "effect": 0.5, "lower": -0.1, "upper": 1.1},
]
GAPS = [{"label": "T01", "value": 8.0, "gap": 2.0}, {"label": "T02", "value": 12.0, "gap": -2.0}]
TREND = [{"x": "2026-01-01", "y": 1.0}, {"x": "2026-02-01", "y": 2.0}]
CHARTS = {
    "effect": _charts.effect_chart("Effect", 1.0, 0.5, 1.5, unit="TRx"),
    "forest": _charts.forest_chart("Effects", INTERVALS, unit="TRx"),
    "forest with overall": _charts.forest_chart("Effects", INTERVALS, unit="TRx", overall=1.2),
    "gap": _charts.gap_chart("Gaps", GAPS, unit="TRx", benchmark=10.0),
    "waterfall": _charts.waterfall_chart("Change", [("visits", -3.0), ("mix", 1.0)], unit="TRx", start=("Q2", 10.0)),
    "line": _charts.line_chart("Trend", TREND, unit="TRx"),
    "lines": _charts.line_chart("Trend", [row | {"series": "K"} for row in TREND], unit="TRx"),
    "band": _charts.line_chart("Forecast", [row | {"lower": 0.5, "upper": 2.5} for row in TREND], unit="TRx"),
    "plain axis": _charts.line_chart("Curve", [{"x": 1.0, "y": 2.0}], unit="", temporal=False, x_title="dose"),
    "bar": _charts.bar_chart("By region", [{"label": "West", "value": 3.0}], unit="TRx"),
    "power": _charts.power_chart("Power", [{"n": 10, "power": 0.4}, {"n": 20, "power": 0.9}], target=0.8),
}


@pytest.mark.parametrize("chart", CHARTS.values(), ids=list(CHARTS))
def test_every_builder_gives_valid_vega_lite(chart):
    assert_valid(chart)
    assert chart["$schema"] == _charts.SCHEMA
    assert chart["title"]


def test_a_chart_that_is_not_vega_lite_is_told_apart():
    broken = CHARTS["bar"] | {"layer": [{"mark": "sausage"}]}

    with pytest.raises(AssertionError):
        assert_valid(broken)


def test_a_chart_with_nan_inside_is_told_apart():
    with pytest.raises(ValueError, match="not JSON compliant"):
        assert_valid(_charts.bar_chart("x", [{"label": "a", "value": float("nan")}], unit=""))


def test_a_waterfall_ends_where_its_steps_lead():
    rows = CHARTS["waterfall"]["data"]["values"]

    assert [row["to"] for row in rows] == [10.0, 7.0, 8.0, 8.0]
    assert [row["kind"] for row in rows] == ["total", "down", "up", "total"]
    assert rows[-1]["from"] == 0.0


def test_long_lists_are_cut_to_what_fits_a_page():
    rows = [{"label": str(i), "value": 1.0} for i in range(500)]

    assert len(_charts.bar_chart("many", rows, unit="")["data"]["values"]) == 40


def test_a_band_is_drawn_only_where_there_is_one():
    assert len(CHARTS["line"]["layer"]) == 1
    assert len(CHARTS["band"]["layer"]) == 2
