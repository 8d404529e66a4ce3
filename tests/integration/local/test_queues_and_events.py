"""Queues, events, schedules and Lambda's Invoke of a running service."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import httpx
from integration.local.conftest import eventually

if TYPE_CHECKING:
    from integration.local.conftest import Service

QUEUE = "http://127.0.0.1/000000000000/tiny"
DEAD = "http://127.0.0.1/000000000000/tiny-dlq"


def bodies(service: Service, name: str) -> list[list[str]]:
    return [json.loads(line) for line in service.lines_of(name)]


def depth(service: Service, url: str) -> dict[str, int]:
    reply = service.call("sqs", "get_queue_attributes", QueueUrl=url, AttributeNames=["All"])
    return {name: int(value) for name, value in reply["Attributes"].items()}


def test_a_message_reaches_the_function_once(service: Service):
    sent = service.call("sqs", "send_message", QueueUrl=QUEUE, MessageBody="hello")

    assert sent["MessageId"]
    eventually(lambda: ["hello", "1"] in bodies(service, "consumed"))
    eventually(lambda: sum(depth(service, QUEUE).values()) == 0)
    assert bodies(service, "consumed").count(["hello", "1"]) == 1


def test_a_poison_message_is_tried_again_then_buried_and_comes_back_by_redrive(service: Service):
    for body in ("poison", "fine one", "fine two"):
        service.call("sqs", "send_message", QueueUrl=QUEUE, MessageBody=body)

    eventually(lambda: depth(service, DEAD)["ApproximateNumberOfMessages"] == 1)
    assert [row for row in bodies(service, "failed") if row[0] == "poison"] == [["poison", "1"], ["poison", "2"]]
    consumed = bodies(service, "consumed")
    assert ["fine one", "1"] in consumed
    assert ["fine two", "1"] in consumed
    assert "poison" not in str(consumed)

    (service.folder / "cured").touch()
    service.call("sqs", "start_message_move_task", SourceArn="arn:aws:sqs:us-east-1:000000000000:tiny-dlq")

    eventually(lambda: ["poison", "1"] in bodies(service, "consumed"))
    eventually(lambda: sum(depth(service, DEAD).values()) == 0)
    (service.folder / "cured").unlink()


def test_dead_letters_are_taken_left_and_put_back_one_by_one(service: Service):
    for body in ("poison one", "poison two"):
        service.call("sqs", "send_message", QueueUrl=QUEUE, MessageBody=body)
    eventually(lambda: depth(service, DEAD)["ApproximateNumberOfMessages"] == 2)

    def take() -> list[Any]:
        reply = service.call("sqs", "receive_message", QueueUrl=DEAD, MaxNumberOfMessages=10, VisibilityTimeout=60)
        return list(reply.get("Messages", []))

    taken = take()
    assert sorted(each["Body"] for each in taken) == ["poison one", "poison two"]
    assert take() == []
    one, two = sorted(taken, key=lambda each: each["Body"])
    service.call(
        "sqs", "change_message_visibility", QueueUrl=DEAD, ReceiptHandle=two["ReceiptHandle"], VisibilityTimeout=0
    )
    service.call("sqs", "delete_message", QueueUrl=DEAD, ReceiptHandle=one["ReceiptHandle"])
    (again,) = take()
    assert again["MessageId"] == two["MessageId"]
    service.call("sqs", "delete_message", QueueUrl=DEAD, ReceiptHandle=two["ReceiptHandle"])  # of an earlier receive
    assert depth(service, DEAD)["ApproximateNumberOfMessagesNotVisible"] == 1
    service.call("sqs", "delete_message", QueueUrl=DEAD, ReceiptHandle=again["ReceiptHandle"])
    assert sum(depth(service, DEAD).values()) == 0


def test_only_dead_letters_are_received_and_only_by_their_receipt(service: Service):
    live = service.call("sqs", "receive_message", QueueUrl=QUEUE)
    wrong = service.call("sqs", "delete_message", QueueUrl=DEAD, ReceiptHandle="made up")
    assert "UnsupportedOperation" in live["error"]["Code"]
    assert "ReceiptHandleIsInvalid" in wrong["error"]["Code"]


def test_a_delayed_message_is_not_seen_before_its_time(service: Service):
    service.call("sqs", "send_message", QueueUrl=QUEUE, MessageBody="later", DelaySeconds=1)

    assert depth(service, QUEUE)["ApproximateNumberOfMessagesDelayed"] == 1
    assert "later" not in str(bodies(service, "consumed"))
    eventually(lambda: ["later", "1"] in bodies(service, "consumed"))


def test_messages_and_queues_that_cannot_be_are_refused(service: Service):
    other = service.call("sqs", "send_message", QueueUrl="http://127.0.0.1/0/nowhere", MessageBody="x")
    large = service.call("sqs", "send_message", QueueUrl=QUEUE, MessageBody="x" * 262_145)
    dead = service.call("sqs", "send_message", QueueUrl=DEAD, MessageBody="x")

    assert "NonExistentQueue" in other["error"]["Code"]
    assert "InvalidParameterValue" in large["error"]["Code"]
    assert "error" in dead
    assert service.call("sqs", "get_queue_url", QueueName="tiny")["QueueUrl"].endswith("/tiny")


def event(kind: str, detail: Any, source: str = "e2i") -> dict[str, str]:
    return {"Source": source, "DetailType": kind, "Detail": json.dumps(detail), "EventBusName": "e2i"}


def test_an_event_goes_to_the_queues_of_the_rules_it_matches(service: Service):
    reply = service.call("events", "put_events", Entries=[event("Noted", {"n": 1}), event("Ignored", {"n": 2})])

    assert reply["FailedEntryCount"] == 0
    assert all(entry["EventId"] for entry in reply["Entries"])
    eventually(lambda: any('"Noted"' in body for body, _ in bodies(service, "consumed")))
    assert "Ignored" not in str(service.lines_of("consumed"))


def test_an_event_that_is_none_is_refused_alone(service: Service):
    wrong = {"Source": "e2i", "DetailType": "Noted", "Detail": "{"}
    reply = service.call("events", "put_events", Entries=[event("Other", {}), wrong])

    assert reply["FailedEntryCount"] == 1
    assert "EventId" in reply["Entries"][0]
    assert reply["Entries"][1]["ErrorCode"] == "InvalidArgument"


def test_a_function_invokes_another_and_sees_its_error(service: Service):
    good = service.call("lambda", "invoke", FunctionName="step", Payload=json.dumps({"name": "invoked"}))
    bad = service.call(
        "lambda",
        "invoke",
        FunctionName="arn:aws:lambda:us-east-1:000000000000:function:step",
        Payload='{"name":"i","do":"raise"}',
    )
    gone = service.call("lambda", "invoke", FunctionName="nobody")
    queued = service.call("lambda", "invoke", FunctionName="step", InvocationType="Event", Payload='{"name":"later"}')

    assert good["Payload"] == {"name": "invoked", "times": 1}
    assert bad["FunctionError"] == "Unhandled"
    assert bad["Payload"] == {"errorType": "ValueError", "errorMessage": "always"}
    assert gone["error"]["Code"] == "ResourceNotFoundException"
    assert queued["StatusCode"] == 202
    eventually(lambda: service.lines_of("step-later"))


def aws_post(service: Service, authorization: str | None, target: str = "AmazonSQS.SendMessage") -> httpx.Response:
    headers = {"x-amz-target": target, "content-type": "application/x-amz-json-1.0"}
    if authorization is not None:
        headers["authorization"] = authorization
    return httpx.post(
        f"{service.url}/_aws/", headers=headers, content=json.dumps({"QueueUrl": QUEUE, "MessageBody": "x"})
    )


def test_only_the_services_own_key_may_call_its_aws(service: Service):
    for authorization in (
        None,
        "Bearer x",
        "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20260101/us-east-1/sqs/aws4_request",
    ):
        reply = aws_post(service, authorization)

        assert reply.status_code == 403
        assert reply.json()["__type"] == "UnrecognizedClientException"


def test_a_call_that_is_not_offered_says_so(service: Service):
    reply = service.call("sqs", "list_queues")

    assert "UnknownOperation" in reply["error"]["Code"]
