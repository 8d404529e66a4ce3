"""The calls that routes and phases make into the domain, with what they need from the object graph."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from e2i_shared.errors import E2IError
from e2i_shared.observability import telemetry

if TYPE_CHECKING:
    from collections.abc import Mapping

    from e2i_shared.api.common import Json
    from e2i_shared.api.tools import RunToolResult
    from e2i_shared.bootstrap import Tenant
    from e2i_shared.tools._registry import ToolSpec


def tools() -> Mapping[str, ToolSpec]:
    """Return the tool catalogue by name."""
    from e2i_shared.tools import _registry

    return _registry.catalogue()


def tool(name: str) -> ToolSpec:
    """Return a tool; raise UnknownToolError with the nearest names."""
    from e2i_shared.tools import _registry

    return _registry.find(name)


def run_tool(tenant: Tenant, spec: ToolSpec, params: Json) -> RunToolResult:
    """Run one tool on the tenant's data and count the run."""
    from e2i_shared.api.tools import RunToolResult
    from e2i_shared.tools import _registry

    started = time.perf_counter()
    try:
        result = _registry.run_tool(spec.name, params, _registry.ToolContext(tenant.data))
    except E2IError as error:
        _record(tenant, spec.name, started, len(params), type(error).__name__)
        raise
    elapsed = _record(tenant, spec.name, started, len(params))
    return RunToolResult(tool=spec.name, result=result, charts=spec.charts(result), elapsed_ms=round(elapsed, 3))


def _record(tenant: Tenant, name: str, started: float, complexity: int, error_type: str | None = None) -> float:
    """Store and count a run; return its milliseconds."""
    elapsed = (time.perf_counter() - started) * 1000
    tenant.tools.record_run(
        name, success=error_type is None, latency_ms=elapsed, input_complexity=complexity, error_type=error_type
    )
    telemetry.count("ToolFailures" if error_type else "ToolExecutions", {"tool": name}, tool_ms=elapsed)
    return elapsed


def upload_prefix(tenant_id: str) -> str:
    """Return how the keys of a tenant's uploads begin."""
    return f"uploads/{tenant_id}/"
