"""The object graph: the only place that builds clients and wires adapters. Nothing is built at import.

``for_tenant`` returns what one tenant's requests work with, the other functions what all tenants share. All of it comes from the
``Wiring`` in use: the one that reads the environment, or within ``wired(...)`` another, such as a test's.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from e2i_shared.api.service import DependencyState
    from e2i_shared.llm.gateway import Gateway
    from e2i_shared.objects import Objects
    from e2i_shared.ports import Events, Queues, Tenant, Trainings, Wiring, Workflows
    from e2i_shared.twins.log import ExperimentLog


def for_tenant(tenant_id: str) -> Tenant:
    """Return what one tenant's requests work with."""
    return _wiring().tenant(tenant_id)


def tenants() -> Sequence[str]:
    """Return every tenant's id, for background jobs."""
    return _wiring().tenants()


def workflows() -> Workflows:
    """Return the composition workflow."""
    return _wiring().workflows()


def trainings() -> Trainings:
    """Return the training workflow."""
    return _wiring().trainings()


def experiment_log() -> ExperimentLog | None:
    """Return the log of trainings; None where none is configured."""
    return _wiring().experiment_log()


def objects() -> Objects:
    """Return the object store."""
    return _wiring().objects()


def events() -> Events:
    """Return the event bus."""
    return _wiring().events()


def queues() -> Queues:
    """Return the queues and their dead letters."""
    return _wiring().queues()


def language_models(tenant_id: str) -> Gateway | None:
    """Return the gateway to language models with a tenant's ledger; None where none is configured."""
    return _wiring().language_models(tenant_id)


def probe() -> Sequence[DependencyState]:
    """Return how each dependency answers."""
    return _wiring().probe()


_in_use: list[Wiring] = []


@contextmanager
def wired(wiring: Wiring) -> Iterator[Wiring]:
    """Build everything through ``wiring`` within the block."""
    _in_use.append(wiring)
    try:
        yield wiring
    finally:
        _in_use.pop()


def _wiring() -> Wiring:
    if not _in_use:
        from e2i_shared.wiring import EnvironmentWiring

        _in_use.append(EnvironmentWiring())
    return _in_use[-1]
