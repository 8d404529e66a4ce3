"""The service about itself."""

from __future__ import annotations

from typing import Literal

from e2i_shared.api.common import Wire


class Health(Wire):
    """``GET /health``."""

    status: Literal["ok"]
    version: str


class DependencyState(Wire):
    """One thing the service needs."""

    name: str
    ok: bool
    latency_ms: float
    detail: str | None = None


class Readiness(Wire):
    """``GET /ready``."""

    status: Literal["ready", "not_ready"]
    dependencies: list[DependencyState]


class Configuration(Wire):
    """``GET /config``."""

    version: str
    stage: str
    python: str
    limits: dict[str, float]
    tools: int
