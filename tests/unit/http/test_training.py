"""From a training that is asked for to a twin: phases over fakes, with the real numerics on small data."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from builders_trained import JOB, TWIN, WAITING_JOB, content, seed_twins, trained, twin_request
from e2i_shared.datasets.describe import describe_frame
from e2i_shared.datasets.frame import Frame, Numbers
from e2i_shared.datasets.memory import MemoryDataSource
from e2i_shared.errors import DatabaseUnavailableError, MalformedRequestError
from e2i_shared.http import bundles, challenging, training
from e2i_shared.mlflow_log import MlflowLog
from e2i_shared.twins import train as numerics
from e2i_shared.twins.log import LoggedRun
from e2i_shared.twins.model import NewTraining
from world import TENANT, FakeWiring, body, event, request, trial

from functions.api import handler as api
from functions.dispatch_training import handler as dispatching
from functions.train_twin import handler as worker
from functions.train_twin import task

if TYPE_CHECKING:
    from e2i_shared.ports import Tenant


@pytest.fixture
def tenant(wiring: FakeWiring) -> Tenant:
    """A tenant whose trial has enough rows to learn from."""
    return with_trial(wiring, 1_200)


def with_trial(wiring: FakeWiring, rows: int, shift: float = 0.0) -> Tenant:
    spec, frame = trial(rows)
    columns = dict(frame.columns)
    north = np.asarray(columns["region"].codes) == 0
    columns["trx"] = Numbers(frame.numbers("trx") + shift * np.where(north, 1.0, -1.0))
    data = MemoryDataSource({"trial": (describe_frame(Frame(frame.n, columns), spec), Frame(frame.n, columns))})
    made = replace(wiring.tenant(TENANT), data=data)
    wiring.made[TENANT] = made
    return made


def ask(tenant: Tenant, user: str = "anna", **changes: Any) -> tuple[str, str]:
    new = NewTraining(request=twin_request(**changes), user=user)
    tenant.twins.jobs.create(new)
    return new.job_id, new.twin_id


def run(phase: str, job_id: str, **more: Any) -> str:
    return str(worker.handle({"phase": phase, "tenant_id": TENANT, "job_id": job_id, **more}, None)["status"])


def test_a_training_ends_with_an_active_twin_whose_file_is_what_its_hash_says(tenant: Tenant, wiring: FakeWiring):
    job_id, twin_id = ask(tenant)

    assert run("train", job_id) == "COMPLETED"

    job, twin = tenant.twins.jobs.get(job_id), tenant.twins.models.get(twin_id)
    assert (job.percent, job.phase, job.attempts) == (100, "done", 1)
    assert twin.active
    assert twin.bundle_key in wiring.store.held
    assert bundles.load(twin).digest == twin.model_hash
    assert twin.features == ["region"]
    assert twin.metrics["visits_auc"] == pytest.approx(0.5, abs=0.08)  # who is visited was drawn by lot


def test_progress_names_every_phase_in_order(tenant: Tenant, monkeypatch: pytest.MonkeyPatch):
    seen: list[tuple[str, int]] = []
    jobs = tenant.twins.jobs
    monkeypatch.setattr(jobs, "progress", lambda _id, phase, percent: seen.append((phase, percent)))

    run("train", ask(tenant)[0])

    assert list(dict.fromkeys(phase for phase, _ in seen)) == [*numerics.PHASES, "done"]
    assert [percent for _, percent in seen] == sorted(percent for _, percent in seen)


def test_data_that_cannot_be_learned_from_ends_the_job_failed_with_the_reason(wiring: FakeWiring):
    tenant = with_trial(wiring, 400)
    job_id, twin_id = ask(tenant)

    assert run("train", job_id) == "FAILED"

    assert "400 rows are too few to learn a twin from." in (tenant.twins.jobs.get(job_id).error or "")
    assert tenant.twins.models.get(twin_id).status == "FAILED"


def test_a_second_delivery_trains_nothing(tenant: Tenant, monkeypatch: pytest.MonkeyPatch):
    job_id, _ = ask(tenant)
    run("train", job_id)
    monkeypatch.setattr(numerics, "train", lambda *_a, **_k: pytest.fail("trained twice"))

    assert run("train", job_id) == "COMPLETED"
    assert tenant.twins.jobs.get(job_id).attempts == 1


def test_a_killed_attempt_is_followed_by_another_one(tenant: Tenant):
    job_id, _ = ask(tenant)
    tenant.twins.jobs.begin(job_id)  # and the worker died

    assert run("train", job_id) == "COMPLETED"
    assert tenant.twins.jobs.get(job_id).attempts == 2


class KilledError(BaseException):
    """What no handler catches: the worker's end."""


