"""Phase 2: sub-questions to a validated DAG of tool calls, from the grounding and one recipe per intent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from e2i_shared.api.composition import MissingPart
from e2i_shared.composer.ground import ground
from e2i_shared.composer.inherit import answer_order
from e2i_shared.composer.model import Plan, PlanStep
from e2i_shared.composer.recipes import RECIPES
from e2i_shared.composer.validate import validate_plan
from e2i_shared.composer.workbench import Workbench, critical_path_ms, levels_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from e2i_shared.api.datasets import Dataset
    from e2i_shared.composer.binding import KpiName
    from e2i_shared.composer.ground import Grounding
    from e2i_shared.composer.model import Decomposition
    from e2i_shared.tools._registry import ToolSpec


def make_plan(
    query: str,
    decomposition: Decomposition,
    datasets: Sequence[Dataset],
    catalogue: Mapping[str, ToolSpec],
    *,
    dataset: str | None = None,
    kpis: Mapping[str, KpiName] | None = None,
    latency_ms: Mapping[str, float] | None = None,
) -> Plan:
    """Return a validated plan; ``latency_ms`` is the usual latency by tool, ``kpis`` the KPI catalogue by phrase key.

    Sub-questions that cannot be bound, or that no tool answers, are in ``missing`` with the reason.

    Raises
    ------
    UnknownDatasetError, UnknownColumnError, UnknownValueError
        Nothing of the question can be bound to the data.
    InvalidPlanError
        The plan does not pass validation.
    """
    grounding = ground(query, decomposition, datasets, dataset, kpis)
    bench, missing = _assemble(decomposition, grounding, catalogue)
    steps = [PlanStep.model_validate(step.model_dump()) for step in bench.steps]
    plan = Plan(
        dataset=grounding.dataset.name,
        dataset_version=grounding.dataset.version,
        steps=steps,
        levels=levels_of(steps),
        bindings=list(grounding.bindings),
        filters=list(grounding.filters),
        missing=missing,
        notes=[*grounding.notes, *bench.notes],
        critical_path_ms=critical_path_ms(steps, latency_ms or {}) if steps else None,
    )
    validate_plan(plan, decomposition, catalogue, datasets)
    return plan


def _assemble(
    decomposition: Decomposition, grounding: Grounding, catalogue: Mapping[str, ToolSpec]
) -> tuple[Workbench, list[MissingPart]]:
    bench, reasons = Workbench(catalogue, grounding.eligible), {q: e.message for q, e in grounding.failures.items()}
    for question in answer_order(decomposition):
        bound = grounding.bound.get(question)
        if bound is not None and (reason := RECIPES[bound.intent](bench, bound)):
            reasons[question] = reason
    missing = [
        MissingPart(sub_question=q.id, question=q.text, reason=reasons[q.id])
        for q in decomposition.sub_questions
        if q.id in reasons
    ]
    return bench, missing
