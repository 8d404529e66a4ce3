"""Durable executions: started once per name, journaled, resumed by the next runtime when this one dies."""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import psycopg

from infra.local.asl.errors import DefinitionError, StateError, check_size, dumps
from infra.local.asl.interpreter import Interpreter, Invoke
from infra.local.asl.journal import Recorded
from infra.local.asl.load import Machine, load
from infra.local.store import Statement

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from infra.local.store import Row, Store

ACCOUNT = "000000000000"
REGION = "us-east-1"
log = logging.getLogger(__name__)


class ExecutionAlreadyExistsError(Exception):
    """The name was used before, with another input or for an execution that has ended."""


class ExecutionDoesNotExistError(Exception):
    """No execution of that name."""


class InvalidExecutionInputError(Exception):
    """The input is not JSON, or too large."""


def machine_arn(name: str) -> str:
    """Return a state machine's ARN."""
    return f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:{name}"


def execution_arn(machine: str, name: str) -> str:
    """Return an execution's ARN."""
    return f"arn:aws:states:{REGION}:{ACCOUNT}:execution:{machine}:{name}"


@dataclass(slots=True)
class StoreJournal:
    """An execution's journal in the runtime's database."""

    store: Store
    execution_id: int
    outcomes: dict[str, Recorded] = field(default_factory=dict)
    _notes: list[dict[str, Any]] = field(default_factory=list)

    async def load(self) -> None:
        """Read what earlier runtimes recorded."""
        for row in await self.store.read("outcomes", id=self.execution_id):
            self.outcomes[row["key"]] = Recorded(**json.loads(row["outcome"]))

    def recall(self, key: str) -> Recorded | None:
        """Return what was recorded under the path, if anything."""
        return self.outcomes.get(key)

    def reached(self, prefix: str) -> bool:
        """Return whether anything was recorded at or below the path."""
        return any(key == prefix or key.startswith(f"{prefix}/") for key in self.outcomes)

    async def record(self, key: str, kind: str, recorded: Recorded) -> None:
        """Keep an outcome, with the events before it; durable when this returns."""
        outcome = {"value": recorded.value, "error": recorded.error, "cause": recorded.cause}
        shown = {"error": recorded.error, "cause": recorded.cause} if recorded.error else {"output": recorded.value}
        self._add(key, kind, shown, dumps(outcome))
        await self.store.write(*self.flush())
        self.outcomes[key] = recorded

    def note(self, key: str, kind: str, details: dict[str, Any]) -> None:
        """Add an event; written with the next outcome."""
        self._add(key, kind, details, None)

    def _add(self, key: str, kind: str, details: dict[str, Any], outcome: str | None) -> None:
        values = {
            "execution_id": self.execution_id,
            "at": datetime.now(UTC),
            "key": key,
            "kind": kind,
            "details": dumps(details),
            "outcome": outcome,
        }
        self._notes.append(values)

    def flush(self) -> list[Statement]:
        """Return the statements that write what is noted."""
        notes, self._notes = self._notes, []
        return [Statement("add_to_journal", notes)] if notes else []


