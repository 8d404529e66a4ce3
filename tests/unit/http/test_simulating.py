"""Simulations, validations and fidelity over HTTP, over fakes and one small trained twin."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from builders_trained import OLD_TWIN, SIMULATION, TWIN, content, seed_twins, trained, twin_request
from e2i_shared import settings
from e2i_shared.datasets.describe import describe_frame
from e2i_shared.datasets.frame import Categories, Frame, Numbers
from e2i_shared.datasets.memory import MemoryDataSource
from e2i_shared.http import bundles, checking, training
from e2i_shared.http.prescreening import StoredTwins
from e2i_shared.twins import simulate as numerics
from e2i_shared.twins.fidelity import Outcome
from e2i_shared.twins.model import NewTraining, SimulateRequest
from world import OTHER, TENANT, FakeWiring, body, event, request, trial

from functions.api import handler as api
from functions.fidelity_check import handler as checker
from functions.simulate import handler as simulator

if TYPE_CHECKING:
    from e2i_shared.ports import Tenant

ASKED = {"intervention_type": "visits", "twin_count": 500, "seed": 3}
SIMULATE = f"/digital-twins/{TWIN}/simulate"


@pytest.fixture
def tenant(wiring: FakeWiring) -> Tenant:
    made = wiring.tenant(TENANT)
    seed_twins(made)
    return made


def post(path: str, asked: Any, **more: Any) -> tuple[int, Any]:
    reply = simulator.handle(request("POST", path, asked, **more), None)
    return reply["statusCode"], body(reply)


def test_a_simulation_has_every_published_field(tenant: Tenant):
    status, found = post(SIMULATE, ASKED)

    assert status == 200
    assert found["status"] == "COMPLETED"
    low, high = found["confidence_interval"]
    assert low < found["simulated_ate"] < high
    assert abs(found["simulated_ate"] - 2.5) < 3 * found["std_error"]  # visits add 2, in the south 3
    assert found["recommendation"] in {"deploy", "refine", "skip"}
    for name in (
        "rationale",
        "recommended_sample_size",
        "recommended_duration_weeks",
        "simulation_confidence",
        "compare_to_baseline",
        "p_effect_above_threshold",
        "execution_time_ms",
        "fidelity_warning_reason",
    ):
        assert found[name] is not None, name
    assert {row["level"] for row in found["effect_heterogeneity"]["region"]} == {"North", "South"}
    assert {"effect_distribution", "effect_by_segment"} <= set(found["charts"])


def test_the_same_question_again_is_the_same_answer_from_the_cache(tenant: Tenant, monkeypatch: pytest.MonkeyPatch):
    _, first = post(SIMULATE, ASKED)
    monkeypatch.setattr(numerics, "simulate", lambda *_a, **_k: pytest.fail("simulated twice"))

    _, again = post(SIMULATE, ASKED)

    assert again["cached"]
    assert not first["cached"]
    assert again["simulation_id"] == first["simulation_id"]
    assert again["simulated_ate"] == first["simulated_ate"]


def test_thresholds_are_settings_and_part_of_the_question(tenant: Tenant, monkeypatch: pytest.MonkeyPatch):
    _, usual = post(SIMULATE, ASKED)
    monkeypatch.setenv("E2I_MIN_EFFECT_THRESHOLD", "9.5")
    monkeypatch.setenv("E2I_MOST_WEEKS", "12")
    settings.read.cache_clear()

    _, strict = post(SIMULATE, ASKED)

    assert usual["recommendation"] != "skip"
    assert strict["recommendation"] == "skip"
    assert strict["advice"]["min_effect"] == pytest.approx(190 * usual["advice"]["min_effect"])
    assert strict["simulation_id"] != usual["simulation_id"]


def test_a_function_without_a_bus_can_ask_a_twin(tenant: Tenant, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("E2I_EVENT_BUS")
    settings.read.cache_clear()
    asked = SimulateRequest.model_validate(ASKED)

    assert StoredTwins(tenant).simulate(TWIN, asked).status == "COMPLETED"


def test_another_seed_dose_or_population_is_another_question(tenant: Tenant):
    ids = {post(SIMULATE, ASKED)[1]["simulation_id"], post(SIMULATE, ASKED | {"seed": 4})[1]["simulation_id"]}
    only = [{"column": "region", "op": "eq", "value": "North"}]
    ids.add(post(SIMULATE, ASKED | {"population_filters": only})[1]["simulation_id"])
    assert len(ids) == 3


def test_what_came_true_changes_the_answer_so_nothing_stale_is_cached(tenant: Tenant):
    _, before = post(SIMULATE, ASKED)
    for actual in (6.0, 7.0, 5.0):
        post("/digital-twin/validate", {"simulation_id": SIMULATION, "actual_ate": actual, "actual_std_error": 0.1})

    _, after = post(SIMULATE, ASKED)

    assert not after["cached"]
    assert after["std_error"] > 3 * before["std_error"]
    assert after["uncertainty"]["past_errors"] > 0


@pytest.mark.parametrize(
    ("changes", "field", "candidate"),
    [
        ({"intervention_type": "skywriting"}, "intervention_type", "visits"),
        ({"population_filters": [{"column": "regoin", "value": "North"}]}, "population_filters", "region"),
        ({"population_filters": [{"column": "region", "value": "Nort"}]}, "population_filters", "North"),
        ({"intervention_config": {"dose": 3}}, "intervention_config", None),
        ({"segments": ["regoin"]}, "segments", "region"),
    ],
)
def test_what_the_twin_cannot_know_is_refused_with_what_would_work(
    tenant: Tenant, changes: dict[str, Any], field: str, candidate: str | None
):
    status, problem = post(SIMULATE, ASKED | changes)

    assert status == 422
    (error,) = problem["errors"]
    assert field.startswith(error["field"]) or error["field"] in {"regoin", "region"}
    assert candidate is None or candidate in error["candidates"]
    newest = tenant.twins.simulations.list(checking_query()).items[0]
    assert newest.status == "FAILED"
    assert newest.error


def checking_query() -> Any:
    from e2i_shared.twins.model import SimulationQuery

    return SimulationQuery(limit=1)


@pytest.mark.parametrize(
    "changes",
    [
        {"twin_count": 99},
        {"twin_count": 50_001},
        {"confidence_level": 1.0},
        {"seed": -1},
        {"intervention_config": {"dose": 1, "dose_change": 2}},
        {"intervention_config": {"uptake": 0}},
        {"guess": True},
        {"intervention_type": ""},
    ],
)
def test_a_request_out_of_bounds_is_a_422(tenant: Tenant, changes: dict[str, Any]):
    assert post(SIMULATE, ASKED | changes)[0] == 422


@pytest.mark.parametrize(("count", "status"), [(10_000, 200), (10_001, 202)])
@pytest.mark.parametrize(("path", "more"), [(SIMULATE, {}), ("/digital-twin/simulate", {"brand": "Kisqali"})])
def test_ten_thousand_twins_are_asked_at_once_and_one_more_is_queued(
    tenant: Tenant, path: str, more: dict[str, Any], count: int, status: int
):
    assert post(path, ASKED | more | {"twin_count": count})[0] == status


def test_many_twins_are_queued_and_done_once(tenant: Tenant, wiring: FakeWiring):
    status, accepted = post(SIMULATE, ASKED | {"twin_count": 20_000})

    assert status == 202
    assert accepted["status"] == "PENDING"
    ((topic, detail),) = [each for each in wiring.bus.published if each[0] == "simulation.requested"]
    assert detail == {"simulation_id": accepted["simulation_id"], "tenant_id": TENANT}
    message = event("simulate", "queued")
    message["Records"][0]["body"] = (
        f'{{"detail-type": "{topic}", "detail": {{"simulation_id": "{accepted["simulation_id"]}", "tenant_id": "{TENANT}"}}}}'
    )
    for _ in range(2):
        assert simulator.handle(message, None) == {"batchItemFailures": []}
    found = tenant.twins.simulations.get(accepted["simulation_id"])
    assert found.status == "COMPLETED"
    assert found.twins == 600  # all there are
    assert any("fewer than the 20,000" in each for each in found.warnings)


def test_a_queued_simulation_of_a_twin_deleted_meanwhile_ends_failed(tenant: Tenant):
    _, accepted = post(SIMULATE, ASKED | {"queued": True})
    tenant.twins.models.delete(TWIN, None)
    message = event("simulate", "queued")
    message["Records"][0]["body"] = message["Records"][0]["body"].replace(SIMULATION, accepted["simulation_id"])

    assert simulator.handle(message, None) == {"batchItemFailures": []}
    assert tenant.twins.simulations.get(accepted["simulation_id"]).status == "FAILED"


def test_a_twin_deleted_while_it_is_simulated_is_a_conflict(tenant: Tenant, monkeypatch: pytest.MonkeyPatch):
    real = numerics.simulate

    def deleting(*args: Any, **more: Any) -> Any:
        tenant.twins.models.delete(TWIN, "olga")
        return real(*args, **more)

    monkeypatch.setattr(numerics, "simulate", deleting)
    status, problem = post(SIMULATE, ASKED)

    assert status == 409
    assert "deleted while it was simulated" in problem["detail"]


def test_a_deleted_twin_is_not_found(tenant: Tenant):
    tenant.twins.models.delete(TWIN, None)
    assert post(SIMULATE, ASKED)[0] == 404
    assert post("/digital-twin/simulate", ASKED | {"brand": "Kisqali"})[0] == 404


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda held, key: held.pop(key), "missing from the object store"),
        (lambda held, key: held.update({key: held[key][:-100]}), "checksum"),
        (lambda held, key: held.update({key: b"junk"}), "checksum"),
        (lambda held, key: held.update({key: held[key][:5_000] + b"\x00" + held[key][5_001:]}), "checksum"),
    ],
)
def test_a_file_that_is_gone_or_damaged_is_a_clear_conflict(tenant: Tenant, wiring: FakeWiring, spoil: Any, words: str):
    spoil(wiring.store.held, tenant.twins.models.get(TWIN).bundle_key)

    status, problem = post(SIMULATE, ASKED)

    assert status == 409
    assert words in problem["detail"]
    assert "train the twin again" in problem["hint"]


def test_a_twin_in_training_cannot_be_asked_yet(tenant: Tenant):
    new = NewTraining(request=twin_request(), user="anna")
    tenant.twins.jobs.create(new)

    status, problem = post(f"/digital-twins/{new.twin_id}/simulate", ASKED)

    assert status == 409
    assert new.job_id in problem["hint"]


def test_a_bundle_is_read_once_and_the_least_used_is_let_go(tenant: Tenant, wiring: FakeWiring):
    twin = tenant.twins.models.get(TWIN)
    held = bundles.load(twin)
    assert bundles.load(twin) is held
    for number in range(bundles.KEPT):
        key = f"twins/copy-{number}"
        wiring.store.held[key] = content()
        bundles.load(twin.model_copy(update={"bundle_key": key}))
    assert bundles.load(twin) is not held


def test_the_brand_s_active_version_is_asked(tenant: Tenant):
    status, found = post(
        "/digital-twin/simulate", ASKED | {"brand": "kisqali", "twin_type": "hcp", "name": "responders"}
    )

    assert status == 200
    assert found["twin_id"] == TWIN
    tenant.twins.models.activate(OLD_TWIN, "back")
    assert post("/digital-twin/simulate", ASKED | {"brand": "Kisqali", "seed": 9})[1]["twin_id"] == OLD_TWIN


def test_another_tenant_sees_nothing(tenant: Tenant, wiring: FakeWiring):
    wiring.tenant(OTHER)
    assert post(SIMULATE, ASKED, tenant=OTHER)[0] == 404
    told = {"simulation_id": SIMULATION, "actual_ate": 1.0}
    assert post("/digital-twin/validate", told, tenant=OTHER)[0] == 404
    for path in (
        f"/digital-twins/{TWIN}",
        f"/digital-twin/simulations/{SIMULATION}",
        f"/digital-twins/{TWIN}/versions",
    ):
        assert api.handle(request("GET", path, tenant=OTHER), None)["statusCode"] == 404


# Fidelity


def validate(actual: float, **more: Any) -> tuple[int, Any]:
    return post("/digital-twin/validate", {"simulation_id": SIMULATION, "actual_ate": actual, **more})


def test_a_prediction_that_came_true_is_graded_and_raises_the_fidelity(tenant: Tenant):
    predicted = tenant.twins.simulations.get(SIMULATION).simulated_ate or 0.0

    status, found = validate(predicted * 1.01, actual_ci=[predicted * 0.9, predicted * 1.2])

    assert status == 201
    assert found["fidelity_grade"] == "excellent"
    assert found["ci_coverage"]
    assert found["relative_error"] == pytest.approx(-0.01 / 1.01)
    twin = tenant.twins.models.get(TWIN)
    assert (twin.fidelity_grade, twin.fidelity_sample_count) == ("excellent", 1)


@pytest.mark.parametrize(("factor", "grade"), [(0.83, "fair"), (0.88, "good"), (2.0, "poor")])
def test_the_grade_follows_the_relative_error(tenant: Tenant, factor: float, grade: str):
    predicted = tenant.twins.simulations.get(SIMULATION).simulated_ate or 0.0
    assert validate(predicted * factor)[1]["fidelity_grade"] == grade


def test_an_effect_of_nearly_zero_has_no_relative_error(tenant: Tenant):
    found = validate(0.0)[1]
    assert found["relative_error"] is None
    assert found["fidelity_grade"] == "poor"


@pytest.mark.parametrize(
    "more", [{"actual_ci": [3.0, 4.0]}, {"actual_ate": None}, {"actual_sample_size": 0}, {"actual_std_error": -1}]
)
def test_an_actual_that_contradicts_itself_is_refused(tenant: Tenant, more: dict[str, Any]):
    assert post("/digital-twin/validate", {"simulation_id": SIMULATION, "actual_ate": 1.0, **more})[0] == 422


def test_a_simulation_without_a_result_cannot_be_validated(tenant: Tenant):
    _, accepted = post(SIMULATE, ASKED | {"queued": True})
    status, _ = post("/digital-twin/validate", {"simulation_id": accepted["simulation_id"], "actual_ate": 1.0})
    assert status == 409


def fidelity(path: str = f"/digital-twins/{TWIN}/fidelity") -> Any:
    reply = simulator.handle(request("GET", path, role="viewer"), None)
    assert reply["statusCode"] == 200, reply["body"]
    return body(reply)


def test_an_untried_twin_says_so_and_shows_its_margins(tenant: Tenant):
    found = fidelity()
    assert found["grade"] == "unvalidated"
    assert found["score"] == found["population"] > 0.8
    assert set(found["charts"]) == {"margin_region"}
    assert found == fidelity(f"/digital-twin/models/{TWIN}/fidelity")


def test_a_damaged_file_hides_pictures_but_not_what_is_known(tenant: Tenant, wiring: FakeWiring):
    validate(2.0)
    bundles.forget()
    wiring.store.held.clear()
    found = fidelity()
    assert found["accuracy"]["count"] == 1
    assert set(found["charts"]) == {"fidelity_history"}


def with_data(wiring: FakeWiring, tenant: Tenant, south: float, level: str = "South") -> Tenant:
    spec, frame = trial(2_000)
    random = np.random.default_rng(1)
    region = Categories((random.random(frame.n) < south).astype(np.int32), ("North", level))
    columns = {**frame.columns, "region": region, "trx": Numbers(frame.numbers("trx"))}
    made = Frame(frame.n, columns)
    found = replace(tenant, data=MemoryDataSource({"trial": (describe_frame(made, spec), made)}))
    wiring.made[TENANT] = found
    return found


@pytest.mark.parametrize(("south", "drifted"), [(0.5, []), (0.97, ["region"])])
def test_a_check_compares_the_twins_with_the_data_as_it_is_now(
    tenant: Tenant, wiring: FakeWiring, south: float, drifted: list[str]
):
    with_data(wiring, tenant, south)
    reply = checker.handle(request("POST", f"/digital-twins/{TWIN}/fidelity"), None)

    assert reply["statusCode"] == 200
    found = body(reply)["similarity"]
    assert found["drifted"] == drifted
    assert (found["score"] > 0.9) is not bool(drifted)


def test_a_level_that_training_never_saw_counts_as_drift(tenant: Tenant, wiring: FakeWiring):
    found = with_data(wiring, tenant, 0.5, level="West")
    similarity = checking.similarity_now(found, found.twins.models.get(TWIN))
    assert similarity.drifted == ("region",)


def test_a_data_set_that_cannot_be_compared_is_a_warning(tenant: Tenant):
    reply = checker.handle(request("POST", f"/digital-twins/{TWIN}/fidelity"), None)  # 400 rows
    assert reply["statusCode"] == 200
    assert "400 rows are too few" in body(reply)["warnings"][0]


def worsening(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the last month's errors be three times those before."""
    now = datetime.now(UTC)
    ages = [(5, 0.9), (10, 0.9), (60, 0.3), (70, 0.3), (80, 0.3)]
    history = [Outcome(2.0 + e, 0.1, 1.8 + e, 2.2 + e, 2.0, 0.1, 1.0, now - timedelta(days=d)) for d, e in ages]
    monkeypatch.setattr(checking, "outcomes", lambda _known: history)


