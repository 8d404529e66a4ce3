"""What the training queue brings: trainings and log entries that were asked for, executions that ended by themselves."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from e2i_shared import bootstrap, settings
from e2i_shared.errors import InputError
from e2i_shared.http.letters import noted
from e2i_shared.http.training import reason_of
from e2i_shared.observability import telemetry

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

    from e2i_shared.ports import Tenant
    from e2i_shared.twins.model import Job

    Event = dict[str, Any]

ENDINGS = {
    "TIMED_OUT": "The training passed its deadline.",
    "ABORTED": "The training was stopped before it ended.",
    "FAILED": "The training failed outside its own states.",
}


@noted
def dispatch(record: SQSRecord) -> None:
    """Start what a message asks for, or end the job whose execution ended by itself."""
    event: Event = json.loads(record.body)
    if event["detail-type"] == "training.requested":
        _start(bootstrap.for_tenant(event["detail"]["tenant_id"]), event["detail"]["job_id"])
    elif event["detail-type"] == "training.log_requested":
        _log(bootstrap.for_tenant(event["detail"]["tenant_id"]), event["detail"]["job_id"], event["id"])
    else:
        _end(event["detail"])


def execution_name(job: Job) -> str:
    """Return the name of the execution a job runs in: its id, and from the first retry on the retry's number."""
    return f"{job.job_id}-{job.retries}" if job.retries else job.job_id


def _start(tenant: Tenant, job_id: str) -> None:
    job = tenant.twins.jobs.get(job_id)
    if job.ended:
        return
    try:
        rows = tenant.catalogue.find(tenant.twins.jobs.request(job_id).dataset).rows
    except InputError as error:  # the data set is gone: trying again would not bring it back
        tenant.twins.jobs.fail(job_id, reason_of(error))
        telemetry.count("Trainings", {"status": "FAILED"})
        return
    named = {"tenant_id": tenant.tenant_id, "job_id": job_id}
    most = settings.read(settings.DispatchTrainingSettings).function_rows
    payload = {**named, "train": {"phase": "train", **named}, "rows": rows, "function_rows": most}
    bootstrap.trainings().start(execution_name(job), payload)


def _log(tenant: Tenant, job_id: str, event_id: str) -> None:
    """Start the workflow at its last state; the same message twice starts it once."""
    payload = {"tenant_id": tenant.tenant_id, "job_id": job_id, "log_only": True}
    bootstrap.trainings().start(f"{job_id}-log-{event_id[:36]}", payload)


def _end(ended: Event) -> None:
    """End a job whose execution ended by itself, unless another execution runs it by now."""
    about = json.loads(ended["input"])
    jobs = bootstrap.for_tenant(about["tenant_id"]).twins.jobs
    if ended["name"] == execution_name(jobs.get(about["job_id"])) and jobs.fail(
        about["job_id"], ENDINGS[ended["status"]]
    ):
        telemetry.count("Trainings", {"status": "FAILED"})