@pytest.mark.parametrize("phase", numerics.PHASES)
def test_a_training_killed_in_any_phase_is_trained_from_the_start_and_ends_as_if_nothing_had_been(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch, phase: str
):
    job_id, twin_id = ask(tenant)
    progressed = tenant.twins.jobs.progress

    def kill(job: str, at: str, percent: int) -> None:
        progressed(job, at, percent)
        if at == phase:
            raise KilledError

    with monkeypatch.context() as dying:
        dying.setattr(tenant.twins.jobs, "progress", kill)
        with pytest.raises(KilledError):
            run("train", job_id)
    job = tenant.twins.jobs.get(job_id)
    assert (job.status, job.phase) == ("RUNNING", phase)
    assert tenant.twins.models.get(twin_id).model_hash is None

    assert run("train", job_id) == "COMPLETED"

    twin = tenant.twins.models.get(twin_id)
    assert tenant.twins.jobs.get(job_id).attempts == 2
    assert bundles.load(twin).digest == twin.model_hash
    assert twin.active


def test_a_training_that_dies_again_and_again_ends_failed(tenant: Tenant):
    job_id, _ = ask(tenant)
    for _ in range(training.MOST_ATTEMPTS):
        tenant.twins.jobs.begin(job_id)

    assert run("train", job_id) == "FAILED"
    assert "interrupted 3 times" in (tenant.twins.jobs.get(job_id).error or "")


def test_cancelling_stops_a_training_before_its_next_step(tenant: Tenant, monkeypatch: pytest.MonkeyPatch):
    job_id, twin_id = ask(tenant)
    jobs = tenant.twins.jobs
    progressed = jobs.progress

    def cancel_at_matching(job: str, phase: str, percent: int) -> None:
        progressed(job, phase, percent)
        if phase == "matching":
            jobs.cancel(job, "ben")

    monkeypatch.setattr(jobs, "progress", cancel_at_matching)

    assert run("train", job_id) == "CANCELLED"
    assert tenant.twins.models.get(twin_id).model_hash is None
    assert jobs.get(job_id).error == "Cancelled by ben."


def test_deleting_a_twin_stops_its_training(tenant: Tenant, monkeypatch: pytest.MonkeyPatch):
    job_id, twin_id = ask(tenant)
    jobs = tenant.twins.jobs
    progressed = jobs.progress

    def delete_at_matching(job: str, phase: str, percent: int) -> None:
        progressed(job, phase, percent)
        if phase == "matching":
            reply = api.handle(request("DELETE", f"/digital-twins/{twin_id}", role="owner"), None)
            assert reply["statusCode"] == 204

    monkeypatch.setattr(jobs, "progress", delete_at_matching)

    assert run("train", job_id) == "CANCELLED"


def test_a_database_that_is_away_is_left_to_the_workflow_to_retry(tenant: Tenant, monkeypatch: pytest.MonkeyPatch):
    job_id, _ = ask(tenant)

    def away(*_args: Any, **_more: Any) -> None:
        raise DatabaseUnavailableError("gone")

    monkeypatch.setattr(numerics, "train", away)
    with pytest.raises(DatabaseUnavailableError):
        run("train", job_id)
    assert tenant.twins.jobs.get(job_id).status == "RUNNING"


def test_what_the_workflow_saw_die_is_recorded(wiring: FakeWiring):
    seed_twins(wiring.tenant(TENANT))

    worker.handle(event("train_twin", "record_failure"), None)

    error = wiring.tenant(TENANT).twins.jobs.get(WAITING_JOB).error or ""
    assert error.startswith("The training's worker was ended 0 times before it was done (Runtime.ExitError)")
    assert error.endswith(f"POST /jobs/{WAITING_JOB}/retry tries it again.")


