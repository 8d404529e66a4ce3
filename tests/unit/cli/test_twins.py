"""Twins from the terminal, over fakes and one small trained twin."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from builders_trained import FAILED_JOB, JOB, OLD_TWIN, SIMULATION, TWIN, WAITING_JOB, seed_twins
from e2i_shared.http import bundles
from e2i_shared.ports import Failure, Letter
from world import TENANT

from cli import experiment_log, twin_views, waiting
from cli.exits import CommandError, Exit

if TYPE_CHECKING:
    from pathlib import Path

TRAIN = (
    "twins",
    "train",
    "responders",
    "-d",
    "trial",
    "-o",
    "trx",
    "-i",
    "visits",
    "--brand",
    "Kisqali",
    "-f",
    "region",
)


@pytest.fixture(autouse=True)
def _seeded(wiring: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    bundles.forget()
    seed_twins(wiring.tenant(TENANT))
    monkeypatch.setattr(waiting, "POLL_SECONDS", 0)


def test_a_training_is_asked_for_without_waiting(run_json: Any):
    job = run_json(*TRAIN, "--no-wait", code=int(Exit.PENDING))
    assert (job["status"], job["name"], job["brand"]) == ("PENDING", "responders", "Kisqali")


def test_waiting_ends_with_the_job_and_its_verdict(run: Any, gateway: Any):
    replies = [
        {
            "status": status,
            "phase": phase,
            "percent": 50,
            "name": "n",
            "brand": "b",
            "twin_id": TWIN,
            "job_id": JOB,
            "error": error,
        }
        for status, phase, error in (("RUNNING", "effects", None), ("FAILED", "failed", "400 rows are too few"))
    ]

    class Steps(dict):
        def __contains__(self, key: object) -> bool:
            return key == ("GET", f"/api/v1/jobs/{JOB}")

        def __getitem__(self, key: Any) -> httpx.Response:
            return httpx.Response(200, json=replies.pop(0) if len(replies) > 1 else replies[0])

    gateway.replies = Steps()
    result = run("jobs", JOB, "--wait")

    assert result.exit_code == Exit.FAILED
    assert "400 rows are too few" in result.stdout


def test_a_job_is_shown_and_cancelled(run: Any, run_json: Any):
    assert run_json("jobs", JOB)["status"] == "COMPLETED"
    result = run("jobs", WAITING_JOB, "--cancel")
    assert result.exit_code == 0
    assert "CANCELLED" in result.stdout
    assert run("jobs", JOB, "--cancel").exit_code == Exit.REJECTED


def test_twins_are_listed_and_shown(run: Any, run_json: Any):
    assert [line["twin_id"] for line in run_json("twins", "list")] == [TWIN]
    assert len(run_json("twins", "list", "--all")) == 4
    shown = run("twins", "show", TWIN).stdout
    assert "trx by visits, described by region" in shown
    assert "visits_auc" in shown
    assert run("twins", "show", WAITING_JOB).exit_code == Exit.NOT_FOUND
    assert run("twin", "list").exit_code == 0  # the short name


def test_a_simulation_says_what_to_do_and_draws_it(run: Any, tmp_path: Path):
    file = tmp_path / "effect.svg"
    result = run("twins", "simulate", "visits", "--twin", TWIN, "--count", "500", "--seed", "3", "--plot", str(file))

    assert result.exit_code == 0, result.output
    assert "per arm for 12 weeks" in result.stdout
    assert "North" in result.stdout
    assert len(list(tmp_path.glob("effect*.svg"))) == 2


def test_a_simulation_takes_conditions_and_the_only_brand_there_is(run_json: Any):
    found = run_json("twins", "simulate", "calls", "--only", "region = South", "--count", "300")
    assert found["twin_id"] == TWIN
    assert found["population_filters"] == [{"column": "region", "op": "eq", "value": "South"}]
    assert abs(found["simulated_ate"] - 3.0) < 0.5


def test_what_the_twin_cannot_know_is_refused_with_what_would_work(run: Any):
    result = run("twins", "simulate", "skywriting", "--twin", TWIN)
    assert result.exit_code == Exit.REJECTED
    assert "did you mean: visits?" in result.stderr
    assert run("twins", "simulate", "visits", "--only", "nonsense").exit_code == Exit.USAGE
    assert run("twins", "simulate", "visits", "--brand", "Nobody").exit_code == Exit.NOT_FOUND


def test_what_came_true_is_told_and_shows_in_the_fidelity(run: Any, run_json: Any):
    told = run(
        "twins", "validate", SIMULATION, "--actual", "2.5", "--low", "2.3", "--high", "2.7", "--sample-size", "400"
    )
    assert told.exit_code == 0, told.output
    assert "The interval held it." in told.stdout

    assert run_json("twins", "fidelity", TWIN)["accuracy"]["count"] == 1
    checked = run("twins", "fidelity", TWIN, "--check")
    assert "1 validated" in checked.stdout
    assert "400 rows are too few" in checked.stdout


def test_versions_are_listed_activated_and_deleted(run: Any, run_json: Any):
    lines = run_json("twins", "versions", TWIN)
    old = next(line["twin_id"] for line in lines if line["version"] == 1)

    assert run("twins", "activate", old).exit_code == 0
    assert run_json("twins", "list")[0]["twin_id"] == old
    assert run("twins", "delete", TWIN).exit_code == 0
    assert run("twins", "show", TWIN).exit_code == Exit.NOT_FOUND


def test_versions_of_an_entity_show_what_changed():
    version = {
        "version": 2,
        "caused_by": "e1",
        "valid_at": "2026",
        "state": {},
        "changes": [{"name": "decile", "before": 3.0, "after": 4.0}],
    }
    from rich.console import Console

    console = Console(width=120, record=True)
    console.print(twin_views.versions([version]))
    assert "decile 3 → 4" in console.export_text()


def test_a_simulation_still_waiting_says_so():
    shown = twin_views.simulation({"status": "PENDING", "simulation_id": "s-1", "error": None})
    assert str(shown) == "PENDING: s-1"


def test_the_log_of_trainings_is_found_or_missed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("E2I_MLFLOW_URI", raising=False)
    with pytest.raises(CommandError) as missed:
        experiment_log.store_of(tmp_path)
    assert missed.value.code == Exit.NOT_FOUND

    (tmp_path / "mlflow.db").touch()
    store = experiment_log.store_of(tmp_path)
    assert store == f"sqlite:///{tmp_path / 'mlflow.db'}"
    command = experiment_log.ui_command(store, 5001)
    assert command[1:4] == ["-m", "mlflow", "server"]
    assert command[6:8] == ["--host", "127.0.0.1"]


def test_a_database_of_the_log_gets_the_driver_and_with_iam_a_token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("E2I_MLFLOW_URI", "postgresql://e2i_mlflow@db/e2i")
    assert experiment_log.store_of(tmp_path) == "postgresql+psycopg://e2i_mlflow@db/e2i"
    monkeypatch.setenv("E2I_MLFLOW_IAM", "true")
    monkeypatch.setattr("e2i_shared.aws.database_token", lambda conninfo: f"T({conninfo})")
    token = "T%28postgresql%3A%2F%2Fe2i_mlflow%40db%2Fe2i%29"
    assert experiment_log.store_of(tmp_path) == f"postgresql+psycopg://e2i_mlflow:{token}@db/e2i"


def test_a_server_shows_its_pages_itself(run: Any, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("E2I_MLFLOW_URI", "http://mlflow.example.com")
    refused = run("mlflow")
    assert refused.exit_code == Exit.USAGE
    assert "http://mlflow.example.com" in refused.stderr


def test_what_is_pending_is_asked_for_from_the_terminal(run: Any, run_json: Any, wiring: Any):
    models = wiring.tenant(TENANT).twins.models
    models.record_run(TWIN, None, None, "ConnectionError: away")
    assert JOB in run_json("mlflow", "sync")["jobs"]
    assert "2 trainings are being logged" in run("mlflow", "sync").stdout
    for twin in (TWIN, OLD_TWIN):
        models.record_run(twin, "run", "models:/x/1", None)
    assert "Every training is in the log" in run("mlflow", "sync").stdout


def test_the_pages_end_with_the_code_of_mlflow(run: Any, monkeypatch: pytest.MonkeyPatch):
    started: list[list[str]] = []
    monkeypatch.setenv("E2I_MLFLOW_URI", "sqlite:///log.db")
    monkeypatch.setattr(experiment_log.subprocess, "call", lambda command: started.append(command) or 3)
    monkeypatch.setattr(experiment_log, "taken", lambda port: port == 5003)
    assert run("mlflow", "--port", "5002").exit_code == 3
    assert "5002" in started[0]
    refused = run("mlflow", "--port", "5003")
    assert (refused.exit_code, len(started)) == (Exit.FAILED, 1)
    assert "Port 5003 is in use" in refused.stderr


def test_a_failed_training_is_tried_again_from_the_terminal(run_json: Any):
    job = run_json("jobs", FAILED_JOB, "--retry", code=int(Exit.PENDING))
    assert (job["status"], job["retries"]) == ("PENDING", 1)
    assert run_json("jobs", JOB, "--retry", code=int(Exit.REJECTED))["detail"].startswith("The job is COMPLETED")


def test_a_validation_takes_the_effect_from_an_experiment(run_json: Any, wiring: Any):
    experiment = "01999999-0000-7000-8000-00000000e001"
    held = wiring.tenant(TENANT).twins.simulations._held
    held.experiments[experiment] = ("analyzed", "trx", {"estimate": 2.4, "std_error": 0.2})

    found = run_json("twins", "validate", SIMULATION, "--experiment", experiment)

    assert (found["actual_ate"], found["actual_experiment_id"]) == (2.4, experiment)
    assert "actual_ate" in str(run_json("twins", "validate", SIMULATION, code=int(Exit.REJECTED)))


def test_dead_letters_are_listed_and_put_back_from_the_terminal(run: Any, run_json: Any, wiring: Any):
    assert "No queue has given a message up" in run("redrive").stdout
    told = {"detail-type": "training.requested", "detail": {"tenant_id": TENANT, "job_id": JOB}}
    letter = Letter("m1", "r", json.dumps(told), "2026-10-01T12:00:00+00:00")
    wiring.letters.dead["training-requested"] = [letter]
    failures = wiring.tenant(TENANT).failures
    failures.note("training-requested", "m1", "training.requested", Failure("ConnectionError", "no route", 1))

    shown = run("redrive").stdout
    assert "no route" in shown
    assert "e2i redrive QUEUE" in shown
    assert "1 would be put back" in run("redrive", "training-requested", "--dry-run").stdout
    assert "1 put back" in run("redrive", "training-requested").stdout
    assert wiring.letters.sent == [("training-requested", letter.body)]
    assert run_json("redrive")["items"][0] == {"queue": "training-requested", "dead_letters": [], "more": False}
    assert run("redrive", "nowhere").exit_code == Exit.NOT_FOUND
