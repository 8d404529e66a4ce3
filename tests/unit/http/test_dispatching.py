"""What the training queue brings: starts, log entries, retries, and ends told late."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from aws_lambda_powertools.utilities.batch.exceptions import BatchProcessingError
from builders_trained import FAILED_JOB, JOB, TWIN, WAITING_JOB, seed_twins, twin_request
from e2i_shared.http.logged import NOT_CONFIGURED
from e2i_shared.twins.model import NewTraining
from world import OTHER, TENANT, FakeWiring, body, event, request

from functions.api import handler as api
from functions.dispatch_training import handler as dispatching
from functions.fidelity_check import handler as checker

if TYPE_CHECKING:
    from e2i_shared.ports import Tenant


@pytest.fixture
def tenant(wiring: FakeWiring) -> Tenant:
    made = wiring.tenant(TENANT)
    seed_twins(made)
    return made


def deliver(kind: str, job_id: str, **detail: Any) -> Any:
    message = event("dispatch_training", kind)
    told = json.loads(message["Records"][0]["body"])
    if "input" in told["detail"]:
        told["detail"] |= {"input": json.dumps({"tenant_id": TENANT, "job_id": job_id}), "name": job_id}
    else:
        told["detail"]["job_id"] = job_id
    told["detail"] |= detail
    message["Records"][0]["body"] = json.dumps(told)
    return dispatching.handle(message, None)


def call(method: str, path: str, **more: Any) -> tuple[int, Any]:
    reply = api.handle(request(method, path, **more), None)
    return reply["statusCode"], body(reply)


def test_a_failed_training_asked_for_again_runs_in_an_execution_of_its_own(tenant: Tenant, wiring: FakeWiring):
    status, job = call("POST", f"/jobs/{FAILED_JOB}/retry")

    assert status == 202
    assert (job["status"], job["attempts"], job["retries"], job["error"]) == ("PENDING", 0, 1, None)
    assert ("training.requested", {"job_id": FAILED_JOB, "tenant_id": TENANT}) in wiring.bus.published
    deliver("requested", FAILED_JOB)
    assert wiring.trained.started[0][0] == f"{FAILED_JOB}-1"


def test_the_end_of_the_first_execution_told_late_leaves_the_retry_alone(tenant: Tenant):
    tenant.twins.jobs.retry(FAILED_JOB)

    deliver("timed_out", FAILED_JOB)
    assert tenant.twins.jobs.get(FAILED_JOB).status == "PENDING"

    deliver("timed_out", FAILED_JOB, name=f"{FAILED_JOB}-1")
    assert tenant.twins.jobs.get(FAILED_JOB).error == "The training passed its deadline."


@pytest.mark.parametrize("state", ["PENDING", "RUNNING", "COMPLETED", "CANCELLED", "deleted"])
def test_only_a_failed_training_whose_twin_is_there_is_tried_again(tenant: Tenant, state: str):
    jobs = tenant.twins.jobs
    new = NewTraining(request=twin_request(), user="anna")
    jobs.create(new)
    if state == "RUNNING":
        jobs.begin(new.job_id)
    if state == "CANCELLED":
        jobs.cancel(new.job_id, None)
    if state == "deleted":
        jobs.fail(new.job_id, "no luck")
        tenant.twins.models.delete(new.twin_id, None)

    status, problem = call("POST", f"/jobs/{JOB if state == 'COMPLETED' else new.job_id}/retry")

    assert status == 409
    assert state in problem["detail"]
    assert "generate" in problem["hint"]


def test_no_viewer_and_no_other_tenant_tries_a_training_again(tenant: Tenant, wiring: FakeWiring):
    wiring.tenant(OTHER)
    assert call("POST", f"/jobs/{FAILED_JOB}/retry", role="viewer")[0] == 403
    assert call("POST", f"/jobs/{FAILED_JOB}/retry", tenant=OTHER)[0] == 404


def test_a_data_set_that_is_gone_ends_the_job_instead_of_poisoning_the_queue(tenant: Tenant, wiring: FakeWiring):
    tenant.catalogue.delete("trial")

    assert deliver("requested", WAITING_JOB) == {"batchItemFailures": []}

    job = tenant.twins.jobs.get(WAITING_JOB)
    assert job.status == "FAILED"
    assert "trial" in (job.error or "")
    assert wiring.trained.started == []


def test_a_workflow_that_cannot_be_started_gives_the_message_back(tenant: Tenant, wiring: FakeWiring):
    wiring.trained.broken = True
    with pytest.raises(
        BatchProcessingError, match="no route"
    ):  # a whole batch that failed is an error, not an empty list
        deliver("requested", WAITING_JOB)
    assert tenant.twins.jobs.get(WAITING_JOB).status == "PENDING"

    wiring.trained.broken = False
    assert deliver("requested", WAITING_JOB) == {"batchItemFailures": []}
    assert [name for name, _ in wiring.trained.started] == [WAITING_JOB]


def test_what_is_pending_is_logged_on_request_by_the_workflow_s_last_state(tenant: Tenant, wiring: FakeWiring):
    tenant.twins.models.record_run(TWIN, None, None, "OperationalError: the store is away")

    status, found = call("POST", "/digital-twin/models/log")

    assert status == 202
    assert JOB in found["jobs"]
    assert ("training.log_requested", {"job_id": JOB, "tenant_id": TENANT}) in wiring.bus.published
    for _ in range(2):
        deliver("log_requested", JOB)
    names = {name for name, _ in wiring.trained.started}
    assert names == {f"{JOB}-log-2f0d31c2-0a3c-4a58-9d4e-9f6f6a3c0a11"}  # one message, one execution
    assert wiring.trained.started[0][1] == {"tenant_id": TENANT, "job_id": JOB, "log_only": True}


def test_what_is_logged_is_not_asked_for_again(tenant: Tenant):
    for twin in tenant.twins.jobs._held.twins:
        tenant.twins.models.record_run(twin, "run", "models:/x/1", None)
    assert call("POST", "/digital-twin/models/log")[1] == {"jobs": []}


@pytest.mark.parametrize(("reason", "asked"), [("ConnectionError: away", 1), (NOT_CONFIGURED, 0)])
def test_the_daily_check_asks_for_what_a_log_that_was_away_missed(tenant: Tenant, reason: str, asked: int):
    tenant.twins.models.record_run(TWIN, None, None, reason)
    assert checker.handle(event("fidelity_check", "tick"), None)["logging"] == asked
