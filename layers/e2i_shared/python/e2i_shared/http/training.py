"""The training workflow's phases: train, log, record a failure; and what is asked before it starts."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from e2i_shared import bootstrap, settings
from e2i_shared.errors import InputError, MalformedRequestError, in_tree
from e2i_shared.http import bundles, logged
from e2i_shared.observability import telemetry
from e2i_shared.twins.model import NewTraining, Trained

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from e2i_shared.datasets.frame import DataSource
    from e2i_shared.ports import Tenant
    from e2i_shared.twins.model import GenerateRequest, Job
    from e2i_shared.twins.train import Trained as Learned

    Event = dict[str, Any]

MOST_ATTEMPTS = 3
DEATHS = frozenset({"Runtime.ExitError", "States.TaskFailed", "Lambda.Unknown"})  # a worker that ended without a word
CHALLENGER = "fidelity_check"  # who asks for trainings that must prove better before they are used


def run_phase(event: Event, _context: Any) -> Event:
    """Run the phase that an event names; what it raises goes to the workflow, which retries or records it by name."""
    phases: Mapping[str, Callable[[Tenant, Event], str]] = {
        "train": lambda tenant, given: train(tenant, given["job_id"]),
        "log": lambda tenant, given: logged.log(tenant, given["job_id"]),
        "record_failure": _record_failure,
    }
    if event.get("phase") not in phases:
        raise MalformedRequestError("The event names no phase.", field="phase", expected=", ".join(phases))
    telemetry.remember(tenant_id=event["tenant_id"], job_id=event["job_id"], phase=event["phase"])
    started = time.perf_counter()
    try:
        status = phases[event["phase"]](bootstrap.for_tenant(event["tenant_id"]), event)
    except Exception as error:
        telemetry.note("training_phase_failed", error_type=type(error).__name__)
        raise in_tree(error) from error
    else:
        elapsed = (time.perf_counter() - started) * 1000
        telemetry.count("TrainingPhases", {"phase": event["phase"], "status": status}, phase_ms=elapsed)
        return {"tenant_id": event["tenant_id"], "job_id": event["job_id"], "status": status}
    finally:
        telemetry.forget()


def train(tenant: Tenant, job_id: str) -> str:
    """Train what a job asks for, from the start, and return how the job stands; one that has ended is left alone."""
    jobs = tenant.twins.jobs
    job = jobs.begin(job_id)
    if job is None:
        return jobs.get(job_id).status
    if job.attempts > MOST_ATTEMPTS:
        interrupted = f"The training was interrupted {MOST_ATTEMPTS} times; it may need more memory or time."
        jobs.fail(job_id, f"{interrupted} POST /jobs/{job_id}/retry tries it again.")
        return "FAILED"
    try:
        learned = _learn(tenant, job)
    except InputError as error:
        jobs.fail(job_id, reason_of(error))
        return jobs.get(job_id).status
    jobs.complete(job_id, _keep(tenant, job, learned))
    return jobs.get(job_id).status


def reason_of(error: InputError) -> str:
    """Return in one text what was wrong, where, what would be right and what to do."""
    said = error.details()
    about = [f"{name} {said[key]}" for name, key in (("expected", "expected"), ("got", "got")) if key in said]
    place = f"({said['field']}: {', '.join(about)})" if "field" in said and about else ""
    return " ".join(filter(None, [error.message, place, error.hint]))


def _learn(tenant: Tenant, job: Job) -> Learned:
    from e2i_shared.twins import train as training

    jobs = tenant.twins.jobs
    report = training.Reporter(
        lambda phase, percent: jobs.progress(job.job_id, phase, min(percent, 99)),
        lambda: jobs.get(job.job_id).ended,
    )
    threads = settings.read(settings.TrainTwinSettings).training_threads
    data: DataSource = tenant.data
    if job.requested_by == CHALLENGER:
        from e2i_shared.http.challenging import Part

        data = Part(tenant.data, held_out=False)
    return training.train(data, jobs.request(job.job_id).spec(), threads=threads, report=report)


def _keep(tenant: Tenant, job: Job, learned: Learned) -> Trained:
    from e2i_shared.twins import bundle

    body = bundle.write(learned.bundle)
    digest = bundle.digest_of(body)
    key = bundles.key_of(tenant.tenant_id, digest)
    bootstrap.objects().put(key, body)
    features = [name for name in learned.bundle.twins.names if name not in learned.bundle.effects]
    return Trained(
        bundle_key=key,
        bundle_digest=digest,
        features=features,
        metrics=dict(learned.metrics),
        figures=learned.figures,
        warnings=list(learned.warnings),
        fidelity_score=learned.bundle.header["fidelity"],
        active=job.requested_by != CHALLENGER or _wins(tenant, job, learned),
    )


def _wins(tenant: Tenant, job: Job, learned: Learned) -> bool:
    from e2i_shared.http import challenging

    return challenging.wins(tenant, job, learned.bundle)


def _record_failure(tenant: Tenant, event: Event) -> str:
    """End a job whose training died; a job that has ended keeps its end."""
    error = event.get("error") or {}
    job = tenant.twins.jobs.get(event["job_id"])
    said = f"The training broke off: {_cause(error.get('Cause', '')) or error.get('Error', 'unknown error')}."
    if error.get("Error") in DEATHS:
        said = f"The training's worker was ended {job.attempts} times before it was done ({error['Error']}); it may need more memory."
    tenant.twins.jobs.fail(job.job_id, f"{said} POST /jobs/{job.job_id}/retry tries it again.")
    return tenant.twins.jobs.get(job.job_id).status


def _cause(text: str) -> str:
    try:
        found = json.loads(text)
    except ValueError:
        return text[:500].rstrip(".")
    return str(found.get("errorMessage", ""))[:500].rstrip(".") if isinstance(found, dict) else ""


def ask(tenant: Tenant, request: GenerateRequest, user: str | None) -> tuple[Job, int]:
    """Store a training that is asked for; raise an UnprocessableError that names what the data set does not hold."""
    dataset = tenant.catalogue.find(request.dataset)
    named = [("outcome", request.outcome)]
    named += [("interventions", each) for each in request.interventions]
    named += [("features", each) for each in request.features or []]
    for field, name in [*named, *([("cluster_col", request.cluster_col)] if request.cluster_col else [])]:
        if dataset.column(name) is None:
            raise _unknown(dataset.name, field, name, [column.name for column in dataset.columns])
    return tenant.twins.jobs.create(NewTraining(request=request, user=user))


def _unknown(dataset: str, field: str, name: str, columns: list[str]) -> InputError:
    import difflib

    from e2i_shared.errors import UnknownColumnError

    return UnknownColumnError(
        f"Data set {dataset!r} has no column {name!r}.",
        field=field,
        expected=f"a column of {dataset!r}",
        got=name,
        candidates=difflib.get_close_matches(name, columns, n=3, cutoff=0.4) or columns[:10],
    )
