"""Simulations with the services of a tenant: found in the cache, done at once, or queued."""

from __future__ import annotations

import json
import time
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, Any

from e2i_shared import bootstrap, settings
from e2i_shared.errors import ConflictError, E2IError, InputError
from e2i_shared.http import bundles, relaying
from e2i_shared.http.letters import noted
from e2i_shared.observability import telemetry
from e2i_shared.twins.model import NewSimulation
from e2i_shared.twins.spec import Thresholds, cache_key

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

    from e2i_shared.ports import Tenant
    from e2i_shared.twins.fidelity import Outcome
    from e2i_shared.twins.model import SimulateRequest, SimulationView, Twin
    from e2i_shared.twins.validation import Validation

V1 = "/api/v1"


def simulate(tenant: Tenant, twin: Twin, request: SimulateRequest, user: str | None) -> SimulationView:
    """Return the simulation: cached, done, or PENDING with where to look.

    Raises
    ------
    ConflictError
        When the twin is not trained, was deleted meanwhile, or its file is gone or damaged.
    UnprocessableError
        When the twin cannot know: it names the field and what would work.
    """
    digest = bundles.usable(twin).model_hash or ""
    known = tenant.twins.simulations.validations(twin.twin_id)
    key = cache_key(request.spec(), digest, thresholds(), history=[[v.tracking_id, v.actual_ate] for v in known])
    found = tenant.twins.simulations.cached(twin.twin_id, key)
    if found is not None:
        return found.model_copy(update={"cached": True, "status_url": where(found.simulation_id)})
    new = NewSimulation(twin_id=twin.twin_id, brand=twin.brand, request=request, cache_key=key, user=user)
    most = settings.read(settings.SimulationSettings).inline_twins
    if request.queued or request.twin_count > most:
        tenant.twins.simulations.create(new, queued=True)
        with suppress(E2IError):
            relaying.publish(tenant)
        return _shown(tenant, new.simulation_id)
    tenant.twins.simulations.create(new, queued=False)
    return run(tenant, twin, new, outcomes(known))


def run(tenant: Tenant, twin: Twin, new: NewSimulation, history: Sequence[Outcome]) -> SimulationView:
    """Do a stored simulation and keep its result, or the reason why there is none."""
    from e2i_shared.twins import simulate as numerics

    simulations = tenant.twins.simulations
    started = time.perf_counter()
    try:
        spec = new.request.spec()
        result = numerics.simulate(bundles.load(twin), spec, thresholds=thresholds(), history=history)
    except InputError as error:
        simulations.fail(new.simulation_id, error.message)
        telemetry.count("Simulations", {"status": "FAILED"})
        raise
    elapsed = (time.perf_counter() - started) * 1000
    if not simulations.complete(new.simulation_id, result, elapsed):
        simulations.fail(new.simulation_id, "The twin was deleted meanwhile.")
        raise ConflictError("The twin was deleted while it was simulated.", field="twin_id", got=twin.twin_id)
    telemetry.count("Simulations", {"status": "COMPLETED"}, simulate_ms=elapsed)
    return _shown(tenant, new.simulation_id)


@noted
def run_queued(record: SQSRecord) -> None:
    """Do the simulation that a message asks for; a second delivery changes nothing."""
    detail: dict[str, Any] = json.loads(record.body)["detail"]
    tenant = bootstrap.for_tenant(detail["tenant_id"])
    simulation_id = detail["simulation_id"]
    if not tenant.twins.simulations.begin(simulation_id):
        return
    new = tenant.twins.simulations.request(simulation_id)
    try:
        twin = tenant.twins.models.get(new.twin_id)
        known = tenant.twins.simulations.validations(twin.twin_id)
        run(tenant, twin, new, outcomes(known))
    except InputError as error:
        tenant.twins.simulations.fail(simulation_id, error.message)


def outcomes(known: Sequence[Validation]) -> list[Outcome]:
    """Return validations as the history that numerics take."""
    from e2i_shared.twins.fidelity import Outcome

    return [
        Outcome(
            simulated=each.simulated_ate,
            simulated_se=each.simulated_std_error,
            ci_lower=each.simulated_ci[0],
            ci_upper=each.simulated_ci[1],
            actual=each.actual_ate,
            actual_se=each.actual_std_error,
            sd=each.outcome_sd,
            at=datetime.fromisoformat(each.validated_at),
        )
        for each in known
    ]


def thresholds() -> Thresholds:
    """Return from where a recommendation follows: the usual, but what the settings say."""
    said = settings.read(settings.SimulationSettings)
    given = {name: getattr(said, name, None) for name in Thresholds.model_fields}
    return Thresholds.model_validate({name: value for name, value in given.items() if value is not None})


def where(simulation_id: str) -> str:
    """Return where a simulation is read."""
    return f"{V1}/digital-twin/simulations/{simulation_id}"


def _shown(tenant: Tenant, simulation_id: str) -> SimulationView:
    found = tenant.twins.simulations.get(simulation_id)
    return found.model_copy(update={"status_url": where(simulation_id)})
