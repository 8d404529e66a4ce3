"""The whole product, started as users start it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from cli.client import Client
from cli.runtime import running

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from cli.connection import Connection


@pytest.fixture(scope="session")
def service_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return where the service keeps everything."""
    return tmp_path_factory.mktemp("e2i") / "service"


@pytest.fixture(scope="session")
def service(service_folder: Path) -> Iterator[Connection]:
    """Run one service for the session."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("E2I_URL", "E2I_TOKEN"):
            patch.delenv(name, raising=False)
        patch.setitem(os.environ, "E2I_RATE_BURST", "100000")
        patch.setitem(os.environ, "E2I_MLFLOW_URI", "")  # logging is tested by itself: MLflow takes seconds to import
        with running(service_folder) as known:
            yield known


@pytest.fixture(scope="session")
def client(service: Connection) -> Iterator[Client]:
    """Return a session with the service, as its owner."""
    with Client(service) as opened:
        yield opened
