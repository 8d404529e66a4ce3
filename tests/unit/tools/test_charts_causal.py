"""Pictures of an effect hold what the numbers say, and are valid Vega-Lite."""

from __future__ import annotations

import pytest
from e2i_shared.tools._charts_causal import MOST_ROWS, event_study_chart, love_plot, of_effect, overlap_chart
from vega_lite import assert_valid

BALANCE = [
    {"column": "age", "smd_before": -0.4, "smd_after": 0.02},
    {"column": "region", "smd_before": 0.9, "smd_after": -0.05},
]
EVENT = {"units": 50, "std_error": 0.1, "ci_lower": 0.8, "ci_upper": 1.2, "lower_all": 0.7, "upper_all": 1.3}
ARM = {"label": "email", "effect": 1.0, "ci_lower": 0.5, "ci_upper": 1.5}


def output(**more: object) -> dict[str, object]:
    return {
        "specification": {"treatment_col": "visits", "outcome_col": "trx"},
        "unit": None,
        "ate": 1.0,
        "ci_lower": 0.5,
        "ci_upper": 1.5,
        "arms": [],
        "event_study": None,
        "balance": [],
        "overlap": None,
        "treatment_kind": "binary",
    } | more


def test_a_love_plot_shows_absolute_differences_worst_first():
    chart = love_plot("Balance", BALANCE)

    assert_valid(chart)
    assert [(row["column"], row["difference"]) for row in chart["data"]["values"]] == [
        ("region", 0.9),
        ("region", 0.05),
        ("age", 0.4),
        ("age", 0.02),
    ]


def test_a_love_plot_of_a_dose_says_correlation():
    assert "correlation" in str(love_plot("Balance", BALANCE, dose=True)["layer"])
    assert "correlation" not in str(love_plot("Balance", BALANCE)["layer"])


def test_a_love_plot_keeps_the_worst_of_many():
    rows = [{"column": f"c{i}", "smd_before": i / 100, "smd_after": 0.0} for i in range(60)]

    kept = {row["column"] for row in love_plot("Balance", rows)["data"]["values"]}

    assert len(kept) == MOST_ROWS
    assert "c59" in kept
    assert "c0" not in kept


def test_overlap_mirrors_treated_and_untreated():
    chart = overlap_chart("Overlap", [{"lower": 0.2, "upper": 0.24, "treated": 3, "control": 8}])

    assert_valid(chart)
    assert [(row["who"], row["rows"]) for row in chart["data"]["values"]] == [("treated", 3), ("untreated", -8)]


def test_an_event_study_holds_the_period_before_as_zero():
    chart = event_study_chart("Effect", [EVENT | {"time": t, "effect": 1.0} for t in (0, 1, -2)], unit="scripts")

    assert_valid(chart)
    assert [(row["time"], row["effect"]) for row in chart["data"]["values"]] == [
        (-2, 1.0),
        (-1, 0.0),
        (0, 1.0),
        (1, 1.0),
    ]


@pytest.mark.parametrize(
    ("more", "count"),
    [
        ({}, 1),
        ({"balance": BALANCE}, 2),
        ({"overlap": {"histogram": []}}, 1),
        ({"overlap": {"histogram": [{"lower": 0.2, "upper": 0.24, "treated": 3, "control": 8}]}}, 2),
        ({"event_study": {"events": [EVENT | {"time": 0, "effect": 1.0}]}, "balance": BALANCE}, 3),
        ({"arms": [ARM, ARM | {"label": "visit"}]}, 1),
    ],
)
def test_only_what_there_is_is_drawn(more, count):
    charts = of_effect(output(**more))

    assert len(charts) == count
    for chart in charts:
        assert_valid(chart)
    assert "Effect of visits on trx" in str(charts[0]["title"])
