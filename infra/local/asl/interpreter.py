"""Runs a loaded state machine; the same states, data flow and errors as Step Functions has for them.

Every finished task attempt is journaled under its path (``ExecuteLevels/0/ExecuteLevel/2/ExecuteInLayer@1``), so running the same execution
again repeats its states but none of its finished tasks.
"""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol

from infra.local.asl import choice, intrinsics, paths
from infra.local.asl.errors import StateError, check_size, dumps
from infra.local.asl.journal import Journal, Recorded
from infra.local.asl.load import RUN_TASK

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Sequence

    from infra.local.asl.load import Machine, State

MOST_STATES = 25_000  # the history limit of an execution, in states here
MOST_ITERATIONS_AT_ONCE = 40
NO_TIMEOUT = 99_999_999

Attempt = tuple[Any, dict[str, Any], str]  # the state's effective input, the context object, the path of this attempt


class Invoke(Protocol):
    """Calls a function; raises ``TimeoutError`` at ``timeout_seconds`` and ``StateError`` for the function's own error."""

    async def __call__(self, function: str, payload: str, timeout_seconds: float) -> Any:
        """Return what the function returned."""


@dataclass(frozen=True, slots=True)
class Interpreter:
    """One execution in progress."""

    invoke: Invoke
    journal: Journal
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    now: Callable[[], float] = time.time
    random: random.Random = field(default_factory=random.SystemRandom)

    async def run(self, machine: Machine, data: Any, context: dict[str, Any], prefix: str = "") -> Any:
        """Run from the machine's start to an end state and return its output.

        Raises
        ------
        StateError
            When a state fails and nothing catches it.
        """
        visits: Counter[str] = Counter()
        name: str | None = machine.start_at
        while name is not None:
            state = machine.states[name]
            visits[name] += 1
            if visits.total() > MOST_STATES:
                raise StateError("States.Runtime", f"The execution passed {MOST_STATES} states.")
            key = f"{prefix}{name}" + (f"~{visits[name]}" if visits[name] > 1 else "")
            entered = datetime.fromtimestamp(self.now(), UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
            inside = {**context, "State": {"Name": name, "EnteredTime": entered, "RetryCount": 0}}
            self.journal.note(key, f"{state.type}StateEntered", {"name": name, "input": data})
            name, data = await self._step(state, data, inside, key)
            check_size(data, f"The output of the state {state.name!r}")
            self.journal.note(key, f"{state.type}StateExited", {"name": state.name, "output": data})
            await asyncio.sleep(0)
        return data

    async def _step(self, state: State, raw: Any, context: dict[str, Any], key: str) -> tuple[str | None, Any]:
        """Run one state; returns the next state's name, or nothing at an end, and the output."""
        fields = state.fields
        try:
            data = _at(fields.get("InputPath", "$"), raw, context)
            match state.type:
                case "Choice":
                    following = choice.choose(fields["Choices"], fields.get("Default"), data, context)
                    return following, _at(fields.get("OutputPath", "$"), data, context)
                case "Fail":
                    raise _failure(fields, data, context)
                case "Succeed":
                    return None, _at(fields.get("OutputPath", "$"), data, context)
                case "Wait":
                    await self._wait(fields, data, context, key)
                    return fields.get("Next"), _at(fields.get("OutputPath", "$"), data, context)
                case "Pass":
                    filled = (
                        intrinsics.template(fields["Parameters"], data, context) if "Parameters" in fields else data
                    )
                    return fields.get("Next"), _out(fields, raw, fields.get("Result", filled), context)
            result = await self._with_retries(state, data, context, key)
            if "ResultSelector" in fields:
                result = intrinsics.template(fields["ResultSelector"], result, context)
            return fields.get("Next"), _out(fields, raw, result, context)
        except StateError as error:
            return _caught(fields, raw, error)

    async def _with_retries(self, state: State, data: Any, context: dict[str, Any], key: str) -> Any:
        body = {"Task": self._task, "Map": self._map, "Parallel": self._parallel}[state.type]
        retriers = state.fields.get("Retry", [])
        used = [0] * len(retriers)
        while True:
            attempt = sum(used)
            context["State"]["RetryCount"] = attempt
            try:
                return await body(state, (data, context, f"{key}@{attempt}" if attempt else key))
            except StateError as error:
                at = next((i for i, retrier in enumerate(retriers) if error.caught_by(retrier["ErrorEquals"])), None)
                if at is None or used[at] >= retriers[at].get("MaxAttempts", 3):
                    raise
            used[at] += 1
            if not self.journal.reached(f"{key}@{attempt + 1}"):
                await self.sleep(self._delay(retriers[at], used[at] - 1))

    def _delay(self, retrier: dict[str, Any], earlier: int) -> float:
        delay = retrier.get("IntervalSeconds", 1) * retrier.get("BackoffRate", 2.0) ** earlier
        delay = float(min(delay, retrier.get("MaxDelaySeconds", NO_TIMEOUT)))
        return self.random.uniform(0, delay) if retrier.get("JitterStrategy") == "FULL" else delay

    async def _task(self, state: State, attempt: Attempt) -> Any:
        data, context, key = attempt
        call = intrinsics.template(state.fields["Parameters"], data, context)
        task = state.fields["Resource"] == RUN_TASK
        recorded = self.journal.recall(key)
        if recorded is None:
            seconds = _limit(state.fields, data, context)
            recorded = await self._call(state, _container(call) if task else call, key, seconds)
        if recorded.error is not None:
            raise StateError(
                "States.TaskFailed" if task and recorded.error != "States.Timeout" else recorded.error, recorded.cause
            )
        if task:
            return {"LastStatus": "STOPPED", "Containers": [{"ExitCode": 0}]}
        return {"ExecutedVersion": "$LATEST", "Payload": recorded.value, "StatusCode": 200}

    async def _call(self, state: State, call: dict[str, Any], key: str, seconds: float) -> Recorded:
        payload = call.get("Payload", {})
        check_size(payload, f"The payload of the task {state.name!r}")
        self.journal.note(key, "TaskScheduled", {"resource": "invoke", "parameters": call})
        try:
            recorded = Recorded(await self.invoke(call["FunctionName"], dumps(payload), seconds))
            check_size(recorded.value, f"The result of the task {state.name!r}")
            kind = "TaskSucceeded"
        except StateError as error:
            recorded, kind = Recorded(error=error.error, cause=error.cause), "TaskFailed"
        except TimeoutError:
            recorded, kind = Recorded(error="States.Timeout"), "TaskTimedOut"
        await self.journal.record(key, kind, recorded)
        return recorded

    async def _map(self, state: State, attempt: Attempt) -> list[Any]:
        data, context, key = attempt
        fields = state.fields
        items = _at(fields.get("ItemsPath", "$"), data, context)
        if not isinstance(items, list):
            raise StateError("States.Runtime", f"The ItemsPath of {state.name!r} holds no array.")
        turns = asyncio.Semaphore(fields.get("MaxConcurrency", 0) or MOST_ITERATIONS_AT_ONCE)

        async def iterate(index: int, item: Any) -> Any:
            inside = {**context, "Map": {"Item": {"Index": index, "Value": item}}}
            async with turns:
                place = f"{key}/{index}/"
                self.journal.note(place, "MapIterationStarted", {"name": state.name, "index": index})
                given = intrinsics.template(fields["ItemSelector"], data, inside) if "ItemSelector" in fields else item
                output = await self.run(_present(state.processor), given, inside, place)
                self.journal.note(place, "MapIterationSucceeded", {"name": state.name, "index": index})
                return output

        return await together([iterate(index, item) for index, item in enumerate(items)])

    async def _parallel(self, state: State, attempt: Attempt) -> list[Any]:
        data, context, key = attempt
        given = intrinsics.template(state.fields["Parameters"], data, context) if "Parameters" in state.fields else data
        return await together(
            [self.run(branch, given, context, f"{key}/{index}/") for index, branch in enumerate(state.branches)]
        )

    async def _wait(self, fields: dict[str, Any], data: Any, context: dict[str, Any], key: str) -> None:
        recorded = self.journal.recall(key)
        if recorded is None:
            recorded = Recorded(self.now() + _seconds(fields, data, context, self.now()))
            await self.journal.record(key, "WaitStateStarted", recorded)
        await self.sleep(max(0.0, recorded.value - self.now()))


async def together(coroutines: Sequence[Coroutine[Any, Any, Any]]) -> list[Any]:
    """Run all at once and return their results in order; the first failure ends the others and is raised."""
    tasks = [asyncio.ensure_future(coroutine) for coroutine in coroutines]
    try:
        if tasks:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
        failed = [task for task in tasks if task.done() and not task.cancelled() and task.exception()]
        return [task.result() for task in (failed or tasks)]
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _present(machine: Machine | None) -> Machine:
    if machine is None:
        raise StateError("States.Runtime", "The Map state has no processor.")
    return machine


def _container(call: dict[str, Any]) -> dict[str, Any]:
    """Return a container task as the call of the function whose image it runs."""
    container = call["Overrides"]["ContainerOverrides"][0]
    return {"FunctionName": container["Name"], "Payload": json.loads(container["Environment"][0]["Value"])}


def _at(path: str | None, data: Any, context: dict[str, Any]) -> Any:
    return {} if path is None else data if path == "$" else paths.parse(path).find(data, context)


def _out(fields: dict[str, Any], raw: Any, result: Any, context: dict[str, Any]) -> Any:
    """Combine a result with the state's input, and select the output from it."""
    path = fields.get("ResultPath", "$")
    combined = raw if path is None else paths.put(raw, paths.parse(path), result)
    return _at(fields.get("OutputPath", "$"), combined, context)


def _caught(fields: dict[str, Any], raw: Any, error: StateError) -> tuple[str, Any]:
    for catcher in fields.get("Catch", []):
        if error.caught_by(catcher["ErrorEquals"]):
            document = {"Error": error.error, "Cause": error.cause}
            path = catcher.get("ResultPath", "$")
            return catcher["Next"], raw if path is None else paths.put(raw, paths.parse(path), document)
    raise error


def _failure(fields: dict[str, Any], data: Any, context: dict[str, Any]) -> StateError:
    texts = {
        name: _at(fields[f"{name}Path"], data, context) if f"{name}Path" in fields else fields.get(name, "")
        for name in ("Error", "Cause")
    }
    return StateError(str(texts["Error"]), str(texts["Cause"]))


def _limit(fields: dict[str, Any], data: Any, context: dict[str, Any]) -> float:
    """Return the seconds a task may take."""
    if "TimeoutSecondsPath" not in fields:
        return float(fields.get("TimeoutSeconds", NO_TIMEOUT))
    value = _at(fields["TimeoutSecondsPath"], data, context)
    if type(value) is not int or value < 1:
        raise StateError("States.Runtime", f"TimeoutSecondsPath holds {dumps(value)[:100]}, which is no time.")
    return value


def _seconds(fields: dict[str, Any], data: Any, context: dict[str, Any], now: float) -> float:
    key = next(key for key in ("Seconds", "SecondsPath", "Timestamp", "TimestampPath") if key in fields)
    value = _at(fields[key], data, context) if key.endswith("Path") else fields[key]
    try:
        return float(value) if key.startswith("Seconds") else datetime.fromisoformat(value).timestamp() - now
    except (TypeError, ValueError) as error:
        raise StateError("States.Runtime", f"{key} holds {dumps(value)[:100]}, which is no duration.") from error
