"""``POST /datasets``: files become data sets, where the file readers are."""

from __future__ import annotations

from aws_lambda_powertools.event_handler.api_gateway import Response, Router

from e2i_shared import bootstrap
from e2i_shared.api.datasets import Dataset, LoadRequest
from e2i_shared.http import caller, work
from e2i_shared.http.permissions import V1
from e2i_shared.http.replies import reply

router = Router()


@router.post("/datasets", tags=["Data"], summary="Load a data set", status_code=201)
def load_dataset(request: LoadRequest) -> Response[Dataset]:
    """Load CSV or Parquet, inline or uploaded before; all rows or none. The same name again makes a new version."""
    tenant = bootstrap.for_tenant(caller.current().tenant_id)
    dataset = work.load(tenant, request)
    return reply(201, dataset, location=f"{V1}/datasets/{dataset.dataset_id}")
