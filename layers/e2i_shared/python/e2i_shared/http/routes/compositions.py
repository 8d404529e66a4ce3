"""Questions answered by composing tools."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from aws_lambda_powertools.event_handler.api_gateway import Response, Router
from aws_lambda_powertools.event_handler.openapi.params import Query

from e2i_shared import bootstrap
from e2i_shared.api.common import Page
from e2i_shared.api.composition import (
    AskRequest,
    ComposeAccepted,
    ComposeRequest,
    CompositionEvents,
    CompositionFeedback,
    CompositionSummary,
    CompositionView,
    Report,
    ReportQuery,
    StepView,
)
from e2i_shared.composer.model import CompositionQuery
from e2i_shared.http import asking, caller, controlling, reading, reporting
from e2i_shared.http.parameters import Id
from e2i_shared.http.replies import done

if TYPE_CHECKING:
    from aws_lambda_powertools.event_handler.openapi.types import OpenAPIResponse, OpenAPIResponseContentModel

router = Router()
TAGS = ["Composer"]


_REPORT: OpenAPIResponseContentModel = {"model": Report}
_REPORTED: OpenAPIResponse = {
    "description": "The report.",
    "content": {"text/markdown": {"schema": {"type": "string"}}, "application/json": _REPORT},
}
_VIEW: OpenAPIResponseContentModel = {"model": CompositionView}
_IN_TIME: OpenAPIResponse = {"description": "The answer, or a clarification.", "content": {"application/json": _VIEW}}
_LATER: OpenAPIResponse = {"description": "Not there yet: see Location.", "content": {"application/json": _VIEW}}


@router.post("/ask", tags=TAGS, summary="Ask, and wait for the answer", responses={200: _IN_TIME, 202: _LATER})
def ask(request: AskRequest) -> Response[CompositionView]:
    """Classify the question, answer it, wait up to ``wait_seconds``: 200 with the answer, else 202 with where to look."""
    return asking.ask(request, caller.current())


@router.post("/compose", tags=TAGS, summary="Ask, without waiting", status_code=202)
def compose(request: ComposeRequest) -> Response[ComposeAccepted]:
    """Start a composition; poll its ``status_url``."""
    return asking.compose(request, caller.current())


@router.get("/compositions", tags=TAGS, summary="List compositions")
def list_compositions(query: Annotated[CompositionQuery, Query()]) -> Page[CompositionSummary]:
    """Return compositions, newest first."""
    return bootstrap.for_tenant(caller.current().tenant_id).compositions.list(query)


@router.get("/compositions/<composition_id>", tags=TAGS, summary="Read a composition")
def read_composition(composition_id: Id) -> CompositionView:
    """Return status, progress, what is known so far and, once there is one, the answer."""
    return reading.read(bootstrap.for_tenant(caller.current().tenant_id), str(composition_id))


@router.get("/compositions/<composition_id>/steps", tags=TAGS, summary="Read a composition's steps")
def read_steps(composition_id: Id) -> Page[StepView]:
    """Return every step with its inputs, output, time and retries."""
    return Page[StepView](items=reading.steps(bootstrap.for_tenant(caller.current().tenant_id), str(composition_id)))


@router.get("/compositions/<composition_id>/events", tags=TAGS, summary="Follow a composition")
def read_events(composition_id: Id, after: Annotated[int, Query(ge=0, le=2**31 - 1)] = 0) -> CompositionEvents:
    """Return what happened after the number ``after``, in order; an empty list when nothing did."""
    return reading.events(bootstrap.for_tenant(caller.current().tenant_id), str(composition_id), after)


@router.get(
    "/compositions/<composition_id>/report",
    tags=TAGS,
    summary="Read an answer as a report",
    responses={200: _REPORTED},
)
def read_report(composition_id: Id, query: Annotated[ReportQuery, Query()]) -> Response[Any]:
    """Return the answer as a report, in Markdown or as JSON by section; 409 where there is no answer."""
    tenant = bootstrap.for_tenant(caller.current().tenant_id)
    return reporting.report(tenant, str(composition_id), query)


@router.post("/compositions/<composition_id>/cancel", tags=TAGS, summary="Stop a composition")
def cancel_composition(composition_id: Id) -> CompositionView:
    """Stop a composition that runs; one that is cancelled already stays so, one that ended otherwise is 409."""
    return controlling.cancel(str(composition_id), caller.current())


@router.post("/compositions/<composition_id>/retry", tags=TAGS, summary="Try again what failed", status_code=202)
def retry_composition(composition_id: Id) -> Response[ComposeAccepted]:
    """Run the steps that failed or were skipped again; what completed is kept. 409 where nothing failed."""
    return controlling.retry(str(composition_id), caller.current())


@router.post("/compositions/<composition_id>/feedback", tags=TAGS, summary="Rate an answer", status_code=204)
def rate_composition(composition_id: Id, feedback: CompositionFeedback) -> Response[None]:
    """Store a rating from 1 to 5, with words and whether it helped."""
    bootstrap.for_tenant(caller.current().tenant_id).compositions.save_feedback(str(composition_id), feedback)
    return done()
