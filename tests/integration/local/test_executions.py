"""Workflows of a running service: started by boto3, retried, stopped, timed out, resumed after the runtime was killed."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import threading
import uuid
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from integration.local.conftest import alive, eventually

from infra.local.executions import execution_arn, machine_arn

if TYPE_CHECKING:
    from collections.abc import Iterator

    from integration.local.conftest import Service

PIPELINE = machine_arn("pipeline")


def start(service: Service, name: str | None = None, **data: Any) -> str:
    """Start the pipeline and return its name."""
    name = name or uuid.uuid4().hex
    data = {"first": {"name": "first", "do": "nothing"}, "items": [], **data}
    reply = service.call(
        "stepfunctions", "start_execution", stateMachineArn=PIPELINE, name=name, input=json.dumps(data)
    )
    assert reply.get("executionArn") == execution_arn("pipeline", name), reply
    return name


def describe(service: Service, name: str) -> dict[str, Any]:
    return service.call("stepfunctions", "describe_execution", executionArn=execution_arn("pipeline", name))


def ended(service: Service, name: str, seconds: float = 25) -> dict[str, Any]:
    def check() -> dict[str, Any] | None:
        found = describe(service, name)
        return None if found["status"] == "RUNNING" else found

    return eventually(check, seconds)


def item(do: str = "nothing", name: str | None = None) -> dict[str, str]:
    return {"name": name or uuid.uuid4().hex[:8], "do": do}


def test_a_workflow_runs_its_functions_and_ends_with_their_results(service: Service):
    items = [item(), item(), item()]

    found = ended(service, start(service, items=items))

    output = json.loads(found["output"])
    assert found["status"] == "SUCCEEDED"
    assert [result["name"] for result in output["results"]] == [each["name"] for each in items]
    assert output["items"] == items
    assert found["stopDate"] >= found["startDate"]


def test_starting_the_same_execution_again_changes_nothing_while_it_runs(service: Service):
    waiting = [item("wait_for_file")]
    name = start(service, items=waiting)

    assert start(service, name, items=waiting) == name
    other = service.call("stepfunctions", "start_execution", stateMachineArn=PIPELINE, name=name, input="{}")
    assert other["error"]["Code"] == "ExecutionAlreadyExists"

    (service.folder / "go").touch()
    assert ended(service, name)["status"] == "SUCCEEDED"
    (service.folder / "go").unlink()
    assert len(service.lines_of(f"step-{waiting[0]['name']}")) == 1
    again = service.call("stepfunctions", "start_execution", stateMachineArn=PIPELINE, name=name, input="{}")
    assert again["error"]["Code"] == "ExecutionAlreadyExists"


def test_a_worker_killed_in_the_middle_of_a_task_is_replaced_and_the_task_retried(service: Service):
    crashing = item("crash_once")

    found = ended(service, start(service, items=[crashing, item()]))

    assert found["status"] == "SUCCEEDED", found
    assert json.loads(found["output"])["results"][0] == {"name": crashing["name"], "times": 2}


def test_an_error_that_may_pass_is_retried(service: Service):
    first = item("raise_once")
    name = start(service, first=first)

    assert ended(service, name)["status"] == "SUCCEEDED"
    kinds = [event["type"] for event in history(service, name)]
    assert kinds.count("TaskFailed") == 1
    assert len(service.lines_of(f"step-{first['name']}")) == 2


def history(service: Service, name: str, **more: Any) -> list[dict[str, Any]]:
    arn = execution_arn("pipeline", name)
    return service.call("stepfunctions", "get_execution_history", executionArn=arn, **more)["events"]


def test_an_error_that_will_not_pass_fails_the_execution_with_its_name(service: Service):
    name = start(service, items=[item("raise"), item("wait_for_file")])

    found = ended(service, name)

    assert found["status"] == "FAILED"
    assert found["error"] == "ValueError"
    assert json.loads(found["cause"]) == {"errorType": "ValueError", "errorMessage": "always"}


def test_the_history_tells_what_happened_in_order(service: Service):
    name = start(service, items=[item()])
    ended(service, name)

    events = history(service, name)

    kinds = [event["type"] for event in events]
    assert kinds[0] == "ExecutionStarted"
    assert kinds[-1] == "ExecutionSucceeded"
    assert kinds.count("TaskScheduled") == kinds.count("TaskSucceeded") == 3
    assert kinds.index("MapStateEntered") < kinds.index("MapIterationStarted") < kinds.index("MapStateExited")
    assert [event["id"] for event in events] == list(range(1, len(events) + 1))
    assert events[1]["stateEnteredEventDetails"]["name"] == "First"
    newest = history(service, name, reverseOrder=True)
    assert [event["type"] for event in newest] == kinds[::-1]


def test_stopping_an_execution_aborts_it_and_ends_its_task(service: Service):
    hanging = item("hang")
    name = start(service, items=[hanging])
    pid = int(eventually(lambda: service.lines_of(f"step-{hanging['name']}"))[0])

    arn = execution_arn("pipeline", name)
    service.call("stepfunctions", "stop_execution", executionArn=arn, error="Stopped", cause="enough")

    found = describe(service, name)
    assert (found["status"], found["error"], found["cause"]) == ("ABORTED", "Stopped", "enough")
    eventually(lambda: not alive(pid))
    kinds = [event["type"] for event in history(service, name)]
    assert kinds[-1] == "ExecutionAborted"
    service.call("stepfunctions", "stop_execution", executionArn=arn)
    assert describe(service, name)["error"] == "Stopped"


def test_a_failed_execution_is_told_to_the_rules_queue(service: Service):
    name = start(service, items=[item("raise")])
    ended(service, name)

    def told() -> dict[str, Any] | None:
        bodies = [json.loads(json.loads(line)[0]) for line in service.lines_of("consumed")]
        return next((body for body in bodies if body.get("detail", {}).get("name") == name), None)

    event = eventually(told)
    assert event["source"] == "aws.states"
    assert event["detail-type"] == "Step Functions Execution Status Change"
    assert event["resources"] == [execution_arn("pipeline", name)]
    assert event["detail"]["status"] == "FAILED"
    assert event["detail"]["stateMachineArn"] == PIPELINE
    assert json.loads(event["detail"]["input"])["first"]["do"] == "nothing"
    assert event["detail"]["stopDate"] >= event["detail"]["startDate"]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ({"stateMachineArn": machine_arn("nothing")}, "StateMachineDoesNotExist"),
        ({"stateMachineArn": PIPELINE, "input": "{"}, "InvalidExecutionInput"),
        ({"stateMachineArn": PIPELINE, "input": json.dumps("x" * 262_200)}, "InvalidExecutionInput"),
        ({"stateMachineArn": PIPELINE, "name": "a b"}, "InvalidName"),
    ],
)
def test_a_start_that_cannot_be_is_refused_in_aws_words(service: Service, arguments: dict[str, Any], code: str):
    assert service.call("stepfunctions", "start_execution", **arguments)["error"]["Code"] == code


def test_an_unknown_execution_is_refused_in_aws_words(service: Service):
    for call in ("describe_execution", "stop_execution", "get_execution_history"):
        reply = service.call("stepfunctions", call, executionArn=execution_arn("pipeline", "nobody"))
        assert reply["error"]["Code"] == "ExecutionDoesNotExist"


def spin(service: Service) -> None:
    """Ask for a computation that never ends."""
    with contextlib.suppress(httpx.HTTPError), service.client() as client:
        client.post("/spin")


@pytest.fixture
def own(tmp_path, make) -> Iterator[Service]:
    """Run a service that the test may kill."""
    service = make(tmp_path).start()
    yield service
    if service.process is not None and service.process.poll() is None:
        service.stop()


def test_a_killed_runtime_goes_on_where_it_was_without_repeating_finished_tasks(own: Service):
    done, waiting = item(), [item("wait_for_file"), item("wait_for_file")]
    name = start(own, items=[done, *waiting])
    for each in (done, *waiting):
        eventually(lambda each=each: own.lines_of(f"step-{each['name']}"))
    eventually(lambda: "TaskSucceeded" in str(history(own, name)[-8:]))
    spinning = threading.Thread(target=spin, args=(own,))
    spinning.start()
    eventually(lambda: own.lines_of("spinning"))
    children = [process.pid for process in own.descendants()]
    server = own.server_pid()
    before = describe(own, name)

    own.kill()

    spinning.join()
    assert int(own.lines_of("spinning")[0]) in children, "one of them computes and listens to nobody"
    eventually(lambda: not any(alive(pid) for pid in children))
    assert alive(server), "the database server outlives the runtime, to be adopted"
    (own.folder / "go").touch()
    own.ready_file.unlink()
    own.start()

    found = ended(own, name)
    assert found["status"] == "SUCCEEDED", found
    assert own.server_pid() == server
    assert found["startDate"] == before["startDate"]
    assert len(own.lines_of("step-first")) == 1
    assert len(own.lines_of(f"step-{done['name']}")) == 1
    assert [len(own.lines_of(f"step-{each['name']}")) for each in waiting] == [2, 2]
    assert len(own.lines_of("step-last")) == 1
    kinds = [event["type"] for event in history(own, name)]
    assert kinds.count("ExecutionStarted") == kinds.count("ExecutionSucceeded") == 1
    assert kinds.count("TaskSucceeded") == 5

    returned, _, _ = own.stop(signal.SIGINT)
    assert returned == 0
    eventually(lambda: not alive(server))


def test_a_killed_database_server_is_started_again_and_executions_go_on(own: Service):
    waiting = item("wait_for_file")
    name = start(own, items=[waiting, item()])
    eventually(lambda: own.lines_of(f"step-{waiting['name']}"))

    os.kill(own.server_pid(), signal.SIGKILL)
    (own.folder / "go").touch()

    def found() -> dict[str, Any] | None:
        with own.client() as client:
            arguments = {"executionArn": execution_arn("pipeline", name)}
            body = {"service": "stepfunctions", "call": "describe_execution", "arguments": arguments}
            reply = client.post("/aws", json=body)
        document = reply.json() if reply.status_code == 200 else {}
        return document if document.get("status", "RUNNING") != "RUNNING" else None

    assert eventually(found, 60)["status"] == "SUCCEEDED"
    assert len(own.lines_of("step-first")) == 1


def test_the_time_a_runtime_was_down_counts_towards_an_executions_timeout(own: Service):
    name = start(own, items=[item("hang")])
    own.stop()
    import psycopg

    from infra.local import postgres

    server = postgres.start(own.data_dir / "postgres")
    with psycopg.connect(server.conninfo("e2i_runtime"), autocommit=True) as connection:
        connection.execute("UPDATE executions SET started_at = started_at - interval '1 hour'")
    server.stop()

    own.start()

    found = ended(own, name)
    assert found["status"] == "TIMED_OUT"
    assert found["error"] == "States.Timeout"
