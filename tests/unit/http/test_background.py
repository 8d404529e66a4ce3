"""What runs without a caller: ends of executions, the outbox, lost starts."""

from __future__ import annotations

import json

import pytest
from aws_lambda_powertools.utilities.batch.exceptions import BatchProcessingError, UnexpectedBatchTypeError
from e2i_shared import bootstrap
from e2i_shared.api.composition import TERMINAL, CompositionStatus
from e2i_shared.composer.model import NewComposition
from e2i_shared.http import relaying
from world import COMPOSITION, OTHER, QUESTION, TENANT, FakeWiring, event, seed

from functions.composition_status import handler as composition_status
from functions.relay import handler as relay
from infra.functions.composition_status import FUNCTION


@pytest.fixture
def _seeded(wiring: FakeWiring) -> None:
    seed(wiring.tenant(TENANT))


def status() -> CompositionStatus:
    return bootstrap.for_tenant(TENANT).compositions.get(COMPOSITION).status


@pytest.mark.usefixtures("_seeded")
def test_an_execution_that_timed_out_ends_its_composition():
    assert composition_status.handle(event("composition_status", "timed_out"), None) == {"batchItemFailures": []}
    assert status() is CompositionStatus.TIMEOUT


@pytest.mark.usefixtures("_seeded")
def test_a_second_delivery_changes_nothing():
    for _ in range(2):
        composition_status.handle(event("composition_status", "timed_out"), None)
    first = bootstrap.for_tenant(TENANT).compositions.get(COMPOSITION)
    composition_status.handle(event("composition_status", "aborted_and_failed"), None)
    assert bootstrap.for_tenant(TENANT).compositions.get(COMPOSITION) == first


@pytest.mark.usefixtures("_seeded")
def test_one_poison_message_comes_back_alone():
    reply = composition_status.handle(event("composition_status", "one_poison_message"), None)
    assert reply == {"batchItemFailures": [{"itemIdentifier": "m-2"}]}
    assert status() is CompositionStatus.TIMEOUT


@pytest.mark.usefixtures("_seeded")
def test_a_batch_that_fails_as_a_whole_is_raised():
    batch = event("composition_status", "one_poison_message")
    batch["Records"] = batch["Records"][1:]
    with pytest.raises(BatchProcessingError):
        composition_status.handle(batch, None)


def test_a_batch_without_records_is_raised(wiring: FakeWiring):
    with pytest.raises(UnexpectedBatchTypeError, match="Unexpected batch event type"):
        composition_status.handle({}, None)


def test_every_status_the_rule_sends_has_its_ending():
    from e2i_shared.http.endings import ENDINGS

    detail = FUNCTION.event_rules[0].pattern["detail"]
    assert isinstance(detail, dict)
    assert set(detail["status"]) == set(ENDINGS)
    assert all(ending in TERMINAL and message for ending, message in ENDINGS.values())


def tick() -> dict[str, int]:
    return relay.handle(event("relay", "tick"), None)


@pytest.mark.usefixtures("_seeded")
def test_the_outbox_is_published_with_its_tenant_and_only_once(wiring: FakeWiring):
    assert tick()["published"] == 1
    assert wiring.bus.published == [("composition.requested", {"composition_id": COMPOSITION, "tenant_id": TENANT})]
    assert tick()["published"] == 0


def test_every_tenants_outbox_is_published(wiring: FakeWiring):
    for tenant in (TENANT, OTHER):
        wiring.tenant(tenant).outbox.append("training.updated", {"n": 1})
    assert tick()["published"] == 2
    assert {detail["tenant_id"] for _, detail in wiring.bus.published} == {TENANT, OTHER}


def test_more_than_a_batch_is_published_in_one_go(wiring: FakeWiring):
    for n in range(25):
        wiring.tenant(TENANT).outbox.append("k", {"n": n})
    assert tick()["published"] == 25
    assert [detail["n"] for _, detail in wiring.bus.published] == list(range(25))


def test_what_the_bus_refuses_waits_for_the_next_tick(wiring: FakeWiring):
    wiring.bus.refuse = "bad"
    outbox = wiring.tenant(TENANT).outbox
    outbox.append("bad", {})
    outbox.append("good", {})
    assert tick()["published"] == 1

    wiring.bus.refuse = ""
    assert tick()["published"] == 1
    assert [kind for kind, _ in wiring.bus.published] == ["good", "bad"]


@pytest.mark.usefixtures("_seeded")
def test_a_bus_that_is_away_keeps_no_composition_from_being_started(wiring: FakeWiring, monkeypatch):
    monkeypatch.setattr(relaying, "LOST_AFTER_SECONDS", 0)
    wiring.bus.broken = True
    assert tick() == {"published": 0, "started": 1, "failed": 0}
    wiring.bus.broken = False
    assert tick()["published"] == 1


@pytest.mark.usefixtures("_seeded")
def test_a_composition_that_was_never_started_is_started(wiring: FakeWiring, monkeypatch):
    assert tick()["started"] == 0, "it is too young to be lost"
    monkeypatch.setattr(relaying, "LOST_AFTER_SECONDS", 0)
    assert tick()["started"] == 1
    assert wiring.started.started == [(TENANT, COMPOSITION)]


def test_one_start_that_fails_does_not_keep_the_others_from_starting(wiring: FakeWiring, monkeypatch):
    monkeypatch.setattr(relaying, "LOST_AFTER_SECONDS", 0)
    other = COMPOSITION.replace("c001", "c002")
    for identity in (COMPOSITION, other):
        wiring.tenant(TENANT).compositions.create(NewComposition(composition_id=identity, query=QUESTION))
    started = []

    def start(_tenant: str, composition_id: str, _attempt: int = 1) -> None:
        if composition_id == COMPOSITION:
            message = "throttled"
            raise ConnectionError(message)
        started.append(composition_id)

    monkeypatch.setattr(wiring.started, "start", start)
    assert tick() == {"published": 2, "started": 1, "failed": 1}
    assert started == [other]


def test_calls_that_nobody_settled_are_settled_for_every_tenant(wiring: FakeWiring):
    for tenant in (TENANT, OTHER):
        wiring.tenant(tenant).spending.abandoned = 2
    relaying.relay()
    assert [wiring.tenant(tenant).spending.abandoned for tenant in (TENANT, OTHER)] == [0, 0]


def test_a_tick_is_json(wiring: FakeWiring):
    assert json.loads(json.dumps(tick())) == {"published": 0, "started": 0, "failed": 0}
