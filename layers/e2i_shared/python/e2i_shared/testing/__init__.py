"""Fakes at the seams, shipped: repositories in memory that pass the same contract suite as those over Postgres."""

from __future__ import annotations

from e2i_shared.datasets.memory import MemoryDataSource
from e2i_shared.testing.catalogue import FakeCatalogue
from e2i_shared.testing.classifications import FakeClassifications
from e2i_shared.testing.clock import FixedClock
from e2i_shared.testing.cohorts import FakeCohorts
from e2i_shared.testing.compositions import FakeCompositions
from e2i_shared.testing.idempotency import FakeIdempotency
from e2i_shared.testing.outbox import FakeOutbox
from e2i_shared.testing.rows import FakeRows
from e2i_shared.testing.tools import FakeTools
from e2i_shared.testing.twin_stores import fake_twins

__all__ = [
    "FakeCatalogue",
    "FakeClassifications",
    "FakeCohorts",
    "FakeCompositions",
    "FakeIdempotency",
    "FakeOutbox",
    "FakeRows",
    "FakeTools",
    "FixedClock",
    "MemoryDataSource",
    "fake_twins",
]
