"""Opaque cursors of keyset pagination: the last item's time and id."""

from __future__ import annotations

import base64
import binascii
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple, TypeVar
from uuid import UUID

from e2i_shared.api.common import Page
from e2i_shared.errors import MalformedRequestError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

T = TypeVar("T")


class Position(NamedTuple):
    """Where a page ends: the next one starts after this item."""

    moment: datetime
    identity: str


def encode(position: Position) -> str:
    """Return the cursor that continues after a position."""
    text = json.dumps([position.moment.astimezone(UTC).isoformat(), position.identity])
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def decode(cursor: str | None) -> Position | None:
    """Return the position of a cursor (None: the start); raise MalformedRequestError for one this service did not write."""
    if cursor is None:
        return None
    try:
        moment, identity = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        return Position(_aware(datetime.fromisoformat(moment)), str(UUID(identity)))
    except (ValueError, TypeError, AttributeError, binascii.Error):
        raise MalformedRequestError(
            "The cursor is not one of this service.",
            field="cursor",
            expected="next_cursor of the page before",
            hint="Leave it out to start again.",
        ) from None


def page(found: Sequence[T], limit: int, position: Callable[[T], Position]) -> Page[T]:
    """Return a page of at most ``limit`` items out of up to ``limit + 1`` found."""
    items = list(found[:limit])
    more = len(found) > limit
    return Page(items=items, next_cursor=encode(position(items[-1])) if more else None)


def moment_of(text: str | None, field: str) -> datetime | None:
    """Return an ISO 8601 time (UTC where it names no zone); raise MalformedRequestError otherwise."""
    if text is None:
        return None
    try:
        return _aware(datetime.fromisoformat(text))
    except ValueError:
        raise MalformedRequestError(
            f"{field} is not a time.", field=field, expected="ISO 8601, e.g. 2026-10-01T00:00:00Z", got=text[:100]
        ) from None


def _aware(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
