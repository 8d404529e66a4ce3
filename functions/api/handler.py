"""Every quick route."""

from __future__ import annotations

from typing import Any

from e2i_shared.http.application import Application
from e2i_shared.http.routes import (
    administering,
    classifications,
    cohorts,
    compositions,
    datasets,
    searching,
    service,
    tools,
    twins,
)

SUBJECTS = (compositions, searching, administering, classifications, datasets, cohorts, tools, twins, service)
app = Application("api", [subject.router for subject in SUBJECTS])


def handle(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Serve the route an event asks for."""
    return app(event, context)
