"""Saved cohorts, read back."""

from __future__ import annotations

from typing import Annotated

from aws_lambda_powertools.event_handler.api_gateway import Router
from aws_lambda_powertools.event_handler.openapi.params import Query

from e2i_shared import bootstrap
from e2i_shared.api.cohorts import Cohort, CohortQuery, CohortSummary
from e2i_shared.api.common import Page
from e2i_shared.http import caller
from e2i_shared.http.parameters import NameOrId

router = Router()
TAGS = ["Data"]


@router.get("/cohorts", tags=TAGS, summary="List cohorts")
def list_cohorts(query: Annotated[CohortQuery, Query()]) -> Page[CohortSummary]:
    """Return the newest version of each cohort, or every version of the one named; newest first."""
    return bootstrap.for_tenant(caller.current().tenant_id).cohorts.list(query)


@router.get("/cohorts/<cohort_id>", tags=TAGS, summary="Read a cohort")
def read_cohort(cohort_id: NameOrId) -> Cohort:
    """Return one version by id, or the newest under a name: criteria, counts per step, and filters for other tools."""
    return bootstrap.for_tenant(caller.current().tenant_id).cohorts.get(cohort_id)
