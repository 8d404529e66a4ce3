"""The same state machines, run by this project's interpreter and by moto's, must end the same."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from moto import mock_aws
from tiny import scripted
from tiny.asl_cases import CASES, Case

from infra.local.asl.errors import StateError, dumps
from infra.local.asl.interpreter import Interpreter
from infra.local.asl.journal import MemoryJournal
from infra.local.asl.load import load

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

COMPOSE = (Path(__file__).parents[2] / "infra/workflows/compose.asl.json").read_text()
COMPOSITIONS = (
    "all is well",
    "nothing to do",
    "decompose",
    "decompose once",
    "plan",
    "step 2",
    "execute once",
    "recording",
    "synthesize",
)
FASTER = {'"IntervalSeconds": 1': '"MaxDelaySeconds": 1, "IntervalSeconds": 1'}


@dataclass(frozen=True)
class Ending:
    status: str
    output: Any = None
    error: str | None = None
    cause: str | None = None


def compositions() -> list[Case]:
    text = COMPOSE
    for old, new in FASTER.items():
        text = text.replace(old, new)
    definition = json.loads(text.replace("${compose_step}", "composer").replace("${run_tool}", "composer"))
    return [
        Case(f"composition_{name.replace(' ', '_')}", definition, {"tenant_id": "t", "composition_id": name})
        for name in COMPOSITIONS
    ]


ALL = [*CASES, *compositions()]


def call(function: str, event: dict[str, Any], caller: str) -> Any:
    return scripted.composer(event, caller) if function.endswith("composer") else scripted.run(event, caller)


class FunctionServer(BaseHTTPRequestHandler):
    """Lambda's Invoke, for moto."""

    def do_POST(self) -> None:
        event = json.loads(self.rfile.read(int(self.headers["content-length"])))
        caller = f"moto {json.dumps(event.get('case'))}"
        failed = False
        try:
            body = dumps(call(self.path.split("/")[-2], event, caller)).encode()
        except scripted.ScriptedError as error:
            body, failed = dumps(error.document).encode(), True
        self.send_response(200)
        self.send_header("x-amzn-requestid", "local")
        self.send_header("content-length", str(len(body)))
        if failed:
            self.send_header("x-amz-function-error", "Unhandled")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def function_server() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), FunctionServer)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def with_case(value: Any, name: str) -> Any:
    """Let every scripted payload name its case, so that cases can run at once."""
    if isinstance(value, list):
        return [with_case(item, name) for item in value]
    if not isinstance(value, dict):
        return value
    done = {key: with_case(item, name) for key, item in value.items()}
    return {**done, "case": name} if {"do", "phase"} & done.keys() and "Type" not in done else done


@pytest.fixture(scope="module")
def theirs(function_server: str) -> Iterator[Callable[[Case], Ending]]:
    """Start every case on moto at once and return how each ended."""
    with pytest.MonkeyPatch.context() as patch, mock_aws(config={"stepfunctions": {"execute_state_machine": True}}):
        patch.setenv("AWS_ENDPOINT_URL_LAMBDA", function_server)
        client = boto3.client("stepfunctions", region_name="us-east-1")
        arns = {}
        for case in ALL:
            definition = json.dumps(with_case(case.definition, case.name))
            created = client.create_state_machine(
                name=case.name[:60], definition=definition, roleArn="arn:aws:iam::123456789012:role/r"
            )
            started = client.start_execution(
                stateMachineArn=created["stateMachineArn"], name="n", input=json.dumps(case.data)
            )
            arns[case.name] = started["executionArn"]

        def ending(case: Case) -> Ending:
            deadline = time.monotonic() + 60
            while time.monotonic() < deadline:
                found = client.describe_execution(executionArn=arns[case.name])
                if found["status"] != "RUNNING":
                    output = json.loads(found["output"]) if "output" in found else None
                    return Ending(found["status"], output, found.get("error"), found.get("cause"))
                time.sleep(0.05)
            raise AssertionError(f"{case.name} did not end")

        yield ending


async def run_here(case: Case) -> Ending:
    definition = with_case(case.definition, case.name)
    machine = load(json.dumps(definition))

    async def invoke(function: str, payload: str, timeout_seconds: float) -> Any:
        async with asyncio.timeout(timeout_seconds):
            try:
                return await asyncio.to_thread(call, function, json.loads(payload), f"here {case.name}")
            except scripted.ScriptedError as error:
                raise StateError(error.name, dumps(error.document)) from error

    context = {"Execution": {"Name": "n"}}
    try:
        async with asyncio.timeout(machine.timeout_seconds):
            return Ending("SUCCEEDED", await Interpreter(invoke, MemoryJournal()).run(machine, case.data, context))
    except StateError as error:
        return Ending("FAILED", None, error.error, error.cause)
    except TimeoutError:
        return Ending("TIMED_OUT")


@pytest.fixture(scope="module")
def ours() -> dict[str, Ending]:
    async def everything() -> list[Ending]:
        return await asyncio.gather(*map(run_here, ALL))

    return dict(zip([case.name for case in ALL], asyncio.run(everything()), strict=True))


@pytest.mark.parametrize("case", ALL, ids=[case.name for case in ALL])
def test_both_interpreters_end_the_same(case: Case, theirs: Callable[[Case], Ending], ours: dict[str, Ending]):
    there, here = theirs(case), ours[case.name]

    if case.aws_error is not None:
        assert here.error == case.aws_error
        assert there.error != case.aws_error, "moto has learned it: compare this case like the others"
        return
    assert here.status == there.status, (here, there)
    assert without_case(here.output) == without_case(there.output)
    assert here.error == there.error or here.status == "TIMED_OUT"
    if case.same_cause:
        assert without_case(here.cause) == without_case(there.cause)


def without_case(value: Any) -> Any:
    """Leave out the name that was added to payloads."""
    if isinstance(value, list):
        return [without_case(item) for item in value]
    if isinstance(value, dict):
        return {key: without_case(item) for key, item in value.items() if key != "case"}
    return value


def test_the_composition_fails_as_its_definition_says(ours: dict[str, Ending]):
    failed = {name for name, ending in ours.items() if name.startswith("composition_") and ending.status == "FAILED"}

    assert failed == {f"composition_{name}" for name in ("decompose", "plan", "recording", "synthesize")}
    assert {ours[name].error for name in failed} == {"CompositionFailed"}


def test_a_failed_step_does_not_fail_the_composition(ours: dict[str, Ending]):
    assert ours["composition_step_2"].status == "SUCCEEDED"
    assert ours["composition_execute_once"].status == "SUCCEEDED"
