"""How far twins can be trusted: predictions against what came true, the population against the data as it is now."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from e2i_shared import bootstrap, settings
from e2i_shared.errors import ConflictError, E2IError, InputError
from e2i_shared.http import bundles, relaying
from e2i_shared.http.logged import NOT_CONFIGURED
from e2i_shared.http.simulating import outcomes
from e2i_shared.http.training import CHALLENGER
from e2i_shared.observability import telemetry
from e2i_shared.twins.model import GenerateRequest, NewTraining, TwinQuery
from e2i_shared.twins.validation import Fidelity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from e2i_shared.api.common import Json
    from e2i_shared.ports import Tenant
    from e2i_shared.twins.bundle import Bundle
    from e2i_shared.twins.fidelity import Degradation, Outcome, Similarity
    from e2i_shared.twins.model import Twin
    from e2i_shared.twins.table import Table
    from e2i_shared.twins.validation import ValidateRequest, Validation

ALERT = "twin.fidelity_degraded"
SETTLED_SECONDS = 900  # a training that completed just now is being logged already
DRAWN = 6  # columns whose margins are drawn


def validate(tenant: Tenant, request: ValidateRequest, user: str | None) -> Validation:
    """Compare a simulation with what came true, keep it, and bring the twin's fidelity up to date."""
    from e2i_shared.twins.fidelity import Outcome, judge

    view = tenant.twins.simulations.get(request.simulation_id)
    twin = tenant.twins.models.get(view.twin_id)
    if view.simulated_ate is None or view.confidence_interval is None:
        raise ConflictError(
            "Only a COMPLETED simulation can be compared with what came true.", field="simulation_id", got=view.status
        )
    if request.actual_ate is None:
        request = request.told_by(tenant.twins.simulations.actual(request.actual_experiment_id or "", twin.outcome))
    sd = bundles.load(twin).header["outcome"]["sd"]
    predicted, (lower, upper), error = view.simulated_ate, view.confidence_interval, view.std_error or 0.0
    actual, actual_error, now = request.effect, request.standard_error, datetime.now(UTC)
    found = judge(Outcome(predicted, error, lower, upper, actual, actual_error, sd, now))
    relative = None if found.relative is None else found.error / abs(actual)
    verdict = {
        "error": found.error,
        "relative_error": relative,
        "ci_coverage": found.covered,
        "fidelity_grade": found.grade,
        "outcome_sd": sd,
    }
    kept = tenant.twins.simulations.validate(request, verdict, user)
    _keep(tenant, twin, twin.fidelity)
    return kept


def fidelity_of(tenant: Tenant, twin_id: str) -> Fidelity:
    """Return everything that is known of a twin's fidelity."""
    from e2i_shared.twins import fidelity

    twin = bundles.usable(tenant.twins.models.get(twin_id))
    known = tenant.twins.simulations.validations(twin_id)
    history = outcomes(known)
    population = population_of(twin)
    score, grade = fidelity.fidelity_score(population, history)
    return Fidelity(
        twin_id=twin_id,
        score=score,
        grade=grade,
        population=population,
        accuracy=asdict(fidelity.track_prediction_accuracy(history)),
        similarity=twin.fidelity.get("similarity"),
        degradation=asdict(fidelity.degradation(history)),
        past_errors=asdict(fidelity.past_errors(history)),
        validations=list(known),
        checked_at=twin.last_fidelity_update,
        warnings=twin.fidelity.get("warnings", []),
        charts=_charts(twin, history),
    )


def _charts(twin: Twin, history: list[Outcome]) -> dict[str, Json]:
    """Return predictions over time, and the margins of twins beside those of the units they were learned from."""
    from e2i_shared.twins import charts

    drawn = {"fidelity_history": charts.fidelity_history(history, twin.outcome)} if history else {}
    with suppress(ConflictError):  # a damaged file hides pictures, not what is known
        bundle = bundles.load(twin)
        drawn |= {f"margin_{name}": charts.margins(bundle.units, bundle.twins, name) for name in twin.features[:DRAWN]}
    return drawn


def population_of(twin: Twin) -> float:
    """Return how like the twins are to the units they were learned from, as training found it."""
    return float(twin.figures["population"]["score"])


