"""A phase of the training workflow: train, log, record a failure."""

from __future__ import annotations

from typing import Any

from e2i_shared.http.training import run_phase


def handle(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Run the phase that the event names."""
    return run_phase(event, context)
