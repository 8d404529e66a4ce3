"""Questions to routes."""

from __future__ import annotations

from typing import Any

from e2i_shared.http.application import Application
from e2i_shared.http.routes import classify

app = Application("classify", [classify.router])


def handle(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Serve ``POST /classify``."""
    return app(event, context)