def test_the_daily_check_raises_the_alarm_for_a_twin_that_degrades(
    tenant: Tenant, wiring: FakeWiring, monkeypatch: pytest.MonkeyPatch
):
    worsening(monkeypatch)

    done = checker.handle(event("fidelity_check", "tick"), None)

    assert done == {"checked": 1, "degraded": 1, "retrained": 0, "failed": 0, "logging": 0}
    (alarm,) = [each for each in wiring.tenant(TENANT).outbox.claim() if each.topic == checking.ALERT]
    assert alarm.payload["severity"] == "critical"
    retraining = wiring.tenant(TENANT).twins.models.get(TWIN).fidelity["retraining"]
    assert retraining["advised"]
    assert not retraining["go"]


def test_where_it_is_allowed_a_degraded_twin_is_trained_again_once_a_day(
    tenant: Tenant, wiring: FakeWiring, monkeypatch: pytest.MonkeyPatch
):
    worsening(monkeypatch)
    monkeypatch.setenv("E2I_AUTOMATIC_RETRAINING", "true")
    settings.read.cache_clear()

    first = checker.handle(event("fidelity_check", "tick"), None)
    second = checker.handle(event("fidelity_check", "tick"), None)

    assert (first["retrained"], second["retrained"]) == (1, 0)
    assert len(tenant.twins.jobs.asked("responders", "Kisqali", training.CHALLENGER)) == 1
    reason = tenant.twins.models.get(TWIN).fidelity["retraining"]["reason"]
    assert "less than 24 hours ago" in reason


