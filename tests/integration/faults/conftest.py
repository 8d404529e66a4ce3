"""One faulty product for all tests of this folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from faulty.product import Product

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """Run the product with steps that may take 7 seconds, its processes warm."""
    with Product(tmp_path_factory.mktemp("faulty"), step_seconds=7).running(2) as running:
        yield running


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Each of these starts a database server."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.postgres)
