"""A worker process: one function, one event at a time, until its runtime is gone."""

from __future__ import annotations

import ctypes
import importlib
import json
import os
import select
import signal
import socket
import sys
import threading
import time
import traceback
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from infra.local import frames

if TYPE_CHECKING:
    from collections.abc import Callable

RESPONSE_LIMIT = 6_291_556  # bytes; the figure Lambda names in its own message
PR_SET_PDEATHSIG = 1


class MarshalError(Exception):
    """The handler returned what JSON cannot hold."""


class ResponseSizeTooLarge(Exception):  # noqa: N818 - the name is Lambda's
    """The handler returned more than Lambda carries."""


LAMBDA_NAMES = {MarshalError: "Runtime.MarshalError", ResponseSizeTooLarge: "Function.ResponseSizeTooLarge"}


@dataclass(frozen=True, slots=True)
class Context:
    """What Lambda hands to a handler beside the event."""

    function_name: str
    memory_limit_in_mb: int
    aws_request_id: str
    deadline: float
    function_version: str = "$LATEST"
    log_group_name: str = "local"
    log_stream_name: str = "local"
    identity: None = None
    client_context: None = None

    @property
    def invoked_function_arn(self) -> str:
        """Return the ARN the function has here."""
        return f"arn:aws:lambda:us-east-1:000000000000:function:{self.function_name}"

    def get_remaining_time_in_millis(self) -> int:
        """Return the milliseconds left before the runtime ends this call."""
        return max(0, int((self.deadline - time.time()) * 1000))


def main(specification: dict[str, Any], descriptor: int) -> None:
    """Run the worker; returns when the runtime closed its end."""
    connection = socket.socket(fileno=descriptor)
    threading.Thread(target=_leave_with_the_runtime, args=(connection,), daemon=True).start()
    handler, failure = _load(specification["handler"])
    connection.sendall(frames.pack(frames.READY, b""))
    while True:
        try:
            _, body = frames.read(connection)
        except (EOFError, OSError):
            return
        connection.sendall(failure or _answer(handler, specification, body))
        if failure:
            return


def settle(specification: dict[str, Any]) -> None:
    """Take the function's environment and log file, and arrange to die with the process that forked this one."""
    for number in (signal.SIGCHLD, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    die_with_parent()
    os.environ.update(specification["environment"])
    log = os.open(specification["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.close(log)
    sys.stdout = open(1, "w", buffering=1, encoding="utf-8", errors="backslashreplace", closefd=False)  # noqa: SIM115 - lives as long as the process, on a descriptor
    sys.stderr = open(2, "w", buffering=1, encoding="utf-8", errors="backslashreplace", closefd=False)  # noqa: SIM115 - lives as long as the process, on a descriptor


def die_with_parent() -> None:
    """Ask the kernel, where it can be asked, to end this process with the one that made it."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _leave_with_the_runtime(connection: socket.socket) -> None:
    """End the process at once when the runtime is gone, even in the middle of a computation."""
    poller = select.poll()
    poller.register(connection.fileno(), 0)  # reports nothing but a hang-up
    poller.poll()
    os._exit(0)


def _load(dotted: str) -> tuple[Callable[..., Any], bytes]:
    module, _, name = dotted.rpartition(".")
    try:
        return getattr(importlib.import_module(module), name), b""
    except Exception as error:  # noqa: BLE001 - whatever an import raises is reported as Lambda does
        traceback.print_exc()
        return _load, _error("Runtime.ImportModuleError", f"Unable to import module '{module}': {error}")


def _answer(handler: Callable[..., Any], specification: dict[str, Any], body: bytes) -> bytes:
    """Call the handler and pack what it returned or raised."""
    head, _, payload = body.partition(b"\n")
    call = json.loads(head)
    context = Context(specification["name"], specification["memory_mb"], call["request_id"], call["deadline"])
    os.environ["_X_AMZN_TRACE_ID"] = call.get("trace_id", "")
    try:
        return frames.pack(frames.RESULT, _marshal(handler(json.loads(payload), context)))
    except Exception as error:  # noqa: BLE001 - a handler's error is its answer
        traceback.print_exc()
        return _error(LAMBDA_NAMES.get(type(error), type(error).__name__), str(error))
    except SystemExit:
        os._exit(1)


def _marshal(result: Any) -> bytes:
    try:
        body = json.dumps(result, ensure_ascii=False, allow_nan=False).encode()
    except UnicodeEncodeError:
        body = json.dumps(result, allow_nan=False).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise MarshalError(f"Unable to marshal response: {error}") from error
    if len(body) > RESPONSE_LIMIT:
        raise ResponseSizeTooLarge(
            f"Response payload size ({len(body)} bytes) exceeded maximum allowed payload size ({RESPONSE_LIMIT} bytes)."
        )
    return body


def _error(kind: str, message: str) -> bytes:
    document = {"errorType": kind, "errorMessage": message[:32_000]}
    return frames.pack(frames.ERROR, json.dumps(document, separators=(",", ":")).encode())
