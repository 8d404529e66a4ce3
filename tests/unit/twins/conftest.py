"""Twins trained once for all tests of simulations."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from builders_twins import TwinWorld, confounded, twin_spec
from e2i_shared.twins import bundle as bundles
from e2i_shared.twins.train import Reporter, Trained, train

if TYPE_CHECKING:
    from e2i_shared.twins.bundle import Bundle


@pytest.fixture(scope="session")
def world() -> TwinWorld:
    return confounded(11, 3_000)


@pytest.fixture(scope="session")
def reported() -> list[tuple[str, int]]:
    return []


@pytest.fixture(scope="session")
def trained(world: TwinWorld, reported: list[tuple[str, int]]) -> Trained:
    return train(world.source, twin_spec(), report=Reporter(lambda phase, percent: reported.append((phase, percent))))


@pytest.fixture(scope="session")
def content(trained: Trained) -> bytes:
    return bundles.write(trained.bundle)


@pytest.fixture(scope="session")
def twin(content: bytes) -> Bundle:
    return bundles.read(content)
