"""Dead letters in SQS: looked at, put back, or left as they were."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from e2i_shared.aws import client
from e2i_shared.ports import Letter

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

BATCH = 10  # the most SQS hands out at once
HIDDEN_SECONDS = 30  # how long others do not see what is being looked at
WAIT_SECONDS = 1  # asks all of SQS's servers, where an answer at once comes from some of them


@dataclass(frozen=True, slots=True)
class Queues:
    """Queues by their short names; ``prefix`` makes the name in the account of one, and ``-dlq`` that of its dead letters."""

    names: tuple[str, ...]
    prefix: str = ""

    def take(self, queue: str, most: int) -> Sequence[Letter]:
        """Take up to ``most`` dead letters, oldest first; nobody else sees them for half a minute."""
        found = list(self._receive(self._url(f"{queue}-dlq"), most))
        return sorted(found, key=lambda letter: letter.sent_at)

    def leave(self, queue: str, letters: Sequence[Letter]) -> None:
        """Let dead letters that were taken be seen again."""
        url = self._url(f"{queue}-dlq")
        for letter in letters:
            client("sqs").change_message_visibility(QueueUrl=url, ReceiptHandle=letter.receipt, VisibilityTimeout=0)

    def put_back(self, queue: str, letter: Letter) -> None:
        """Send a dead letter to its queue anew, and then take it from the dead ones: died between, it would be served twice."""
        client("sqs").send_message(QueueUrl=self._url(queue), MessageBody=letter.body)
        client("sqs").delete_message(QueueUrl=self._url(f"{queue}-dlq"), ReceiptHandle=letter.receipt)

    def _receive(self, url: str, most: int) -> Iterator[Letter]:
        seen = 0
        while seen < most:
            reply = client("sqs").receive_message(
                QueueUrl=url,
                MaxNumberOfMessages=min(BATCH, most - seen),
                VisibilityTimeout=HIDDEN_SECONDS,
                WaitTimeSeconds=WAIT_SECONDS,
                MessageSystemAttributeNames=["SentTimestamp"],
            )
            found = reply.get("Messages", [])
            if not found:
                return
            seen += len(found)
            yield from map(_letter, found)

    def _url(self, name: str) -> str:
        return str(client("sqs").get_queue_url(QueueName=f"{self.prefix}{name}")["QueueUrl"])


def _letter(message: dict[str, Any]) -> Letter:
    sent = int(message.get("Attributes", {}).get("SentTimestamp", "0")) / 1000
    return Letter(
        message_id=message["MessageId"],
        receipt=message["ReceiptHandle"],
        body=message["Body"],
        sent_at=datetime.fromtimestamp(sent, UTC).isoformat(),
    )
