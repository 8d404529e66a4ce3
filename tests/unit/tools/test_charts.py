from __future__ import annotations

import pytest
from e2i_shared import chart_theme
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
    "power": _charts.power_chart([{"n": 10, "power": 0.4}, {"n": 20, "power": 0.9}], target=0.8),
}


@pytest.mark.parametrize("chart", CHARTS.values(), ids=list(CHARTS))
def test_every_builder_gives_valid_vega_lite(chart):
    assert_valid(chart)
    assert chart["$schema"] == chart_theme.SCHEMA
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


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (12345.6, "TRx", "12,346"),
        (1.70512, "TRx", "1.71"),
        (-0.04, "", "-0.04"),
        (0.37571, "fraction", "37.6%"),
        (1.2, "fraction", "120.0%"),
        (0.0, "", "0"),
    ],
)
def test_numbers_are_written_as_a_reader_expects(value, unit, text):
    assert _charts.shown(value, unit) == text


def test_an_effects_numbers_stand_under_its_title():
    assert CHARTS["effect"]["title"]["subtitle"] == "1 [0.5, 1.5] TRx"


def test_entities_with_a_benchmark_of_their_own_get_a_tick_each():
    own = [row | {"benchmark": row["value"] + row["gap"] + i} for i, row in enumerate(GAPS)]

    kinds = [layer["mark"]["type"] for layer in _charts.gap_chart("x", own, unit="", benchmark=9.0)["layer"][1:2]]
    assert kinds == ["tick"]
    assert [layer["mark"]["type"] for layer in CHARTS["gap"]["layer"][1:2]] == ["rule"]


def test_colours_say_who_is_behind():
    rows = CHARTS["gap"]["data"]["values"]

    assert [row["standing"] for row in rows] == ["behind", "at or ahead"]


def test_numbers_are_written_beside_bars_only_where_these_are_few():
    many = [{"label": str(i), "value": 1.0} for i in range(30)]

    assert len(CHARTS["bar"]["layer"]) == 2
    assert len(_charts.bar_chart("many", many, unit="")["layer"]) == 1


def test_shares_have_an_axis_in_percent():
    chart = _charts.bar_chart("Share", [{"label": "a", "value": 0.5}], unit="fraction")

    assert chart["layer"][0]["encoding"]["x"]["axis"]["format"] == "~%"
    assert chart["layer"][0]["encoding"]["x"]["title"] == "share"


def test_the_common_look_gives_way_to_a_charts_own():
    own = {"config": {"view": {"stroke": "red"}, "legend": {"columns": 1}, "bar": {"color": "black"}}}

    merged = chart_theme.themed(CHARTS["bar"] | own)["config"]

    assert merged["view"]["stroke"] == "red"
    assert merged["legend"]["columns"] == 1
    assert merged["legend"]["orient"] == chart_theme.CONFIG["legend"]["orient"]
    assert merged["bar"] == {"color": "black"}
    assert merged["font"] == chart_theme.CONFIG["font"]


def test_theming_twice_changes_nothing_more():
    once = chart_theme.themed(CHARTS["bar"])

    assert chart_theme.themed(once) == once
    assert_valid(once)


def test_the_colours_are_apart_for_the_colour_blind():
    """Deuteranopes and protanopes keep about luminance and blue: every pair differs in one of them by a tenth at least."""
    seen = [_two_channels(colour) for colour in chart_theme.PALETTE]

    for i, one in enumerate(seen):
        for other in seen[:i]:
            assert max(abs(a - b) for a, b in zip(one, other, strict=True)) > 0.1


def _two_channels(colour: str) -> tuple[float, float]:
    red, green, blue = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue, blue


def test_a_waterfall_of_small_steps_begins_above_zero_and_says_so():
    chart = _charts.waterfall_chart("Change", [("visits", -6.0), ("mix", 1.0)], unit="TRx", start=("Q2", 100.0))

    rows = chart["data"]["values"]
    assert rows[0]["from"] == rows[-1]["from"] == 92.0
    assert [row["to"] for row in rows] == [100.0, 94.0, 95.0, 95.0]
    assert chart["title"]["subtitle"] == "the axis starts at 92"
    assert chart["layer"][0]["encoding"]["y"]["scale"]["domainMin"] == 92.0


@pytest.mark.parametrize(
    ("start", "steps"),
    [(10.0, [("a", -3.0)]), (0.0, [("a", 1.0)]), (-5.0, [("a", -0.1)]), (100.0, []), (1.0, [("a", -1.02)])],
)
def test_a_waterfall_begins_at_zero_where_its_steps_can_be_seen(start, steps):
    chart = _charts.waterfall_chart("Change", steps, unit="TRx", start=("Q2", start))

    assert chart["title"] == "Change"
    assert chart["data"]["values"][0]["from"] == 0.0


def test_bars_below_zero_leave_room_for_their_numbers():
    chart = _charts.bar_chart("Change", [{"label": "West", "value": -3.0}], unit="TRx")

    assert chart["layer"][0]["encoding"]["x"]["scale"]["padding"] > 0


def test_a_dashed_line_is_named_under_the_title():
    assert CHARTS["forest with overall"]["title"]["subtitle"] == "dashed: the overall effect, 1.2"
    assert CHARTS["forest"]["title"] == "Effects"
