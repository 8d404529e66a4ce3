"""Types of path parameters that several routes share."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from aws_lambda_powertools.event_handler.openapi.params import Path

Id = Annotated[UUID, Path(description="An id as returned when it was created.")]
NameOrId = Annotated[str, Path(min_length=1, max_length=200, description="A name, or an id.")]
ColumnName = Annotated[str, Path(min_length=1, max_length=200, description="A column's name.")]
ToolName = Annotated[str, Path(min_length=1, max_length=100, description="A tool's name.")]
