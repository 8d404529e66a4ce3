"""One state of the composition workflow."""

from __future__ import annotations

from typing import Any

from e2i_shared.http.phases import run_phase


def handle(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Run the phase that the event names."""
    return run_phase(event, context)
