"""Pictures of unusual twins and results: still Vega-Lite, still nothing left out."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from e2i_shared.chart_theme import CONFIG
from e2i_shared.twins import charts
from e2i_shared.twins.fidelity import Outcome
from e2i_shared.twins.simulate import simulate
from e2i_shared.twins.spec import SimulationSpec
from e2i_shared.twins.table import Table
from vega_lite import assert_valid


@pytest.fixture(scope="module")
def result(twin):
    return simulate(twin, SimulationSpec(intervention_type="visits", twin_count=500), with_charts=False)


def rows_of(chart):
    return chart["data"]["values"]


@pytest.mark.parametrize("single", [np.zeros(7), np.full(7, 1e12), np.array([-1e-9, 1e-9]), np.linspace(-5, 5, 999)])
def test_every_twin_is_counted_once_whatever_its_effect(result, single):
    chart = charts.effect_distribution(result, single, "TRx")

    assert_valid(chart)
    assert sum(row["twins"] for row in rows_of(chart)) == len(single)
    assert rows_of(chart)[0]["from"] == single.min()
    assert all(a["to"] == b["from"] for a, b in zip(rows_of(chart), rows_of(chart)[1:], strict=False))


def test_the_interval_drawn_is_the_results(result):
    bars, band, mean = charts.effect_distribution(result, np.zeros(5), "TRx")["layer"]

    assert bars["mark"]["type"] == "bar"
    assert tuple(band["data"]["values"][0].values()) == result.confidence_interval
    assert mean["data"]["values"] == [{"mean": result.simulated_ate}]


def test_a_long_list_of_groups_is_cut(result):
    one = result.effect_heterogeneity["region"][0]
    many = result.model_copy(
        update={"effect_heterogeneity": {"zip": [one.model_copy(update={"level": str(j)}) for j in range(90)]}}
    )
    chart = charts.by_segment(many, "TRx")

    assert_valid(chart)
    assert len(rows_of(chart)) == charts.MOST_ROWS


def test_pictures_are_left_out_where_there_is_nothing_to_show(result):
    bare = result.model_copy(update={"effect_heterogeneity": {}, "dose_response": []})

    assert set(charts.of_simulation(bare, np.zeros(3))) == {"effect_distribution"}
    assert set(charts.of_simulation(result, np.zeros(3))) == {
        "effect_distribution",
        "effect_by_segment",
        "dose_response",
    }


def table(**numbers: np.ndarray) -> Table:
    return Table(len(next(iter(numbers.values()))), numbers, {}, {}, frozenset())


def test_margins_of_numbers_count_every_value_between_the_extremes():
    real, drawn = np.arange(100.0), np.concatenate([np.arange(50.0), np.arange(50.0)])
    chart = charts.margins(table(x=real), table(x=drawn), "x")
    shares = {who: [r["share"] for r in rows_of(chart) if r["who"] == who] for who in ("real", "twins")}

    assert_valid(chart)
    assert shares["real"] == pytest.approx([0.1] * 10)
    assert sum(shares["twins"]) == pytest.approx(1)
    assert sum(shares["twins"][5:]) == pytest.approx(0.0)


def test_missing_values_and_repeated_edges_are_no_obstacle():
    values = np.where(np.arange(200) % 4 == 0, np.nan, np.minimum(np.arange(200) % 10, 3.0))
    chart = charts.margins(table(x=values), table(x=values), "x")

    assert_valid(chart)
    assert sum(r["share"] for r in rows_of(chart) if r["who"] == "real") == pytest.approx(0.75)


def test_margins_of_many_levels_show_the_first(twin):
    levels = tuple(f"z{j:02d}" for j in range(50))
    held = Table(100, {}, {"zip": (np.arange(100) % 50).astype(float)}, {"zip": levels}, frozenset())
    chart = charts.margins(held, held, "zip")

    assert_valid(chart)
    assert len(rows_of(chart)) == 2 * charts.MOST_LEVELS
    assert replace(twin, units=held).units.n == 100


def test_a_history_keeps_its_order_and_its_numbers():
    start = datetime(2026, 1, 1, tzinfo=UTC)
    made = [Outcome(1.0 + j, 0.1, 0.8 + j, 1.2 + j, 0.9, 0.1, 2.0, start + timedelta(days=j)) for j in range(4)]
    rows = rows_of(charts.fidelity_history(made, "sales"))

    assert [r["simulated"] for r in rows] == [1.0, 2.0, 3.0, 4.0]
    assert [r["at"][:10] for r in rows] == ["2026-01-01", "2026-01-02", "2026-01-03", "2026-01-04"]
    assert all(r["lower"] < r["simulated"] < r["upper"] for r in rows)


def test_few_values_are_shown_one_by_one_and_dates_as_dates():
    months = np.repeat([20362.0, 20393.0], 50)
    held = replace(table(month=months, academic=np.tile([0.0, 1.0, 1.0, 1.0], 25)), dates=frozenset({"month"}))

    by_month = rows_of(charts.margins(held, held, "month"))
    academic = rows_of(charts.margins(held, held, "academic"))

    assert [r["label"] for r in by_month if r["who"] == "real"] == ["2025-10-01", "2025-11-01"]
    assert [(r["label"], r["share"]) for r in academic if r["who"] == "twins"] == [("0", 0.25), ("1", 0.75)]


def test_pictures_of_twins_look_like_those_of_tools():
    assert charts.margins(table(x=np.arange(50.0)), table(x=np.arange(50.0)), "x")["config"]["font"] == CONFIG["font"]
