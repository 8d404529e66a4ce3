"""The catalogue of data sets."""

from __future__ import annotations

from typing import Annotated

from aws_lambda_powertools.event_handler.api_gateway import Response, Router
from aws_lambda_powertools.event_handler.openapi.params import Query

from e2i_shared import bootstrap
from e2i_shared.api.common import Page, PageQuery
from e2i_shared.api.datasets import ColumnPatch, Dataset, DatasetSummary, UploadTicket
from e2i_shared.http import caller, work
from e2i_shared.http.found import named_in_path
from e2i_shared.http.parameters import ColumnName, NameOrId
from e2i_shared.http.replies import done, reply
from e2i_shared.ids import new_id

router = Router()
TAGS = ["Data"]


@router.get("/datasets", tags=TAGS, summary="List data sets")
def list_datasets(query: Annotated[PageQuery, Query()]) -> Page[DatasetSummary]:
    """Return the newest version of each data set, newest first."""
    return bootstrap.for_tenant(caller.current().tenant_id).catalogue.list(query)


@router.get("/datasets/<dataset_id>", tags=TAGS, summary="Read a data set")
def read_dataset(dataset_id: NameOrId) -> Dataset:
    """Return columns with kinds, roles, synonyms and statistics."""
    with named_in_path():
        return bootstrap.for_tenant(caller.current().tenant_id).catalogue.find(dataset_id)


@router.patch("/datasets/<dataset_id>/columns/<name>", tags=TAGS, summary="Describe a column")
def patch_column(dataset_id: NameOrId, name: ColumnName, patch: ColumnPatch) -> Dataset:
    """Change a column's role, unit, description or synonyms."""
    with named_in_path():
        return bootstrap.for_tenant(caller.current().tenant_id).catalogue.patch_column(dataset_id, name, patch)


@router.delete("/datasets/<dataset_id>", tags=TAGS, summary="Delete a data set", status_code=204)
def delete_dataset(dataset_id: NameOrId) -> Response[None]:
    """Delete a data set: it is kept aside, not erased."""
    with named_in_path():
        bootstrap.for_tenant(caller.current().tenant_id).catalogue.delete(dataset_id)
    return done()


@router.post("/uploads", tags=TAGS, summary="Ask where to upload a large file", status_code=201)
def create_upload() -> Response[UploadTicket]:
    """Return an address to PUT a file to, and the key to load it by."""
    ticket = bootstrap.objects().ticket(f"{work.upload_prefix(caller.current().tenant_id)}{new_id()}")
    return reply(201, ticket)
