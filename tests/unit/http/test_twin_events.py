"""What twins tell the world: every change is an event, an entity's at once; what degrades rings; what trains again is guarded."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from builders_trained import JOB, TWIN, WAITING_JOB, seed_twins, trained, twin_request
from e2i_shared import settings
from e2i_shared.http import checking, training
from e2i_shared.twins.fidelity import Outcome
from e2i_shared.twins.model import NewTraining
from world import EVENTS, TENANT, FakeWiring, body, event, request

from functions.dispatch_training import handler as dispatching
from functions.fidelity_check import handler as checker
from functions.relay import handler as relay
from functions.simulate import handler as simulator
from functions.train_twin import handler as worker

if TYPE_CHECKING:
    from e2i_shared.ports import Tenant

NOW = datetime.now(UTC)
HANDLERS = {"train_twin": worker, "dispatch_training": dispatching}


@pytest.fixture
def tenant(wiring: FakeWiring) -> Tenant:
    made = wiring.tenant(TENANT)
    seed_twins(made)
    made.outbox.mark_published([each.outbox_id for each in made.outbox.claim()])
    return made


@pytest.mark.parametrize(
    ("function", "case"), [(f, path.stem) for f in HANDLERS for path in sorted((EVENTS / f).glob("*.json"))]
)
def test_each_example_of_the_workflow_is_served(tenant: Tenant, function: str, case: str):
    reply = HANDLERS[function].handle(event(function, case), None)

    if function == "dispatch_training":
        assert reply == {"batchItemFailures": []}
    else:
        assert reply["status"] == tenant.twins.jobs.get(reply["job_id"]).status
        assert reply["status"] in {"COMPLETED", "FAILED"}


def tell(**told: Any) -> Any:
    asked = {"event_id": "e1", "kind": "create", "entity": "hcp-17", "values": {"region": "North"}} | told
    reply = simulator.handle(request("POST", f"/digital-twins/{TWIN}/events", asked), None)
    assert reply["statusCode"] == 201, reply["body"]
    return body(reply)


def test_subscribers_see_what_happened_to_an_entity_at_once(tenant: Tenant, wiring: FakeWiring):
    made = tell()
    told = {"twin_id": made["twin_id"], "model_id": TWIN, "version": 1, "tenant_id": TENANT}
    assert wiring.bus.published == [("twin.updated", told)]

    tell(event_id="e2", kind="set", values={"region": "South"})
    assert [detail["version"] for _, detail in wiring.bus.published] == [1, 2]
    tell(event_id="e2", kind="set", values={"region": "South"})  # told twice, happened once
    assert len(wiring.bus.published) == 2


def test_a_bus_that_is_away_keeps_no_event_from_being_told_later(tenant: Tenant, wiring: FakeWiring):
    wiring.bus.broken = True
    tell()
    assert wiring.bus.published == []

    wiring.bus.broken = False
    relay.handle(event("relay", "tick"), None)
    assert [kind for kind, _ in wiring.bus.published] == ["twin.updated"]


def test_every_step_of_a_training_is_told_with_its_twin_and_its_end(tenant: Tenant, wiring: FakeWiring):
    jobs = tenant.twins.jobs
    jobs.begin(WAITING_JOB)
    jobs.fail(WAITING_JOB, "400 rows are too few")
    jobs.retry(WAITING_JOB)
    jobs.begin(WAITING_JOB)
    jobs.complete(WAITING_JOB, trained(TENANT))

    relay.handle(event("relay", "tick"), None)

    told = [(detail["status"], detail["error"]) for kind, detail in wiring.bus.published if kind == "training.updated"]
    assert [status for status, _ in told] == ["RUNNING", "FAILED", "PENDING", "RUNNING", "COMPLETED"]
    assert told[1][1] == "400 rows are too few"
    twin = jobs.get(WAITING_JOB).twin_id
    assert all(d["twin_id"] == twin for kind, d in wiring.bus.published if kind == "training.updated")


def errors(monkeypatch: pytest.MonkeyPatch, factor: float) -> None:
    """Let the last month's errors be ``factor`` times those of the 150 days before."""
    ages = [(5, 0.3 * factor), (10, 0.3 * factor), (60, 0.3), (70, 0.3), (80, 0.3)]
    history = [Outcome(2.0 + e, 0.1, 1.8 + e, 2.2 + e, 2.0, 0.1, 1.0, NOW - timedelta(days=d)) for d, e in ages]
    monkeypatch.setattr(checking, "outcomes", lambda _known: history)


