"""A phase dies, hangs or is late; events and messages are lost, doubled or poisoned: one end each, nothing done twice."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest
from faulty.product import Product, alive, eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

AGE, RANKING, EFFECT = "cate_analyzer", "segment_ranker", "causal_effect_estimator"


@pytest.mark.parametrize("phase", ["decompose", "plan", "synthesize"])
@pytest.mark.parametrize("how", ["kill", "kill after"])
def test_a_phase_whose_process_dies_is_done_by_another_once(product: Product, phase: str, how: str):
    identity = product.ask({phase: {"do": how, "times": 1}})

    view = product.ended(identity)

    assert (view["status"], view["missing"]) == ("COMPLETED", []), view["error"]
    assert len(product.runs(identity, phase)) == 2 if how == "kill" or phase != "synthesize" else True
    assert len(product.runs(identity, EFFECT)) == 1
    product.sound(identity)


def test_a_phase_that_dies_each_time_ends_the_composition_failed(product: Product):
    identity = product.ask({"synthesize": {"do": "kill"}})

    view = product.ended(identity)

    assert view["status"] == "FAILED"
    assert "ended unexpectedly" in view["error"]
    assert len(product.runs(identity, "synthesize")) == 3
    assert {step["status"] for step in view["steps"]} == {"COMPLETED"}
    product.sound(identity)


def test_a_failed_composition_goes_on_where_it_failed_and_repeats_nothing(product: Product):
    identity = product.ask({"synthesize": {"do": "kill", "times": 3}})
    assert product.ended(identity)["status"] == "FAILED"
    before = {tool: len(product.runs(identity, tool)) for tool in (EFFECT, AGE, RANKING)}

    assert product.call("POST", f"/compositions/{identity}/retry").status_code == 202

    view = product.ended(identity, attempt=2)
    assert (view["composition_id"], view["status"], view["missing"]) == (identity, "COMPLETED", [])
    assert {tool: len(product.runs(identity, tool)) for tool in before} == before == {EFFECT: 1, AGE: 1, RANKING: 1}
    product.sound(identity)


def test_the_deadline_ends_a_hanging_step_and_what_is_known_by_then_is_the_answer(product: Product):
    begun = time.monotonic()
    identity = product.ask({AGE: {"do": "spin"}}, deadline_seconds=3)

    view = product.ended(identity)

    assert view["status"] == "COMPLETED", view["error"]
    assert time.monotonic() - begun < 3 + 4
    assert {part["sub_question"] for part in view["answer"]["parts"]} >= {"Q1"}
    assert "Q3" in {part["sub_question"] for part in view["missing"]}
    product.sound(identity)


def test_a_deadline_that_leaves_nothing_to_say_ends_as_timeout(product: Product):
    identity = product.ask({EFFECT: {"do": "spin"}}, deadline_seconds=1)

    view = product.ended(identity)

    assert (view["status"], view["answer"]) == ("TIMEOUT", None)
    assert "took too long" in view["error"]
    product.sound(identity)


def test_a_cancelled_composition_stops_computing_keeps_what_it_has_and_goes_on_when_asked_to(product: Product):
    identity = product.ask({AGE: {"do": "spin", "times": 1}})
    ((pid, _),) = eventually(lambda: product.runs(identity, AGE))
    eventually(
        lambda: any(s["tool"] == "refutation_runner" and s["status"] == "COMPLETED" for s in steps(product, identity))
    )

    begun = time.monotonic()
    reply = product.call("POST", f"/compositions/{identity}/cancel")
    eventually(lambda: not alive(pid), 5)
    took = time.monotonic() - begun

    assert (reply.status_code, reply.json()["status"]) == (200, "CANCELLED")
    assert took < 2, "its process is ended, however busy"
    view = product.view(identity)
    assert {part["step"] for part in view["partial"]} >= {1, 2}
    assert {s["tool"]: s["status"] for s in view["steps"]} | {AGE: "FAILED", RANKING: "SKIPPED"} == {
        s["tool"]: s["status"] for s in view["steps"]
    }
    product.sound(identity)
    (execution,) = product.executions(identity, 1)
    assert execution["status"] == "ABORTED"

    before = len(product.runs(identity, EFFECT))
    assert product.call("POST", f"/compositions/{identity}/retry").status_code == 202
    again = product.ended(identity, attempt=2)
    assert (again["status"], again["missing"]) == ("COMPLETED", [])
    assert len(product.runs(identity, EFFECT)) == before == 1
    product.sound(identity)


def steps(product: Product, identity: str) -> list[dict[str, Any]]:
    return product.view(identity)["steps"]


def test_a_relay_that_dies_between_publishing_and_noting_it_publishes_again(product: Product):
    identity = product.ask()
    product.ended(identity)
    (product.folder / "relay dies").touch()
    died = product.aws("lambda", "invoke", FunctionName="relay", Payload="{}")

    assert died["FunctionError"] == "Unhandled"
    assert any(row["published_at"] is None for row in product.rows(WAITING, identity)), "the lease holds them back"
    for row in product.rows("SELECT outbox_id FROM outbox WHERE payload->>'composition_id' = %s", identity):
        expire(product, str(row["outbox_id"]))
    product.sound(identity)


WAITING = "SELECT published_at FROM outbox WHERE payload->>'composition_id' = %s"


def expire(product: Product, outbox_id: str) -> None:
    """Let a lease be over, as it would be within a minute."""
    import psycopg

    with psycopg.connect((product.folder / "database").read_text()) as connection:
        connection.execute("SELECT set_config('app.tenant_id', %s, true)", ["00000000-0000-7000-8000-000000000001"])
        connection.execute("UPDATE outbox SET claimed_until = NULL WHERE outbox_id = %s", [outbox_id])


@pytest.fixture(scope="module")
def hurried(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """Run a product whose executions may take 10 seconds in all, and whose steps may take longer."""
    with Product(tmp_path_factory.mktemp("hurried"), step_seconds=30, seconds=10).running(1) as running:
        yield running


def test_an_execution_past_its_time_is_ended_by_the_rule_and_its_process_too(hurried: Product):
    identity = hurried.ask({AGE: {"do": "spin"}})
    ((pid, _),) = eventually(lambda: hurried.runs(identity, AGE))

    view = hurried.ended(identity)

    assert (view["status"], view["error"]) == ("TIMEOUT", "The composition passed its deadline.")
    eventually(lambda: not alive(pid), 5)
    assert {part["step"] for part in view["partial"]} >= {1}
    assert hurried.executions(identity, 1)[0]["status"] == "TIMED_OUT"
    hurried.sound(identity)


def test_a_poisoned_message_waits_among_the_dead_and_ends_its_composition_once_after_redrive(hurried: Product):
    (hurried.folder / "poisoned").touch()
    identity = hurried.ask({AGE: {"do": "hang"}})
    dead = "http://127.0.0.1/000000000000/composition-status-dlq"

    def buried() -> bool:
        attributes = hurried.aws("sqs", "get_queue_attributes", QueueUrl=dead, AttributeNames=["All"])["Attributes"]
        return int(attributes["ApproximateNumberOfMessages"]) == 1

    eventually(lambda: hurried.executions(identity, 1)[0]["status"] == "TIMED_OUT")
    eventually(buried)
    deliveries = (hurried.folder / "poisoned deliveries").read_text().splitlines()
    assert len(deliveries) == 3
    assert len(set(deliveries)) == 1
    assert hurried.view(identity)["status"] == "EXECUTING", "nobody told it yet"

    (hurried.folder / "poisoned").unlink()
    arn = "arn:aws:sqs:us-east-1:000000000000:composition-status-dlq"
    hurried.aws("sqs", "start_message_move_task", SourceArn=arn)

    assert hurried.ended(identity)["status"] == "TIMEOUT"
    eventually(lambda: not buried())
    hurried.sound(identity)


def test_the_end_of_an_execution_told_twice_at_once_ends_its_composition_once(hurried: Product):
    identity = hurried.ask({AGE: {"do": "hang"}})
    hurried.ended(identity)
    url = "http://127.0.0.1/000000000000/composition-status"
    about = {"tenant_id": "00000000-0000-7000-8000-000000000001", "composition_id": identity, "attempt": 1}
    body = json.dumps({"detail": {"status": "TIMED_OUT", "input": json.dumps(about)}})

    for _ in range(4):
        hurried.aws("sqs", "send_message", QueueUrl=url, MessageBody=body)

    def empty() -> bool:
        found = hurried.aws("sqs", "get_queue_attributes", QueueUrl=url, AttributeNames=["All"])["Attributes"]
        return not any(map(int, found.values()))

    eventually(empty)
    hurried.sound(identity)
