"""Digital twins: trained, listed, read, deleted; their jobs, versions and simulations, read back."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated

from aws_lambda_powertools.event_handler.api_gateway import Response, Router
from aws_lambda_powertools.event_handler.openapi.params import Query

from e2i_shared import bootstrap
from e2i_shared.api.common import Page
from e2i_shared.http import caller, twins
from e2i_shared.http.parameters import Id
from e2i_shared.http.replies import done, reply
from e2i_shared.twins.model import (
    GenerateAccepted,
    GenerateRequest,
    Job,
    LogAccepted,
    SimulationQuery,
    SimulationSummary,
    SimulationView,
    Twin,
    TwinQuery,
    TwinSummary,
    Versions,
    VersionsQuery,
)

if TYPE_CHECKING:
    from e2i_shared.twins.repository import TwinStores

router = Router()
TAGS = ["Digital twins"]


def _stores() -> TwinStores:
    return bootstrap.for_tenant(caller.current().tenant_id).twins


@router.post("/digital-twins/generate", tags=TAGS, summary="Train a twin", status_code=202)
def generate_twin(request: GenerateRequest) -> Response[GenerateAccepted]:
    """Ask for a training; poll its job. The twin is the next version of its name and brand, and active once it is trained."""
    who = caller.current()
    accepted = twins.generate(bootstrap.for_tenant(who.tenant_id), request, who.subject)
    return reply(HTTPStatus.ACCEPTED, accepted, location=accepted.status_url)


@router.get("/digital-twins", tags=TAGS, summary="List twins")
def list_twins(query: Annotated[TwinQuery, Query()]) -> Page[TwinSummary]:
    """Return every version of every twin, newest first."""
    return _stores().models.list(query)


@router.get("/digital-twin/models", tags=TAGS, summary="List active twins")
def list_models(query: Annotated[TwinQuery, Query()]) -> Page[TwinSummary]:
    """Return the active twins, or with ``active=false`` the others; newest first."""
    return _stores().models.list(query.model_copy(update={"active": query.active is not False}))


@router.get("/digital-twins/<twin_id>", tags=TAGS, summary="Read a twin")
def read_twin(twin_id: Id) -> Twin:
    """Return a twin with what its training found: metrics, balance of pairs, likeness of the population, warnings."""
    return _stores().models.get(str(twin_id))


@router.delete("/digital-twins/<twin_id>", tags=TAGS, summary="Delete a twin", status_code=204)
def delete_twin(twin_id: Id) -> Response[None]:
    """Hide a version of a twin, and stop its training where that still runs; its simulations and validations stay."""
    twins.delete(_stores(), str(twin_id), caller.current().subject)
    return done()


@router.post("/digital-twins/<twin_id>/activate", tags=TAGS, summary="Use this version of a twin")
def activate_twin(twin_id: Id) -> Twin:
    """Make a trained version the active one of its name and brand."""
    return twins.activate(_stores(), str(twin_id), caller.current().subject)


@router.get("/digital-twins/<twin_id>/versions", tags=TAGS, summary="List versions")
def list_versions(twin_id: Id, query: Annotated[VersionsQuery, Query()]) -> Versions:
    """Return the versions of a trained twin, or of one entity's twin by its id, newest first; ``as_of`` for the past."""
    return twins.versions(_stores(), str(twin_id), query)


@router.get("/jobs/<job_id>", tags=TAGS, summary="Read a job")
def read_job(job_id: Id) -> Job:
    """Return status, phase and percent of a training."""
    return _stores().jobs.get(str(job_id))


@router.post("/jobs/<job_id>/cancel", tags=TAGS, summary="Cancel a job")
def cancel_job(job_id: Id) -> Job:
    """Stop a training before its next step; nothing is kept of it."""
    return _stores().jobs.cancel(str(job_id), caller.current().subject)


@router.post("/jobs/<job_id>/retry", tags=TAGS, summary="Train again what FAILED", status_code=202)
def retry_job(job_id: Id) -> Response[Job]:
    """Let a FAILED training wait as if it were new: after a cause that has passed, such as workers that were killed."""
    tenant = bootstrap.for_tenant(caller.current().tenant_id)
    job = twins.retry(tenant, str(job_id))
    return reply(HTTPStatus.ACCEPTED, job, location=f"{twins.V1}/jobs/{job.job_id}")


@router.post("/digital-twin/models/log", tags=TAGS, summary="Log what is pending", status_code=202)
def log_models() -> Response[LogAccepted]:
    """Ask for each trained twin that is not in the experiment log to be logged; ``mlflow_pending`` of a twin says how it went."""
    return reply(HTTPStatus.ACCEPTED, twins.log_pending(bootstrap.for_tenant(caller.current().tenant_id)))


@router.get("/digital-twin/simulations", tags=TAGS, summary="List simulations")
def list_simulations(query: Annotated[SimulationQuery, Query()]) -> Page[SimulationSummary]:
    """Return simulations, newest first."""
    return twins.simulations(_stores(), query)


@router.get("/digital-twin/simulations/<simulation_id>", tags=TAGS, summary="Read a simulation")
def read_simulation(simulation_id: Id) -> SimulationView:
    """Return a simulation and, once it is COMPLETED, its result with charts."""
    return _stores().simulations.get(str(simulation_id))
