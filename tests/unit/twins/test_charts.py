"""Pictures of twins are Vega-Lite and show what they claim."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest
from e2i_shared.twins import charts
from e2i_shared.twins.fidelity import Outcome
from e2i_shared.twins.simulate import simulate
from e2i_shared.twins.spec import SimulationSpec
from vega_lite import assert_valid


@pytest.fixture(scope="module")
def answer(twin):
    return simulate(twin, SimulationSpec(intervention_type="visits", twin_count=1_000))


def test_the_distribution_counts_every_twin(answer):
    rows = answer.charts["effect_distribution"]["data"]["values"]

    assert sum(row["twins"] for row in rows) == 1_000


def test_the_forest_shows_each_group_once(answer):
    rows = answer.charts["effect_by_segment"]["data"]["values"]

    assert len(rows) == len({row["label"] for row in rows}) == 8
    assert all(row["lower"] < row["effect"] < row["upper"] for row in rows)


def test_the_curve_shows_every_dose(answer):
    rows = answer.charts["dose_response"]["data"]["values"]

    assert [row["dose"] for row in rows] == [p.dose for p in answer.dose_response]


def test_one_effect_for_all_is_still_a_picture(answer):
    chart = charts.effect_distribution(answer, np.full(50, 0.3), "TRx")

    assert_valid(chart)
    assert sum(row["twins"] for row in chart["data"]["values"]) == 50


@pytest.mark.parametrize("name", ["specialty", "tenure", "decile", "visits"])
def test_margins_show_shares_of_real_units_and_of_twins(twin, name):
    chart = charts.margins(twin.units, twin.twins, name)
    rows = chart["data"]["values"]

    assert_valid(chart)
    for who in ("real", "twins"):
        assert sum(r["share"] for r in rows if r["who"] == who) == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize("count", [0, 3])
def test_the_history_shows_predictions_and_what_came_true(count):
    made = [Outcome(1.0, 0.1, 0.8, 1.2, 0.9, 0.1, 2.0, datetime(2026, m + 1, 1, tzinfo=UTC)) for m in range(count)]
    chart = charts.fidelity_history(made, "sales")

    assert_valid(chart)
    assert len(chart["data"]["values"]) == count
