"""Dead letters in SQS, as moto plays it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import boto3
import pytest
from e2i_shared import aws, aws_queues
from e2i_shared.aws_queues import Queues
from moto import mock_aws

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def sqs(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Two queues of one stage, with their dead letters."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "y")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    monkeypatch.setattr(aws_queues, "WAIT_SECONDS", 0)
    with mock_aws():
        aws.client.cache_clear()
        made = boto3.client("sqs")
        for name in ("training", "other"):
            made.create_queue(QueueName=f"e2i-dev-{name}")
            made.create_queue(QueueName=f"e2i-dev-{name}-dlq")
        yield made
        aws.client.cache_clear()


QUEUES = Queues(("training", "other"), "e2i-dev-")


def bury(sqs: Any, *bodies: str, queue: str = "training") -> None:
    for text in bodies:
        sqs.send_message(QueueUrl=url(sqs, f"{queue}-dlq"), MessageBody=text)


def url(sqs: Any, name: str) -> str:
    return str(sqs.get_queue_url(QueueName=f"e2i-dev-{name}")["QueueUrl"])


def waiting(sqs: Any, name: str) -> list[str]:
    found = sqs.receive_message(QueueUrl=url(sqs, name), MaxNumberOfMessages=10, VisibilityTimeout=0)
    return sorted(each["Body"] for each in found.get("Messages", []))


def test_what_is_taken_is_hidden_until_it_is_left(sqs: Any):
    bury(sqs, "a", "b")

    taken = QUEUES.take("training", 100)

    assert sorted(letter.body for letter in taken) == ["a", "b"]
    assert all(letter.message_id and letter.sent_at > "2020" for letter in taken)
    assert list(QUEUES.take("training", 100)) == []
    QUEUES.leave("training", taken)
    assert sorted(letter.body for letter in QUEUES.take("training", 100)) == ["a", "b"]


def test_what_is_put_back_is_in_its_own_queue_and_dead_no_more(sqs: Any):
    bury(sqs, "a", "b")
    taken = QUEUES.take("training", 100)

    QUEUES.put_back("training", next(letter for letter in taken if letter.body == "a"))
    QUEUES.leave("training", [letter for letter in taken if letter.body == "b"])

    assert waiting(sqs, "training") == ["a"]
    assert waiting(sqs, "training-dlq") == ["b"]
    assert waiting(sqs, "other") == waiting(sqs, "other-dlq") == []


@pytest.mark.parametrize(("count", "most", "seen"), [(0, 10, 0), (25, 100, 25), (25, 12, 12), (3, 1, 1)])
def test_up_to_as_many_as_asked_for_are_taken_batch_by_batch(sqs: Any, count: int, most: int, seen: int):
    bury(sqs, *map(str, range(count)))
    assert len(QUEUES.take("training", most)) == seen


def test_a_put_back_that_dies_between_send_and_delete_loses_nothing(sqs: Any, monkeypatch: pytest.MonkeyPatch):
    bury(sqs, "a")
    (letter,) = QUEUES.take("training", 1)
    real = aws.client("sqs")

    class Dying:
        def __getattr__(self, name: str) -> Any:
            if name == "delete_message":
                raise KeyboardInterrupt
            return getattr(real, name)

    monkeypatch.setattr(aws_queues, "client", lambda _service: Dying())
    with pytest.raises(KeyboardInterrupt):
        QUEUES.put_back("training", letter)

    assert waiting(sqs, "training") == ["a"]
    sqs.change_message_visibility(QueueUrl=url(sqs, "training-dlq"), ReceiptHandle=letter.receipt, VisibilityTimeout=0)
    assert waiting(sqs, "training-dlq") == ["a"]  # served twice rather than never
