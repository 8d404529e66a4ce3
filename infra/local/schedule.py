"""EventBridge Scheduler's ``rate(…)``: a function is called every so often, also counting the time nothing ran."""

from __future__ import annotations

import asyncio
import logging
import re
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import psycopg
from e2i_shared.errors import ConfigurationError

from infra.local.asl.errors import dumps
from infra.local.events import envelope
from infra.local.store import Statement

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from infra.functions import FunctionDescription
    from infra.local.store import Store
    from infra.local.workers import Outcome

RATE = re.compile(r"rate\((\d+) (minute|hour|day)s?\)")
log = logging.getLogger(__name__)


def interval(expression: str) -> timedelta:
    """Return how often a schedule fires.

    Raises
    ------
    ConfigurationError
        For anything but ``rate(<n> minutes|hours|days)``.
    """
    match = RATE.fullmatch(expression)
    if match is None or int(match[1]) == 0:
        raise ConfigurationError(
            f"The schedule {expression!r} cannot be run here.",
            field="schedule",
            expected="rate(<n> minutes|hours|days)",
        )
    return timedelta(**{f"{match[2]}s": int(match[1])})


@dataclass(slots=True)
class Schedules:
    """All schedules of the functions."""

    store: Store
    invoke: Callable[[str, bytes], Awaitable[Outcome]]
    rates: dict[str, timedelta]
    _tasks: list[asyncio.Task[None]] = field(default_factory=list)

    @classmethod
    def of(
        cls,
        descriptions: Iterable[FunctionDescription],
        store: Store,
        invoke: Callable[[str, bytes], Awaitable[Outcome]],
    ) -> Schedules:
        """Return the schedules that the functions describe."""
        return cls(store, invoke, {each.name: interval(each.schedule) for each in descriptions if each.schedule})

    async def start(self) -> None:
        """Begin; a schedule whose time passed while nothing ran fires at once."""
        fired = {row["name"]: row["fired_at"] for row in await self.store.read("last_fired")}
        self._tasks = [asyncio.create_task(self._repeat(name, fired.get(name))) for name in self.rates]

    async def close(self) -> None:
        """Stop firing."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _repeat(self, name: str, last: datetime | None) -> None:
        due = (last or datetime.now(UTC)) + self.rates[name]
        while True:
            await asyncio.sleep(max(0.0, (due - datetime.now(UTC)).total_seconds()))
            due = datetime.now(UTC) + self.rates[name]
            with suppress(psycopg.Error):
                await self.fire(name)

    async def fire(self, name: str) -> Outcome:
        """Call a function now, as its schedule does."""
        await self.store.write(Statement("fired", [{"name": name, "at": datetime.now(UTC)}]))
        outcome = await self.invoke(name, dumps(envelope("aws.scheduler", "Scheduled Event", {})).encode())
        if not outcome.ok:
            log.warning("the schedule of %s failed: %s", name, outcome.payload.decode(errors="replace")[:300])
        return outcome
