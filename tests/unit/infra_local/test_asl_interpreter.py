"""The interpreter: retries, journal and replay, limits."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import uuid
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny import scripted
from tiny.asl_cases import machine, mapping, passing, task

from infra.local.asl.errors import SIZE_LIMIT, StateError
from infra.local.asl.interpreter import Interpreter
from infra.local.asl.journal import MemoryJournal, Recorded
from infra.local.asl.load import load

COMPOSE = (Path(__file__).parents[3] / "infra/workflows/compose.asl.json").read_text()
SEEDED = random.Random(1)  # noqa: S311 - repeatable
FUNCTIONS = {"compose_step": "composer", "run_tool": "composer"}


class Death(BaseException):
    """The process is gone."""


@dataclass
class World:
    """A function that follows a script, a clock that sleeps at once, and what was done."""

    script: Any = None
    journal: MemoryJournal = field(default_factory=MemoryJournal)
    calls: list[dict[str, Any]] = field(default_factory=list)
    slept: list[float] = field(default_factory=list)
    time: float = 1_000_000.0
    dies_after: int | None = None

    async def invoke(self, _function: str, payload: str, timeout_seconds: float) -> Any:
        await asyncio.sleep(0)
        if self.dies_after is not None and len(self.calls) >= self.dies_after:
            raise Death
        event = json.loads(payload)
        self.calls.append(event)
        try:
            return self.script(event, len(self.calls), timeout_seconds)
        except scripted.ScriptedError as error:
            raise StateError(error.name, json.dumps(error.document)) from error

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.time += seconds
        await asyncio.sleep(0)

    def run(self, definition: dict[str, Any] | str, data: Any = None) -> Any:
        text = definition if isinstance(definition, str) else json.dumps(definition)
        interpreter = Interpreter(self.invoke, self.journal, self.sleep, lambda: self.time, SEEDED)
        return asyncio.run(interpreter.run(load(text, FUNCTIONS), data, {}))


def failing(times: int, name: str = "E"):
    def script(event: Any, number: int, _timeout: float) -> Any:
        if number <= times:
            raise scripted.ScriptedError(name)
        return event

    return script


def retrying(**retry: Any) -> dict[str, Any]:
    return machine(T=task({}, Retry=[{"ErrorEquals": ["E"], **retry}]))


@pytest.mark.parametrize(
    ("retry", "expected"),
    [
        ({}, [1.0, 2.0, 4.0]),
        ({"IntervalSeconds": 3, "BackoffRate": 1.5, "MaxAttempts": 4}, [3.0, 4.5, 6.75, 10.125]),
        ({"IntervalSeconds": 10, "MaxDelaySeconds": 15}, [10.0, 15.0, 15.0]),
        ({"MaxAttempts": 0}, []),
        ({"MaxAttempts": 1}, [1.0]),
    ],
)
def test_retries_wait_as_their_backoff_says(retry: dict[str, Any], expected: list[float]):
    world = World(failing(99))

    with pytest.raises(StateError):
        world.run(retrying(**retry))

    assert world.slept == expected
    assert len(world.calls) == len(expected) + 1


@given(st.integers(0, 10**6), st.integers(1, 20), st.floats(1, 3))
@settings(max_examples=40, deadline=None)
def test_full_jitter_waits_at_most_the_backoff(seed: int, interval: int, rate: float):
    world = World(failing(99))
    definition = retrying(IntervalSeconds=interval, BackoffRate=rate, JitterStrategy="FULL", MaxAttempts=3)
    interpreter = Interpreter(world.invoke, world.journal, world.sleep, lambda: 0.0, random.Random(seed))  # noqa: S311 - repeatable
    with pytest.raises(StateError):
        asyncio.run(interpreter.run(load(json.dumps(definition)), None, {}))

    assert all(0 <= slept <= interval * rate**earlier for earlier, slept in enumerate(world.slept))
    assert len(world.slept) == 3


def test_each_retrier_counts_for_itself():
    names = iter(["A", "B", "A", "B", "A"])

    def script(event: Any, number: int, _timeout: float) -> Any:
        raise scripted.ScriptedError(next(names))

    retries = [{"ErrorEquals": [name], "MaxAttempts": 2, "IntervalSeconds": 1} for name in ("A", "B")]
    world = World(script)
    with pytest.raises(StateError) as caught:
        world.run(machine(T=task({}, Retry=retries)))

    assert len(world.calls) == 5
    assert caught.value.error == "A"


def test_the_retry_count_is_in_the_context():
    world = World(failing(2))

    world.run(machine(T=task({"n.$": "$$.State.RetryCount"}, Retry=[{"ErrorEquals": ["E"]}])))

    assert [call["n"] for call in world.calls] == [0, 1, 2]


def test_a_timeout_is_states_timeout_and_task_failed_does_not_cover_it():
    def script(event: Any, number: int, timeout: float) -> Any:
        assert timeout == 7
        raise TimeoutError

    catch = [
        {"ErrorEquals": ["States.TaskFailed"], "Next": "Wrong"},
        {"ErrorEquals": ["States.Timeout"], "Next": "Right", "ResultPath": "$.e"},
    ]
    definition = machine(T=task({}, TimeoutSeconds=7, Catch=catch), Wrong=passing(), Right=passing())

    assert World(script).run(definition, {"a": 1}) == {"a": 1, "e": {"Error": "States.Timeout", "Cause": ""}}


@pytest.mark.parametrize("error", ["States.Runtime", "States.DataLimitExceeded"])
def test_what_states_all_does_not_cover(error: str):
    failure = StateError(error, "")

    assert not failure.caught_by(["States.ALL"])
    assert not failure.caught_by(["States.TaskFailed"])
    assert failure.caught_by([error])


def test_a_payload_above_the_limit_never_leaves():
    world = World(lambda event, *_: event)

    with pytest.raises(StateError) as caught:
        world.run(machine(T=task({"x.$": "$.x"})), {"x": "é" * (SIZE_LIMIT // 2)})

    assert caught.value.error == "States.DataLimitExceeded"
    assert world.calls == []


def test_states_that_outgrow_the_limit_together_fail():
    world = World(lambda *_: {"x": "y" * 60_000})
    definition = machine(M=mapping(machine(T=task({})), ItemsPath="$.xs"))

    with pytest.raises(StateError) as caught:
        world.run(definition, {"xs": list(range(5))})

    assert caught.value.error == "States.DataLimitExceeded"
    assert "'M'" in caught.value.cause


def test_an_endless_loop_ends():
    definition = machine(A=passing(Next="B"), B=passing(Next="A"))

    with pytest.raises(StateError) as caught:
        World().run(definition, {})

    assert caught.value.error == "States.Runtime"


def test_a_map_runs_no_more_at_once_than_it_may():
    running, most = Counter(), Counter()

    class Counting(World):
        async def invoke(self, _function: str, payload: str, _timeout: float) -> Any:
            running["now"] += 1
            most["now"] = max(most["now"], running["now"])
            await asyncio.sleep(0.001)
            running["now"] -= 1
            return json.loads(payload)

    for limit, expected in ((1, 1), (3, 3), (0, 40)):
        most.clear()
        definition = machine(M=mapping(machine(T=task({"v.$": "$"}, OutputPath="$.Payload.v")), MaxConcurrency=limit))
        assert Counting().run(definition, list(range(60))) == list(range(60))
        assert most["now"] == expected


def test_a_failing_iteration_ends_its_siblings():
    ended: list[str] = []

    class Watching(World):
        async def invoke(self, _function: str, payload: str, _timeout: float) -> Any:
            if json.loads(payload)["v"] == 1:
                await asyncio.sleep(0.01)
                raise StateError("Bad", "one")
            try:
                await asyncio.sleep(30)
            except asyncio.CancelledError:
                ended.append(payload)
                raise

    with pytest.raises(StateError) as caught:
        Watching().run(machine(M=mapping(machine(T=task({"v.$": "$"})))), [0, 1, 2])

    assert caught.value.error == "Bad"
    assert len(ended) == 2


@pytest.mark.parametrize("items", [None, 5, {"a": 1}, "text"])
def test_a_map_needs_an_array(items: Any):
    with pytest.raises(StateError) as caught:
        World().run(machine(M=mapping(machine(P=passing()), ItemsPath="$.xs")), {"xs": items})

    assert caught.value.error == "States.Runtime"


def test_waiting_goes_on_where_it_was_after_a_restart():
    definition = machine(W={"Type": "Wait", "Seconds": 100, "End": True})
    world = World()
    asyncio.run(world.journal.record("W", "WaitStateStarted", Recorded(world.time + 100)))
    world.time += 60

    world.run(definition, {})

    assert world.slept == [40.0]


def test_waiting_until_a_moment():
    world = World(time=1_767_225_600.0)

    world.run(machine(W={"Type": "Wait", "TimestampPath": "$.t", "End": True}), {"t": "2026-01-01T00:00:30Z"})

    assert world.slept == [30.0]


@pytest.mark.parametrize(
    ("fields", "data"),
    [
        ({"SecondsPath": "$.s"}, {"s": "soon"}),
        ({"SecondsPath": "$.s"}, {"s": None}),
        ({"TimestampPath": "$.s"}, {"s": "soon"}),
    ],
)
def test_a_wait_without_a_duration_is_a_runtime_error(fields: dict[str, str], data: dict[str, Any]):
    with pytest.raises(StateError) as caught:
        World().run(machine(W={"Type": "Wait", "End": True, **fields}), data)

    assert caught.value.error == "States.Runtime"


def composing(wrong: str):
    caller = uuid.uuid4().hex

    def script(event: Any, _number: int, _timeout: float) -> Any:
        return scripted.composer(event, caller)

    return script


def test_the_composition_asks_for_each_step_once_level_by_level():
    world = World(composing("all is well"))

    output = world.run(COMPOSE, {"tenant_id": "t", "composition_id": "all is well"})

    phases = [(call["phase"], call.get("step_number")) for call in world.calls]
    assert phases[:2] == [("decompose", None), ("plan", None)]
    assert {number for _, number in phases[2:5]} == {1, 2, 3}
    assert {number for _, number in phases[5:7]} == {4, 5}
    assert phases[7:] == [("execute", 6), ("synthesize", None)]
    assert all(set(call) <= {"phase", "tenant_id", "composition_id", "step_number"} for call in world.calls)
    assert output["composition_id"] == "all is well"


def test_a_step_that_fails_is_recorded_with_its_error_and_the_rest_goes_on():
    world = World(composing("step 2"))

    world.run(COMPOSE, {"tenant_id": "t", "composition_id": "step 2"})

    recorded = [call for call in world.calls if call["phase"] == "record_step_failure"]
    assert [(call["step_number"], call["error"]["Error"]) for call in recorded] == [(2, "ContractError")]
    assert world.calls[-1]["phase"] == "synthesize"


@given(st.integers(0, 12), st.sampled_from(["all is well", "step 2", "execute once", "plan", "decompose once"]))
@settings(max_examples=60, deadline=None)
def test_wherever_a_runtime_dies_the_next_one_finishes_without_repeating_a_finished_task(died: int, wrong: str):
    data = {"tenant_id": "t", "composition_id": wrong}

    def outcome(world: World) -> Any:
        try:
            return world.run(COMPOSE, data)
        except StateError as error:
            return (error.error, error.cause)

    whole = World(composing(wrong))
    expected = outcome(whole)

    script = composing(wrong)
    first = World(script, dies_after=died)
    with contextlib.suppress(Death):
        outcome(first)
    second = World(script, journal=first.journal)
    finished = len(first.journal.outcomes)
    result = outcome(second)

    assert result == expected
    assert finished == len(first.calls)
    assert len(first.calls) + len(second.calls) == len(whole.calls)


def test_history_is_told_in_order():
    world = World(lambda event, *_: event)

    world.run(machine(T=task({}, Next="P", OutputPath="$.Payload"), P=passing()), {})

    assert [kind for _, kind, _ in world.journal.history] == [
        "TaskStateEntered",
        "TaskScheduled",
        "TaskSucceeded",
        "TaskStateExited",
        "PassStateEntered",
        "PassStateExited",
    ]


def test_a_state_visited_again_is_another_place_in_the_journal():
    definition = machine(
        T=task({"n.$": "$.n"}, ResultPath=None, Next="A"),
        A=passing(Parameters={"n.$": "States.MathAdd($.n, 1)"}, Next="C"),
        C={"Type": "Choice", "Choices": [{"Variable": "$.n", "NumericLessThan": 3, "Next": "T"}], "Default": "E"},
        E={"Type": "Succeed"},
    )
    world = World(lambda event, *_: event)

    world.run(definition, {"n": 0})

    assert [call["n"] for call in world.calls] == [0, 1, 2]
    assert list(world.journal.outcomes) == ["T", "T~2", "T~3"]


def test_a_map_that_is_tried_again_does_not_take_the_failed_attempts_results():
    def script(event: Any, number: int, _timeout: float) -> Any:
        if number == 2:
            raise scripted.ScriptedError("E")
        return {"call": number}

    world = World(script)
    inner = machine(T=task({"v.$": "$"}, OutputPath="$.Payload.call"))
    retry = [{"ErrorEquals": ["E"]}]

    output = world.run(machine(M=mapping(inner, MaxConcurrency=1, Retry=retry)), [0, 1])

    assert output == [3, 4]
    assert world.slept == [1.0]