def check() -> Any:
    return checker.handle(event("fidelity_check", "tick"), None)


@pytest.mark.parametrize(
    ("factor", "listed", "alert"),
    [
        (1.05, "none", None),
        (1.1, "listed", None),
        (1.24, "listed", None),
        (1.25, "warning", "warning"),
        (1.49, "warning", "warning"),
        (1.5, "critical", "critical"),
        (4.0, "critical", "critical"),
    ],
)
def test_growing_errors_are_listed_then_warn_then_ring(
    tenant: Tenant,
    wiring: FakeWiring,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    factor: float,
    listed: str,
    alert: str | None,
):
    errors(monkeypatch, factor)
    check()

    events = [each.payload["severity"] for each in tenant.outbox.claim() if each.topic == checking.ALERT]
    assert events == ([alert] if alert else [])
    reply = simulator.handle(request("GET", f"/digital-twins/{TWIN}/fidelity"), None)
    assert body(reply)["degradation"]["severity"] == listed
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if "FidelityAlerts" in line]
    assert [line["severity"] for line in lines] == events
    for line in lines:  # the alarm of the deployment looks for exactly this
        (directive,) = line["_aws"]["CloudWatchMetrics"]
        assert (directive["Namespace"], directive["Dimensions"], line["FidelityAlerts"]) == ("E2I", [["severity"]], 1)


@pytest.fixture
def _allowed(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("E2I_AUTOMATIC_RETRAINING", "true")
    settings.read.cache_clear()
    yield
    settings.read.cache_clear()


def attempts(tenant: Tenant, *ages: timedelta) -> None:
    """Let trainings have been asked for by the check that long ago."""
    for age in ages:
        new = NewTraining(request=twin_request(), user=training.CHALLENGER)
        tenant.twins.jobs.create(new)
        held = tenant.twins.jobs._held.jobs
        held[new.job_id] = held[new.job_id].model_copy(update={"created_at": (NOW - age).isoformat()})


@pytest.mark.usefixtures("_allowed")
@pytest.mark.parametrize(
    ("factor", "ages", "retrained"),
    [
        (2.0, [], 1),
        (1.2, [], 0),  # listed is not enough
        (2.0, [timedelta(hours=23)], 0),  # cooling down
        (2.0, [timedelta(hours=25)], 1),
        (2.0, [timedelta(days=2), timedelta(days=5)], 1),
        (2.0, [timedelta(days=2), timedelta(days=5), timedelta(days=9)], 0),  # three are enough
        (2.0, [timedelta(days=31), timedelta(days=32), timedelta(days=33)], 1),
    ],
)
def test_it_is_trained_again_only_where_every_guard_lets_it(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch, factor: float, ages: list[timedelta], retrained: int
):
    errors(monkeypatch, factor)
    attempts(tenant, *ages)
    before = set(tenant.twins.jobs._held.jobs)

    assert check()["retrained"] == retrained

    asked = [tenant.twins.jobs.get(job) for job in set(tenant.twins.jobs._held.jobs) - before]
    assert [job.requested_by for job in asked] == retrained * [training.CHALLENGER]


def test_where_it_is_not_allowed_it_is_only_advised(tenant: Tenant, monkeypatch: pytest.MonkeyPatch):
    errors(monkeypatch, 2.0)
    assert check()["retrained"] == 0
    retraining = tenant.twins.models.get(TWIN).fidelity["retraining"]
    assert (retraining["advised"], retraining["go"]) == (True, False)
    assert tenant.twins.jobs.get(JOB).requested_by == "anna"
