"""Twins asked and compared with what came true; events of single entities."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from aws_lambda_powertools.event_handler.api_gateway import Response, Router

from e2i_shared import bootstrap
from e2i_shared.http import caller, checking, entities, simulating
from e2i_shared.http.parameters import Id
from e2i_shared.http.replies import reply
from e2i_shared.twins.model import EntityEvent, EntityVersion, SimulateByBrandRequest, SimulateRequest, SimulationView
from e2i_shared.twins.validation import Fidelity, ValidateRequest, Validation

if TYPE_CHECKING:
    from aws_lambda_powertools.event_handler.openapi.types import OpenAPIResponse, OpenAPIResponseContentModel

    from e2i_shared.ports import Tenant
    from e2i_shared.twins.model import Twin

router = Router()
TAGS = ["Digital twins"]
_VIEW: OpenAPIResponseContentModel = {"model": SimulationView}
_DONE: OpenAPIResponse = {"description": "The simulation.", "content": {"application/json": _VIEW}}
_QUEUED: OpenAPIResponse = {"description": "Queued: see Location.", "content": {"application/json": _VIEW}}


def _tenant() -> Tenant:
    return bootstrap.for_tenant(caller.current().tenant_id)


def _answer(twin: Twin, request: SimulateRequest) -> Response[SimulationView]:
    found = simulating.simulate(_tenant(), twin, request, caller.current().subject)
    status = HTTPStatus.ACCEPTED if found.status == "PENDING" else HTTPStatus.OK
    return reply(status, found, location=found.status_url)


@router.post(
    "/digital-twins/<twin_id>/simulate",
    tags=TAGS,
    summary="Simulate an intervention",
    responses={200: _DONE, 202: _QUEUED},
)
def simulate_twin(twin_id: Id, request: SimulateRequest) -> Response[SimulationView]:
    """Predict what an intervention does to a population: 200 up to 10,000 twins, else 202 with where to look."""
    return _answer(_tenant().twins.models.get(str(twin_id)), request)


@router.post(
    "/digital-twin/simulate",
    tags=TAGS,
    summary="Simulate on a brand's active twin",
    responses={200: _DONE, 202: _QUEUED},
)
def simulate_brand(request: SimulateByBrandRequest) -> Response[SimulationView]:
    """Like simulating a twin, the twin chosen by brand and, where there are several, by type and name."""
    twin = _tenant().twins.models.active(request.brand, request.twin_type, request.name)
    return _answer(twin, request.plain())


@router.post("/digital-twin/validate", tags=TAGS, summary="Tell what came true", status_code=201)
def validate_simulation(request: ValidateRequest) -> Response[Validation]:
    """Compare a simulation with the effect that a real test found; past errors widen later intervals."""
    return reply(HTTPStatus.CREATED, checking.validate(_tenant(), request, caller.current().subject))


@router.get("/digital-twins/<twin_id>/fidelity", tags=TAGS, summary="Read a twin's fidelity")
def read_fidelity(twin_id: Id) -> Fidelity:
    """Return how far a twin can be trusted: population, predictions, degradation."""
    return checking.fidelity_of(_tenant(), str(twin_id))


@router.get("/digital-twin/models/<model_id>/fidelity", tags=TAGS, summary="Read a model's fidelity")
def read_model_fidelity(model_id: Id) -> Fidelity:
    """Return the same by the model's id."""
    return checking.fidelity_of(_tenant(), str(model_id))


@router.post("/digital-twins/<twin_id>/events", tags=TAGS, summary="Tell what happened to an entity", status_code=201)
def add_event(twin_id: Id, event: EntityEvent) -> Response[EntityVersion]:
    """Make an entity's twin, or its next version; the same event again changes nothing."""
    return reply(HTTPStatus.CREATED, entities.tell(_tenant(), str(twin_id), event))
