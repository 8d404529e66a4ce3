"""``POST /classify``: the only route of its function, which has the tightest latency budget."""

from __future__ import annotations

from e2i_shared import bootstrap
from e2i_shared.api.classification import (  # noqa: TC001 - the document is made from the annotations at run time
    Classification,
    ClassifyRequest,
)
from e2i_shared.http import caller, classifying


def classify_question(request: ClassifyRequest) -> Classification:
    """Return domains, sub-questions, dependencies and the routing pattern of a question."""
    who = caller.current()
    return classifying.classify(bootstrap.for_tenant(who.tenant_id), request, who.subject)
