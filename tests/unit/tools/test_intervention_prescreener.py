"""An intervention is pre-screened on a trained twin: visits add 2 in the north, 3 in the south."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from builders_frames import NO_DATA
from builders_trained import TWIN, TrialTwins, seed_twins
from e2i_shared import bootstrap, settings
from e2i_shared.errors import InsufficientDataError, NotFoundError, UnprocessableError
from e2i_shared.http import bundles
from e2i_shared.http.prescreening import StoredTwins
from e2i_shared.tools._registry import run_tool
from world import TENANT, FakeWiring

CONTEXT = replace(NO_DATA, twins=TrialTwins())


def screen(context: Any = CONTEXT, **params: Any) -> dict[str, Any]:
    return run_tool("intervention_prescreener", {"intervention_type": "visits"} | params, context)


def test_the_effect_has_an_honest_interval_and_a_recommendation():
    found = screen()

    assert abs(found["simulated_ate"] - 2.5) < 3 * found["std_error"]
    assert found["ci_lower"] < found["simulated_ate"] < found["ci_upper"]
    assert found["recommendation"] == "deploy"
    assert found["recommended_sample_size"] > 0
    assert found["twin"] == "responders, Kisqali, version 2"
    assert found["n"] == 1_200
    assert {(s["column"], s["level"]) for s in found["segments"]} == {("region", "North"), ("region", "South")}


@pytest.mark.parametrize(("who", "effect"), [("North", 2.0), ("South", 3.0)])
def test_a_target_population_is_who_is_simulated(who: str, effect: float):
    by_label = screen(target_population=[who])
    by_entity = screen(target_population=[{"entity": who, "column": "region", "gap": 3}])
    by_filter = screen(filters=[{"column": "region", "value": who}])

    assert abs(by_label["simulated_ate"] - effect) < 3 * by_label["std_error"]
    assert by_label["simulated_ate"] == by_entity["simulated_ate"] == by_filter["simulated_ate"]
    assert by_label["n"] < 1_200


def test_an_untried_twin_says_so():
    found = screen()
    assert found["fidelity_grade"] == "unvalidated"
    assert any("No prediction of this twin" in each for each in found["warnings"])


@pytest.mark.parametrize(
    ("params", "error", "words"),
    [
        ({"intervention_type": "skywriting"}, UnprocessableError, "never saw"),
        ({"brand": "Nobody"}, NotFoundError, "no such twin"),
        ({"target_population": []}, InsufficientDataError, "empty"),
        ({"target_population": ["Atlantis"]}, UnprocessableError, "Atlantis"),
        ({"intervention_config": {"dose_change_pct": 20}}, UnprocessableError, "without a dose"),
        ({"twin_count": 10_001}, UnprocessableError, "twin_count"),
    ],
)
def test_what_cannot_be_screened_is_refused_with_the_reason(params: dict[str, Any], error: type[Exception], words: str):
    with pytest.raises(error, match=words):
        screen(**params)


def test_without_twins_at_hand_the_tool_says_how_to_get_one():
    with pytest.raises(UnprocessableError) as refused:
        screen(NO_DATA)
    assert "digital-twins/generate" in (refused.value.hint or "")


@pytest.fixture
def stored(monkeypatch: pytest.MonkeyPatch):
    """Twins as a tenant keeps them."""
    monkeypatch.setenv("E2I_DATABASE_URL", "host=nowhere")
    monkeypatch.setenv("E2I_EVENT_BUS", "e2i")
    settings.read.cache_clear()
    bundles.forget()
    with bootstrap.wired(FakeWiring()) as wiring:
        yield StoredTwins(wiring.tenant(TENANT), "anna")
    settings.read.cache_clear()


def test_a_tenant_s_own_twin_answers_as_the_numerics_do(stored: StoredTwins):
    with pytest.raises(NotFoundError, match="No digital twin"):
        screen(replace(NO_DATA, twins=stored))
    seed_twins(stored.tenant)

    found = screen(replace(NO_DATA, twins=stored))

    assert found["twin_id"] == TWIN
    assert found["simulated_ate"] == screen()["simulated_ate"]
    assert stored.tenant.twins.simulations.get(found["simulation_id"]).status == "COMPLETED"
    assert screen(replace(NO_DATA, twins=stored), twin_id=TWIN)["simulation_id"] == found["simulation_id"]
