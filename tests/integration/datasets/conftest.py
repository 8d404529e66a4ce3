"""A tenant's row store and data source on the embedded server."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from e2i_shared.datasets import ingest
from e2i_shared.datasets.source import from_bytes
from e2i_shared.datasets.specs import DatasetSpec
from e2i_shared.db.catalogue import PostgresCatalogue
from e2i_shared.db.frame_cache import FrameCache
from e2i_shared.db.loading import PostgresRowStore
from e2i_shared.db.rows import PostgresDataSource

if TYPE_CHECKING:
    from collections.abc import Callable

    from e2i_shared.api.datasets import Dataset


@pytest.fixture
def store(database, migrated):
    return PostgresRowStore(database, migrated.tenant)


@pytest.fixture
def catalogue(database, migrated):
    return PostgresCatalogue(database, migrated.tenant)


@pytest.fixture
def data(database, migrated):
    """Read without a frame cache, so that every read asks the server."""
    return PostgresDataSource(database, migrated.tenant, FrameCache(0))


@pytest.fixture
def load(store) -> Callable[..., Dataset]:
    """Load CSV text (or bytes) under a name, with column specs as keyword arguments of DatasetSpec."""

    def loader(content: str | bytes, name: str = "little", *, file_format: str = "csv", **said: object) -> Dataset:
        raw = content.encode() if isinstance(content, str) else content
        spec = DatasetSpec.model_validate({"name": name, **said})
        return ingest.load(spec, from_bytes(raw), store, file_format=file_format).dataset

    return loader


@pytest.fixture
def tables(migrated) -> Callable[[], set[str]]:
    """Return the names of all rows tables there are."""

    def named() -> set[str]:
        found = migrated.as_admin(
            "SELECT relname FROM pg_class JOIN pg_namespace AS n ON n.oid = relnamespace WHERE nspname = 'rows' AND relkind = 'r'"
        )
        return {name for (name,) in found}

    return named
