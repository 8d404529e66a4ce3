"""A tenant's row store and data source on the embedded server."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from e2i_shared.datasets import ingest
from e2i_shared.datasets.source import from_bytes
from e2i_shared.datasets.specs import DatasetSpec
from e2i_shared.db.catalogue import PostgresCatalogue
from e2i_shared.db.frame_cache import FrameCache
from e2i_shared.db.loading import PostgresRowStore
from e2i_shared.db.rows import PostgresDataSource
from e2i_shared.testing import FakeCatalogue, FakeRows

if TYPE_CHECKING:
    from collections.abc import Callable

    from e2i_shared.api.datasets import Dataset
    from e2i_shared.datasets.frame import DataSource
    from e2i_shared.datasets.repository import CatalogueRepository, RowStore

TABLES = "SELECT relname::text FROM pg_class WHERE relnamespace = 'rows'::regnamespace AND relkind = 'r'"


@dataclass(frozen=True)
class Backend:
    """Where rows go, where they come from, what is known of them, and the names of all tables of rows."""

    store: RowStore
    data: DataSource
    catalogue: CatalogueRepository
    tables: Callable[[], set[str]]


@pytest.fixture
def backend(request) -> Backend:
    """Return Postgres, read without a frame cache; or memory, where a module asks for both."""
    if getattr(request, "param", "postgres") == "memory":
        known = FakeCatalogue()
        rows = FakeRows(known)
        return Backend(
            rows, rows, known, lambda: {f"{key.replace('-', '')} {version}" for key, version in rows._frames}
        )
    database, migrated = request.getfixturevalue("database"), request.getfixturevalue("migrated")
    tenant = migrated.tenant
    return Backend(
        PostgresRowStore(database, tenant),
        PostgresDataSource(database, tenant, FrameCache(0)),
        PostgresCatalogue(database, tenant),
        lambda: {name for (name,) in migrated.as_admin(TABLES)},
    )


@pytest.fixture
def store(backend):
    return backend.store


@pytest.fixture
def catalogue(backend):
    return backend.catalogue


@pytest.fixture
def data(backend):
    return backend.data


@pytest.fixture
def tables(backend):
    return backend.tables


@pytest.fixture
def load(store) -> Callable[..., Dataset]:
    """Load CSV text (or bytes) under a name, with column specs as keyword arguments of DatasetSpec."""

    def loader(content: str | bytes, name: str = "little", *, file_format: str = "csv", **said: object) -> Dataset:
        raw = content.encode() if isinstance(content, str) else content
        spec = DatasetSpec.model_validate({"name": name, **said})
        return ingest.load(spec, from_bytes(raw), store, file_format=file_format).dataset

    return loader
