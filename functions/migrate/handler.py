"""The database brought to this version, once per deployment."""

from __future__ import annotations

from typing import Any

from e2i_shared.deployment import deploy


def handle(event: dict[str, Any], context: Any) -> dict[str, Any]:  # noqa: ARG001 - a deployment says nothing more
    """Migrate, set the application role's password, synchronise the tool registry."""
    return deploy()
