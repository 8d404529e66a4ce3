"""Replies whose status is not simply 200."""

from __future__ import annotations

from http import HTTPStatus
from typing import TypeVar

from aws_lambda_powertools.event_handler import content_types
from aws_lambda_powertools.event_handler.api_gateway import Response

T = TypeVar("T")


def reply(status: int, body: T, *, location: str | None = None, retry_after: int | None = None) -> Response[T]:
    """Return a JSON reply, with where to look or when to come back."""
    headers: dict[str, str | list[str]] = {}
    if location:
        headers["Location"] = location
    if retry_after:
        headers["Retry-After"] = str(retry_after)
    return Response(status_code=int(status), content_type=content_types.APPLICATION_JSON, body=body, headers=headers)


def done() -> Response[None]:
    """Return the reply that has nothing to say."""
    return Response(status_code=HTTPStatus.NO_CONTENT.value)
