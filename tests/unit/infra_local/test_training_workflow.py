"""The training workflow in the interpreter: where it trains, what it retries, how it ends."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from infra.functions import all_functions
from infra.local.asl.errors import DefinitionError, StateError
from infra.local.asl.interpreter import Interpreter
from infra.local.asl.journal import MemoryJournal
from infra.local.asl.load import load
from infra.local.events import Bus, envelope
from infra.local.executions import machine_arn
from infra.local.runtime import WORKFLOWS, workflow_definitions

TRAINING = workflow_definitions(WORKFLOWS, all_functions())["train_twin"]
NAMED = {"tenant_id": "t", "job_id": "j"}


def given(rows: int) -> dict[str, Any]:
    return {**NAMED, "train": {"phase": "train", **NAMED}, "rows": rows, "function_rows": 50_000}


def run(
    rows: int, fail: dict[str, list[str]] | None = None, told: dict[str, Any] | None = None
) -> tuple[Any, list[str]]:
    """Run it; ``fail`` lists, by phase, the errors of its first attempts. Return the output or error, and the phases called."""
    failing = {phase: [*errors] for phase, errors in (fail or {}).items()}
    called: list[str] = []

    async def invoke(function: str, payload: str, _seconds: float) -> Any:
        told = json.loads(payload)
        assert function == "train_twin"
        assert told | NAMED == told
        called.append(told["phase"])
        if failing.get(told["phase"]):
            raise StateError(failing[told["phase"]].pop(0), '{"errorMessage": "no luck"}')
        return {"status": "COMPLETED"}

    async def at_once(_seconds: float) -> None:
        return None

    async def whole() -> Any:
        try:
            return await Interpreter(invoke, MemoryJournal(), at_once).run(load(TRAINING), told or given(rows), {})
        except StateError as error:
            return error.error

    return asyncio.run(whole()), called


@pytest.mark.parametrize("rows", [1_000, 50_000, 50_001])
def test_a_twin_is_trained_and_then_logged_wherever_it_runs(rows: int):
    output, called = run(rows)
    assert called == ["train", "log"]
    assert output["job_id"] == "j"


@pytest.mark.parametrize("rows", [1_000, 1_000_000])
def test_a_worker_that_dies_is_followed_by_another(rows: int):
    _, called = run(rows, {"train": ["Runtime.ExitError"]})
    assert called == ["train", "train", "log"]


@pytest.mark.parametrize("rows", [1_000, 1_000_000])
def test_after_three_deaths_the_failure_is_recorded(rows: int):
    ending, called = run(rows, {"train": 3 * ["Runtime.ExitError"]})
    assert called == ["train", "train", "train", "record_failure"]
    assert ending == "TrainingFailed"


def test_an_error_that_will_not_pass_is_not_tried_again():
    ending, called = run(1_000, {"train": ["E2IError"]})
    assert called == ["train", "record_failure"]
    assert ending == "TrainingFailed"


@pytest.mark.parametrize("errors", [[], ["Runtime.ExitError"], 9 * ["Runtime.ExitError"]])
def test_what_is_only_to_be_logged_is_not_trained_again_and_never_fails(errors: list[str]):
    output, called = run(0, {"log": errors}, {**NAMED, "log_only": True})
    assert set(called) == {"log"}
    assert len(called) == min(3, 1 + len(errors))
    assert output["job_id"] == "j"


def test_a_log_that_fails_does_not_fail_the_training():
    output, called = run(1_000, {"log": 9 * ["Runtime.ExitError"]})
    assert called == ["train", "log", "log", "log"]
    assert output["job_id"] == "j"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"Name": "E2I_EVENT"', '"Name": "OTHER"'),
        ('"LaunchType": "FARGATE"', '"Tags": []'),
        ('"Overrides"', '"NetworkConfiguration"'),
    ],
)
def test_a_container_task_that_would_run_otherwise_here_is_refused(old: str, new: str):
    with pytest.raises(DefinitionError, match="TrainInTask"):
        load(TRAINING.replace(old, new, 1))


@pytest.mark.parametrize(
    ("machine", "queue"), [("compose", "composition-status"), ("train_twin", "training-requested")]
)
def test_the_end_of_an_execution_reaches_the_queue_of_its_own_machine(machine: str, queue: str):
    detail = {"status": "FAILED", "stateMachineArn": machine_arn(machine)}
    published = Bus.of(all_functions()).publish(
        envelope("aws.states", "Step Functions Execution Status Change", detail)
    )
    assert [row["queue"] for statement in published[1:] for row in statement.values] == [queue]


@pytest.mark.parametrize(
    ("kind", "queue"), [("training.requested", "training-requested"), ("simulation.requested", "simulation-requested")]
)
def test_what_is_asked_for_reaches_its_queue(kind: str, queue: str):
    published = Bus.of(all_functions()).publish(envelope("e2i", kind, {"job_id": "j"}))
    assert [row["queue"] for statement in published[1:] for row in statement.values] == [queue]


def test_the_definition_is_the_file_with_local_names():
    assert "${" not in TRAINING
    assert (
        json.loads(TRAINING)["States"].keys()
        == json.loads((Path(WORKFLOWS) / "train_twin.asl.json").read_text())["States"].keys()
    )
