"""Questions classified for a tenant: remembered, counted, and put to a language model where one is configured and the rules are unsure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from e2i_shared import bootstrap
from e2i_shared.classifier.service import classify_and_store
from e2i_shared.observability import telemetry

if TYPE_CHECKING:
    from e2i_shared.api.classification import Classification, ClassifyRequest
    from e2i_shared.classifier.second_opinion import SecondOpinion
    from e2i_shared.ports import Tenant


def classify(tenant: Tenant, request: ClassifyRequest, user_id: str | None) -> Classification:
    """Classify a question, or return its stored classification of the same day."""
    judge = _judge(tenant, request, user_id)

    def remembered() -> Classification:
        return classify_and_store(
            request, tenant.classifications, tenant.catalogue, user_id=user_id, second_opinion=judge
        )

    # A language model may take seconds: no transaction waits for one.
    found = remembered() if judge else tenant.together(remembered)
    telemetry.count("Classifications", {"pattern": found.routing_pattern.value}, classify_ms=found.latency_ms["total"])
    return found


def _judge(tenant: Tenant, request: ClassifyRequest, user_id: str | None) -> SecondOpinion | None:
    """Return the second opinion; where no language model is configured, nothing of it is imported."""
    if bootstrap.language_models(tenant.tenant_id) is None:
        return None
    from e2i_shared.http.opinion import second_opinion

    return second_opinion(tenant, request, user_id)
