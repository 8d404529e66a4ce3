"""One bundle of repositories, in memory and over Postgres, for the contract suites."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from builders_db import tool
from e2i_shared.db.catalogue import PostgresCatalogue, next_version, save_version
from e2i_shared.db.classifications import PostgresClassifications
from e2i_shared.db.cohorts import PostgresCohorts
from e2i_shared.db.compositions import PostgresCompositions
from e2i_shared.db.idempotency import PostgresIdempotency
from e2i_shared.db.outbox import PostgresOutbox
from e2i_shared.db.tools import PostgresTools, sync_tools
from e2i_shared.ids import new_id
from e2i_shared.testing import (
    FakeCatalogue,
    FakeClassifications,
    FakeCohorts,
    FakeCompositions,
    FakeIdempotency,
    FakeOutbox,
    FakeTools,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from e2i_shared.api.datasets import Dataset
    from e2i_shared.db.connection import Database


TOOLS = (tool("estimate"), tool("rank", "segment"), tool("refute", "estimate"), tool("segment", "estimate"))


@dataclass
class Stores:
    """All repositories of one fresh tenant."""

    classifications: Any
    compositions: Any
    catalogue: Any
    tools: Any
    outbox: Any
    cohorts: Any
    idempotency: Callable[..., Any]
    load: Callable[[Dataset], Dataset]
    tenant_id: str = field(default_factory=new_id)


@pytest.fixture(scope="module")
def registered(migrated):
    """The module's database with TOOLS in its registry."""
    sync_tools(migrated.admin, TOOLS)
    return migrated


def fake_stores() -> Stores:
    outbox, tools, catalogue = FakeOutbox(), FakeTools(TOOLS), FakeCatalogue()
    keys: dict[str, FakeIdempotency] = {}

    def idempotency(**options: float) -> FakeIdempotency:
        made = FakeIdempotency(**options)
        made._keys = keys
        return made

    return Stores(
        classifications=FakeClassifications(),
        compositions=FakeCompositions(outbox, tools),
        catalogue=catalogue,
        tools=tools,
        outbox=outbox,
        cohorts=FakeCohorts(),
        idempotency=idempotency,
        load=catalogue.add,
    )


def postgres_stores(database: Database) -> Stores:
    tenant = new_id()

    def load(dataset: Dataset) -> Dataset:
        with database.transaction(tenant) as connection:
            dataset_id, version = next_version(connection, dataset.name)
            return save_version(connection, dataset.model_copy(update={"dataset_id": dataset_id, "version": version}))

    return Stores(
        classifications=PostgresClassifications(database, tenant),
        compositions=PostgresCompositions(database, tenant),
        catalogue=PostgresCatalogue(database, tenant),
        tools=PostgresTools(database, tenant),
        outbox=PostgresOutbox(database, tenant),
        cohorts=PostgresCohorts(database, tenant),
        idempotency=lambda **options: PostgresIdempotency(database, tenant, **options),
        load=load,
        tenant_id=tenant,
    )


@pytest.fixture(params=["fake", "postgres"])
def stores(request) -> Stores:
    if request.param == "fake":
        return fake_stores()
    request.getfixturevalue("registered")
    return postgres_stores(request.getfixturevalue("database"))


# d waits for a cycle without being part of it.
CYCLE = (tool("a", "c"), tool("b", "a"), tool("c", "b"), tool("d", "c"), tool("free"))


@pytest.fixture(params=["fake", "postgres"])
def cyclic_tools(request):
    if request.param == "fake":
        yield FakeTools(CYCLE)
        return
    registered = request.getfixturevalue("registered")
    sync_tools(registered.admin, [*TOOLS, *CYCLE])
    yield PostgresTools(request.getfixturevalue("database"), new_id())
    sync_tools(registered.admin, TOOLS)