@pytest.mark.parametrize(("cause", "said"), [("", "Boom"), ("not json", "not json"), ("[1]", "Boom")])
def test_a_failure_without_a_readable_cause_is_named_by_its_error(tenant: Tenant, cause: str, said: str):
    job_id, _ = ask(tenant)
    run("record_failure", job_id, error={"Error": "Boom", "Cause": cause})
    told = tenant.twins.jobs.get(job_id).error or ""
    assert told.startswith(f"The training broke off: {said}.")
    assert f"/jobs/{job_id}/retry" in told


def test_an_event_without_a_known_phase_is_refused():
    with pytest.raises(MalformedRequestError, match="no phase"):
        worker.handle({"phase": "guess", "tenant_id": TENANT, "job_id": JOB}, None)


def test_the_container_task_reads_its_event_from_the_environment(tenant: Tenant, monkeypatch: pytest.MonkeyPatch):
    job_id, _ = ask(tenant)
    told = {"phase": "record_failure", "tenant_id": TENANT, "job_id": job_id, "error": {"Error": "OutOfMemory"}}
    monkeypatch.setenv(task.EVENT, json.dumps(told))

    assert task.main() == 0
    assert tenant.twins.jobs.get(job_id).status == "FAILED"


class ScriptedLog:
    """Remembers what was logged, or is away."""

    def __init__(self, *, away: bool = False) -> None:
        self.away = away
        self.logged: list[tuple[str, bytes]] = []

    def record(self, tenant_id: str, twin: Any, bundle: bytes) -> LoggedRun:
        if self.away:
            raise ConnectionError("no route to the store")
        self.logged.append((f"{tenant_id}/{twin.name}", bundle))
        return LoggedRun("run-7", "models:/responders/1")


def test_a_trained_twin_is_logged_with_its_file(wiring: FakeWiring):
    tenant = wiring.tenant(TENANT)
    seed_twins(tenant)
    wiring.experiments = ScriptedLog()

    worker.handle(event("train_twin", "log"), None)

    twin = tenant.twins.models.get(TWIN)
    assert wiring.experiments.logged == [(f"{TENANT}/responders", content())]
    assert (twin.mlflow_run_id, twin.mlflow_model_uri, twin.mlflow_pending) == ("run-7", "models:/responders/1", None)


@pytest.mark.parametrize(
    ("log", "reason"),
    [(ScriptedLog(away=True), "ConnectionError: no route to the store"), (None, "no experiment log is configured")],
)
def test_a_log_that_is_away_leaves_the_twin_usable_and_says_why_it_is_pending(
    wiring: FakeWiring, log: Any, reason: str
):
    tenant = wiring.tenant(TENANT)
    seed_twins(tenant)
    wiring.experiments = log

    assert run("log", JOB) == "COMPLETED"

    twin = tenant.twins.models.get(TWIN)
    assert twin.mlflow_pending is not None
    assert twin.mlflow_pending.startswith(reason)
    assert twin.active


def test_a_store_that_does_not_answer_is_pending_within_seconds_and_logged_once_it_does(wiring: FakeWiring):
    tenant = wiring.tenant(TENANT)
    seed_twins(tenant)
    wiring.experiments = MlflowLog("postgresql+psycopg://e2i_mlflow:secret@127.0.0.1:1/e2i")
    started = time.monotonic()

    assert run("log", JOB) == "COMPLETED"

    assert time.monotonic() - started < 10
    pending = tenant.twins.models.get(TWIN).mlflow_pending or ""
    assert "OperationalError" in pending
    assert "secret" not in pending
    assert JOB in tenant.twins.jobs.ask_to_log()
    wiring.experiments = ScriptedLog()
    run("log", JOB)
    assert tenant.twins.models.get(TWIN).mlflow_pending is None
    assert JOB not in tenant.twins.jobs.ask_to_log()


def test_a_training_that_failed_is_not_logged(tenant: Tenant, wiring: FakeWiring):
    wiring.experiments = ScriptedLog()
    job_id, _ = ask(tenant)
    tenant.twins.jobs.fail(job_id, "no")
    assert run("log", job_id) == "FAILED"
    assert wiring.experiments.logged == []


def test_a_message_starts_the_training_with_the_rows_that_choose_where_it_runs(wiring: FakeWiring):
    seed_twins(wiring.tenant(TENANT))

    reply = dispatching.handle(event("dispatch_training", "requested"), None)

    assert reply == {"batchItemFailures": []}
    ((job_id, payload),) = wiring.trained.started
    assert job_id == WAITING_JOB
    assert payload["rows"] == 400
    assert payload["function_rows"] == 50_000
    assert payload["train"] == {"phase": "train", "tenant_id": TENANT, "job_id": WAITING_JOB}