def test_a_twin_that_holds_raises_no_alarm(tenant: Tenant):
    assert checker.handle(event("fidelity_check", "tick"), None)["degraded"] == 0
    assert not [each for each in tenant.outbox.claim() if each.topic == checking.ALERT]


def test_one_twin_that_cannot_be_checked_keeps_no_other_from_it(tenant: Tenant, wiring: FakeWiring):
    new = NewTraining(request=twin_request(name="broken"), user="anna")
    tenant.twins.jobs.create(new)
    tenant.twins.jobs.begin(new.job_id)
    tenant.twins.jobs.complete(new.job_id, trained(TENANT, bundle_key="twins/nowhere"))
    with_data(wiring, tenant, 0.5)

    done = checker.handle(event("fidelity_check", "tick"), None)

    assert done["checked"] == 2
    assert "missing from the object store" in tenant.twins.models.get(new.twin_id).fidelity["warnings"][0]


# Single entities


def tell(twin: str = TWIN, **told: Any) -> tuple[int, Any]:
    return post(f"/digital-twins/{twin}/events", {"event_id": "e1", **told})


def versions(twin: str, **query: str) -> Any:
    reply = api.handle(request("GET", f"/digital-twins/{twin}/versions", query=query, role="viewer"), None)
    return reply["statusCode"], body(reply)


