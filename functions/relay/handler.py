"""The outbox to events, and lost starts started."""

from __future__ import annotations

from typing import Any

from e2i_shared.http.relaying import relay


def handle(event: dict[str, Any], context: Any) -> dict[str, Any]:  # noqa: ARG001 - a schedule's event says nothing
    """Publish and start what is due, for every tenant."""
    return relay()
