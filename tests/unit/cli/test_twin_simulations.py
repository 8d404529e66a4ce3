"""Simulations from the terminal: for whom, at which uptake, for how long."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from builders_trained import TWIN, seed_twins
from world import TENANT

from cli.exits import Exit

if TYPE_CHECKING:
    from world import FakeWiring


@pytest.fixture(autouse=True)
def _twins(wiring: FakeWiring) -> None:
    seed_twins(wiring.tenant(TENANT))


def test_of_several_conditions_one_is_enough_where_any_is_said(run_json: Any):
    both = run_json(
        "twins", "simulate", "visits", "--any", "region = North", "--any", "region = South", "--count", "300"
    )
    one = run_json("twins", "simulate", "visits", "--any", "region = North", "--count", "300")

    assert both["units"] == 1_200
    assert 0 < one["units"] < 1_200
    assert abs(one["simulated_ate"] - 2.0) < 0.5


def test_uptake_halves_the_effect_and_weeks_are_those_of_the_real_test(run_json: Any):
    full = run_json("twins", "simulate", "visits", "--count", "300")
    half = run_json("twins", "simulate", "visits", "--count", "300", "--uptake", "0.5", "--weeks", "20")

    assert half["simulated_ate"] == pytest.approx(full["simulated_ate"] / 2)
    assert half["recommended_duration_weeks"] == 20


def test_a_condition_that_is_none_is_a_usage_error(run: Any):
    assert run("twins", "simulate", "visits", "--twin", TWIN, "--any", "nonsense").exit_code == Exit.USAGE


def test_a_test_that_the_population_cannot_carry_is_shown_without_weeks():
    from cli import twin_views

    found = {"recommended_sample_size": 5_674, "recommended_duration_weeks": None, "advice": {"sample_unit": "hcp_id"}}

    assert twin_views._real_test(found) == "a real test would need 5,674 hcp_id per arm, more than this population has"
    assert twin_views._real_test(found | {"recommended_duration_weeks": 20}).endswith("hcp_id per arm for 20 weeks")
    assert twin_views._real_test(found | {"recommended_sample_size": None}) == "no real test can be sized"
