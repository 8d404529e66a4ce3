"""Sending answers over ASGI: problem details, JSON, and what a function returned."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Awaitable, Callable, MutableMapping
from typing import TYPE_CHECKING, Any, ClassVar

from e2i_shared.errors import E2IError, InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]


class MethodNotAllowedError(InputError):
    """The path exists, with other methods."""

    status = 405
    title = "Method not allowed"

    def __init__(self, allowed: Sequence[str]) -> None:
        super().__init__("This path has no such method.", candidates=allowed)


class HeadersTooLargeError(InputError):
    """The request's headers pass the gateway's limit."""

    status = 431
    title = "Headers too large"


class UnavailableError(E2IError):
    """The function did not answer in time, or could not run."""

    status = 503
    title = "Service unavailable"
    retry_after: ClassVar[int] = 1


class FunctionFailedError(E2IError):
    """The function raised; its log says what."""

    title = "Internal error"


async def reply(send: Send, status: int, headers: Headers, body: bytes) -> None:
    """Send a whole response."""
    length = (b"content-length", str(len(body)).encode())
    await send({"type": "http.response.start", "status": status, "headers": [*headers, length]})
    await send({"type": "http.response.body", "body": body})


async def problem(send: Send, error: E2IError, correlation_id: str, extra: Headers | None = None) -> None:
    """Send an error as RFC 9457 problem details."""
    details = error.details()
    document: dict[str, Any] = {
        "type": _type(error),
        "title": error.title,
        "status": error.status,
        "detail": error.message,
        "errors": _fields(error),
        "correlation_id": correlation_id,
    }
    if "hint" in details:
        document["hint"] = details["hint"]
    headers: Headers = [
        (b"content-type", b"application/problem+json"),
        (b"x-correlation-id", correlation_id.encode()),
        *(extra or []),
    ]
    if error.status == 401:
        reason = b"" if "needs a bearer" in error.message else b', error="invalid_token"'
        headers.append((b"www-authenticate", b'Bearer realm="e2i"' + reason))
    if error.status == 405:
        headers.append((b"allow", ", ".join(error.candidates).encode()))
    if error.status in {429, 503}:
        headers.append((b"retry-after", str(getattr(error, "retry_after", 1)).encode()))
    await reply(send, error.status, headers, json.dumps(document).encode())


def _type(error: E2IError) -> str:
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", "-", type(error).__name__.removesuffix("Error"))
    return f"urn:e2i:problem:{words.lower()}"


def _fields(error: E2IError) -> list[dict[str, Any]]:
    if error.field is None:
        return []
    said = [f"{word} {value}" for word, value in (("expected", error.expected), ("got", error.got)) if value]
    return [{"field": error.field, "message": ", ".join(said) or error.message, "candidates": list(error.candidates)}]


async def function_reply(send: Send, payload: bytes, correlation_id: str) -> None:
    """Send what a function returned, in payload format 2.0.

    Raises
    ------
    FunctionFailedError
        When the function returned what is no response.
    """
    try:
        status, headers, body = _response(json.loads(payload))
    except (ValueError, TypeError, AttributeError) as error:
        raise FunctionFailedError("The function returned no valid response.") from error
    if not any(name == b"x-correlation-id" for name, _ in headers):
        headers.append((b"x-correlation-id", correlation_id.encode()))
    await reply(send, status, headers, body)


def _response(document: Any) -> tuple[int, Headers, bytes]:
    """Read a function's answer; one without a status code is itself the body of a 200."""
    if not isinstance(document, dict) or "statusCode" not in document:
        return 200, [(b"content-type", b"application/json")], json.dumps(document).encode()
    headers: Headers = [
        (name.lower().encode("latin-1"), str(value).encode("latin-1"))
        for name, value in (document.get("headers") or {}).items()
        if name.lower() not in {"content-length", "connection", "transfer-encoding"}
    ]
    headers += [(b"set-cookie", cookie.encode("latin-1")) for cookie in document.get("cookies") or []]
    if not any(name == b"content-type" for name, _ in headers):
        headers.append((b"content-type", b"text/plain; charset=utf-8"))
    text = document.get("body") or ""
    body = base64.b64decode(text, validate=True) if document.get("isBase64Encoded") else text.encode()
    return int(document["statusCode"]), headers, body
