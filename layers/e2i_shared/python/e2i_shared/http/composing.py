"""One phase of a composition, with the services of its tenant."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from e2i_shared import bootstrap
from e2i_shared.api.classification import ClassifyRequest
from e2i_shared.composer import phases
from e2i_shared.composer.binding import KpiName
from e2i_shared.composer.words import key
from e2i_shared.http import language, work
from e2i_shared.http.prescreening import StoredTwins
from e2i_shared.http.records import StoredRecords

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from e2i_shared.api.classification import Classification
    from e2i_shared.api.common import Json
    from e2i_shared.composer.model import CompositionRecord
    from e2i_shared.ports import Tenant


def run(event: Mapping[str, Any]) -> Json:
    """Run the phase that an event names."""
    return phases.run_phase(event, services(bootstrap.for_tenant(event["tenant_id"]), event.get("composition_id")))


def services(tenant: Tenant, composition_id: str | None = None) -> phases.ComposerServices:
    """Return what the phases of a tenant's composition work with."""

    def classify(record: CompositionRecord) -> Classification:
        if record.classification_id:
            return tenant.classifications.get(record.classification_id).classification
        from e2i_shared.http import classifying

        request = ClassifyRequest(query=record.query, session_id=record.session_id, dataset=record.dataset)
        return classifying.classify(tenant, request, record.user_id)

    def run_step(tool: str, params: Json) -> Json:
        from e2i_shared.tools import _registry

        records = StoredRecords(tenant.compositions, asking=composition_id)
        context = _registry.ToolContext(tenant.data, records=records, twins=StoredTwins(tenant))
        return _registry.run_tool(tool, params, context)

    return phases.ComposerServices(
        compositions=tenant.compositions,
        datasets=tenant.catalogue.all,
        tools=work.tools(),
        run=run_step,
        classify=classify,
        latency_ms=lambda: usual_latency(tenant),
        kpis=kpi_names(),
        ask=language.asker(tenant.tenant_id),
    )


def usual_latency(tenant: Tenant) -> Mapping[str, float]:
    """Return the median latency by tool over the last days, in milliseconds."""
    return {each.tool: each.p50_ms for each in tenant.tools.reliability() if each.p50_ms is not None}


@cache
def kpi_names() -> Mapping[str, KpiName]:
    """Return the KPI catalogue by the key of each phrase it is known by."""
    from e2i_shared.tools import _kpis

    names: dict[str, KpiName] = {}
    for kpi in _kpis.kpis().values():
        known = KpiName(kpi.name, tuple(frozenset(definition.columns()) for definition in kpi.definitions))
        for phrase in (kpi.name, kpi.title, *kpi.synonyms):
            names.setdefault(key(phrase), known)
    return names
