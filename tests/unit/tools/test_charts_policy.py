from __future__ import annotations

import pytest
from e2i_shared.tools import _charts_policy
from vega_lite import assert_valid

CURVE = [
    {"budget": 10.0, "gain": 5.0, "policy": "by effect", "lower": 4.0, "upper": 6.0},
    {"budget": 10.0, "gain": 2.0, "policy": "at random", "lower": None, "upper": None},
]
CHARTS = {
    "calibration": _charts_policy.calibration_chart("Calibration", [{"predicted": 0.2, "observed": 0.25, "n": 50}]),
    "budget": _charts_policy.budget_chart("Gain", CURVE, unit="TRx", budget=10.0),
    "allocation": _charts_policy.allocation_chart("Calls", [{"label": "Oncology", "treatments": 12.0, "units": 6}]),
    "before and after": _charts_policy.before_after_chart(
        "TRx", [{"label": "baseline", "value": 5.0, "lower": 5.0, "upper": 5.0}], unit="TRx"
    ),
    "dose": _charts_policy.dose_chart(
        "TRx by visits", [{"dose": 1.0, "value": 5.0, "lower": 4.0, "upper": 6.0}], unit="TRx", dose_unit="visits"
    ),
}


@pytest.mark.parametrize("chart", CHARTS.values(), ids=list(CHARTS))
def test_every_builder_gives_valid_vega_lite(chart):
    assert_valid(chart)
    assert chart["title"]


def test_a_band_is_drawn_only_where_there_are_bounds():
    band = CHARTS["budget"]["layer"][0]

    assert band["transform"] == [{"filter": "isValid(datum.lower)"}]
    assert band["mark"]["type"] == "area"


def test_the_diagonal_is_perfect_calibration():
    diagonal = CHARTS["calibration"]["layer"][0]

    assert all(row["x"] == row["y"] for row in diagonal["data"]["values"])


def test_the_budget_asked_for_is_marked():
    assert CHARTS["budget"]["layer"][-1]["encoding"]["x"]["datum"] == 10.0
