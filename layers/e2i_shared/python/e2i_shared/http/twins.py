"""What routes do with stored twins; no arrays here."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from e2i_shared.api.common import Page
from e2i_shared.errors import ConflictError, E2IError, NotFoundError
from e2i_shared.http import bundles, entities, relaying, training
from e2i_shared.http.logged import NOT_CONFIGURED
from e2i_shared.twins.model import GenerateAccepted, LogAccepted, SimulationSummary, TwinQuery, Versions

if TYPE_CHECKING:
    from e2i_shared.ports import Tenant
    from e2i_shared.twins.model import GenerateRequest, Job, SimulationQuery, Twin, VersionsQuery
    from e2i_shared.twins.repository import TwinStores

V1 = "/api/v1"


def generate(tenant: Tenant, request: GenerateRequest, user: str | None) -> GenerateAccepted:
    """Store a training that is asked for and hand it to the bus; a bus that is away gets it from the relay."""
    job, version = training.ask(tenant, request, user)
    with suppress(E2IError):
        relaying.publish(tenant)
    return GenerateAccepted(
        job_id=job.job_id, twin_id=job.twin_id, version=version, status_url=f"{V1}/jobs/{job.job_id}"
    )


def retry(tenant: Tenant, job_id: str) -> Job:
    """Let a FAILED training wait as if it were new; raise ConflictError for another."""
    job = tenant.twins.jobs.retry(job_id)
    with suppress(E2IError):
        relaying.publish(tenant)
    return job


def log_pending(tenant: Tenant) -> LogAccepted:
    """Ask for every training that is not in the experiment log to be logged."""
    jobs = tenant.twins.jobs.ask_to_log()
    with suppress(E2IError):
        relaying.publish(tenant)
    return LogAccepted(jobs=[*jobs])


def delete(stores: TwinStores, twin_id: str, user: str) -> None:
    """Hide a version of a twin; where it is still trained, stop that too."""
    twin = stores.models.get(twin_id)
    stores.models.delete(twin.twin_id, user)
    if twin.job_id is not None:
        with suppress(ConflictError):  # its training has ended
            stores.jobs.cancel(twin.job_id, user)


def activate(stores: TwinStores, twin_id: str, user: str) -> Twin:
    """Make a version the active one; raise ConflictError where it is not trained."""
    twin = bundles.usable(stores.models.get(twin_id))
    stores.models.activate(twin.twin_id, f"Version {twin.version} was activated by {user}.")
    if twin.mlflow_run_id is not None and not twin.active:
        stores.models.record_run(twin.twin_id, None, None, "it became active: its alias is to be moved")
        stores.jobs.ask_to_log(unless=NOT_CONFIGURED)
    return stores.models.get(twin_id)


def versions(stores: TwinStores, twin_id: str, query: VersionsQuery) -> Versions:
    """Return the versions of a trained twin, or of an entity's twin."""
    try:
        twin = stores.models.get(twin_id)
    except NotFoundError:
        found = stores.entities.find(twin_id)
        if found is None:
            raise
        return entities.versions(twin_id, *found, query)
    if query.as_of is not None:
        raise ConflictError(
            "Only an entity's twin can be read as of a time.", field="as_of", got=query.as_of.isoformat()
        )
    asked = TwinQuery(name=twin.name, brand=twin.brand, limit=query.limit, cursor=query.cursor)
    page = stores.models.list(asked)
    return Versions(items=[*page.items], next_cursor=page.next_cursor)


def simulations(stores: TwinStores, query: SimulationQuery) -> Page[SimulationSummary]:
    """Return lines of simulations."""
    page = stores.simulations.list(query)
    lines = [
        SimulationSummary(**{name: getattr(v, name) for name in SimulationSummary.model_fields}) for v in page.items
    ]
    return Page[SimulationSummary](items=lines, next_cursor=page.next_cursor)
