"""The runtime's own tables: grouped commits, executions, queues and schedules, on a database of the test's own."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from tiny.asl_cases import machine, mapping, passing, task
from tiny.descriptions import tiny

from infra.functions import EventRule, Queue
from infra.local.asl.errors import StateError
from infra.local.events import Bus, envelope
from infra.local.executions import (
    ExecutionAlreadyExistsError,
    ExecutionDoesNotExistError,
    Executions,
    InvalidExecutionInputError,
)
from infra.local.queues import QueueFeed, dead_letters
from infra.local.schedule import Schedules
from infra.local.store import Statement, Store
from infra.local.workers import Outcome, failure

if TYPE_CHECKING:
    from collections.abc import Iterator

Scenario = Callable[[Store], Awaitable[None]]
RULES = (EventRule("failed", {"detail": {"status": ["FAILED", "TIMED_OUT", "ABORTED"]}}, "ended"),)


@pytest.fixture
def conninfo(postgres_server: Any) -> Iterator[str]:
    name = postgres_server.create()
    yield postgres_server.admin_of(name)
    postgres_server.drop(name)


@pytest.fixture
def run(conninfo: str) -> Callable[[Scenario], None]:
    """Return what runs a scenario on an open store."""

    def running(scenario: Scenario) -> None:
        async def main() -> None:
            store = Store(conninfo)
            await store.open()
            try:
                async with asyncio.timeout(60):
                    await scenario(store)
            finally:
                await store.close()

        asyncio.run(main())

    return running


def event(number: int) -> Statement:
    made = envelope("test", "Numbered", {"n": number})
    values = {"id": made["id"], "source": "test", "detail_type": "Numbered", "body": json.dumps(made)}
    return Statement("keep_event", [values])


def commits(conninfo: str) -> int:
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute("SELECT pg_stat_force_next_flush()")
        return connection.execute("SELECT pg_current_xact_id()::text::bigint").fetchone()[0]


def test_many_callers_share_a_commit(run: Any, conninfo: str):
    async def scenario(store: Store) -> None:
        before = commits(conninfo)
        await asyncio.gather(*[store.write(event(number)) for number in range(200)])
        assert commits(conninfo) - before < 20
        assert len(await store.read("recent_events", most=500)) == 200

    run(scenario)


def test_a_statement_that_fails_fails_alone(run: Any):
    async def scenario(store: Store) -> None:
        bad = Statement("keep_event", [{"id": "no uuid", "source": "s", "detail_type": "d", "body": "b"}])
        results = await asyncio.gather(
            store.write(event(1)), store.write(bad), store.write(event(2)), return_exceptions=True
        )

        assert [isinstance(result, psycopg.Error) for result in results] == [False, True, False]
        assert len(await store.read("recent_events", most=500)) == 2

    run(scenario)


def test_statements_of_one_write_are_all_or_nothing(run: Any):
    async def scenario(store: Store) -> None:
        bad = Statement("keep_event", [{"id": "no uuid", "source": "s", "detail_type": "d", "body": "b"}])
        with pytest.raises(psycopg.Error):
            await store.write(event(1), bad)
        assert await store.read("recent_events", most=500) == []

    run(scenario)


def test_what_follows_from_a_result_is_in_the_same_commit(run: Any):
    async def scenario(store: Store) -> None:
        message = {"queue": "q", "body": "b", "attributes": "{}", "delay": 0}
        rows = await store.write(Statement("send_message", [message]), then=lambda found: [event(len(found))])

        assert len(rows) == 1
        body = json.loads((await store.read("recent_events", most=1))[0]["body"])
        assert body["detail"] == {"n": 1}

    run(scenario)


def test_a_broken_connection_is_replaced(run: Any, conninfo: str):
    def break_others() -> None:
        with psycopg.connect(conninfo, autocommit=True) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )

    async def scenario(store: Store) -> None:
        await store.write(event(1))
        assert len(await store.read("recent_events", most=9)) == 1
        break_others()
        await store.write(event(2))
        assert len(await store.read("recent_events", most=9)) == 2
        break_others()
        assert len(await store.read("recent_events", most=9)) == 2

    run(scenario)


def test_closing_writes_what_is_pending(conninfo: str):
    async def main() -> int:
        store = Store(conninfo)
        await store.open()
        waiting = [asyncio.create_task(store.write(event(number))) for number in range(20)]
        await asyncio.sleep(0)
        await store.close()
        await asyncio.gather(*waiting)
        again = Store(conninfo)
        await again.open()
        rows = await again.read("recent_events", most=50)
        await again.close()
        return len(rows)

    assert asyncio.run(main()) == 20


def test_old_executions_and_events_are_forgotten(run: Any, conninfo: str):
    async def scenario(store: Store) -> None:
        await store.write(event(1))
        with psycopg.connect(conninfo) as connection:
            connection.execute("UPDATE events SET at = now() - interval '8 days'")
        again = Store(conninfo)
        await again.open()
        assert await again.read("recent_events", most=9) == []
        await again.close()

    run(scenario)


PIPELINE = machine(
    A=task({"step": "a"}, Next="M", ResultPath=None),
    M=mapping(machine(T=task({"step.$": "$"}, OutputPath="$.Payload")), ItemsPath="$.items"),
)


@dataclass
class World:
    """Functions that count their calls and may wait or fail."""

    calls: list[str] = field(default_factory=list)
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    woken: int = 0

    async def invoke(self, _function: str, payload: str, _timeout: float) -> Any:
        step = json.loads(payload)["step"]
        self.calls.append(step)
        if step == "wait":
            await self.gate.wait()
        if step == "fail":
            raise StateError("StepError", "it failed")
        if step == "nul":
            return {"text": "a\x00b", "more": "é😀", "half": "\ud83d"}
        return {"step": step}

    def wake(self) -> None:
        self.woken += 1

    def executions(self, store: Store, definition: dict[str, Any] | None = None) -> Executions:
        text = json.dumps(definition or PIPELINE)
        return Executions(store, {"pipeline": text}, self.invoke, Bus(RULES).execution_changed, self.wake)


async def until_ended(executions: Executions, name: str) -> dict[str, Any]:
    while True:
        row = await executions.describe("pipeline", name)
        if row["status"] != "RUNNING":
            return row
        await asyncio.sleep(0.01)


def data(*items: str) -> str:
    return json.dumps({"items": items})


def test_an_execution_runs_to_its_end_and_is_kept(run: Any):
    async def scenario(store: Store) -> None:
        world = World()
        executions = world.executions(store)
        await executions.start("pipeline", "n", data("x", "y"))

        row = await until_ended(executions, "n")

        assert row["status"] == "SUCCEEDED"
        assert json.loads(row["output"]) == [{"step": "x"}, {"step": "y"}]
        assert row["started_at"] <= row["stopped_at"]
        assert sorted(world.calls) == ["a", "x", "y"]
        assert await store.read("queue_depth", queue="ended") == [{"visible": 0, "in_flight": 0, "delayed": 0}]
        assert world.woken == 1

    run(scenario)


def test_results_with_any_text_are_kept_as_they_are(run: Any):
    async def scenario(store: Store) -> None:
        executions = World().executions(store)
        await executions.start("pipeline", "n", data("nul"))

        assert json.loads((await until_ended(executions, "n"))["output"]) == [
            {"text": "a\x00b", "more": "é😀", "half": "\ud83d"}
        ]

    run(scenario)


def test_a_failed_execution_is_told_in_the_commit_that_ends_it(run: Any):
    async def scenario(store: Store) -> None:
        executions = World().executions(store)
        await executions.start("pipeline", "n", data("fail"))

        row = await until_ended(executions, "n")

        assert (row["status"], row["error"], row["cause"]) == ("FAILED", "StepError", "it failed")
        assert (await store.read("queue_depth", queue="ended"))[0]["visible"] == 1

    run(scenario)


def test_an_error_with_any_text_ends_its_execution(run: Any):
    async def scenario(store: Store) -> None:
        definition = machine(F={"Type": "Fail", "ErrorPath": "$.e", "CausePath": "$.c"})
        executions = World().executions(store, definition)
        await executions.start("pipeline", "n", json.dumps({"e": "a\x00b", "c": "half \ud83d"}))

        row = await until_ended(executions, "n")
        assert (row["status"], row["error"], row["cause"]) == ("FAILED", "a\ufffdb", "half ?")

    run(scenario)


def test_text_that_the_database_cannot_hold_is_its_senders_problem_alone(run: Any):
    async def scenario(store: Store) -> None:
        message = {"queue": "q", "body": "half \ud83d", "attributes": "{}", "delay": 0}
        results = await asyncio.gather(
            store.write(event(1)), store.write(Statement("send_message", [message])), return_exceptions=True
        )
        assert isinstance(results[1], UnicodeEncodeError)
        assert len(await store.read("recent_events", most=9)) == 1
        await store.write(event(2))

    run(scenario)


@pytest.mark.parametrize("text", ["", "{", "{'a': 1}", '"\ud83d"', json.dumps("x" * 262_145)])
def test_an_input_that_cannot_be_is_refused(run: Any, text: str):
    async def scenario(store: Store) -> None:
        executions = World().executions(store)
        with pytest.raises(InvalidExecutionInputError):
            await executions.start("pipeline", "n", text)
        with pytest.raises(ExecutionDoesNotExistError):
            await executions.describe("pipeline", "n")

    run(scenario)


def test_ten_starts_at_once_are_one_execution(run: Any):
    async def scenario(store: Store) -> None:
        world = World()
        executions = world.executions(store)
        rows = await asyncio.gather(*[executions.start("pipeline", "n", data("wait")) for _ in range(10)])

        assert len({row["id"] for row in rows}) == 1
        world.gate.set()
        await until_ended(executions, "n")
        assert world.calls == ["a", "wait"]
        with pytest.raises(ExecutionAlreadyExistsError):
            await executions.start("pipeline", "n", data("wait"))

    run(scenario)


def test_another_input_under_the_same_name_is_refused(run: Any):
    async def scenario(store: Store) -> None:
        world = World()
        executions = world.executions(store)
        await executions.start("pipeline", "n", data("wait"))
        with pytest.raises(ExecutionAlreadyExistsError):
            await executions.start("pipeline", "n", data("x"))
        world.gate.set()
        await until_ended(executions, "n")

    run(scenario)


def test_a_runtime_that_closes_leaves_its_executions_to_the_next(run: Any):
    async def scenario(store: Store) -> None:
        first = World()
        closing = first.executions(store)
        await closing.start("pipeline", "n", data("x", "wait"))
        while "wait" not in first.calls or len(await store.read("outcomes", id=1)) < 2:  # noqa: ASYNC110 - the database says when
            await asyncio.sleep(0.01)
        await closing.close()
        assert (await closing.describe("pipeline", "n"))["status"] == "RUNNING"

        second = World()
        second.gate.set()
        resuming = second.executions(store)
        assert await resuming.resume() == 1
        assert await resuming.resume() == 0

        row = await until_ended(resuming, "n")
        assert row["status"] == "SUCCEEDED"
        assert second.calls == ["wait"]
        kinds = [each["kind"] for each in await resuming.history("pipeline", "n")]
        assert kinds.count("ExecutionStarted") == 1
        assert kinds.count("TaskSucceeded") == 3
        assert await resuming.resume() == 0

    run(scenario)


def test_a_running_execution_keeps_the_definition_it_was_started_with(run: Any):
    async def scenario(store: Store) -> None:
        world = World()
        executions = world.executions(store)
        await executions.start("pipeline", "n", data("wait"))
        await asyncio.sleep(0.05)
        await executions.close()

        other = World()
        other.gate.set()
        changed = other.executions(store, machine(P=passing(Result={"new": 1})))
        await changed.resume()
        await changed.start("pipeline", "m", data())

        assert json.loads((await until_ended(changed, "n"))["output"]) == [{"step": "wait"}]
        assert json.loads((await until_ended(changed, "m"))["output"]) == {"new": 1}

    run(scenario)


def test_stopping_wins_once(run: Any):
    async def scenario(store: Store) -> None:
        world = World()
        executions = world.executions(store)
        await executions.start("pipeline", "n", data("wait"))
        await asyncio.sleep(0.05)
        first = await executions.stop("pipeline", "n", "E", "one")
        second = await executions.stop("pipeline", "n", "E", "two")
        world.gate.set()
        await asyncio.sleep(0.05)

        assert first["status"] == second["status"] == "ABORTED"
        assert second["cause"] == "one"
        assert (await store.read("queue_depth", queue="ended"))[0]["visible"] == 1
        with pytest.raises(ExecutionDoesNotExistError):
            await executions.stop("pipeline", "nobody", None, None)

    run(scenario)


def test_an_execution_times_out_from_its_start(run: Any, conninfo: str):
    async def scenario(store: Store) -> None:
        world = World()
        executions = world.executions(store, {**PIPELINE, "TimeoutSeconds": 1})
        began = asyncio.get_running_loop().time()
        await executions.start("pipeline", "n", data("wait"))
        row = await until_ended(executions, "n")

        assert row["status"] == "TIMED_OUT"
        assert 0.9 < asyncio.get_running_loop().time() - began < 10

    run(scenario)


@dataclass
class Consumer:
    """A function that fails for the bodies it is told."""

    bad: set[str] = field(default_factory=set)
    batches: list[list[str]] = field(default_factory=list)
    answer: Outcome | None = None

    async def __call__(self, payload: bytes) -> Outcome:
        records = json.loads(payload)["Records"]
        self.batches.append([record["body"] for record in records])
        if self.answer is not None:
            return self.answer
        failures = [{"itemIdentifier": record["messageId"]} for record in records if record["body"] in self.bad]
        return Outcome(ok=True, payload=json.dumps({"batchItemFailures": failures}).encode())


def feed(store: Store, consumer: Consumer, **fields: Any) -> QueueFeed:
    queue = Queue("q", **{"visibility_seconds": 0, "batch_size": 10, "max_receives": 3, **fields})
    return QueueFeed(queue, store, consumer)


async def depth(store: Store, queue: str = "q") -> int:
    return sum((await store.read("queue_depth", queue=queue))[0].values())


def test_messages_come_in_batches_in_the_order_they_were_sent(run: Any):
    async def scenario(store: Store) -> None:
        consumer = Consumer()
        fed = feed(store, consumer, batch_size=4)
        for number in range(10):
            await fed.send(str(number))

        assert [await fed.deliver() for _ in range(4)] == [4, 4, 2, 0]
        assert [body for batch in consumer.batches for body in sorted(batch)] == [str(number) for number in range(10)]
        assert await depth(store) == 0

    run(scenario)


def test_only_what_failed_comes_again_and_after_its_receives_it_is_buried(run: Any):
    async def scenario(store: Store) -> None:
        consumer = Consumer(bad={"bad"})
        fed = feed(store, consumer)
        for body in ("good", "bad", "fine"):
            await fed.send(body)
        while await fed.deliver():
            pass

        assert [sorted(batch) for batch in consumer.batches] == [["bad", "fine", "good"], ["bad"], ["bad"]]
        assert await depth(store) == 0
        assert await depth(store, dead_letters("q")) == 1

        consumer.bad.clear()
        assert await fed.redrive() == 1
        assert await fed.deliver() == 1
        assert consumer.batches[-1] == ["bad"]
        assert await depth(store, dead_letters("q")) == 0
        assert await fed.redrive() == 0

    run(scenario)


def test_after_an_error_of_the_function_the_whole_batch_comes_again(run: Any):
    async def scenario(store: Store) -> None:
        consumer = Consumer(answer=failure("ValueError", "x"))
        fed = feed(store, consumer)
        await fed.send("a")
        await fed.send("b")
        await fed.deliver()
        consumer.answer = None
        await fed.deliver()

        assert [sorted(batch) for batch in consumer.batches] == [["a", "b"], ["a", "b"]]
        assert await depth(store) == 0

    run(scenario)


def test_a_message_in_flight_is_hidden_until_its_visibility_ends(run: Any):
    async def scenario(store: Store) -> None:
        consumer = Consumer(bad={"a"})
        fed = feed(store, consumer, visibility_seconds=1)
        await fed.send("a")
        assert await fed.deliver() == 1
        assert await fed.deliver() == 0
        assert (await store.read("queue_depth", queue="q"))[0]["in_flight"] == 1
        await asyncio.sleep(1.1)
        assert await fed.deliver() == 1

    run(scenario)


def test_two_receivers_never_hold_the_same_message(run: Any, conninfo: str):
    async def scenario(store: Store) -> None:
        other_store = Store(conninfo)
        await other_store.open()
        one, two = Consumer(), Consumer()
        feeds = [
            feed(store, one, visibility_seconds=60, batch_size=3),
            feed(other_store, two, visibility_seconds=60, batch_size=3),
        ]
        for number in range(30):
            await feeds[0].send(str(number))
        await asyncio.gather(*[each.deliver() for _ in range(10) for each in feeds])
        seen = [body for consumer in (one, two) for batch in consumer.batches for body in batch]
        await other_store.close()

        assert len(seen) == len(set(seen)) == 30

    run(scenario)


def test_a_late_answer_does_not_delete_a_message_that_was_received_again(run: Any):
    async def scenario(store: Store) -> None:
        class Slow(Consumer):
            async def __call__(self, payload: bytes) -> Outcome:
                outcome = await super().__call__(payload)
                if len(self.batches) == 1:
                    await again.deliver()
                return outcome

        slow, failing = Slow(), Consumer(bad={"a"})
        fed, again = feed(store, slow), feed(store, failing)
        await fed.send("a")
        await fed.deliver()

        assert failing.batches == [["a"]]
        assert await depth(store) == 1

    run(scenario)


def test_a_started_feed_delivers_by_itself_and_stops(run: Any):
    async def scenario(store: Store) -> None:
        consumer = Consumer()
        fed = feed(store, consumer)
        fed.start()
        await fed.send("now")
        await fed.send("later", delay_seconds=0.3)
        async with asyncio.timeout(10):
            while len(consumer.batches) < 2:  # noqa: ASYNC110 - the feed is what is tried
                await asyncio.sleep(0.02)
        await fed.close()
        await fed.send("never")
        await asyncio.sleep(0.2)

        assert consumer.batches == [["now"], ["later"]]

    run(scenario)


@dataclass
class Clockwork:
    """Schedules of one function, and when it was called."""

    calls: list[dict[str, Any]] = field(default_factory=list)
    outcome: Outcome = field(default_factory=lambda: Outcome(ok=True, payload=b"null"))

    async def invoke(self, name: str, payload: bytes) -> Outcome:
        self.calls.append({"name": name, **json.loads(payload)})
        return self.outcome

    def schedules(self, store: Store) -> Schedules:
        return Schedules.of([tiny("ticker", schedule="rate(1 hour)"), tiny("quiet")], store, self.invoke)


def test_a_schedule_that_never_fired_waits_for_its_first_time(run: Any):
    async def scenario(store: Store) -> None:
        clockwork = Clockwork()
        schedules = clockwork.schedules(store)
        await schedules.start()
        await asyncio.sleep(0.1)
        await schedules.close()

        assert clockwork.calls == []

    run(scenario)


def test_a_schedule_whose_time_passed_while_nothing_ran_fires_once_at_the_start(run: Any):
    async def scenario(store: Store) -> None:
        earlier = datetime.now(UTC) - timedelta(hours=5)
        await store.write(Statement("fired", [{"name": "ticker", "at": earlier}]))
        clockwork = Clockwork()
        for _ in range(2):
            schedules = clockwork.schedules(store)
            await schedules.start()
            await asyncio.sleep(0.2)
            await schedules.close()

        assert [call["name"] for call in clockwork.calls] == ["ticker"]
        assert clockwork.calls[0]["detail-type"] == "Scheduled Event"

    run(scenario)


def test_a_schedule_goes_on_after_its_function_failed(run: Any):
    async def scenario(store: Store) -> None:
        clockwork = Clockwork(outcome=failure("ValueError", "x"))
        schedules = clockwork.schedules(store)
        schedules.rates["ticker"] = timedelta(milliseconds=50)
        await schedules.start()
        await asyncio.sleep(0.5)
        await schedules.close()

        assert len(clockwork.calls) >= 2

    run(scenario)
