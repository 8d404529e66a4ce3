"""A twin of the randomised trial, trained once, as the service keeps it."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from e2i_shared import bootstrap
from e2i_shared.datasets.describe import describe_frame
from e2i_shared.datasets.memory import MemoryDataSource
from e2i_shared.errors import NotFoundError
from e2i_shared.http import bundles
from e2i_shared.tools._twins import TrainedTwin
from e2i_shared.twins import bundle
from e2i_shared.twins.model import (
    GenerateRequest,
    NewSimulation,
    NewTraining,
    SimulateRequest,
    SimulationView,
    Trained,
)
from e2i_shared.twins.simulate import simulate
from e2i_shared.twins.train import train

if TYPE_CHECKING:
    from e2i_shared.ports import Tenant
    from e2i_shared.twins.results import Simulation
    from e2i_shared.twins.train import Trained as Learned

TWIN = "01999999-0000-7000-8000-00000000b001"
JOB = "01999999-0000-7000-8000-00000000b002"
OLD_TWIN = "01999999-0000-7000-8000-00000000b003"
WAITING_JOB = "01999999-0000-7000-8000-00000000b004"
FAILED_JOB = "01999999-0000-7000-8000-00000000b009"
SIMULATION = "01999999-0000-7000-8000-00000000b005"
ENTITY = "hcp-17"


def twin_request(**changes: Any) -> GenerateRequest:
    """Return the request for a small twin of the trial."""
    asked: dict[str, Any] = {
        "name": "responders",
        "twin_type": "hcp",
        "brand": "Kisqali",
        "dataset": "trial",
        "outcome": "trx",
        "interventions": ["visits"],
        "features": ["region"],
        "twins": 600,
    }
    return GenerateRequest.model_validate(asked | changes)


@cache
def learned() -> Learned:
    """Train it."""
    from world import trial

    spec, frame = trial(1_200)
    return train(MemoryDataSource({"trial": (describe_frame(frame, spec), frame)}), twin_request().spec())


@cache
def content() -> bytes:
    """Return its file."""
    return bundle.write(learned().bundle)


@cache
def simulated() -> Simulation:
    """Return what it says of visits."""
    return simulate(bundle.read(content()), SimulateRequest(intervention_type="visits").spec())


def trained(tenant_id: str, **changes: Any) -> Trained:
    """Return what its training left behind, and keep its file."""
    digest = bundle.digest_of(content())
    key = bundles.key_of(tenant_id, digest)
    bootstrap.objects().put(key, content())
    found = learned()
    kept: dict[str, Any] = {
        "bundle_key": key,
        "bundle_digest": digest,
        "features": ["region"],
        "metrics": dict(found.metrics),
        "figures": found.figures,
        "warnings": list(found.warnings),
        "fidelity_score": found.bundle.header["fidelity"],
    }
    return Trained.model_validate(kept | changes)


def seed_twins(tenant: Tenant) -> None:
    """Store two versions of the twin, a job that waits, and a simulation: what the example events name."""
    jobs, simulations = tenant.twins.jobs, tenant.twins.simulations
    for job_id, twin_id in (("01999999-0000-7000-8000-00000000b006", OLD_TWIN), (JOB, TWIN)):
        jobs.create(NewTraining(job_id=job_id, twin_id=twin_id, request=twin_request(), user="anna"))
        jobs.begin(job_id)
        jobs.complete(job_id, trained(tenant.tenant_id))
    jobs.create(NewTraining(job_id=FAILED_JOB, request=twin_request(name="unlucky"), user="anna"))
    jobs.fail(FAILED_JOB, "The training broke off.")
    jobs.create(NewTraining(job_id=WAITING_JOB, request=twin_request(), user="anna"))
    request = SimulateRequest(intervention_type="visits")
    simulations.create(
        NewSimulation(simulation_id=SIMULATION, twin_id=TWIN, brand="Kisqali", request=request, cache_key="seed"),
        queued=False,
    )
    simulations.complete(SIMULATION, simulated(), 3.5)


class TrialTwins:
    """The trial's twin, as tools may ask it: without a database."""

    def find(self, twin_id: str | None, brand: str | None) -> TrainedTwin:
        """Return it; nobody else has one."""
        if (brand or "Kisqali").lower() != "kisqali" or twin_id not in (None, TWIN):
            raise NotFoundError("There is no such twin.", field="brand", got=brand or twin_id)
        catalogue = bundle.read(content()).catalogue
        return TrainedTwin(TWIN, "responders", "Kisqali", 2, "unvalidated", "trx", ("visits",), catalogue)

    def learned_from(self, dataset: str, treatment: str, outcome: str, brand: str | None) -> TrainedTwin | None:
        """Return it where it was learned from that."""
        same = (dataset, treatment, outcome) == ("trial", "visits", "trx") and (brand or "Kisqali") == "Kisqali"
        return self.find(None, None) if same else None

    def simulate(self, twin_id: str, request: SimulateRequest) -> SimulationView:
        """Simulate."""
        assert twin_id == TWIN
        found = simulate(bundle.read(content()), request.spec())
        known = {"simulation_id": SIMULATION, "twin_id": TWIN, "brand": "Kisqali", "status": "COMPLETED"}
        asked = {"intervention_type": request.intervention_type, "twin_count": request.twin_count, "created_at": ""}
        return SimulationView.model_validate(found.model_dump(mode="json") | known | asked)
