"""The tool catalogue on the wire."""

from __future__ import annotations

from enum import StrEnum

from e2i_shared.api.common import Json, Wire


class ToolCategory(StrEnum):
    """What a tool is for; one per domain."""

    CAUSAL = "CAUSAL"
    SEGMENTATION = "SEGMENTATION"
    GAP = "GAP"
    EXPERIMENT = "EXPERIMENT"
    PREDICTION = "PREDICTION"
    MONITORING = "MONITORING"
    KPI = "KPI"
    COHORT = "COHORT"
    EXPLANATION = "EXPLANATION"


class ToolEdge(Wire):
    """A producer a tool can consume from; ``output_field`` "" means the whole output."""

    producer: str
    output_field: str
    input_field: str
    transform_expression: str | None = None


class ToolDescription(Wire):
    """A tool as listed; schemas and examples are filled by ``GET /tools/{name}``."""

    name: str
    category: ToolCategory
    source_agent: str
    description: str
    version: str
    edges: list[ToolEdge] = []
    input_schema: Json = {}
    output_schema: Json = {}
    examples: list[Json] = []


class RunToolRequest(Wire):
    """``POST /tools/{name}/run``."""

    params: Json


class RunToolResult(Wire):
    """What a tool returned; ``charts`` are Vega-Lite specs."""

    tool: str
    result: Json
    charts: list[Json] = []
    elapsed_ms: float
