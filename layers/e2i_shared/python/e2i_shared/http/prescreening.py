"""Trained twins of a tenant, as tools may ask them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from e2i_shared.errors import NotFoundError

if TYPE_CHECKING:
    from e2i_shared.ports import Tenant
    from e2i_shared.tools._twins import TrainedTwin
    from e2i_shared.twins.model import SimulateRequest, SimulationView, Twin


MOST_LOOKED_AT = 50


@dataclass(frozen=True, slots=True)
class StoredTwins:
    """Twins over a tenant's stored models; each simulation is kept like one that was asked for over HTTP."""

    tenant: Tenant
    user: str | None = None

    def find(self, twin_id: str | None, brand: str | None) -> TrainedTwin:
        """Return a twin by id, else the brand's active one, else the newest active one; raise NotFoundError."""
        models = self.tenant.twins.models
        return _trained(models.get(twin_id) if twin_id else models.active(brand or self._newest_brand(), None, None))

    def learned_from(self, dataset: str, treatment: str, outcome: str, brand: str | None) -> TrainedTwin | None:
        """Return the newest active twin of that data set, treatment and outcome, of the brand where one is named; None without any."""
        from e2i_shared.twins.model import TwinQuery

        models = self.tenant.twins.models
        for line in models.list(TwinQuery(active=True, brand=brand, limit=MOST_LOOKED_AT)).items:
            if line.outcome == outcome and treatment in line.interventions:
                twin = models.get(line.twin_id)
                if twin.dataset == dataset and twin.status == "COMPLETED":
                    return _trained(twin)
        return None

    def simulate(self, twin_id: str, request: SimulateRequest) -> SimulationView:
        """Return what an intervention does to a twin's population; raise UnprocessableError where it cannot be known."""
        from e2i_shared.http import simulating

        return simulating.simulate(self.tenant, self.tenant.twins.models.get(twin_id), request, self.user)

    def _newest_brand(self) -> str:
        from e2i_shared.twins.model import TwinQuery

        found = self.tenant.twins.models.list(TwinQuery(active=True, limit=1)).items
        if not found:
            raise NotFoundError(
                "No digital twin has been trained yet.",
                field="twin_id",
                expected="a trained twin",
                hint="POST /digital-twins/generate, or e2i twins train, trains one.",
            )
        return found[0].brand


def _trained(twin: Twin) -> TrainedTwin:
    from e2i_shared.http import bundles
    from e2i_shared.tools._twins import TrainedTwin

    return TrainedTwin(
        twin_id=twin.twin_id,
        name=twin.name,
        brand=twin.brand,
        version=twin.version,
        fidelity_grade=twin.fidelity_grade,
        outcome=twin.outcome,
        interventions=tuple(twin.interventions),
        catalogue=bundles.load(twin).catalogue,
    )
