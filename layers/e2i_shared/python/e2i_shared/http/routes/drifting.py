"""``GET /datasets/{id}/drift``: every column is compared where the data are read."""

from __future__ import annotations

from typing import Annotated

from aws_lambda_powertools.event_handler.api_gateway import Router
from aws_lambda_powertools.event_handler.openapi.params import Query

from e2i_shared import bootstrap
from e2i_shared.api.drift import DatasetDrift, DriftQuery
from e2i_shared.http import caller, drift
from e2i_shared.http.found import named_in_path
from e2i_shared.http.parameters import NameOrId

router = Router()


@router.get("/datasets/<dataset_id>/drift", tags=["Data"], summary="Measure drift of a data set")
def read_drift(dataset_id: NameOrId, query: Annotated[DriftQuery, Query()]) -> DatasetDrift:
    """Compare each column's last complete period with those before: population stability index and severity."""
    with named_in_path():
        return drift.drift(bootstrap.for_tenant(caller.current().tenant_id), dataset_id, query)
