"""Questions asked on the sample through the real classifier, planner, tools and answer; each once per process."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from functools import cache
from typing import Any

from builders_asked_twins import AskedTwins, trained_on
from builders_composer import carried_out, created, datasets, kpi_names, sample, services
from e2i_shared.api.classification import ClassifyRequest
from e2i_shared.classifier.classify import classify
from e2i_shared.tools import _registry
from e2i_shared.tools._registry import ToolContext

TODAY = date(2026, 11, 21)


@cache
def context() -> ToolContext:
    return ToolContext(sample().source())


@cache
def twins() -> AskedTwins:
    """What more visits do to Kisqali's prescribers, learned from the sample."""
    return trained_on(
        sample().source(), dataset="hcp_monthly", brand="Kisqali", outcome="trx", interventions=["rep_visits"]
    )


@cache
def asked(query: str, *, with_twins: bool = False) -> tuple[Any, Any]:
    """Record and steps of a question, asked where a twin has been trained or where none has."""
    at_hand = replace(context(), twins=twins()) if with_twins else context()
    held: dict[str, Any] = {}
    made = services(
        classify(ClassifyRequest(query=query), datasets(), today=TODAY),
        dict(_registry.catalogue()),
        run=lambda tool, inputs: _registry.run_tool(tool, inputs, at_hand),
        now=lambda: datetime.fromisoformat(held["made"].compositions.get(held["id"]).created_at),
        kpis=kpi_names(),
    )
    held |= {"made": made, "id": created(made, query)}
    return carried_out(made, held["id"])
