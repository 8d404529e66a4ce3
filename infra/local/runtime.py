"""The parts of a running product, put together: pools, gateway, executions, queues, schedules."""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from infra.local import objects, tokens
from infra.local.asl.errors import StateError
from infra.local.asl.load import load
from infra.local.aws_api import AwsApi
from infra.local.environment import Places, inherited
from infra.local.events import Bus
from infra.local.executions import Executions
from infra.local.forks import Zygote
from infra.local.gateway import Gateway
from infra.local.http_events import Router
from infra.local.objects import ObjectStore
from infra.local.queues import QueueFeed
from infra.local.schedule import Schedules
from infra.local.store import Store
from infra.local.workers import Outcome, Pool

if TYPE_CHECKING:
    from collections.abc import Awaitable, Sequence

    from infra.functions import FunctionDescription
    from infra.local.datadir import DataDir

WARM = ("classify", "api", "compose_step")  # what a first question meets
WARM_SECONDS = 20.0
WORKFLOWS = Path(__file__).parent.parent / "workflows"
PRELOAD: dict[str, list[str]] = {
    "zip": [
        "aws_lambda_powertools.event_handler",
        "aws_lambda_powertools.utilities.batch",
        "numpy",
        "psycopg",
        "pydantic",
        "boto3",
    ],
    "image": [
        "aws_lambda_powertools.event_handler",
        "numpy",
        "psycopg",
        "pydantic",
        "boto3",
        "pyarrow.csv",
        "pyarrow.parquet",
        "sklearn.ensemble",
        "sklearn.linear_model",
        "xgboost",
    ],
}


def workflow_definitions(folder: Path, descriptions: Sequence[FunctionDescription]) -> dict[str, str]:
    """Return each workflow's definition by name, with the functions' names filled in; all of them are checked.

    Raises
    ------
    DefinitionError
        When one cannot be run here.
    """
    definitions = {}
    for path in sorted(folder.glob("*.asl.json")):
        text = path.read_text()
        for name, value in _substitutions(descriptions).items():
            text = text.replace(f"${{{name}}}", value)
        load(text)
        definitions[path.name.removesuffix(".asl.json")] = text
    return definitions


def _substitutions(descriptions: Sequence[FunctionDescription]) -> dict[str, str]:
    """Return what a definition's names stand for here; a container task runs in the processes of its function."""
    own = {each.name: each.name for each in descriptions}
    tasks = {f"{each.name}_task": each.name for each in descriptions if each.task}
    return own | tasks | dict.fromkeys(("cluster", "subnets", "security_group"), "local")


def make_zygotes(logs: Path) -> dict[str, Zygote]:
    """Return the roots of the functions' processes, by package; none is started yet."""
    return {name: Zygote(inherited(), modules, logs / f"{name}-imports.log") for name, modules in PRELOAD.items()}


@dataclass(slots=True)
class Runtime:
    """Everything that runs between start and stop, but the database server and the HTTP server."""

    descriptions: tuple[FunctionDescription, ...]
    data_dir: DataDir
    store: Store
    zygotes: dict[str, Zygote]
    pools: dict[str, Pool]
    executions: Executions
    queues: dict[str, QueueFeed]
    schedules: Schedules
    bus: Bus
    access_key_id: str
    _spawned: set[asyncio.Task[Any]] = field(default_factory=set)

    @classmethod
    def build(
        cls,
        descriptions: tuple[FunctionDescription, ...],
        data_dir: DataDir,
        url: str,
        database_url: str,
        runtime_conninfo: str,
        zygotes: dict[str, Zygote],
        workflows: Path = WORKFLOWS,
    ) -> Runtime:
        """Put the parts together; nothing runs yet."""
        access_key_id = f"E2ILOCAL{secrets.token_hex(16).upper()}"
        secret = objects.ensure_secret(data_dir.keys)
        places = Places(url, data_dir, database_url, access_key_id, secret)
        pools = {
            each.name: Pool(each, zygotes[each.package], places.of(each), data_dir.logs / f"{each.name}.log")
            for each in descriptions
        }
        store = Store(runtime_conninfo)
        bus = Bus.of(descriptions)

        async def invoke(name: str, payload: bytes) -> Outcome:
            return await pools[name].invoke(payload)

        queues: dict[str, QueueFeed] = {}
        for each in descriptions:
            if each.queue is not None:
                queues[each.queue.name] = QueueFeed(each.queue, store, partial(invoke, each.name))

        def wake() -> None:
            for feed in queues.values():
                feed.wake()

        executions = Executions(
            store,
            workflow_definitions(workflows, descriptions),
            _step_functions_call(pools),
            bus.execution_changed,
            wake,
        )
        schedules = Schedules.of(descriptions, store, invoke)
        return cls(descriptions, data_dir, store, zygotes, pools, executions, queues, schedules, bus, access_key_id)

    def gateway(self) -> Gateway:
        """Return the ASGI application."""

        async def invoke(name: str, payload: bytes, wait_seconds: float) -> Outcome:
            return await self.pools[name].invoke(payload, wait_seconds=wait_seconds)

        store = ObjectStore(self.data_dir.objects, objects.ensure_secret(self.data_dir.keys))
        aws = AwsApi(
            self.access_key_id,
            self.executions,
            self.queues,
            self.bus,
            self.store,
            invoke,
            self.spawn,
            frozenset(self.pools),
        )
        return Gateway(Router(self.descriptions), tokens.Authorizer.of(self.data_dir.keys), invoke, store, aws)

    def spawn(self, work: Awaitable[Any]) -> asyncio.Task[Any]:
        """Run something in the background for as long as the runtime runs."""
        task = asyncio.ensure_future(work)
        self._spawned.add(task)
        task.add_done_callback(self._spawned.discard)
        return task

    async def start(self) -> int:
        """Start everything and return how many executions were resumed."""
        await self.store.open()
        warming = [self.pools[name].warm() for name in WARM if name in self.pools]
        for feed in self.queues.values():
            feed.start()
        await self.schedules.start()
        resumed = await self.executions.resume()
        if warming:
            await asyncio.wait(warming, timeout=WARM_SECONDS)
        return resumed

    async def close(self) -> None:
        """Stop everything; executions, queues and schedules go on with the next runtime."""
        for task in self._spawned:
            task.cancel()
        await self.schedules.close()
        for feed in self.queues.values():
            await feed.close()
        await self.executions.close()
        for pool in self.pools.values():
            pool.stop()
        await self.store.close()


def _step_functions_call(pools: dict[str, Pool]) -> Any:
    async def call(function: str, payload: str, timeout_seconds: float) -> Any:
        pool = pools.get(function.rpartition(":")[2])
        if pool is None:
            raise StateError("Lambda.ResourceNotFoundException", f"Function not found: {function}")
        outcome = await pool.invoke(payload.encode(), limit_seconds=timeout_seconds)
        if outcome.error_type == "Sandbox.Timedout" and timeout_seconds < pool.description.timeout_seconds:
            raise TimeoutError
        if not outcome.ok:
            raise StateError(outcome.error_type, outcome.payload.decode())
        return outcome.document

    return call