def test_a_cancelled_training_is_not_started(wiring: FakeWiring):
    tenant = wiring.tenant(TENANT)
    seed_twins(tenant)
    tenant.twins.jobs.cancel(WAITING_JOB, None)
    dispatching.handle(event("dispatch_training", "requested"), None)
    assert wiring.trained.started == []


def test_an_execution_that_ended_by_itself_ends_its_job(wiring: FakeWiring):
    seed_twins(wiring.tenant(TENANT))
    dispatching.handle(event("dispatch_training", "timed_out"), None)
    assert wiring.tenant(TENANT).twins.jobs.get(WAITING_JOB).error == "The training passed its deadline."


def test_asking_publishes_at_once_and_a_bus_that_is_away_loses_nothing(wiring: FakeWiring):
    wiring.bus.broken = True
    reply = api.handle(request("POST", "/digital-twins/generate", twin_request().model_dump(mode="json")), None)

    assert reply["statusCode"] == 202
    assert reply["headers"]["Location"] == body(reply)["status_url"]
    wiring.bus.broken = False
    assert [each.topic for each in wiring.tenant(TENANT).outbox.claim()] == ["training.requested"]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"outcome": "txr"}, "outcome"),
        ({"interventions": ["visit"]}, "interventions"),
        ({"features": ["regoin"]}, "features"),
        ({"cluster_col": "clinic"}, "cluster_col"),
    ],
)
def test_a_column_that_does_not_exist_is_refused_before_anything_is_queued(
    wiring: FakeWiring, changes: dict[str, Any], field: str
):
    asked = twin_request().model_dump(mode="json") | changes
    reply = api.handle(request("POST", "/digital-twins/generate", asked), None)

    assert reply["statusCode"] == 422
    (problem,) = body(reply)["errors"]
    assert problem["field"] == field
    assert problem["candidates"]
    assert wiring.tenant(TENANT).outbox.claim() == []


@pytest.mark.parametrize(
    "changes",
    [{"dataset": "nowhere"}, {"interventions": []}, {"interventions": ["trx"]}, {"twin_type": "drug"}, {"x": 1}],
)
def test_a_request_that_makes_no_sense_is_a_422(wiring: FakeWiring, changes: dict[str, Any]):
    wiring.tenant(TENANT)
    asked = twin_request().model_dump(mode="json") | changes
    assert api.handle(request("POST", "/digital-twins/generate", asked), None)["statusCode"] == 422


def test_a_challenger_that_is_no_better_is_not_used(wiring: FakeWiring):
    tenant = with_trial(wiring, 1_500)
    champion_job, champion = ask(tenant)
    tenant.twins.jobs.begin(champion_job)
    tenant.twins.jobs.complete(champion_job, trained(TENANT))

    job_id, challenger = ask(tenant, training.CHALLENGER)
    assert run("train", job_id) == "COMPLETED"

    assert tenant.twins.models.get(champion).active
    assert not tenant.twins.models.get(challenger).active


def test_a_challenger_that_knows_a_changed_world_better_is_used(wiring: FakeWiring):
    tenant = with_trial(wiring, 1_500, shift=3.0)
    champion_job, champion = ask(tenant)
    tenant.twins.jobs.begin(champion_job)
    tenant.twins.jobs.complete(champion_job, trained(TENANT))  # learned before the regions moved apart

    job_id, challenger = ask(tenant, training.CHALLENGER)
    assert run("train", job_id) == "COMPLETED"

    assert tenant.twins.models.get(challenger).active
    assert not tenant.twins.models.get(champion).active


def test_a_challenger_never_sees_the_rows_it_is_judged_on(tenant: Tenant):
    whole = tenant.data.read("trial", ["trx"]).numbers("trx")
    kept = challenging.Part(tenant.data, held_out=False).read("trial", ["trx"]).numbers("trx")
    held = challenging.Part(tenant.data, held_out=True).read("trial", ["trx"]).numbers("trx")

    assert len(held) == 240
    assert not set(kept) & set(held)
    assert sorted([*kept, *held]) == sorted(whole)
