"""Plans that worked, as examples for a planner: which tools, in which order, on which inputs, and nothing else of what was asked.

A shape holds names of tools, of their inputs and outputs, and of domains: all of them come from this version's catalogue. No text of a
past question, column, value or number is in it, so that nothing planted in one reaches a planner.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from e2i_shared.composer.references import is_reference, source_step

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pydantic import BaseModel

    from e2i_shared.api.common import Json
    from e2i_shared.composer.model import CompositionRecord, CompositionRepository, Decomposition, PlanStep
    from e2i_shared.tools._registry import ToolSpec

MOST_EXAMPLES = 3
ALIKE_FROM = 0.6  # cosine similarity of questions
_NAME = re.compile(r"[A-Za-z_]\w*")
_PLAIN_PATH = re.compile(r"@|[A-Za-z_]\w*(?:\.[A-Za-z_]\w*|\[\d*\])*")


class Shape(NamedTuple):
    """The shape of a question: the domains of its parts in order, and the dependencies between them."""

    domains: list[str]
    edges: list[str]


def shape_of(decomposition: Decomposition) -> Shape:
    """Return the key under which plans that worked are found again."""
    edges = sorted(f"{each.from_}>{each.to}:{each.type}" for each in decomposition.dependencies)
    return Shape([str(each.domain) for each in decomposition.sub_questions], edges)


def examples(
    compositions: CompositionRepository,
    record: CompositionRecord,
    decomposition: Decomposition,
    tools: Mapping[str, ToolSpec],
) -> list[Json]:
    """Return up to three shapes of plans that worked: of questions of the same shape first, then of questions like this one."""
    found: list[Json] = []
    for past in _past(compositions, record, shape_of(decomposition)):
        shown = _shown(past, tools)
        if shown is not None and shown not in found:
            found.append(shown)
        if len(found) == MOST_EXAMPLES:
            break
    return found


def _past(compositions: CompositionRepository, record: CompositionRecord, shape: Shape) -> Iterator[CompositionRecord]:
    for identity in compositions.answered_alike(shape.domains, shape.edges, MOST_EXAMPLES):
        yield compositions.get(identity)
    for near in compositions.neighbours(record.composition_id, MOST_EXAMPLES, ALIKE_FROM):
        if near.success:
            yield compositions.get(near.composition_id)


def _shown(past: CompositionRecord, tools: Mapping[str, ToolSpec]) -> Json | None:
    """Return the shape of a plan; None for one that this version's tools could not run."""
    if past.plan is None or past.decomposition is None or past.missing or not past.plan.steps:
        return None
    by_number = {step.step_number: step for step in past.plan.steps}
    if any(step.tool not in tools for step in past.plan.steps):
        return None
    parts = [{"id": f"Q{n}", "domain": str(each.domain)} for n, each in enumerate(past.decomposition.sub_questions, 1)]
    known = {each["id"] for each in parts}
    steps = [
        {
            "number": step.step_number,
            "tool": step.tool,
            "serves": ",".join(q for q in step.serves.split(",") if q in known),
            "inputs": [name for name in step.inputs if name in tools[step.tool].params.model_fields],
            "takes_from": list(_taken(step, by_number, tools)),
        }
        for step in past.plan.steps
    ]
    return {"sub_questions": parts, "steps": steps}


def _taken(step: PlanStep, steps: Mapping[int, PlanStep], tools: Mapping[str, ToolSpec]) -> Iterator[Json]:
    """Return what a step takes from others; a path that is more than names of the other's output is left out."""
    for name, value in step.inputs.items():
        if is_reference(value) and name in tools[step.tool].params.model_fields:
            source, path = source_step(value), str(value["path"])
            outputs = _outputs(tools[steps[source].tool].result)
            plain = _PLAIN_PATH.fullmatch(path) and set(_NAME.findall(path)) <= outputs
            yield {"input": name, "step": source, "path": path if plain else None}


@cache
def _outputs(model: type[BaseModel]) -> frozenset[str]:
    """Return every field name of a tool's output."""
    schema = model.model_json_schema()
    nodes = [schema, *schema.get("$defs", {}).values()]
    return frozenset(name for node in nodes for name in node.get("properties", {}))
