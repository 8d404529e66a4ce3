"""Questions to routes."""

from __future__ import annotations

from typing import Any

from e2i_shared.api.classification import ClassifyRequest
from e2i_shared.http.application import Application
from e2i_shared.http.one_route import OneRoute
from e2i_shared.http.routes.classifying import classify_question

app = Application("classify", OneRoute("POST", "/classify", ClassifyRequest, classify_question))


def handle(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Serve ``POST /classify``."""
    return app(event, context)
