"""The part of AWS's JSON API that the functions use through boto3, at ``AWS_ENDPOINT_URL``."""

from __future__ import annotations

import hmac
import json
import re
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import psycopg
from e2i_shared.errors import TooLargeError

from infra.local import executions as ex
from infra.local.events import from_entry
from infra.local.history import history_events
from infra.local.http_events import joined_headers
from infra.local.queues import BODY_LIMIT, dead_letters, received
from infra.local.replies import reply
from infra.local.store import Statement
from infra.local.workers import REQUEST_LIMIT, TooBusyError

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Awaitable, Callable, Mapping

    from infra.local.events import Bus
    from infra.local.queues import QueueFeed
    from infra.local.replies import Receive, Scope, Send
    from infra.local.store import Row, Store
    from infra.local.workers import Outcome

INVOCATION = re.compile(r"/_aws/2015-03-31/functions/([^/]+)/invocations")
EXECUTION_NAME = re.compile(r"[\w+!@.()=',-]{1,80}", re.ASCII)
NO_LIMIT = 2**31 - 1  # dead letters may be received as often as one likes
Document = dict[str, Any]


class AwsError(Exception):
    """An error in AWS's words."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status


@dataclass(slots=True)
class AwsApi:
    """Step Functions, Lambda, SQS and EventBridge, for callers that hold this runtime's own key."""

    access_key_id: str
    executions: ex.Executions
    queues: Mapping[str, QueueFeed]
    bus: Bus
    store: Store
    invoke: Callable[[str, bytes, float], Awaitable[Outcome]]
    spawn: Callable[[Awaitable[Any]], asyncio.Task[Any]]
    functions: frozenset[str]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one call."""
        request_id = (b"x-amzn-requestid", str(uuid.uuid4()).encode())
        headers = joined_headers(scope["headers"])
        try:
            self._authenticate(headers)
            body = await self._body(receive, headers)
            invocation = INVOCATION.fullmatch(scope["path"])
            if invocation:
                status, extra, answer = await self._invoke(unquote(invocation[1]), headers, body)
            else:
                document = await self._operation(headers)(_document(body))
                status, extra, answer = 200, [], json.dumps(document).encode()
        except (AwsError, psycopg.Error, UnicodeError) as caught:
            error = _in_aws_words(caught)
            code = error.code.encode()
            status, extra = error.status, [(b"x-amzn-errortype", code)]
            answer = json.dumps({"__type": error.code, "message": error.message, "Message": error.message}).encode()
        kind = headers.get("content-type", "application/json").encode("latin-1")
        await reply(send, status, [(b"content-type", kind), request_id, *extra], answer)

    def _authenticate(self, headers: Mapping[str, str]) -> None:
        """Accept the key that only this runtime's functions were given; it is random, so it is checked instead of a signature."""
        match = re.search(r"Credential=([^/\s,]+)/", headers.get("authorization", ""))
        if match is None or not hmac.compare_digest(match[1].encode(), self.access_key_id.encode()):
            raise AwsError("UnrecognizedClientException", "The security token included in the request is invalid.", 403)

    async def _body(self, receive: Receive, headers: Mapping[str, str]) -> bytes:
        from infra.local.gateway import read_body

        try:
            return await read_body(receive, headers.get("content-length", "0"), REQUEST_LIMIT)
        except TooLargeError as error:
            raise AwsError("RequestTooLargeException", error.message, 413) from error

    def _operation(self, headers: Mapping[str, str]) -> Callable[[Document], Awaitable[Document]]:
        operations: dict[str, Callable[[Document], Awaitable[Document]]] = {
            "AWSStepFunctions.StartExecution": self._start_execution,
            "AWSStepFunctions.DescribeExecution": self._describe_execution,
            "AWSStepFunctions.StopExecution": self._stop_execution,
            "AWSStepFunctions.GetExecutionHistory": self._execution_history,
            "AmazonSQS.GetQueueUrl": self._queue_url,
            "AmazonSQS.SendMessage": self._send_message,
            "AmazonSQS.GetQueueAttributes": self._queue_attributes,
            "AmazonSQS.StartMessageMoveTask": self._redrive,
            "AmazonSQS.ReceiveMessage": self._receive_message,
            "AmazonSQS.DeleteMessage": self._delete_message,
            "AmazonSQS.ChangeMessageVisibility": self._change_visibility,
            "AWSEvents.PutEvents": self._put_events,
        }
        target = headers.get("x-amz-target", "")
        if target not in operations:
            raise AwsError("UnknownOperationException", f"The local runtime does not offer {target or 'this call'}.")
        return operations[target]

    async def _invoke(
        self, name: str, headers: Mapping[str, str], body: bytes
    ) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
        name = name.rpartition(":")[2]
        if name not in self.functions:
            raise AwsError("ResourceNotFoundException", f"Function not found: {name}", 404)
        if headers.get("x-amz-invocation-type") == "Event":
            self.spawn(self.invoke(name, body or b"{}", 900))
            return 202, [], b""
        try:
            outcome = await self.invoke(name, body or b"{}", 60)
        except TooBusyError as error:
            raise AwsError("TooManyRequestsException", "Rate Exceeded.", 429) from error
        failed = [] if outcome.ok else [(b"x-amz-function-error", b"Unhandled")]
        return 200, [(b"x-amz-executed-version", b"$LATEST"), *failed], outcome.payload

    async def _start_execution(self, document: Document) -> Document:
        machine = _last(document, "stateMachineArn")
        if machine not in self.executions.definitions:
            raise AwsError("StateMachineDoesNotExist", f"State Machine Does Not Exist: '{document['stateMachineArn']}'")
        name = document.get("name") or str(uuid.uuid4())
        if not EXECUTION_NAME.fullmatch(name):
            raise AwsError("InvalidName", f"Invalid Name: '{name[:100]}'")
        try:
            row = await self.executions.start(machine, name, document.get("input", "{}"))
        except ex.ExecutionAlreadyExistsError as error:
            raise AwsError("ExecutionAlreadyExists", str(error)) from error
        except ex.InvalidExecutionInputError as error:
            raise AwsError("InvalidExecutionInput", str(error)) from error
        return {"executionArn": ex.execution_arn(machine, name), "startDate": row["started_at"].timestamp()}

    async def _describe(self, document: Document) -> Row:
        try:
            return await self.executions.describe(*_execution(document))
        except ex.ExecutionDoesNotExistError as error:
            raise AwsError("ExecutionDoesNotExist", str(error)) from error

    async def _describe_execution(self, document: Document) -> Document:
        row = await self._describe(document)
        described = {
            "executionArn": ex.execution_arn(row["machine"], row["name"]),
            "stateMachineArn": ex.machine_arn(row["machine"]),
            "name": row["name"],
            "status": row["status"],
            "startDate": row["started_at"].timestamp(),
            "stopDate": row["stopped_at"].timestamp() if row["stopped_at"] else None,
            "input": row["input"],
            "output": row["output"],
            "error": row["error"],
            "cause": row["cause"],
        }
        return {name: value for name, value in described.items() if value is not None}

    async def _stop_execution(self, document: Document) -> Document:
        await self._describe(document)
        row = await self.executions.stop(*_execution(document), document.get("error"), document.get("cause"))
        return {"stopDate": row["stopped_at"].timestamp()}

    async def _execution_history(self, document: Document) -> Document:
        await self._describe(document)
        rows = await self.executions.history(*_execution(document))
        return {"events": history_events(rows, newest_first=bool(document.get("reverseOrder")))}

    async def _queue_url(self, document: Document) -> Document:
        return {"QueueUrl": f"http://127.0.0.1/{ex.ACCOUNT}/{self._queue(document.get('QueueName', ''))}"}

    def _queue(self, reference: str) -> str:
        name = re.split(r"[/:]", reference)[-1]
        if name not in {*self.queues, *map(dead_letters, self.queues)}:
            raise AwsError("AWS.SimpleQueueService.NonExistentQueue", "The specified queue does not exist.")
        return name

    async def _send_message(self, document: Document) -> Document:
        name, body = self._queue(document.get("QueueUrl", "")), str(document.get("MessageBody", ""))
        if not body or len(body.encode("utf-8", "surrogatepass")) > BODY_LIMIT:
            raise AwsError("InvalidParameterValue", f"A message has 1 to {BODY_LIMIT} bytes.")
        if name not in self.queues:
            raise AwsError("UnsupportedOperation", "Messages reach a dead-letter queue by failing.")
        return {"MessageId": await self.queues[name].send(body, delay_seconds=float(document.get("DelaySeconds", 0)))}

    async def _queue_attributes(self, document: Document) -> Document:
        rows = await self.store.read("queue_depth", queue=self._queue(document.get("QueueUrl", "")))
        depth = {
            "ApproximateNumberOfMessages": rows[0]["visible"],
            "ApproximateNumberOfMessagesNotVisible": rows[0]["in_flight"],
            "ApproximateNumberOfMessagesDelayed": rows[0]["delayed"],
        }
        return {"Attributes": {name: str(value) for name, value in depth.items()}}

    async def _redrive(self, document: Document) -> Document:
        name = self._queue(document.get("SourceArn", ""))
        for queue, feed in self.queues.items():
            if dead_letters(queue) == name:
                await feed.redrive()
        return {"TaskHandle": str(uuid.uuid4())}

    def _dead(self, document: Document) -> str:
        name = self._queue(document.get("QueueUrl", ""))
        if name in self.queues:
            raise AwsError(
                "UnsupportedOperation", "A queue's messages are handed to its function; only dead letters are received."
            )
        return name

    async def _receive_message(self, document: Document) -> Document:
        values = {
            "queue": self._dead(document),
            "most": min(10, int(document.get("MaxNumberOfMessages", 1))),
            "visibility": float(document.get("VisibilityTimeout", 30)),
            "max_receives": NO_LIMIT,
        }
        rows = await self.store.write(Statement("receive_messages", [values]))
        return {"Messages": [received(row) for row in rows]} if rows else {}

    async def _delete_message(self, document: Document) -> Document:
        await self.store.write(Statement("delete_message", [_receipt(document, self._dead(document))]))
        return {}

    async def _change_visibility(self, document: Document) -> Document:
        values = _receipt(document, self._dead(document)) | {"seconds": float(document.get("VisibilityTimeout", 0))}
        await self.store.write(Statement("change_visibility", [values]))
        return {}

    async def _put_events(self, document: Document) -> Document:
        entries: list[Document] = []
        statements: list[Statement] = []
        for entry in document.get("Entries", []):
            try:
                event = from_entry(entry)
            except ValueError as error:
                entries.append({"ErrorCode": "InvalidArgument", "ErrorMessage": str(error)})
            else:
                entries.append({"EventId": event["id"]})
                statements += self.bus.publish(event)
        if statements:
            await self.store.write(*statements)
        for feed in self.queues.values():
            feed.wake()
        return {"FailedEntryCount": sum("ErrorCode" in entry for entry in entries), "Entries": entries}