def check_all() -> dict[str, Any]:
    """Check every active twin of every tenant, and ask for the logging of trainings that could not be logged before.

    A twin that cannot be checked does not keep the others from it.
    """
    done = {"checked": 0, "degraded": 0, "retrained": 0, "failed": 0, "logging": 0}
    for tenant_id in bootstrap.tenants():
        tenant = bootstrap.for_tenant(tenant_id)
        done["logging"] += len(tenant.twins.jobs.ask_to_log(settled_seconds=SETTLED_SECONDS, unless=NOT_CONFIGURED))
        for twin in active_twins(tenant):
            try:
                found = check(tenant, twin)
            except E2IError as error:
                telemetry.note("fidelity_check_failed", twin_id=twin.twin_id, error_type=type(error).__name__)
                done["failed"] += 1
                continue
            done["checked"] += 1
            done["degraded"] += "alert" in found
            done["retrained"] += found["retraining"]["go"]
    return done


def active_twins(tenant: Tenant) -> Iterator[Twin]:
    """Yield every active twin of a tenant."""
    cursor: str | None = None
    while True:
        page = tenant.twins.models.list(TwinQuery(active=True, limit=100, cursor=cursor))
        for line in page.items:
            yield tenant.twins.models.get(line.twin_id)
        cursor = page.next_cursor
        if cursor is None:
            return


def check(tenant: Tenant, twin: Twin) -> Json:
    """Compare a twin with its data as it is now, keep what was found, raise the alarm, train again where that is allowed."""
    from e2i_shared.twins import fidelity

    history = outcomes(tenant.twins.simulations.validations(twin.twin_id))
    found: Json = {"warnings": []}
    drifted: tuple[str, ...] = ()
    try:
        similarity = similarity_now(tenant, twin)
    except InputError as error:
        found["warnings"].append(f"The data set cannot be compared: {error.message}")
    else:
        found["similarity"], drifted = asdict(similarity), similarity.drifted
    degraded = fidelity.degradation(history)
    if degraded.severity in {"warning", "critical"}:
        found["alert"] = {"severity": degraded.severity, "reason": degraded.reason}
        telemetry.count("FidelityAlerts", {"severity": degraded.severity})
    found["retraining"] = _retrain(tenant, twin, degraded, drifted)
    _keep(tenant, twin, found, ALERT if "alert" in found else None)
    return found


def similarity_now(tenant: Tenant, twin: Twin) -> Similarity:
    """Return how like the twins still are to the newest version of their data set."""
    from e2i_shared.twins.check import gather
    from e2i_shared.twins.fidelity import calculate_distribution_similarity
    from e2i_shared.twins.table import table_of

    bundle = bundles.load(twin)
    spec = GenerateRequest.model_validate(twin.training_config).spec()
    material = gather(tenant.data, spec)
    real = table_of(material.frame, {each.name: each.values for each in material.interventions})
    return calculate_distribution_similarity(bundle.twins, recoded(real, bundle))


def recoded(real: Table, bundle: Bundle) -> Table:
    """Return a table whose category codes are those of the bundle; levels it never saw share one code of their own."""
    import numpy as np

    from e2i_shared.twins.table import Table

    categories = {}
    for name, codes in real.categories.items():
        known = {level: code for code, level in enumerate(bundle.twins.levels[name])}
        missing = len(known)
        translated = np.array(
            [*(known.get(level, missing + 1) for level in real.levels[name]), missing], dtype=np.float64
        )
        categories[name] = translated[codes.astype(np.intp)]
    return Table(real.n, real.numbers, categories, bundle.twins.levels, real.dates)


def _retrain(tenant: Tenant, twin: Twin, degraded: Degradation, drifted: tuple[str, ...]) -> Json:
    from e2i_shared.twins.fidelity import may_retrain

    attempts = tenant.twins.jobs.asked(twin.name, twin.brand, CHALLENGER)
    found = may_retrain(degraded, attempts, datetime.now(UTC), drifted=drifted)
    if not found.go or not settings.read(settings.FidelityCheckSettings).automatic_retraining:
        return {"go": False, "advised": found.go, "reason": found.reason}
    job, _ = tenant.twins.jobs.create(
        NewTraining(request=GenerateRequest.model_validate(twin.training_config), user=CHALLENGER)
    )
    relaying.publish(tenant)
    return {"go": True, "advised": True, "reason": found.reason, "job_id": job.job_id}


def _keep(tenant: Tenant, twin: Twin, found: Json, event: str | None = None) -> None:
    from e2i_shared.twins.fidelity import fidelity_score

    history: list[Outcome] = outcomes(tenant.twins.simulations.validations(twin.twin_id))
    score, grade = fidelity_score(population_of(twin), history)
    tenant.twins.models.record_fidelity(twin.twin_id, score, len(history), found | {"grade": grade}, event)
