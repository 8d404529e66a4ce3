"""Counting a cohort's criteria on the tenant's data, and saving them under a name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from e2i_shared.api.cohorts import CohortDefinition, CohortStep
from e2i_shared.errors import UnprocessableError
from e2i_shared.http import work

if TYPE_CHECKING:
    from e2i_shared.api.cohorts import Cohort, CohortRequest
    from e2i_shared.ports import Tenant

TOOL = "cohort_builder"


def save(tenant: Tenant, request: CohortRequest, user: str | None) -> Cohort:
    """Run the criteria and store them with their counts; the same again returns what is there.

    Raises UnprocessableError for a cohort of nobody: it would fail whatever reads it later.
    """
    found = work.run_tool(tenant, work.tool(TOOL), request.model_dump(mode="json", exclude_none=True)).result
    if found["empty"]:
        raise UnprocessableError(
            f"Nobody is in the cohort {request.name!r}: it is not saved.",
            field="inclusion",
            expected="criteria that somebody meets",
            got=f"nobody left after “{found['emptied_by']}”" if found["emptied_by"] else "nobody to begin with",
            hint=f"POST /tools/{TOOL}/run shows the counts of each step.",
        )
    definition = CohortDefinition.model_validate(found["cohort"])
    steps = [CohortStep.model_validate(step) for step in found["steps"]]
    return tenant.cohorts.save(request.name, definition, steps, user)
