"""Everything about twins of one tenant, in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from e2i_shared.testing.clock import FixedClock
from e2i_shared.testing.outbox import FakeOutbox
from e2i_shared.testing.simulations import FakeSimulations
from e2i_shared.testing.trainings import FakeJobs
from e2i_shared.testing.twin_rows import Held
from e2i_shared.testing.twins import FakeEntities, FakeTwins
from e2i_shared.twins.repository import TwinStores

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime


def fake_twins(outbox: FakeOutbox | None = None, clock: Callable[[], datetime] | None = None) -> TwinStores:
    """Return stores in memory that work on the same rows."""
    held = Held(outbox or FakeOutbox(), clock or FixedClock())
    return TwinStores(FakeTwins(held), FakeJobs(held), FakeSimulations(held), FakeEntities(held))
