"""What administrators see and set."""

from __future__ import annotations

from typing import Annotated

from aws_lambda_powertools.event_handler.api_gateway import Router
from aws_lambda_powertools.event_handler.openapi.params import Query

from e2i_shared import bootstrap
from e2i_shared.api.admin import BudgetRequest, Budgets, Usage
from e2i_shared.api.letters import Queues, Redriven, RedriveRequest
from e2i_shared.http import caller, letters, spending

router = Router()
TAGS = ["Administration"]
Moment = Annotated[str | None, Query(max_length=40, description="ISO 8601; until is exclusive.")]


@router.get("/admin/usage", tags=TAGS, summary="What language models cost")
def read_usage(since: Moment = None, until: Moment = None) -> Usage:
    """Return calls, tokens and cost by day, model, user and phase (the last 30 days), and the state of the budgets."""
    return spending.usage(caller.current(), since, until)


@router.put("/admin/budgets", tags=TAGS, summary="Set a daily budget")
def set_budget(request: BudgetRequest) -> Budgets:
    """Cap what language models may cost a user, every user, or (as an owner) the tenant in a day, from now on."""
    return spending.set_budget(request, caller.current())


@router.get("/admin/queues", tags=TAGS, summary="Messages that queues gave up")
def list_queues() -> Queues:
    """Return each queue with this tenant's dead letters, and why each failed the last time."""
    return letters.listed(bootstrap.for_tenant(caller.current().tenant_id))


@router.post("/admin/queues/<queue>/redrive", tags=TAGS, summary="Put dead letters back")
def redrive_queue(queue: str, request: RedriveRequest) -> Redriven:
    """Put this tenant's dead letters of a queue back, once what made them fail is mended; ``dry_run`` only says which."""
    return letters.redrive(queue, caller.current(), dry_run=request.dry_run)
