"""Questions asked on the sample through the real classifier, planner, tools and answer; each once per process."""

from __future__ import annotations

from datetime import date, datetime
from functools import cache
from typing import Any

from builders_composer import created, datasets, kpi_names, sample, services
from e2i_shared.api.classification import ClassifyRequest
from e2i_shared.classifier.classify import classify
from e2i_shared.composer.phases import run_phase
from e2i_shared.tools import _registry
from e2i_shared.tools._registry import ToolContext

TODAY = date(2026, 11, 21)


@cache
def context() -> ToolContext:
    return ToolContext(sample().source())


@cache
def asked(query: str) -> tuple[Any, Any]:
    """Record and steps of a question."""
    held: dict[str, Any] = {}
    made = services(
        classify(ClassifyRequest(query=query), datasets(), today=TODAY),
        dict(_registry.catalogue()),
        run=lambda tool, inputs: _registry.run_tool(tool, inputs, context()),
        now=lambda: datetime.fromisoformat(held["made"].compositions.get(held["id"]).created_at),
        kpis=kpi_names(),
    )
    held |= {"made": made, "id": created(made, query)}
    event = {"tenant_id": "t", "composition_id": held["id"]}
    run_phase(event | {"phase": "decompose"}, made)
    for level in run_phase(event | {"phase": "plan"}, made)["levels"]:
        for step in level:
            run_phase(event | {"phase": "execute", "step_number": step["step_number"]}, made)
    run_phase(event | {"phase": "synthesize"}, made)
    return made.compositions.get(held["id"]), made.compositions.steps(held["id"])
