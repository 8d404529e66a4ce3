"""The HTTP API on this machine: routes, tokens, limits, and the functions behind them."""

from __future__ import annotations

import asyncio
import json
import logging
import re
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from e2i_shared.errors import E2IError, RateLimitedError, TooLargeError

from infra.local import objects
from infra.local.http_events import Request, Router, joined_headers
from infra.local.replies import (
    FunctionFailedError,
    HeadersTooLargeError,
    UnavailableError,
    function_reply,
    problem,
)
from infra.local.workers import TooBusyError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from infra.local.aws_api import AwsApi
    from infra.local.objects import ObjectStore
    from infra.local.replies import Receive, Scope, Send
    from infra.local.tokens import Authorizer
    from infra.local.workers import Outcome

BODY_LIMIT = 1024 * 1024
HEADER_LIMIT = 10_240
INTEGRATION_SECONDS = 30.0
QUEUE_SECONDS = 20.0
CORRELATION_ID = re.compile(r"[\w.:-]{1,128}", re.ASCII)
log = logging.getLogger(__name__)


@dataclass(slots=True)
class Gateway:
    """The ASGI application."""

    router: Router
    authorizer: Authorizer
    invoke: Callable[[str, bytes, float], Awaitable[Outcome]]
    objects: ObjectStore
    aws: AwsApi
    _running: set[asyncio.Task[Outcome]] = field(default_factory=set)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            return
        path: str = scope["path"]
        if path.startswith("/_aws/") or path == "/_aws":
            await self.aws(scope, receive, send)
            return
        headers = joined_headers(scope["headers"])
        given = headers.get("x-correlation-id", "")
        correlation_id = given if CORRELATION_ID.fullmatch(given) else str(uuid.uuid4())
        try:
            if path.startswith(objects.PREFIX):
                await self.objects(scope, receive, send, [(b"x-correlation-id", correlation_id.encode())])
            else:
                await self._serve(scope, receive, send, Request(scope, headers, b"", correlation_id))
        except E2IError as error:
            closing = [(b"connection", b"close")] if error.status in {413, 431} else []
            await problem(send, error, correlation_id, closing)

    async def _serve(self, scope: Scope, receive: Receive, send: Send, request: Request) -> None:
        if sum(len(name) + len(value) for name, value in scope["headers"]) > HEADER_LIMIT:
            raise HeadersTooLargeError(f"The headers may have {HEADER_LIMIT} bytes in all.")
        target = self.router.find(scope["method"], scope["raw_path"].decode("latin-1").partition("?")[0])
        claims = None if target.route.public else self.authorizer.claims(request.headers.get("authorization"))
        body = await read_body(receive, request.headers.get("content-length", "0"))
        event = Request(scope, request.headers, body, request.correlation_id).event(target, claims)
        outcome = await self._call(target.function, json.dumps(event).encode())
        if not outcome.ok:
            raise _failure(outcome, request.correlation_id)
        await function_reply(send, outcome.payload, request.correlation_id)

    async def _call(self, function: str, payload: bytes) -> Outcome:
        """Call a function; after 30 s the answer is given up, and the function runs on to its own timeout."""
        task = asyncio.ensure_future(self.invoke(function, payload, QUEUE_SECONDS))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        try:
            async with asyncio.timeout(INTEGRATION_SECONDS):
                return await asyncio.shield(task)
        except TooBusyError as error:
            raise RateLimitedError("All workers are busy.", hint="try again in a moment") from error
        except TimeoutError as error:
            task.add_done_callback(_look_away)
            raise UnavailableError(f"No answer within {INTEGRATION_SECONDS:.0f} s.") from error


def _look_away(task: asyncio.Task[Outcome]) -> None:
    """Take the late outcome, so that nobody misses it."""
    if not task.cancelled():
        task.exception()


def _failure(outcome: Outcome, correlation_id: str) -> E2IError:
    kind = outcome.error_type
    if kind == "Sandbox.Timedout":
        return UnavailableError("The function took too long and was ended.")
    if kind in {"Runtime.ExitError", "Lambda.ServiceException"}:
        return UnavailableError("The function's process ended; try again.")
    log.error("a function failed with %s; correlation id %s", kind, correlation_id)
    return FunctionFailedError("The request could not be served.", hint="the correlation id finds it in the logs")


async def read_body(receive: Receive, announced: str, limit: int = BODY_LIMIT) -> bytes:
    """Return the request's body.

    Raises
    ------
    TooLargeError
        As soon as more is announced or has come than is allowed.
    """
    error = TooLargeError(
        f"A body may have {limit} bytes.",
        field="body",
        expected=f"≤ {limit} bytes",
        hint="upload files by POST /api/v1/uploads",
    )
    if announced.isdigit() and int(announced) > limit:
        raise error
    body = bytearray()
    more = True
    while more:
        message = await receive()
        body += message.get("body", b"")
        if len(body) > limit:
            raise error
        more = message.get("more_body", False)
    return bytes(body)
