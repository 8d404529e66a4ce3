"""One twin trained for a test, as tools may ask it: no database, no objects."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from e2i_shared.errors import NotFoundError
from e2i_shared.tools._twins import TrainedTwin
from e2i_shared.twins.model import SimulateRequest, SimulationView
from e2i_shared.twins.simulate import simulate
from e2i_shared.twins.spec import TwinSpec
from e2i_shared.twins.train import train

if TYPE_CHECKING:
    from e2i_shared.datasets.frame import DataSource
    from e2i_shared.twins.bundle import Bundle

TWIN = "01999999-0000-7000-8000-00000000c001"
SIMULATION = "01999999-0000-7000-8000-00000000c002"


@dataclass
class AskedTwins:
    """The only twin there is; ``asked`` keeps what it was asked."""

    bundle: Bundle
    asked: list[SimulateRequest] = field(default_factory=list)

    @property
    def brand(self) -> str:
        return self.bundle.header["spec"]["brand"] or "all"

    def find(self, twin_id: str | None, brand: str | None) -> TrainedTwin:
        """Return it."""
        if twin_id not in (None, TWIN) or (brand or self.brand).lower() != self.brand.lower():
            raise NotFoundError("There is no such twin.", field="brand", got=brand or twin_id)
        spec = self.bundle.header["spec"]
        outcome, levers = spec["outcome"], tuple(spec["interventions"])
        return TrainedTwin(TWIN, spec["name"], self.brand, 3, "unvalidated", outcome, levers, self.bundle.catalogue)

    def learned_from(self, dataset: str, treatment: str, outcome: str, brand: str | None) -> TrainedTwin | None:
        """Return it where it was learned from that."""
        twin = self.find(None, None)
        same = (twin.catalogue.name, twin.outcome) == (dataset, outcome) and treatment in twin.interventions
        return twin if same and (brand or twin.brand).lower() == twin.brand.lower() else None

    def simulate(self, twin_id: str, request: SimulateRequest) -> SimulationView:
        """Simulate, and remember the request."""
        assert twin_id == TWIN
        self.asked.append(request)
        found = simulate(self.bundle, request.spec())
        known = {"simulation_id": SIMULATION, "twin_id": TWIN, "brand": self.brand, "status": "COMPLETED"}
        more = {"intervention_type": request.intervention_type, "twin_count": request.twin_count, "created_at": ""}
        return SimulationView.model_validate(found.model_dump(mode="json") | known | more)


def trained_on(source: DataSource, **spec: Any) -> AskedTwins:
    """Train a small twin and return it for asking."""
    given: dict[str, Any] = {"name": "asked", "twin_type": "hcp", "twins": 2_000}
    return AskedTwins(train(source, TwinSpec.model_validate(given | spec)).bundle)
