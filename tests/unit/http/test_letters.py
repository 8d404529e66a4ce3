"""Messages that a queue gave up: why, whose, and put back with one effect."""

from __future__ import annotations

import json
from importlib import import_module
from typing import TYPE_CHECKING, Any

import pytest
from aws_lambda_powertools.utilities.batch.exceptions import BatchProcessingError
from builders_trained import WAITING_JOB, seed_twins
from e2i_shared.errors import DatabaseUnavailableError
from e2i_shared.http import letters
from e2i_shared.ports import Letter
from world import EVENTS, OTHER, TENANT, FakeWiring, body, event, request

from functions.api import handler as api
from functions.dispatch_training import handler as dispatching

if TYPE_CHECKING:
    from e2i_shared.ports import Tenant

QUEUE = "training-requested"


@pytest.fixture
def tenant(wiring: FakeWiring) -> Tenant:
    made = wiring.tenant(TENANT)
    seed_twins(made)
    return made


def message_of(kind: str = "requested", receives: int = 1, **changes: Any) -> dict[str, Any]:
    batch = event("dispatch_training", kind)
    batch["Records"][0]["attributes"]["ApproximateReceiveCount"] = str(receives)
    batch["Records"][0] |= changes
    return batch


def fail_until_dead(wiring: FakeWiring, batch: dict[str, Any]) -> Letter:
    """Deliver a message three times, as SQS does, and move it to the dead letters."""
    for receives in (1, 2, 3):
        batch["Records"][0]["attributes"]["ApproximateReceiveCount"] = str(receives)
        with pytest.raises(BatchProcessingError):
            dispatching.handle(batch, None)
    record = batch["Records"][0]
    letter = Letter(record["messageId"], "receipt", record["body"], "2026-10-01T12:00:00+00:00")
    wiring.letters.dead.setdefault(QUEUE, []).append(letter)
    return letter


def call(method: str, path: str, asked: Any = None, role: str = "admin", **more: Any) -> tuple[int, Any]:
    reply = api.handle(request(method, path, asked, role=role, **more), None)
    return reply["statusCode"], body(reply)


def redrive(*, dry_run: bool = False, **more: Any) -> tuple[int, Any]:
    return call("POST", f"/admin/queues/{QUEUE}/redrive", {"dry_run": dry_run}, **more)


def listed(**more: Any) -> list[Any]:
    items = call("GET", "/admin/queues", **more)[1]["items"]
    return next(each["dead_letters"] for each in items if each["queue"] == QUEUE)


def test_a_poison_message_is_listed_with_its_reason_mended_put_back_and_has_one_effect(
    tenant: Tenant, wiring: FakeWiring
):
    wiring.trained.broken = True
    letter = fail_until_dead(wiring, message_of())

    (shown,) = listed()
    assert (shown["message_id"], shown["topic"], shown["failures"]) == (letter.message_id, "training.requested", 3)
    assert shown["about"] == {"job_id": WAITING_JOB}
    assert (shown["error_type"], shown["reason"]) == ("ConnectionError", "no route to Step Functions")

    assert redrive(dry_run=True)[1]["put_back"] == 0
    assert wiring.letters.sent == []
    assert listed() == [shown]  # looking hides nothing

    wiring.trained.broken = False
    status, done = redrive()
    assert (status, done["put_back"], done["messages"]) == (200, 1, [shown])
    assert wiring.letters.sent == [(QUEUE, letter.body)]
    assert listed() == []
    for _ in range(2):  # the queue may deliver what was put back twice
        assert dispatching.handle(message_of(body=letter.body, messageId="anew"), None) == {"batchItemFailures": []}
    assert {name for name, _ in wiring.trained.started} == {WAITING_JOB}  # one execution bears the job's name
    assert redrive()[1] == {"queue": QUEUE, "messages": [], "put_back": 0, "more": False}


def test_who_put_a_message_back_is_in_the_audit_log(tenant: Tenant, wiring: FakeWiring):
    wiring.trained.broken = True
    fail_until_dead(wiring, message_of())
    redrive(dry_run=True)
    assert tenant.failures.audits == []
    redrive(role="owner", subject="olga")
    assert tenant.failures.audits == [(QUEUE, "message-1", "olga", "owner")]


@pytest.mark.parametrize("role", ["viewer", "member"])
def test_only_administrators_see_and_move_dead_letters(tenant: Tenant, role: str):
    assert call("GET", "/admin/queues", role=role)[0] == 403
    assert redrive(role=role)[0] == 403


