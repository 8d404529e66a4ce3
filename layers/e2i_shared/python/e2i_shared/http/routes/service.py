"""The service itself: is it alive, is it ready, what is it, and what can it do."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Literal

from aws_lambda_powertools.event_handler.api_gateway import Response, Router

import e2i_shared
from e2i_shared import bootstrap, settings
from e2i_shared.api.service import Configuration, Health, Readiness
from e2i_shared.http import work
from e2i_shared.http.replies import reply

if TYPE_CHECKING:
    from aws_lambda_powertools.event_handler.openapi.types import OpenAPIResponse, OpenAPIResponseContentModel

router = Router()
TAGS = ["Service"]


@router.get("/health", tags=TAGS, summary="Is the process alive")
def read_health() -> Health:
    """Answer without touching any dependency."""
    return Health(status="ok", version=e2i_shared.__version__)


_STATE: OpenAPIResponseContentModel = {"model": Readiness}
_READY: OpenAPIResponse = {"description": "Every dependency answers.", "content": {"application/json": _STATE}}
_NOT_READY: OpenAPIResponse = {"description": "One does not.", "content": {"application/json": _STATE}}


@router.get("/ready", tags=TAGS, summary="Can it serve", responses={200: _READY, 503: _NOT_READY})
def read_readiness() -> Response[Readiness]:
    """Try each dependency: 200 with latencies, or 503 when one does not answer."""
    states = bootstrap.probe()
    ready = all(state.ok for state in states)
    status: Literal["ready", "not_ready"] = "ready" if ready else "not_ready"
    found = Readiness(status=status, dependencies=list(states))
    return reply(200 if ready else 503, found, retry_after=None if ready else 2)


@router.get("/config", tags=TAGS, summary="Public settings and versions")
def read_configuration() -> Configuration:
    """Return the stage, versions and limits; no secret."""
    read = settings.read(settings.ApiSettings)
    return Configuration(
        version=e2i_shared.__version__,
        stage=read.stage,
        python=".".join(map(str, sys.version_info[:3])),
        limits={"requests_per_second": read.rate_per_second, "burst": read.rate_burst, "wait_seconds": 25},
        tools=len(work.tools()),
    )


@router.get("/openapi.json", tags=TAGS, summary="This document")
def read_openapi() -> Response[dict]:  # type: ignore[type-arg]  # a JSON document has no narrower type
    """Return the OpenAPI 3.1 document of every function's routes."""
    from e2i_shared.http import openapi

    return Response(status_code=200, content_type="application/json", body=openapi.document())


@router.get("/docs", tags=TAGS, summary="Browse the API", compress=True)
def read_docs() -> Response[str]:
    """Return a page that shows the document and tries its routes; works offline."""
    from e2i_shared.http import openapi

    return Response(status_code=200, content_type="text/html", body=openapi.page())
