"""Errors become ``application/problem+json`` (RFC 9457)."""

from __future__ import annotations

import json
import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from e2i_shared.api.common import FieldProblem, Problem
from e2i_shared.errors import E2IError, InputError, RateLimitedError, RetryableError, in_tree
from e2i_shared.observability.telemetry import log_failure

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aws_lambda_powertools.event_handler.api_gateway import Response

CONTENT_TYPE = "application/problem+json"
RETRY_AFTER_SECONDS = 2
_REFUSED = "RequestValidationError"  # Powertools': known by name, because importing it costs a cold start 200 ms


class InvalidRequestError(Exception):
    """A body that does not fit its model; ``errors`` lists what is wrong as pydantic does, places beginning with "body"."""

    def __init__(self, errors: Sequence[Any]) -> None:
        super().__init__("The request is not valid.")
        self._errors = errors

    def errors(self) -> Sequence[Any]:
        """Return what is wrong, field by field."""
        return self._errors


class UnsupportedBodyError(Exception):
    """A body that is not JSON by its type."""


def to_reply(error: Exception, correlation_id: str) -> dict[str, Any]:
    """Return the payload 2.0 reply an exception becomes; what is not the caller's fault is logged, and told without details."""
    problem = _problem(in_tree(error), correlation_id)
    if problem.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        log_failure(error, problem.status)
    return {
        "statusCode": problem.status,
        "headers": {"Content-Type": CONTENT_TYPE, **_headers(error)},
        "body": json.dumps(problem.model_dump(mode="json", exclude_none=True)),
        "isBase64Encoded": False,
    }


def to_response(error: Exception, correlation_id: str) -> Response[str]:
    """Return the reply of an exception as Powertools' resolver wants it."""
    from aws_lambda_powertools.event_handler.api_gateway import Response

    reply = to_reply(error, correlation_id)
    return Response(
        status_code=reply["statusCode"], content_type=CONTENT_TYPE, headers=dict(_headers(error)), body=reply["body"]
    )


def _problem(error: Exception, correlation_id: str) -> Problem:
    if isinstance(error, (InputError, RetryableError)):
        return Problem(
            type=_type(type(error).__name__),
            title=error.title,
            status=min(error.status, HTTPStatus.SERVICE_UNAVAILABLE),
            detail=error.message,
            errors=_field_problems(error),
            hint=error.hint,
            correlation_id=correlation_id,
        )
    if isinstance(error, UnsupportedBodyError):
        detail = "The body must be application/json."
        return _plain(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "Unsupported media type", detail, correlation_id)
    if isinstance(error, InvalidRequestError) or type(error).__name__ == _REFUSED:
        return _invalid(error, correlation_id)
    title = error.title if isinstance(error, E2IError) else E2IError.title
    return _plain(HTTPStatus.INTERNAL_SERVER_ERROR, title, _INTERNAL, correlation_id)


_INTERNAL = "Something went wrong here, not in the request. Quote the correlation id when you report it."


def _plain(status: HTTPStatus, title: str, detail: str, correlation_id: str) -> Problem:
    return Problem(type=_type(title), title=title, status=status, detail=detail, correlation_id=correlation_id)


def _type(name: str) -> str:
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", "-", name.removesuffix("Error")).replace(" ", "-")
    return f"urn:e2i:problem:{words.lower()}"


def _field_problems(error: E2IError) -> list[FieldProblem]:
    details = error.details()
    if not details.keys() & {"field", "candidates", "line"}:
        return []
    said = {"line": "line {}", "expected": "expected {}", "got": "got {}"}
    message = ", ".join(form.format(details[name]) for name, form in said.items() if name in details)
    return [FieldProblem(field=error.field or "", message=message or error.message, candidates=list(error.candidates))]


def _invalid(error: Any, correlation_id: str) -> Problem:
    found = [_field_problem(each) for each in error.errors()]
    return Problem(
        type=_type("InvalidRequest"),
        title="The request is not valid",
        status=HTTPStatus.UNPROCESSABLE_ENTITY,
        detail="; ".join(f"{each.field}: {each.message}" for each in found[:5]),
        errors=found[:20],
        correlation_id=correlation_id,
    )


def _field_problem(error: Mapping[str, Any]) -> FieldProblem:
    where = ".".join(str(part) for part in error["loc"][1:]) or str(error["loc"][0])
    allowed = re.findall(r"'([^']*)'", str(error.get("ctx", {}).get("expected", "")))
    return FieldProblem(field=where[:200], message=_plainly(error), candidates=allowed)


def _plainly(error: Mapping[str, Any]) -> str:
    """Return pydantic's message; where it speaks of pydantic's own matters, what it means."""
    kind, given, context = error.get("type"), error.get("input"), error.get("ctx", {})
    if kind == "too_short" and isinstance(given, str):
        least = context["min_length"]
        return f"expected at least {least:,} character{'s' if least > 1 else ''}, got {len(given):,}"
    if kind == "too_long" and isinstance(given, str):
        return f"expected at most {context['max_length']:,} characters, got {len(given):,}"
    if kind == "uuid_parsing":
        return "expected an id (a UUID)"
    return str(error["msg"]).removeprefix("Value error, ")


def _headers(error: Exception) -> Mapping[str, str | list[str]]:
    if isinstance(error, RetryableError):
        return {"Retry-After": str(RETRY_AFTER_SECONDS)}
    if isinstance(error, RateLimitedError):
        return {"Retry-After": str(error.retry_after), "X-RateLimit-Remaining": "0"}
    return {"WWW-Authenticate": "Bearer"} if getattr(error, "status", 0) == HTTPStatus.UNAUTHORIZED else {}
