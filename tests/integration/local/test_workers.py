"""Worker processes: forked on demand, one event at a time, replaced when they die."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pytest
from integration.local.conftest import alive, eventually
from tiny.descriptions import tiny

from infra.local.forks import Zygote
from infra.local.workers import Outcome, Pool, TooBusyError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

TESTS = Path(__file__).parents[2]
Scenario = Callable[[Pool], Awaitable[None]]


@asynccontextmanager
async def pool(folder: Path, name: str = "misbehave", **fields: Any) -> AsyncIterator[Pool]:
    environment = {**os.environ, "PYTHONPATH": str(TESTS), "TINY_DIR": str(folder)}
    zygote = Zygote(environment, ["json", "no_such_module"], folder / "imports.log")
    made = Pool(tiny(name, **fields), zygote, {"MARK": "mine"}, folder / f"{name}.log")
    try:
        yield made
    finally:
        made.stop()
        zygote.stop()


def run(folder: Path, scenario: Scenario, name: str = "misbehave", **fields: Any) -> None:
    async def main() -> None:
        async with asyncio.timeout(60), pool(folder, name, **fields) as made:
            await scenario(made)

    asyncio.run(main())


async def do(made: Pool, what: str, **fields: Any) -> Outcome:
    limits = {key: fields.pop(key) for key in ("wait_seconds", "limit_seconds") if key in fields}
    return await made.invoke(json.dumps({"do": what, **fields}).encode(), **limits)


async def pid_of(made: Pool) -> int:
    outcome = await do(made, "nap", seconds=0)
    return json.loads(outcome.document["body"])["pid"]


def test_no_process_starts_before_it_is_needed_and_then_it_stays(tmp_path: Path):
    async def scenario(made: Pool) -> None:
        assert made.pids == []
        first = await pid_of(made)
        assert made.pids == [first]
        assert await pid_of(made) == first

    run(tmp_path, scenario)


def test_no_more_processes_than_described_however_many_events_come(tmp_path: Path):
    async def scenario(made: Pool) -> None:
        pids = await asyncio.gather(*[pid_of(made) for _ in range(200)])
        assert len(set(pids)) == len(made.pids) == 3

    run(tmp_path, scenario, workers=3)


def test_events_wait_their_turn_in_the_order_they_came(tmp_path: Path):
    async def scenario(made: Pool) -> None:
        order: list[int] = []

        async def one(number: int) -> None:
            await do(made, "nap", seconds=0)
            order.append(number)

        await asyncio.gather(*[one(number) for number in range(30)])
        assert order == sorted(order)

    run(tmp_path, scenario, workers=1)


def test_who_waits_too_long_is_told_and_the_worker_is_not_lost(tmp_path: Path):
    async def scenario(made: Pool) -> None:
        await pid_of(made)
        running = asyncio.create_task(do(made, "nap", seconds=0.5))
        await asyncio.sleep(0.1)
        with pytest.raises(TooBusyError):
            await do(made, "nap", seconds=0, wait_seconds=0.1)
        assert (await running).ok
        assert (await do(made, "nap", seconds=0, wait_seconds=5)).ok

    run(tmp_path, scenario, workers=1, timeout=5)


def test_a_timeout_kills_the_process_and_names_lambdas_error(tmp_path: Path):
    async def scenario(made: Pool) -> None:
        first = await pid_of(made)
        outcome = await do(made, "hang")
        assert outcome.error_type == "Sandbox.Timedout"
        assert "Task timed out after 1.00 seconds" in outcome.document["errorMessage"]
        assert await pid_of(made) != first
        eventually(lambda: not alive(first))

    run(tmp_path, scenario, timeout=1)


def test_a_caller_may_set_an_earlier_end_than_the_function(tmp_path: Path):
    async def scenario(made: Pool) -> None:
        outcome = await do(made, "hang", limit_seconds=0.2)
        assert "0.20 seconds" in outcome.document["errorMessage"]

    run(tmp_path, scenario, timeout=30)


@pytest.mark.parametrize("how", ["kill", "exit"])
def test_a_crash_is_lambdas_exit_error_and_the_next_event_finds_a_worker(tmp_path: Path, how: str):
    async def scenario(made: Pool) -> None:
        assert (await do(made, how)).error_type == "Runtime.ExitError"
        assert (await do(made, "nap", seconds=0)).ok

    run(tmp_path, scenario, workers=1)


def test_an_idle_worker_that_was_killed_is_not_given_work(tmp_path: Path):
    async def scenario(made: Pool) -> None:
        first = await pid_of(made)
        os.kill(first, signal.SIGKILL)
        await asyncio.sleep(0.2)
        second = await pid_of(made)
        assert second != first

    run(tmp_path, scenario, workers=1)


def test_an_error_has_its_class_and_message_and_no_stack(tmp_path: Path):
    async def scenario(made: Pool) -> None:
        outcome = await do(made, "raise")
        assert outcome.document == {"errorType": "TransientToolError", "errorMessage": "secret detail of raise"}

    run(tmp_path, scenario)
    log = (tmp_path / "misbehave.log").read_text()
    assert "Traceback" in log
    assert "misbehaving: raise" in log


@pytest.mark.parametrize(
    ("what", "error"),
    [("set", "Runtime.MarshalError"), ("nan", "Runtime.MarshalError"), ("large", "Function.ResponseSizeTooLarge")],
)
def test_an_answer_that_cannot_travel_is_an_error(tmp_path: Path, what: str, error: str):
    async def scenario(made: Pool) -> None:
        assert (await do(made, what, bytes=6_291_600)).error_type == error
        assert (await do(made, "large", bytes=6_000_000)).ok

    run(tmp_path, scenario, timeout=20)


def test_a_request_that_cannot_travel_is_an_error(tmp_path: Path):
    async def scenario(made: Pool) -> None:
        assert (await do(made, "nap", filler="x" * 6_291_500)).error_type == "RequestTooLargeException"
        assert made.pids == []

    run(tmp_path, scenario)


def test_a_handler_that_cannot_be_imported_says_so(tmp_path: Path):
    async def scenario(made: Pool) -> None:
        outcome = await do(made, "nap")
        assert outcome.error_type == "Runtime.ImportModuleError"
        assert "nothing_like_it" in outcome.document["errorMessage"]

    run(tmp_path, scenario, name="nothing_like_it")


def test_an_invocation_that_nobody_waits_for_any_more_is_ended(tmp_path: Path):
    async def scenario(made: Pool) -> None:
        first = await pid_of(made)
        running = asyncio.create_task(do(made, "hang"))
        await asyncio.sleep(0.1)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        assert await pid_of(made) != first
        eventually(lambda: not alive(first))

    run(tmp_path, scenario, timeout=30, workers=1)


def test_a_cancelled_wait_leaves_the_queue(tmp_path: Path):
    async def scenario(made: Pool) -> None:
        await pid_of(made)
        running = asyncio.create_task(do(made, "nap", seconds=0.3))
        await asyncio.sleep(0.1)
        waiting = [asyncio.create_task(do(made, "nap", seconds=0)) for _ in range(3)]
        await asyncio.sleep(0.05)
        waiting[0].cancel()
        assert (await running).ok
        assert (await waiting[1]).ok
        assert (await waiting[2]).ok
        assert len(made.pids) == 1

    run(tmp_path, scenario, workers=1)


def test_killed_forking_processes_are_replaced(tmp_path: Path):
    async def scenario(made: Pool) -> None:
        worker = psutil.Process(await pid_of(made))
        template = worker.parent()
        root = template.parent()
        for process in (template, root):
            process.kill()
            await asyncio.sleep(0.3)
            assert (await do(made, "nap", seconds=0)).ok
        eventually(lambda: not alive(worker.pid))

    run(tmp_path, scenario)


def test_everything_ends_when_the_runtime_hangs_up(tmp_path: Path):
    pids: list[int] = []

    async def scenario(made: Pool) -> None:
        task = asyncio.create_task(do(made, "spin"))
        await asyncio.to_thread(eventually, (tmp_path / "spinning").exists)
        worker = psutil.Process(made.pids[0])
        pids.extend([worker.pid, worker.ppid(), worker.parent().ppid()])
        task.cancel()

    run(tmp_path, scenario, timeout=30)
    eventually(lambda: not any(alive(pid) for pid in pids))


def test_each_function_has_its_own_environment(tmp_path: Path):
    async def scenario(made: Pool) -> None:
        outcome = await made.invoke(b"{}")
        assert json.loads(outcome.document["body"])["environment"]["E2I_STAGE"] is None

    os.environ.pop("E2I_STAGE", None)
    run(tmp_path, scenario, name="echo")


def test_a_computation_is_stopped_at_the_limit_of_its_call_and_its_process_is_gone(tmp_path: Path):
    async def scenario(made: Pool) -> None:
        begun = asyncio.get_running_loop().time()
        outcome = await do(made, "spin", limit_seconds=0.5)
        assert outcome.error_type == "Sandbox.Timedout"
        assert asyncio.get_running_loop().time() - begun < 5
        spinning = int((tmp_path / "spinning").read_text().split()[-1])
        await asyncio.to_thread(eventually, lambda: not alive(spinning), 5)
        assert (await do(made, "nap", seconds=0)).ok, "another process takes its place"

    run(tmp_path, scenario)


def test_a_call_nobody_waits_for_any_more_ends_with_its_process(tmp_path: Path):
    async def scenario(made: Pool) -> None:
        call = asyncio.create_task(do(made, "spin"))
        await asyncio.to_thread(eventually, (tmp_path / "spinning").exists, 20)
        spinning = int((tmp_path / "spinning").read_text().split()[-1])
        call.cancel()
        await asyncio.gather(call, return_exceptions=True)
        await asyncio.to_thread(eventually, lambda: not alive(spinning), 5)

    run(tmp_path, scenario, timeout=60)
