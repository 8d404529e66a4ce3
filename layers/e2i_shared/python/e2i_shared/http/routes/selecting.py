"""``POST /cohorts``: criteria are counted where the data are read."""

from __future__ import annotations

from aws_lambda_powertools.event_handler.api_gateway import Response, Router

from e2i_shared import bootstrap
from e2i_shared.api.cohorts import Cohort, CohortRequest
from e2i_shared.http import caller, cohorts
from e2i_shared.http.permissions import V1
from e2i_shared.http.replies import reply

router = Router()


@router.post("/cohorts", tags=["Data"], summary="Save a cohort", status_code=201)
def save_cohort(request: CohortRequest) -> Response[Cohort]:
    """Count the criteria and save them; other criteria under the same name make its next version, the same ones change nothing."""
    who = caller.current()
    cohort = cohorts.save(bootstrap.for_tenant(who.tenant_id), request, who.subject)
    return reply(201, cohort, location=f"{V1}/cohorts/{cohort.cohort_id}")
