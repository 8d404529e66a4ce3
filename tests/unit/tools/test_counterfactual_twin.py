"""What if, asked of a trained twin where there is one of these rows: the truth held, the twin named, and never another's rows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from builders_asked_twins import SIMULATION, trained_on
from builders_trained import TWIN, seed_twins
from builders_twins import confounded
from e2i_shared import bootstrap, settings
from e2i_shared.datasets.describe import describe_frame
from e2i_shared.datasets.memory import MemoryDataSource
from e2i_shared.errors import UnprocessableError
from e2i_shared.http import bundles
from e2i_shared.http.prescreening import StoredTwins
from e2i_shared.tools import counterfactual_simulator
from e2i_shared.tools._registry import ToolContext, run_tool
from vega_lite import assert_valid
from world import TENANT, FakeWiring, trial

BASELINE: dict[str, Any] = {"dataset": "data", "treatment_col": "visits", "outcome_col": "sales"}
EMAIL = BASELINE | {"treatment_col": "email"}
MORE = {"kind": "percent", "amount": 20}
ONE = {"kind": "shift", "amount": 1}


@pytest.fixture(scope="module")
def world():
    return confounded(41, 2_500)


@pytest.fixture(scope="module")
def context(world):
    asked = trained_on(world.source, dataset="data", outcome="sales", interventions=["email", "visits"])
    return ToolContext(world.source, twins=asked)


def what_if(context, intervention=MORE, baseline=BASELINE, **params: Any):
    return run_tool("counterfactual_simulator", {"baseline": baseline, "intervention": intervention} | params, context)


def width(interval):
    return interval["upper"] - interval["lower"]


def oncologists(world):
    return world.frame.columns["specialty"].codes == 2


@pytest.mark.parametrize("members", [None, ["Oncology"]])
def test_the_twin_answers_with_the_truth_in_its_interval_and_is_named(world, context, members):
    found = what_if(context, target_population=members)
    rows = oncologists(world) if members else np.ones(world.frame.n, dtype=bool)
    visits = world.frame.numbers("visits")[rows]
    truth = float((0.2 * visits * world.effects["visits"][rows]).mean())

    assert found["twin"] == "asked, all, version 3"
    assert found["simulation_id"] == SIMULATION
    assert found["method"].startswith("digital twin")
    assert abs(found["change"] - truth) < 3 * width(found["change_interval"]) / 3.92
    assert found["n"] == rows.sum()
    assert found["total_change"] == pytest.approx(found["change"] * found["n"])
    assert found["baseline_outcome"] == pytest.approx(world.frame.numbers("sales")[rows].mean(), rel=1e-5)
    assert found["predicted_outcome"] == pytest.approx(found["baseline_outcome"] + found["change"])
    assert found["mean_dose_before"] == pytest.approx(visits.mean())
    assert found["mean_dose_before"] < found["mean_dose_after"] <= 1.2 * visits.mean() + 1e-9
    assert found["share_changed"] == pytest.approx((visits > 0).mean(), abs=0.01)
    for chart in counterfactual_simulator.charts(found):
        assert_valid(chart)


def test_with_and_without_the_twin_the_answers_agree(context):
    on_twin, on_data = what_if(context, ONE), what_if(replace(context, twins=None), ONE)

    assert on_data["twin"] is None
    assert on_data["method"] != on_twin["method"]
    spread = (width(on_twin["change_interval"]) + width(on_data["change_interval"])) / 2
    assert abs(on_twin["change"] - on_data["change"]) < spread
    for name in ("confidence_interval", "change_interval", "lift_interval"):
        assert 0.5 < width(on_twin[name]) / width(on_data[name]) < 2, name


def test_a_programme_for_everyone_against_nobody_is_asked_of_the_twin_both_ways(world, context):
    on = what_if(context, {"kind": "switch_on"}, EMAIL | {"level": 0.0})
    off = what_if(context, {"kind": "switch_off"}, EMAIL | {"level": 1.0})

    assert on["twin"] == off["twin"] == "asked, all, version 3"
    assert abs(on["change"] - world.truth("email")) < 3 * width(on["change_interval"]) / 3.92
    assert off["change"] == pytest.approx(-on["change"])
    assert off["predicted_outcome"] == pytest.approx(on["baseline_outcome"])
    assert (on["mean_dose_before"], on["mean_dose_after"]) == (0.0, 1.0)
    assert (off["mean_dose_before"], off["mean_dose_after"]) == (1.0, 0.0)
    assert on["share_changed"] == off["share_changed"] == 1.0


@pytest.mark.parametrize(
    ("intervention", "baseline", "said"),
    [
        ({"kind": "switch_on"}, EMAIL, "compares with"),
        ({"kind": "set", "amount": 2}, BASELINE, "compares with"),
        (ONE | {"cap": 6.0}, BASELINE, "compares with"),
        (MORE, BASELINE | {"filters": [{"column": "sales", "op": "gt", "value": 8}]}, "cannot know"),
    ],
)
def test_what_the_twin_cannot_answer_is_answered_from_the_data_and_said(context, intervention, baseline, said):
    found = what_if(context, intervention, baseline)

    assert found["twin"] is None
    assert found["simulation_id"] is None
    assert [w for w in found["warnings"] if w.startswith("The digital twin asked, all, version 3") and said in w]


def test_the_twin_of_another_outcome_treatment_or_data_set_is_not_asked(world, context):
    other = trained_on(world.source, dataset="data", outcome="tenure", interventions=["email"], features=["decile"])
    found = what_if(replace(context, twins=other))

    assert found["twin"] is None
    assert other.asked == []
    assert not any("digital twin" in warning for warning in found["warnings"])


def test_who_is_targeted_reaches_the_twin_as_any_of_the_groups(world, context):
    found = what_if(context, target_population=["Oncology", "decile 9–10"])
    request = context.twins.asked[-1]
    rows = oncologists(world) | (world.frame.numbers("decile") >= 9)

    assert [c.column for c in request.population_any] == ["specialty", "decile"]
    assert found["n"] == rows.sum()


def test_what_neither_twin_nor_data_can_know_is_refused(context):
    with pytest.raises(UnprocessableError, match="Oncologist"):
        what_if(context, target_population=["Oncologist"])


def test_the_outcome_s_interval_is_wider_than_the_change_s_by_what_the_baseline_adds(context):
    found = what_if(context, ONE)

    assert width(found["confidence_interval"]) > 1.05 * width(found["change_interval"])
    assert width(found["lift_interval"]) == pytest.approx(
        100 * width(found["change_interval"]) / found["baseline_outcome"], rel=0.2
    )


@pytest.fixture
def stored(monkeypatch: pytest.MonkeyPatch):
    """Twins as a tenant keeps them, and the trial they learned from."""
    monkeypatch.setenv("E2I_DATABASE_URL", "host=nowhere")
    settings.read.cache_clear()
    bundles.forget()
    spec, frame = trial(1_200)
    source = MemoryDataSource({"trial": (describe_frame(frame, spec), frame)})
    with bootstrap.wired(FakeWiring()) as wiring:
        yield ToolContext(source, twins=StoredTwins(wiring.tenant(TENANT), "anna"))
    settings.read.cache_clear()


def test_a_tenant_s_own_twin_is_found_by_what_it_learned_from_and_its_simulation_kept(stored):
    baseline = {"dataset": "trial", "treatment_col": "visits", "outcome_col": "trx", "level": 0.0}
    before = what_if(stored, {"kind": "switch_on"}, baseline)
    seed_twins(stored.twins.tenant)

    found = what_if(stored, {"kind": "switch_on"}, baseline)

    assert before["twin"] is None
    assert found["twin"] == "responders, Kisqali, version 2"
    assert found["change"] == pytest.approx(2.5, abs=0.3)
    kept = stored.twins.tenant.twins.simulations.get(found["simulation_id"])
    assert (kept.status, kept.simulated_ate) == ("COMPLETED", found["change"])


@pytest.mark.parametrize(
    "asked",
    [
        ("trial", "visits", "trx", "Nobody"),
        ("trial", "emails", "trx", None),
        ("trial", "visits", "nrx", None),
        ("other", "visits", "trx", None),
    ],
)
def test_a_twin_of_something_else_is_none(stored, asked):
    seed_twins(stored.twins.tenant)

    assert stored.twins.learned_from(*asked) is None
    assert stored.twins.learned_from("trial", "visits", "trx", "Kisqali").twin_id == TWIN


def test_a_twin_whose_file_is_gone_is_said_and_the_data_answers(stored):
    seed_twins(stored.twins.tenant)
    bundles.forget()
    bootstrap.objects().held.clear()

    found = what_if(
        stored, {"kind": "switch_on"}, {"dataset": "trial", "treatment_col": "visits", "outcome_col": "trx"}
    )

    assert found["twin"] is None
    assert any("cannot be asked: The twin's file is missing" in w for w in found["warnings"])
