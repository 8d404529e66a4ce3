"""A twin from a file to its fidelity, on the whole local product: queue, workflow, worker, gateway."""

from __future__ import annotations

import json
import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import psycopg
import pytest
from builders_twins import confounded
from e2i_shared.ids import new_id

from cli.client import Client
from cli.exits import CommandError, Exit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from cli.connection import Connection

ASKED: dict[str, Any] = {
    "name": "mailing",
    "twin_type": "hcp",
    "brand": "Kisqali",
    "dataset": "mailings",
    "outcome": "sales",
    "interventions": ["email"],
    "features": ["specialty", "region", "decile", "tenure", "digital"],
    "twins": 2_000,
}
EFFECT = 1.5
TENANT = "00000000-0000-7000-8000-000000000001"


def as_csv(rows: int) -> str:
    frame = confounded(3, rows, effect=EFFECT).frame
    columns = [
        [c.levels[code] for code in c.codes] if hasattr(c, "levels") else c.values.tolist()
        for c in frame.columns.values()
    ]
    lines = [",".join(map(str, row)) for row in zip(*columns, strict=True)]
    return "\n".join([",".join(frame.columns), *lines, ""])


@pytest.fixture(scope="module")
def loaded(client: Client) -> None:
    """Load 1,500 rows in which mailing raises sales by 1.5."""
    roles = [{"name": "email", "role": "treatment"}, {"name": "sales", "role": "outcome"}]
    body = {"name": "mailings", "format": "csv", "content": as_csv(1_500), "columns": roles}
    deadline = time.monotonic() + 90
    while True:
        try:
            client.post("/datasets", body)
        except CommandError as error:  # the first worker imports scientific libraries; a busy machine takes its time
            if error.code is not Exit.RATE_LIMITED or time.monotonic() > deadline:
                raise
        else:
            return


def until(client: Client, job_id: str, reached: Callable[[Any], bool], seconds: float = 90) -> Any:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        job = client.get(f"/jobs/{job_id}")
        if reached(job):
            return job
        time.sleep(0.05)
    raise AssertionError(f"the job stayed as it was: {job}")


def ended(job: Any) -> bool:
    return job["status"] in {"COMPLETED", "FAILED", "CANCELLED"}


@pytest.fixture(scope="module")
def twin(client: Client, loaded: None) -> str:
    """Train a twin and return its id."""
    accepted = client.post("/digital-twins/generate", ASKED)
    job = until(client, accepted["job_id"], ended)
    assert job["status"] == "COMPLETED", job
    assert (job["percent"], job["attempts"]) == (100, 1)
    return str(accepted["twin_id"])


def test_a_trained_twin_predicts_the_effect_that_is_in_the_data(client: Client, twin: str):
    found = client.post(f"/digital-twins/{twin}/simulate", {"intervention_type": "email_campaign"})

    assert found["status"] == "COMPLETED"
    assert abs(found["simulated_ate"] - EFFECT) < 3 * found["std_error"]
    assert found["std_error"] < 0.2
    assert {row["level"] for row in found["effect_heterogeneity"]["specialty"]} >= {"Oncology", "Primary"}
    again = client.post("/digital-twin/simulate", {"brand": "Kisqali", "intervention_type": "email_campaign"})
    assert again["cached"]
    assert again["simulation_id"] == found["simulation_id"]


def test_a_large_simulation_is_done_by_the_queue(client: Client, twin: str):
    accepted = client.post(f"/digital-twins/{twin}/simulate", {"intervention_type": "email", "queued": True})

    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        found = client.get(f"/digital-twin/simulations/{accepted['simulation_id']}")
        if found["status"] in {"COMPLETED", "FAILED"}:
            break
        time.sleep(0.1)
    assert found["status"] == "COMPLETED"


def test_what_came_true_shows_in_the_fidelity(client: Client, twin: str):
    simulation = client.post(f"/digital-twins/{twin}/simulate", {"intervention_type": "email", "seed": 5})
    told = {"simulation_id": simulation["simulation_id"], "actual_ate": EFFECT, "actual_ci": [1.3, 1.7]}

    assert client.post("/digital-twin/validate", told)["fidelity_grade"] in {"excellent", "good"}

    checked = client.post(f"/digital-twins/{twin}/fidelity", None)
    assert checked["accuracy"]["count"] == 1
    assert checked["similarity"]["score"] > 0.9
    assert checked["checked_at"]


