"""The product's handlers of a composition, which first look whether they are to misbehave.

A test writes ``faults/<session>.json``: ``{"<tool or phase>": {"do": "...", "times": 2}}``. Each run of a tool or phase is a line in
``runs/<composition>/<tool or phase>``: the process that ran it.
"""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import time
from pathlib import Path
from typing import Any

from e2i_shared import bootstrap
from e2i_shared.composer import phases
from e2i_shared.errors import InsufficientDataError, TransientToolError
from e2i_shared.http import phases as served
from e2i_shared.http import relaying
from e2i_shared.tools import _registry

SECRET = "row 4711 of Jane Doe"
ENOUGH = 600
real_find = _registry.find
now: dict[str, str] = {}  # the composition that this process works on


def place() -> Path:
    """Return the folder the test looks into."""
    return Path(os.environ["FAULTY_DIR"])


def fault_of(name: str) -> str:
    """Note a run of a tool or phase and return what it is to do wrong this time, if anything."""
    runs = place() / "runs" / now["composition_id"]
    runs.mkdir(parents=True, exist_ok=True)
    with (runs / name).open("a") as file:
        file.write(f"{os.getpid()} {time.time()}\n")
    planned = place() / "faults" / f"{now['session_id']}.json"
    fault = json.loads(planned.read_text()).get(name, {}) if planned.exists() else {}
    times = len((runs / name).read_text().splitlines())
    return str(fault["do"]) if fault and times <= fault.get("times", ENOUGH) else ""


def find(name: str) -> _registry.ToolSpec:
    """Return a tool that misbehaves where it is told to."""
    spec = real_find(name)
    return dataclasses.replace(spec, run=lambda params, context: run(spec, params, context)) if now else spec


def run(spec: _registry.ToolSpec, params: Any, context: Any) -> Any:
    """Run a tool, or do what its fault says."""
    fault = fault_of(spec.name)
    if fault in BEFORE:
        BEFORE[fault]()
    result = spec.run(params, context)
    if fault == "kill":  # it has its result, and nothing is stored yet
        die()
    return OUTPUTS[fault](result) if fault in OUTPUTS else result


def die() -> None:
    """End this process as a crash would."""
    os.kill(os.getpid(), signal.SIGKILL)


def spin() -> None:
    """Compute for ever."""
    while True:
        pass


def failing(error: Exception) -> Any:
    """Return what raises an error."""

    def fail() -> None:
        raise error

    return fail


BEFORE = {
    "raise": failing(RuntimeError(SECRET)),
    "refuse": failing(InsufficientDataError("Only 3 rows are left.")),
    "transient": failing(TransientToolError("The tool was busy.")),
    "hang": lambda: time.sleep(ENOUGH),
    "spin": spin,
    "nap": lambda: time.sleep(1.5),
}
OUTPUTS: dict[str, Any] = {
    "wrong type": lambda result: result.model_copy(update={"n": "many"}),
    "nan": lambda result: result.model_copy(update={"n": float("nan")}),
    "infinite": lambda result: result.model_copy(update={"n": float("inf")}),
    "none": lambda result: result.model_copy(update={"n": None}),
    "incomplete": lambda result: type(result).model_construct(n=3, method="cut short"),
    "large": lambda result: result.model_copy(update={"segments": [*result.segments, *result.segments[-1:] * 25_000]}),
}


def run_tool(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Run a step as below; serve a request as the function itself."""
    from functions.run_tool.handler import handle

    if "phase" in event:
        return compose_step(event, context)
    now.clear()
    return handle(event, context)


def compose_step(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Run a phase; one whose fault is ``kill`` dies before its work, one of ``kill after`` once it is stored, before it says so."""
    tenant = bootstrap.for_tenant(event["tenant_id"])
    now.update(composition_id=event["composition_id"])
    now.update(session_id=tenant.compositions.get(event["composition_id"]).session_id or "")
    number = event.get("step_number")
    steps = tenant.compositions.steps(event["composition_id"]) if number else []
    tool = next((s.step.tool for s in steps if s.step.step_number == number), "")
    fault = fault_of(f"{event['phase']} {tool}".strip())
    if fault == "kill":
        die()
    if fault in {"hang", "transient"}:
        BEFORE[fault]()
    result = served.run_phase(event, context)
    if fault == "kill after":
        die()
    return result


def relay(event: dict[str, Any], context: Any) -> dict[str, int]:
    """Relay, or die between the publishing of events and the note that they are published."""
    if (place() / "relay dies").exists():
        (place() / "relay dies").unlink()
        bootstrap.events().publish(  # what it published before it died
            [
                (e.topic, e.payload | {"tenant_id": tenant})
                for tenant in bootstrap.tenants()
                for e in bootstrap.for_tenant(tenant).outbox.claim(10)
            ]
        )
        die()
    return relaying.relay()


def composition_status(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Serve the queue; while the file ``poisoned`` is there every message fails."""
    from functions.composition_status.handler import handle

    if (place() / "poisoned").exists():
        with (place() / "poisoned deliveries").open("a") as file:
            file.writelines(f"{record['messageId']}\n" for record in event["Records"])
        return {"batchItemFailures": [{"itemIdentifier": record["messageId"]} for record in event["Records"]]}
    return handle(event, context)


_registry.find = find
phases.STEP_SECONDS = int(os.environ.get("FAULTY_STEP_SECONDS", "30"))
