"""What tools may ask of trained digital twins: a Protocol over those of the caller's tenant."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from e2i_shared.api.datasets import Dataset
    from e2i_shared.twins.model import SimulateRequest, SimulationView


@dataclass(frozen=True, slots=True)
class TrainedTwin:
    """A twin that can be asked; ``catalogue`` describes the columns it knows."""

    twin_id: str
    name: str
    brand: str
    version: int
    fidelity_grade: str
    catalogue: Dataset


class Twins(Protocol):
    """Where a tool finds trained twins; only those of the caller's tenant exist for it."""

    def find(self, twin_id: str | None, brand: str | None) -> TrainedTwin:
        """Return a twin by id, else the brand's active one, else the newest active one; raise NotFoundError."""
        ...

    def simulate(self, twin_id: str, request: SimulateRequest) -> SimulationView:
        """Return what an intervention does to a twin's population; raise UnprocessableError where it cannot be known."""
        ...
