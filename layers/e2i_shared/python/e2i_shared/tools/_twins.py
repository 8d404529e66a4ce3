"""What tools may ask of trained digital twins: a Protocol over those of the caller's tenant."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from e2i_shared.api.common import Filter
from e2i_shared.api.datasets import ColumnKind
from e2i_shared.datasets.filters import TEXT_KINDS
from e2i_shared.tools._population import span_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from e2i_shared.api.datasets import Column, Dataset
    from e2i_shared.tools._population import Population
    from e2i_shared.twins.model import SimulateRequest, SimulationView


@dataclass(frozen=True, slots=True)
class TrainedTwin:
    """A twin that can be asked; ``catalogue`` describes the columns it knows."""

    twin_id: str
    name: str
    brand: str
    version: int
    fidelity_grade: str
    outcome: str
    interventions: tuple[str, ...]
    catalogue: Dataset

    @property
    def said(self) -> str:
        """The twin by name, brand and version."""
        return f"{self.name}, {self.brand}, version {self.version}"


def conditions(catalogue: Dataset, members: Sequence[Population]) -> list[Filter]:
    """Return one condition for each member of a target population: units that pass any of them are meant."""
    return [_condition(catalogue.column(each.column), each) for each in members]


def _condition(column: Column | None, member: Population) -> Filter:
    if column is None or column.kind in TEXT_KINDS or column.kind is ColumnKind.BOOLEAN:
        return Filter(column=member.column, value=member.level)
    low, high = span_of(column, member)
    return Filter(column=member.column, op="between", value=[low, high])


class Twins(Protocol):
    """Where a tool finds trained twins; only those of the caller's tenant exist for it."""

    def find(self, twin_id: str | None, brand: str | None) -> TrainedTwin:
        """Return a twin by id, else the brand's active one, else the newest active one; raise NotFoundError."""
        ...

    def learned_from(self, dataset: str, treatment: str, outcome: str, brand: str | None) -> TrainedTwin | None:
        """Return the newest active twin of that data set, treatment and outcome, of the brand where one is named; None without any."""
        ...

    def simulate(self, twin_id: str, request: SimulateRequest) -> SimulationView:
        """Return what an intervention does to a twin's population; raise UnprocessableError where it cannot be known."""
        ...
