"""The adapters to AWS against moto: started once, published with a verdict each, uploaded and read back."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import boto3
import httpx
import pytest
from e2i_shared import aws
from e2i_shared.aws import BucketObjects, EventBridge, StepFunctions
from e2i_shared.errors import NotFoundError
from moto import mock_aws

if TYPE_CHECKING:
    from collections.abc import Iterator

TENANT = "00000000-0000-7000-8000-000000000001"
COMPOSITION = "01999999-0000-7000-8000-00000000c001"
PASS = json.dumps({"StartAt": "Done", "States": {"Done": {"Type": "Succeed"}}})


@pytest.fixture(autouse=True)
def _account(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    aws.client.cache_clear()
    with mock_aws():
        yield
    aws.client.cache_clear()


@pytest.fixture
def machine() -> str:
    role = "arn:aws:iam::123456789012:role/x"
    made = boto3.client("stepfunctions").create_state_machine(name="compose", definition=PASS, roleArn=role)
    return str(made["stateMachineArn"])


def executions(machine: str) -> list[dict[str, Any]]:
    return boto3.client("stepfunctions").list_executions(stateMachineArn=machine)["executions"]


def test_the_execution_is_named_after_the_composition_and_carries_ids_only(machine: str):
    StepFunctions(machine).start(TENANT, COMPOSITION)

    (execution,) = executions(machine)
    described = boto3.client("stepfunctions").describe_execution(executionArn=execution["executionArn"])
    assert execution["name"] == COMPOSITION
    assert json.loads(described["input"]) == {"composition_id": COMPOSITION, "tenant_id": TENANT}


def test_a_later_attempt_is_an_execution_of_its_own_and_says_which(machine: str):
    StepFunctions(machine).start(TENANT, COMPOSITION)
    for _ in range(2):
        StepFunctions(machine).start(TENANT, COMPOSITION, 2)

    names = {execution["name"]: execution["executionArn"] for execution in executions(machine)}
    assert set(names) == {COMPOSITION, f"{COMPOSITION}-2"}
    described = boto3.client("stepfunctions").describe_execution(executionArn=names[f"{COMPOSITION}-2"])
    assert json.loads(described["input"]) == {"composition_id": COMPOSITION, "tenant_id": TENANT, "attempt": 2}


def test_the_execution_of_an_attempt_is_stopped_and_one_that_never_was_is_left_alone(machine: str):
    StepFunctions(machine).start(TENANT, COMPOSITION)
    StepFunctions(machine).start(TENANT, COMPOSITION, 2)
    StepFunctions(machine).stop(COMPOSITION, 2, "enough")
    StepFunctions(machine).stop(COMPOSITION, 3, "enough")

    states = {execution["name"]: execution["status"] for execution in executions(machine)}
    assert states == {COMPOSITION: "RUNNING", f"{COMPOSITION}-2": "ABORTED"}


def test_starting_twice_is_starting_once(machine: str):
    for _ in range(2):
        StepFunctions(machine).start(TENANT, COMPOSITION)
    assert len(executions(machine)) == 1


def test_a_machine_that_is_not_there_is_told_to_the_caller():
    with pytest.raises(Exception, match="StateMachineDoesNotExist"):
        StepFunctions("arn:aws:states:us-east-1:123456789012:stateMachine:none").start(TENANT, COMPOSITION)


def test_events_are_published_in_their_order_with_a_verdict_each():
    boto3.client("events").create_event_bus(Name="e2i")
    assert EventBridge("e2i").publish([("composition.requested", {"a": 1}), ("composition.completed", {"a": 2})]) == [
        True,
        True,
    ]


def test_a_presigned_address_takes_a_file_that_is_then_read_back():
    boto3.client("s3").create_bucket(Bucket="objects")
    store = BucketObjects("objects")
    ticket = store.ticket("uploads/t/1")

    assert "X-Amz-Signature" in ticket.url or "Signature" in ticket.url
    boto3.client("s3").put_object(Bucket="objects", Key=ticket.upload_key, Body=b"a,b\n1,2\n")
    with store.open("uploads/t/1") as stream:
        assert stream.read() == b"a,b\n1,2\n"
        stream.seek(0)
        assert stream.read(1) == b"a"
    assert httpx.URL(ticket.url).path.endswith("uploads/t/1")


def test_an_object_that_is_not_there_is_not_found():
    boto3.client("s3").create_bucket(Bucket="objects")
    with pytest.raises(NotFoundError):
        BucketObjects("objects").open("uploads/none")


def test_an_iam_token_stands_in_for_the_password():
    token = aws.database_token("host=proxy.example.com port=5432 user=e2i_app dbname=e2i")
    assert token.startswith("proxy.example.com:5432/")
    assert "Action=connect" in token
    assert "DBUser=e2i_app" in token


def test_a_client_is_made_once():
    assert aws.client("s3") is aws.client("s3")