def _receipt(document: Document, queue: str) -> Document:
    """Return the message and the receive that a receipt handle stands for."""
    identity, _, receives = str(document.get("ReceiptHandle", "")).rpartition(":")
    try:
        return {"queue": queue, "id": uuid.UUID(identity), "receives": int(receives)}
    except ValueError as error:
        raise AwsError("ReceiptHandleIsInvalid", "The input receipt handle is invalid.") from error


def _in_aws_words(error: AwsError | psycopg.Error | UnicodeError) -> AwsError:
    if isinstance(error, AwsError):
        return error
    if isinstance(error, UnicodeError | psycopg.DataError):
        return AwsError("ValidationException", "A text holds characters that cannot be kept.")
    return AwsError("ServiceUnavailable", "Try again.", 503)


def _document(body: bytes) -> Document:
    try:
        document = json.loads(body or b"{}")
    except ValueError as error:
        raise AwsError("SerializationException", "The body is no JSON.") from error
    if not isinstance(document, dict):
        raise AwsError("SerializationException", "The body is no JSON object.")
    return document


def _last(document: Document, name: str) -> str:
    value = document.get(name)
    if not isinstance(value, str):
        raise AwsError("ValidationException", f"{name} is required.")
    return value.rpartition(":")[2]


def _execution(document: Document) -> tuple[str, str]:
    arn = document.get("executionArn")
    parts = arn.split(":") if isinstance(arn, str) else []
    if len(parts) != 8:
        raise AwsError("InvalidArn", f"Invalid Arn: '{arn}'")
    return parts[6], parts[7]
