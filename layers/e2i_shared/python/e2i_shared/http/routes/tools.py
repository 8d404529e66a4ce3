"""The tool catalogue."""

from __future__ import annotations

from aws_lambda_powertools.event_handler.api_gateway import Router

from e2i_shared.api.common import Page
from e2i_shared.api.tools import ToolDescription
from e2i_shared.http import work
from e2i_shared.http.found import named_in_path
from e2i_shared.http.parameters import ToolName

router = Router()
TAGS = ["Tools"]


@router.get("/tools", tags=TAGS, summary="List tools")
def list_tools() -> Page[ToolDescription]:
    """Return every tool, by name."""
    return Page[ToolDescription](items=[tool.describe() for tool in work.tools().values()])


@router.get("/tools/<name>", tags=TAGS, summary="Read a tool")
def read_tool(name: ToolName) -> ToolDescription:
    """Return a tool's input and output schemas, and examples."""
    with named_in_path():
        return work.tool(name).describe(schemas=True)
