"""Tools, cohorts and file loading over HTTP, and the steps of compositions that need the image."""

from __future__ import annotations

from typing import Any

from e2i_shared.http.application import Application
from e2i_shared.http.kinds import by_kind
from e2i_shared.http.phases import run_phase
from e2i_shared.http.routes import drifting, loading, running, selecting

app = Application("run_tool", [running.router, loading.router, selecting.router, drifting.router])
serve = by_kind({"phase": run_phase, "requestContext": app})


def handle(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Serve a request, or run a step of a composition."""
    return serve(event, context)
