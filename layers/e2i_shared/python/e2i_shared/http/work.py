"""The calls that routes and phases make into the domain, with what they need from the object graph."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from e2i_shared import bootstrap
from e2i_shared.errors import E2IError, MalformedRequestError, NotFoundError
from e2i_shared.observability import telemetry

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from e2i_shared.api.common import Json
    from e2i_shared.api.datasets import Dataset, LoadRequest
    from e2i_shared.api.tools import RunToolResult
    from e2i_shared.datasets.source import FileSource
    from e2i_shared.ports import Tenant
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
    """Run one tool on the tenant's data and record the run."""
    from e2i_shared.api.tools import RunToolResult
    from e2i_shared.http.prescreening import StoredTwins
    from e2i_shared.http.records import StoredRecords
    from e2i_shared.tools import _registry

    context = _registry.ToolContext(tenant.data, records=StoredRecords(tenant.compositions), twins=StoredTwins(tenant))
    started = time.perf_counter()
    try:
        result = _registry.run_tool(spec.name, params, context)
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


def load(tenant: Tenant, request: LoadRequest) -> Dataset:
    """Load a file, inline or uploaded, as the next version of a data set.

    Raises
    ------
    MalformedRequestError
        When there is neither content nor an upload, or both.
    NotFoundError
        When the tenant has no such upload.
    BadFileError
        When the file cannot be loaded; nothing is kept.
    """
    from e2i_shared.datasets import ingest

    started = time.perf_counter()
    with _source(tenant, request) as source:
        change = ingest.load(ingest.spec_of(request), source, tenant.rows, file_format=request.format)
    elapsed = (time.perf_counter() - started) * 1000
    telemetry.count("Loads", {"format": request.format}, load_ms=elapsed)
    return change.dataset


@contextmanager
def _source(tenant: Tenant, request: LoadRequest) -> Iterator[FileSource]:
    from e2i_shared.datasets import source

    if (request.content is None) == (request.upload_key is None):
        raise MalformedRequestError(
            "A load needs either content or upload_key.",
            field="content",
            expected="one of content and upload_key",
            hint="Ask POST /uploads for an upload_key when the file is larger than 1 MiB.",
        )
    if request.content is not None:
        yield source.from_bytes(request.content.encode(), request.name)
        return
    key = request.upload_key or ""
    if not key.startswith(upload_prefix(tenant.tenant_id)):
        raise NotFoundError("There is no upload of that key.", field="upload_key", got=key[:200])
    with bootstrap.objects().open(key) as stream:
        yield source.from_stream(stream, request.name)


def upload_prefix(tenant_id: str) -> str:
    """Return how the keys of a tenant's uploads begin."""
    return f"uploads/{tenant_id}/"
