"""Handlers that echo, misbehave, count their calls, or use AWS."""

from __future__ import annotations

import json
import os
import signal
import time
from functools import cache
from pathlib import Path
from typing import Any


class TransientToolError(Exception):
    """The name that workflows retry."""


def place() -> Path:
    """Return the folder the test looks into."""
    return Path(os.environ["TINY_DIR"])


def note(name: str, line: str) -> int:
    """Append a line to a file and return how many it has."""
    path = place() / name
    with path.open("a") as file:
        file.write(line.replace("\n", " ") + "\n")
    return len(path.read_text().splitlines())


def answer(document: Any, status: int = 200, **fields: Any) -> dict[str, Any]:
    """Return an HTTP response with a JSON body."""
    headers = {"content-type": "application/json", **fields.pop("headers", {})}
    return {"statusCode": status, "headers": headers, "body": json.dumps(document), **fields}


def echo(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Return the event, and what the function finds around it."""
    names = (
        "E2I_STAGE",
        "AWS_ENDPOINT_URL",
        "AWS_ACCESS_KEY_ID",
        "AWS_PROFILE",
        "POWERTOOLS_SERVICE_NAME",
        "E2I_OBJECT_ROOT",
    )
    seen = {
        "event": event,
        "pid": os.getpid(),
        "environment": {name: os.environ.get(name) for name in names},
        "context": {
            "function_name": context.function_name,
            "memory": context.memory_limit_in_mb,
            "remaining_ms": context.get_remaining_time_in_millis(),
            "request_id": context.aws_request_id,
            "arn": context.invoked_function_arn,
        },
    }
    return answer(seen, cookies=["a=1", "b=2"])


def misbehave(event: dict[str, Any], context: Any) -> Any:
    """Do what the event asks for, which is rarely good."""
    request = json.loads(event["body"]) if "body" in event else event
    print("misbehaving:", request["do"])  # noqa: T201 - the log is looked into
    return MISDEEDS[request["do"]](request)


def _raise(request: dict[str, Any]) -> Any:
    raise TransientToolError(f"secret detail of {request['do']}")


def _kill(_request: dict[str, Any]) -> Any:
    os.kill(os.getpid(), signal.SIGKILL)


def _exit(_request: dict[str, Any]) -> Any:
    raise SystemExit(3)


def _hang(_request: dict[str, Any]) -> Any:
    time.sleep(60)


def _spin(_request: dict[str, Any]) -> Any:
    note("spinning", str(os.getpid()))
    while True:
        pass


def _large(request: dict[str, Any]) -> Any:
    return "x" * request["bytes"]


def _nap(request: dict[str, Any]) -> Any:
    time.sleep(request["seconds"])
    return answer({"pid": os.getpid()})


MISDEEDS: dict[str, Any] = {
    "raise": _raise,
    "kill": _kill,
    "exit": _exit,
    "hang": _hang,
    "spin": _spin,
    "large": _large,
    "nap": _nap,
    "set": lambda _request: {1, 2},
    "nan": lambda _request: float("nan"),
    "surrogate": lambda _request: answer({"text": "\ud800"}),
    "bare": lambda _request: {"no": "status"},
    "nonsense": lambda _request: {"statusCode": "soon"},
    "binary": lambda _request: {"statusCode": 201, "body": "AAEC", "isBase64Encoded": True},
    "bad_header": lambda _request: {"statusCode": 200, "headers": {"x-a": "snow ☃"}},
    "empty": lambda _request: {"statusCode": 204},
}


def spinner(event: dict[str, Any], context: Any) -> Any:
    """Compute for ever."""
    return _spin(event)


def step(event: dict[str, Any], context: Any) -> Any:
    """Run a task of a workflow, counting how often each was run."""
    times = note(f"step-{event['name']}", str(os.getpid()))
    match event.get("do"):
        case "crash_once" if times == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        case "wait_for_file":
            while not (place() / "go").exists():
                time.sleep(0.02)
        case "raise_once" if times == 1:
            raise TransientToolError("once")
        case "raise":
            raise ValueError("always")
        case "hang":
            time.sleep(60)
    return {"name": event["name"], "times": times}


@cache
def client(service: str) -> Any:
    """Return this process's client."""
    import boto3

    return boto3.client(service)


def aws(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Make one call through boto3, as the product's handlers do."""
    from botocore.exceptions import ClientError

    request = json.loads(event["body"])
    try:
        reply = getattr(client(request["service"]), request["call"])(**request["arguments"])
    except ClientError as error:
        return answer({"error": error.response["Error"]})
    reply.pop("ResponseMetadata")
    if "Payload" in reply:
        reply["Payload"] = json.loads(reply["Payload"].read() or "null")
    return answer(json.loads(json.dumps(reply, default=str)))


def consumer(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Note each message; one that says poison fails until the file ``cured`` is there."""
    failures = []
    for record in event["Records"]:
        poisoned = "poison" in record["body"] and not (place() / "cured").exists()
        kind = "failed" if poisoned else "consumed"
        note(kind, json.dumps([record["body"], record["attributes"]["ApproximateReceiveCount"]]))
        if poisoned:
            failures.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failures}


def ticker(event: dict[str, Any], context: Any) -> None:
    """Note a tick."""
    note("ticks", event["detail-type"])


def noop(event: dict[str, Any], context: Any) -> Any:
    """Answer each phase of the composition as if it had been done."""
    if event["phase"] == "plan":
        steps = [{"step_number": number, "runtime": "zip", "limit_seconds": 30} for number in range(1, 10)]
        return {**event, "levels": [steps[0:3], steps[3:6], steps[6:9]]}
    return {"status": "COMPLETED", **event}