def test_what_cannot_be_learned_ends_failed_with_the_reason(client: Client, loaded: None):
    accepted = client.post(
        "/digital-twins/generate", ASKED | {"name": "bad", "interventions": ["specialty"], "features": []}
    )
    job = until(client, accepted["job_id"], ended)
    assert job["status"] == "FAILED"
    assert "4 named levels" in job["error"]


def workers(service_folder: Path, function: str) -> list[psutil.Process]:
    """Return the processes that have the function's log open: its workers."""
    log = str(service_folder / "logs" / f"{function}.log")
    found = []
    for process in psutil.Process(os.getpid()).children(recursive=True):
        try:
            if str(Path(f"/proc/{process.pid}/fd/1").readlink()) == log:
                found.append(process)
        except OSError:
            continue
    return found


def test_a_worker_killed_in_the_middle_is_followed_by_another_one(client: Client, twin: str, service_folder: Path):
    assert twin
    accepted = client.post("/digital-twins/generate", ASKED | {"name": "killed", "twins": 50_000})
    until(client, accepted["job_id"], lambda job: job["status"] == "RUNNING" or ended(job))
    victims = workers(service_folder.resolve(), "train_twin")
    assert victims
    for process in victims:
        process.send_signal(signal.SIGKILL)

    job = until(client, accepted["job_id"], ended)

    assert job["status"] == "COMPLETED", job
    assert job["attempts"] == 2
    assert (
        client.post(f"/digital-twins/{accepted['twin_id']}/simulate", {"intervention_type": "email"})["units"] == 1_500
    )


def test_a_training_whose_workers_die_again_and_again_ends_failed_and_is_tried_again(
    client: Client, twin: str, service_folder: Path
):
    assert twin
    accepted = client.post("/digital-twins/generate", ASKED | {"name": "unlucky", "twins": 50_000})
    for attempt in (1, 2, 3):
        until(client, accepted["job_id"], lambda job, n=attempt: (job["status"], job["attempts"]) == ("RUNNING", n))
        for process in workers(service_folder.resolve(), "train_twin"):
            process.send_signal(signal.SIGKILL)
    job = until(client, accepted["job_id"], ended)
    assert (job["status"], job["attempts"]) == ("FAILED", 3)
    assert f"/jobs/{job['job_id']}/retry" in job["error"]

    assert client.post(f"/jobs/{accepted['job_id']}/retry", None)["status"] == "PENDING"

    job = until(client, accepted["job_id"], ended)
    assert (job["status"], job["attempts"], job["retries"]) == ("COMPLETED", 1, 1)


def test_two_trainings_of_one_name_at_once_leave_the_newer_one_active(client: Client, service: Connection, twin: str):
    assert twin

    def ask(_: int) -> Any:
        with Client(service) as own:
            return own.post("/digital-twins/generate", ASKED | {"name": "twice", "twins": 500})

    with ThreadPoolExecutor(2) as pool:
        asked = list(pool.map(ask, range(2)))
    for each in asked:
        assert until(client, each["job_id"], ended)["status"] == "COMPLETED"

    lines = {line["version"]: line["active"] for line in client.items("/digital-twins", 10, name="twice")}
    assert lines == {1: False, 2: True}


@contextmanager
def database(service_folder: Path, name: str) -> Iterator[psycopg.Connection[Any]]:
    """Connect to one of the service's databases as its administrator."""
    told = (service_folder / "postgres" / "postmaster.pid").read_text().splitlines()
    conninfo = f"host={told[4]} port={told[3]} user=postgres dbname={name}"
    with psycopg.connect(conninfo, autocommit=True) as connection:
        yield connection