def test_an_entity_s_twin_is_made_and_moves_with_events(tenant: Tenant):
    status, first = tell(entity="hcp-17", event_id="e0", kind="create", values={"region": "North"})
    assert status == 201
    assert first["version"] == 1
    assert first["predictions"]["effect of visits"] == pytest.approx(2.0, abs=0.4)

    status, second = tell(first["twin_id"], values={"region": "South"})

    assert status == 201
    assert second["version"] == 2
    assert second["changes"][0] == {"name": "region", "before": "North", "after": "South"}
    assert second["predictions"]["effect of visits"] == pytest.approx(3.0, abs=0.4)
    _, listed = versions(first["twin_id"])
    assert [each["version"] for each in listed["items"]] == [2, 1]


def test_the_same_event_again_changes_nothing_and_another_of_its_id_is_a_conflict(tenant: Tenant):
    _, made = tell(entity="a", event_id="e0", kind="create", values={"region": "North"})
    tell(made["twin_id"], values={"region": "South"})

    assert tell(made["twin_id"], values={"region": "South"})[1]["version"] == 2
    assert tell(made["twin_id"], values={"region": "North"})[0] == 409
    assert tell(entity="a", event_id="e0", kind="create", values={"region": "North"})[0] == 409


def test_the_past_is_read_as_it_was_known(tenant: Tenant):
    _, made = tell(entity="a", event_id="e0", kind="create", values={"region": "North"})
    tell(made["twin_id"], values={"region": "South"})

    status, then = versions(made["twin_id"], as_of=made["recorded_at"])

    assert status == 200
    assert [each["state"] for each in then["items"]] == [{"region": "North"}]
    assert versions(made["twin_id"], as_of="2001-01-01T00:00:00Z")[0] == 404
    assert versions(TWIN, as_of="2001-01-01T00:00:00Z")[0] == 409


@pytest.mark.parametrize(
    ("told", "status"),
    [
        ({"values": {"region": "North"}}, 400),
        ({"entity": "new", "values": {"region": "North"}}, 404),
        ({"entity": "b", "kind": "create", "values": {"regoin": "North"}}, 422),
        ({"entity": "b", "kind": "create", "values": {"region": "Atlantis"}}, 422),
        ({"entity": "b", "kind": "create", "values": {"visits": "often"}}, 422),
        ({"entity": "b", "kind": "rename", "values": {}}, 422),
        ({"entity": "b", "kind": "create", "values": {}, "at": "2026-01-01T00:00:00"}, 422),
    ],
)
def test_an_event_that_cannot_be_is_refused(tenant: Tenant, told: dict[str, Any], status: int):
    assert tell(**told)[0] == status


def test_versions_of_a_trained_twin_are_those_of_its_name_and_brand(tenant: Tenant):
    _, listed = versions(TWIN)
    assert [each["version"] for each in listed["items"]] == [3, 2, 1]
    assert [each["active"] for each in listed["items"]] == [False, True, False]