@dataclass(slots=True)
class Executions:
    """All executions of this runtime's state machines.

    ``definitions`` maps a machine's name to its text with substitutions made; ``on_change`` returns what is committed together with an end.
    """

    store: Store
    definitions: dict[str, str]
    invoke: Invoke
    on_change: Callable[[Row], list[Statement]]
    after_change: Callable[[], None] = lambda: None
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    _tasks: dict[int, asyncio.Task[None]] = field(default_factory=dict)

    async def start(self, machine: str, name: str, text: str) -> Row:
        """Start an execution; starting a running one again with the same input changes nothing.

        Raises
        ------
        InvalidExecutionInputError
            When the input is no JSON or above 256 KiB.
        ExecutionAlreadyExistsError
            When the name is taken by another input or by an execution that has ended.
        """
        body = self.definitions[machine]
        try:
            text.encode()  # JSON may hold half a surrogate pair, the database may not
            check_size(json.loads(text), "The input")
        except (ValueError, StateError) as error:
            raise InvalidExecutionInputError(f"Invalid State Machine Execution Input: {error}") from error
        digest = hashlib.sha256(body.encode()).hexdigest()
        values = {"machine": machine, "name": name, "digest": digest, "input": text}
        rows = await self.store.write(
            Statement("keep_definition", [{"digest": digest, "body": body}]), Statement("start_execution", [values])
        )
        if not rows:
            return await self._again(machine, name, text)
        row = {**values, **rows[0], "definition": body}
        self._spawn(row, StoreJournal(self.store, row["id"]))
        return row

    async def _again(self, machine: str, name: str, text: str) -> Row:
        row = await self.describe(machine, name)
        if row["status"] != "RUNNING" or row["input"] != text:
            raise ExecutionAlreadyExistsError(f"Execution Already Exists: '{execution_arn(machine, name)}'")
        if row["id"] not in self._tasks:  # committed on a connection that broke before it could say so
            self._spawn({**row, "definition": self.definitions[machine]}, StoreJournal(self.store, row["id"]))
        return row

    async def describe(self, machine: str, name: str) -> Row:
        """Return an execution's row.

        Raises
        ------
        ExecutionDoesNotExistError
            When there is none.
        """
        rows = await self.store.read("execution", machine=machine, name=name)
        if not rows:
            raise ExecutionDoesNotExistError(f"Execution Does Not Exist: '{execution_arn(machine, name)}'")
        return rows[0]

    async def history(self, machine: str, name: str) -> list[Row]:
        """Return an execution's events, first to last."""
        row = await self.describe(machine, name)
        return await self.store.read("history", id=row["id"])

    async def stop(self, machine: str, name: str, error: str | None, cause: str | None) -> Row:
        """End a running execution as ABORTED; one that has ended stays as it is."""
        row = await self.describe(machine, name)
        journal = StoreJournal(self.store, row["id"])
        await self._end(journal, "ABORTED", error=error, cause=cause)
        task = self._tasks.get(row["id"])
        if task is not None:
            task.cancel()
        return await self.describe(machine, name)

    async def resume(self) -> int:
        """Go on with every execution that is running but that nobody runs; returns how many."""
        rows = [row for row in await self.store.read("running_executions") if row["id"] not in self._tasks]
        for row in rows:
            journal = StoreJournal(self.store, row["id"])
            await journal.load()
            self._spawn(row, journal)
        return len(rows)

    async def close(self) -> None:
        """Leave all executions as they are; the next runtime resumes them."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _spawn(self, row: Row, journal: StoreJournal) -> None:
        task = asyncio.create_task(self._run(row, journal))
        self._tasks[row["id"]] = task
        task.add_done_callback(lambda _: self._tasks.pop(row["id"], None))

    async def _run(self, row: Row, journal: StoreJournal) -> None:
        journal.note("", "ExecutionStarted", {"input": json.loads(row["input"])})
        try:
            machine = load(row["definition"])
            output = await self._interpret(machine, row, journal)
        except StateError as error:
            await self._end(journal, "FAILED", error=error.error, cause=error.cause)
        except TimeoutError:
            await self._end(journal, "TIMED_OUT", error="States.Timeout")
        except DefinitionError as error:
            await self._end(journal, "FAILED", error="States.Runtime", cause=error.message)
        except psycopg.Error as error:
            log.warning("execution %s cannot be journaled and waits for the database: %s", row["name"], error)
        except Exception as error:
            log.exception("execution %s broke", row["name"])
            await self._end(journal, "FAILED", error="States.Runtime", cause=type(error).__name__)
        else:
            await self._end(journal, "SUCCEEDED", output=dumps(output))

    async def _interpret(self, machine: Machine, row: Row, journal: StoreJournal) -> Any:
        interpreter = Interpreter(self.invoke, journal, self.sleep)
        started = row["started_at"]
        left = None
        if machine.timeout_seconds is not None:
            left = machine.timeout_seconds - (datetime.now(UTC) - started).total_seconds()
        async with asyncio.timeout(left):
            return await interpreter.run(machine, json.loads(row["input"]), _context(row))

    async def _end(self, journal: StoreJournal, status: str, **values: str | None) -> None:
        """Record an end with its history and its event, in one commit."""
        kind = {"TIMED_OUT": "ExecutionTimedOut"}.get(status, f"Execution{status.title()}")
        values = {name: None if value is None else _storable(value) for name, value in values.items()}
        journal.note("", kind, {name: value for name, value in values.items() if value is not None})
        ending = {"id": journal.execution_id, "status": status, "output": None, "error": None, "cause": None, **values}
        rows = await self.store.write(
            *journal.flush(),
            Statement("end_execution", [ending]),
            then=lambda ended: [statement for row in ended for statement in self.on_change(row)],
        )
        if rows:
            self.after_change()


def _storable(text: str) -> str:
    """Return the text without what the database cannot hold."""
    return text.replace("\x00", "\ufffd").encode("utf-8", "replace").decode()


def _context(row: Row) -> dict[str, Any]:
    started = row["started_at"].astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    execution = {
        "Id": execution_arn(row["machine"], row["name"]),
        "Input": json.loads(row["input"]),
        "Name": row["name"],
        "StartTime": started,
    }
    return {"Execution": execution, "StateMachine": {"Id": machine_arn(row["machine"]), "Name": row["machine"]}}