def test_a_message_that_cannot_be_served_is_buried_with_its_reason_mended_put_back_and_has_one_effect(
    client: Client, twin: str, service_folder: Path
):
    assert twin
    with database(service_folder, "e2i") as rows, database(service_folder, "e2i_runtime") as queues:
        rows.execute("REVOKE SELECT ON datasets FROM e2i_app")  # what the dispatch cannot do without
        try:
            job_id = ask_behind_the_api(rows, queues, client.get(f"/digital-twins/{twin}")["job_id"])
            dead = buried(queues, client, twin)
        finally:
            rows.execute("GRANT SELECT ON datasets TO e2i_app")
        assert (dead["about"], dead["failures"]) == ({"job_id": job_id}, 3)
        assert "42501" in dead["reason"]
        assert client.get(f"/jobs/{job_id}")["status"] == "PENDING"

        assert client.post("/admin/queues/training-requested/redrive", {"dry_run": False})["put_back"] == 1

        job = until(client, job_id, ended)
        assert (job["status"], job["attempts"]) == ("COMPLETED", 1)
        assert dead_letters(client) == []
        assert queues.execute("SELECT count(*) FROM executions WHERE name = %s", [job_id]).fetchone() == (1,)


def ask_behind_the_api(rows: Any, queues: Any, like: str) -> str:
    """Store a job like another one, and the message that asks for it."""
    job_id = new_id()
    copy = (
        "INSERT INTO training_jobs (job_id, tenant_id, model_name, brand, model_id, request) "
        "SELECT %s, tenant_id, model_name, brand, model_id, request FROM training_jobs WHERE job_id = %s"
    )
    rows.execute(copy, [job_id, like])
    detail = {"tenant_id": TENANT, "job_id": job_id}
    told = json.dumps({"id": new_id(), "detail-type": "training.requested", "source": "e2i", "detail": detail})
    queues.execute("INSERT INTO messages (queue, body) VALUES ('training-requested', %s)", [told])
    return job_id


def dead_letters(client: Client) -> list[Any]:
    (queue,) = [each for each in client.get("/admin/queues")["items"] if each["queue"] == "training-requested"]
    return list(queue["dead_letters"])


def buried(queues: Any, client: Client, twin: str) -> Any:
    """Return the dead letter, without waiting for its visibility timeout after each failure."""
    soon = "UPDATE messages SET visible_at = now() WHERE queue = 'training-requested' AND visible_at < now() + interval '178 seconds'"
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        if queues.execute("SELECT 1 FROM messages WHERE queue = 'training-requested-dlq'").fetchone():
            (found,) = dead_letters(client)
            return found
        queues.execute(soon)
        told = {"entity": new_id(), "event_id": "e", "kind": "create", "values": {"region": "North"}}
        client.post(f"/digital-twins/{twin}/events", told)  # whatever is published makes the queues look
        time.sleep(0.3)
    raise AssertionError("the message was not given up")


def test_a_cancelled_training_keeps_nothing(client: Client, twin: str):
    assert twin
    accepted = client.post("/digital-twins/generate", ASKED | {"name": "cancelled"})

    assert client.post(f"/jobs/{accepted['job_id']}/cancel", None)["status"] == "CANCELLED"

    time.sleep(1.0)
    assert client.get(f"/jobs/{accepted['job_id']}")["status"] == "CANCELLED"
    with pytest.raises(CommandError, match="CANCELLED"):
        client.post(f"/digital-twins/{accepted['twin_id']}/simulate", {"intervention_type": "email"})


def test_a_file_damaged_on_disk_is_a_clear_conflict(client: Client, service_folder: Path, loaded: None):
    accepted = client.post("/digital-twins/generate", ASKED | {"name": "damaged", "brand": "Fabhalta", "twins": 500})
    assert until(client, accepted["job_id"], ended)["status"] == "COMPLETED"
    key = client.get(f"/digital-twins/{accepted['twin_id']}")["bundle_key"]
    (file,) = service_folder.rglob(key)
    file.write_bytes(file.read_bytes()[:-1])

    with pytest.raises(CommandError, match="checksum"):
        client.post(f"/digital-twins/{accepted['twin_id']}/simulate", {"intervention_type": "email"})
