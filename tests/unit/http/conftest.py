"""Handlers over fakes."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import pytest
from e2i_shared import bootstrap, settings
from e2i_shared.http import bundles
from world import FakeWiring

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Handler = Callable[[dict[str, Any], Any], dict[str, Any]]


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("E2I_DATABASE_URL", "host=nowhere")
    monkeypatch.setenv("E2I_STATE_MACHINE_ARN", "arn:aws:states:us-east-1:123456789012:stateMachine:compose")
    monkeypatch.setenv("E2I_EVENT_BUS", "e2i")
    monkeypatch.setenv("E2I_RATE_PER_SECOND", "1e6")
    monkeypatch.setenv("E2I_RATE_BURST", "1000000")
    settings.read.cache_clear()
    monkeypatch.setenv("E2I_TRAINING_MACHINE_ARN", "arn:aws:states:us-east-1:123456789012:stateMachine:train_twin")
    bundles.forget()
    for name in ("api", "classify", "run_tool", "simulate", "fidelity_check"):
        if loaded := sys.modules.get(f"functions.{name}.handler"):
            monkeypatch.setattr(loaded.app, "limit", None)
    yield
    settings.read.cache_clear()


@pytest.fixture
def wiring() -> Iterator[FakeWiring]:
    """Return the fakes in use."""
    with bootstrap.wired(FakeWiring()) as made:
        yield made
