"""``POST /tools/{name}/run``: one tool, alone; the same code a composition runs."""

from __future__ import annotations

from aws_lambda_powertools.event_handler.api_gateway import Router

from e2i_shared import bootstrap
from e2i_shared.api.tools import RunToolRequest, RunToolResult
from e2i_shared.http import caller, work
from e2i_shared.http.found import named_in_path
from e2i_shared.http.parameters import ToolName

router = Router()


@router.post("/tools/<name>/run", tags=["Tools"], summary="Run a tool")
def run_tool(name: ToolName, request: RunToolRequest) -> RunToolResult:
    """Validate the input, run the tool on the tenant's data, return its output and charts."""
    with named_in_path():
        tool = work.tool(name)
    return work.run_tool(bootstrap.for_tenant(caller.current().tenant_id), tool, request.params)