def test_a_tenant_sees_and_moves_its_own_messages_alone(tenant: Tenant, wiring: FakeWiring):
    wiring.tenant(OTHER)
    wiring.trained.broken = True
    mine = fail_until_dead(wiring, message_of())
    theirs = Letter("theirs", "r", mine.body.replace(TENANT, OTHER), "2026-10-01T12:00:00+00:00")
    nobody = [Letter(f"n{i}", "r", text, "") for i, text in enumerate(["junk", "{}", "[1]", '{"detail": {"x": 1}}'])]
    wiring.letters.dead[QUEUE] = [theirs, *nobody, mine]

    assert [each["message_id"] for each in listed()] == [mine.message_id]
    assert [each["message_id"] for each in listed(tenant=OTHER)] == ["theirs"]
    assert listed(tenant=OTHER)[0]["error_type"] == "unknown"
    redrive()

    assert wiring.letters.dead[QUEUE] == [theirs, *nobody]
    assert wiring.letters.hidden <= {mine.message_id}  # everything else can be seen again


def test_the_end_of_an_execution_belongs_to_the_tenant_of_its_input(tenant: Tenant):
    assert letters.tenant_of(message_of("timed_out")["Records"][0]["body"]) == TENANT


def test_a_put_back_that_breaks_off_leaves_the_rest_to_be_seen(
    tenant: Tenant, wiring: FakeWiring, monkeypatch: pytest.MonkeyPatch
):
    wiring.trained.broken = True
    first = fail_until_dead(wiring, message_of())
    second = fail_until_dead(wiring, message_of(messageId="message-2"))
    real = wiring.letters.put_back

    def breaks(queue: str, letter: Letter) -> None:
        if letter is second:
            raise DatabaseUnavailableError("gone")
        real(queue, letter)

    monkeypatch.setattr(wiring.letters, "put_back", breaks)
    assert redrive()[0] == 503
    assert wiring.letters.dead[QUEUE] == [second]
    assert second.message_id not in wiring.letters.hidden
    assert wiring.letters.sent == [(QUEUE, first.body)]


def test_a_message_served_at_last_leaves_no_reason_behind(tenant: Tenant, wiring: FakeWiring):
    wiring.trained.broken = True
    with pytest.raises(BatchProcessingError):
        dispatching.handle(message_of(), None)
    assert tenant.failures.of(QUEUE, ["message-1"])

    wiring.trained.broken = False
    dispatching.handle(message_of(receives=2), None)
    assert not tenant.failures.of(QUEUE, ["message-1"])


@pytest.mark.parametrize("text", ["junk", json.dumps({"detail-type": "training.requested", "detail": {}})])
def test_a_message_that_says_nothing_fails_as_itself(wiring: FakeWiring, text: str):
    with pytest.raises(BatchProcessingError):
        dispatching.handle(message_of(body=text), None)


def test_a_reason_that_cannot_be_kept_does_not_hide_the_failure(
    tenant: Tenant, wiring: FakeWiring, monkeypatch: pytest.MonkeyPatch
):
    def away(*_args: Any) -> None:
        raise DatabaseUnavailableError("the database is away")

    monkeypatch.setattr(tenant.failures, "note", away)
    wiring.trained.broken = True
    with pytest.raises(BatchProcessingError, match="no route to Step Functions"):
        dispatching.handle(message_of(), None)


def test_a_queue_that_is_none_is_not_found_with_those_there_are(tenant: Tenant):
    status, problem = call("POST", "/admin/queues/tranings/redrive", {})
    assert status == 404
    assert QUEUE in problem["errors"][0]["candidates"]


@pytest.mark.parametrize(
    ("function", "case", "queue", "about"),
    [
        ("simulate", "queued", "simulation-requested", "simulation_id"),
        ("composition_status", None, "composition-status", "execution"),
    ],
)
def test_every_queue_s_messages_say_why_they_failed(
    tenant: Tenant,
    wiring: FakeWiring,
    monkeypatch: pytest.MonkeyPatch,
    function: str,
    case: str | None,
    queue: str,
    about: str,
):
    named = case or min(path.stem for path in (EVENTS / function).glob("*.json"))
    batch = event(function, named)

    def away(*_args: Any) -> None:
        raise DatabaseUnavailableError("the database is away")

    monkeypatch.setattr(tenant.twins.simulations, "begin", away)
    monkeypatch.setattr(tenant.compositions, "get", away)
    with pytest.raises(BatchProcessingError):
        import_module(f"functions.{function}.handler").handle(batch, None)
    record = batch["Records"][0]
    wiring.letters.dead[queue] = [Letter(record["messageId"], "r", record["body"], "2026-10-01T12:00:00+00:00")]

    found = next(each for each in call("GET", "/admin/queues")[1]["items"] if each["queue"] == queue)

    (letter,) = found["dead_letters"]
    assert (letter["error_type"], letter["reason"]) == ("DatabaseUnavailableError", "the database is away")
    assert about in letter["about"]
