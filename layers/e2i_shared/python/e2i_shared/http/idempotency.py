"""``Idempotency-Key``: the same POST sent twice takes effect once, and both callers get the same reply."""

from __future__ import annotations

import hashlib
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from e2i_shared import bootstrap
from e2i_shared.errors import MalformedRequestError
from e2i_shared.http import caller

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from e2i_shared.ports import IdempotencyKeys

    Event = dict[str, Any]
    Reply = dict[str, Any]

MAX_KEY = 200
# A second try may fare better after these, so they are not kept.
_PASSING = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.INTERNAL_SERVER_ERROR})


def once(event: Event, serve: Callable[[Event], Reply]) -> Reply:
    """Serve an event, or return what it was answered before.

    Raises
    ------
    ConflictError
        When the key came with another body, or its first request is still being served.
    MalformedRequestError
        When the key is empty or too long.
    """
    key = _key(event)
    if key is None:
        return serve(event)
    keys = bootstrap.for_tenant(caller.current().tenant_id).idempotency
    stored = keys.begin(key, _fingerprint(event))
    if stored is not None:
        return {**stored, "headers": {**stored["headers"], "Idempotent-Replay": "true"}}
    try:
        reply = serve(event)
    except BaseException:
        keys.abandon(key)
        raise
    _settle(keys, key, reply)
    return reply


def _settle(keys: IdempotencyKeys, key: str, reply: Reply) -> None:
    if reply["statusCode"] in _PASSING:
        keys.abandon(key)
    else:
        keys.finish(key, reply)


def _key(event: Event) -> str | None:
    headers: Mapping[str, str] = event.get("headers") or {}
    key = headers.get("idempotency-key")
    if key is None or event["requestContext"]["http"]["method"] != "POST":
        return None
    if not 1 <= len(key) <= MAX_KEY or not key.isprintable():
        raise MalformedRequestError(
            "The Idempotency-Key cannot be used.",
            field="Idempotency-Key",
            expected=f"1 to {MAX_KEY} printable characters",
        )
    return f"{event['rawPath']} {key}"


def _fingerprint(event: Event) -> str:
    return hashlib.sha256((event.get("body") or "").encode(errors="replace")).hexdigest()
