"""Checks a plan before anything of it runs; every problem found is named."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from pydantic import BaseModel, ValidationError

from e2i_shared.composer.references import is_reference, references_in, source_step
from e2i_shared.composer.schema_fit import fits, schema_at
from e2i_shared.composer.workbench import MOST_STEPS
from e2i_shared.errors import InvalidPlanError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from e2i_shared.api.common import Json
    from e2i_shared.api.datasets import Dataset
    from e2i_shared.composer.model import Decomposition, Plan, PlanStep
    from e2i_shared.tools._registry import ToolSpec

_COLUMN_SUFFIXES = ("_col", "_cols", "_column", "_columns")
_COLUMN_LISTS = {"confounders", "covariates", "columns", "benchmark_covariates", "group_by", "dimensions"}


def validate_plan(
    plan: Plan, decomposition: Decomposition, catalogue: Mapping[str, ToolSpec], datasets: Sequence[Dataset]
) -> None:
    """Raise InvalidPlanError naming every problem: numbers, tools, references, cycles, levels, schemas, columns, coverage."""
    problems = list(_structure(plan, catalogue))
    problems = problems or [*_order(plan), *_coverage(plan, decomposition)]
    problems = problems or [p for step in plan.steps for p in _step(step, plan, catalogue, datasets)]
    if problems:
        raise InvalidPlanError(
            f"The plan is not valid: {'; '.join(problems[:5])}.",
            field="steps",
            expected="a valid plan",
            candidates=problems,
        )


def _structure(plan: Plan, catalogue: Mapping[str, ToolSpec]) -> Iterator[str]:
    numbers = [s.step_number for s in plan.steps]
    if len(numbers) > MOST_STEPS:
        yield f"{len(numbers)} steps, at most {MOST_STEPS} are allowed"
    if len(set(numbers)) < len(numbers):
        yield "two steps have the same number"
    for step in plan.steps:
        if step.tool not in catalogue:
            yield f"step {step.step_number} uses an unknown tool {step.tool!r}"
        elif step.runtime != catalogue[step.tool].runtime:
            yield f"step {step.step_number} runs in {step.runtime!r}, its tool in {catalogue[step.tool].runtime!r}"
        yield from _references(step, set(numbers))


def _references(step: PlanStep, numbers: set[int]) -> Iterator[str]:
    try:
        sources = {source_step(ref) for _, ref in references_in(step.inputs)}
    except InvalidPlanError as error:
        yield f"step {step.step_number}: {error.message}"
        return
    for source in sorted((sources | set(step.depends_on)) - numbers):
        yield f"step {step.step_number} needs step {source}, which does not exist"
    if step.step_number in sources | set(step.depends_on):
        yield f"step {step.step_number} needs itself"
    if sources - set(step.depends_on):
        yield f"step {step.step_number} refers to steps it does not declare: {sorted(sources - set(step.depends_on))}"


def _order(plan: Plan) -> Iterator[str]:
    """Levels must be as shallow as the dependencies allow; a cycle allows none."""
    depth: dict[int, int] = {}
    waiting = list(plan.steps)
    while ready := [s for s in waiting if all(d in depth for d in s.depends_on)]:
        depth |= {s.step_number: 1 + max((depth[d] for d in s.depends_on), default=0) for s in ready}
        waiting = [s for s in waiting if s.step_number not in depth]
    if waiting:
        yield f"steps {sorted(s.step_number for s in waiting)} wait for one another (a cycle)"
        return
    listed = {number: i for i, level in enumerate(plan.levels, 1) for number in level}
    if sum(map(len, plan.levels)) != len(plan.steps) or set(listed) != set(depth):
        yield "the levels do not list every step exactly once"
    for step in plan.steps:
        if not depth[step.step_number] == step.level == listed.get(step.step_number, step.level):
            yield f"step {step.step_number} belongs to level {depth[step.step_number]}, not {step.level}"


def _coverage(plan: Plan, decomposition: Decomposition) -> Iterator[str]:
    served = {q for step in plan.steps for q in step.serves.split(",")} | {m.sub_question for m in plan.missing}
    asked = {q.id for q in decomposition.sub_questions}
    for question in sorted(asked - served):
        yield f"sub-question {question} is neither answered nor reported missing"
    for question in sorted(served - asked):
        yield f"{question} is no sub-question"


def _step(step: PlanStep, plan: Plan, catalogue: Mapping[str, ToolSpec], datasets: Sequence[Dataset]) -> Iterator[str]:
    where = f"step {step.step_number} ({step.tool})"
    yield from _literals(step, where, catalogue[step.tool])
    yield from _reference_fits(step, where, plan, catalogue)
    yield from _columns(step, where, plan, datasets)


def _literals(step: PlanStep, where: str, spec: ToolSpec) -> Iterator[str]:
    """Validate what is known now; an input that is a reference is not missing."""
    referring = {name.split(".")[0] for name, _ in references_in(step.inputs)}
    try:
        spec.params.model_validate({n: v for n, v in step.inputs.items() if n not in referring})
    except ValidationError as error:
        for problem in error.errors():
            if not (problem["type"] == "missing" and problem["loc"][0] in referring):
                yield f"{where}: {'.'.join(map(str, problem['loc'])) or 'inputs'}: {problem['msg']}"


def _reference_fits(step: PlanStep, where: str, plan: Plan, catalogue: Mapping[str, ToolSpec]) -> Iterator[str]:
    tools = {s.step_number: s.tool for s in plan.steps}
    for name, value in step.inputs.items():
        if not is_reference(value):
            if any(references_in({name: value})):
                yield f"{where}: {name} mixes literals and references"
            continue
        if name not in catalogue[step.tool].params.model_fields:
            yield f"{where} has no input {name!r}"
            continue
        producer = catalogue[tools[source_step(value)]]
        made = schema_at(_schema_of(producer.result), value["path"])
        if made is None:
            yield f"{where}: {producer.name} has no output at {value['path']!r}"
        elif not fits(made, _wanted(catalogue[step.tool], name)):
            yield f"{where}: {producer.name}'s {value['path']!r} does not fit its input {name!r}"


@cache
def _schema_of(model: type[BaseModel]) -> Json:
    return model.model_json_schema()


def _wanted(spec: ToolSpec, name: str) -> Json:
    schema = _schema_of(spec.params)
    return {**schema["properties"][name], "$defs": schema.get("$defs", {})}


def _columns(step: PlanStep, where: str, plan: Plan, datasets: Sequence[Dataset]) -> Iterator[str]:
    name = _dataset_of(step, {s.step_number: s for s in plan.steps})
    if name is None:
        return
    dataset = next((d for d in datasets if name in {d.name, d.dataset_id}), None)
    if dataset is None:
        yield f"{where} reads {name!r}, which is no data set"
        return
    for column in _named_columns(step.inputs):
        if dataset.column(column) is None:
            yield f"{where} names {column!r}, which is no column of {dataset.name}"


def _dataset_of(step: PlanStep, steps: Mapping[int, PlanStep]) -> str | None:
    """Return the data set a step reads, or that of the first step it builds on."""
    own = step.inputs.get("dataset")
    if isinstance(own, str):
        return own
    return next((name for d in step.depends_on if (name := _dataset_of(steps[d], steps))), None)


def _named_columns(inputs: Json) -> Iterator[str]:
    for name, value in inputs.items():
        if name.endswith(_COLUMN_SUFFIXES) or name in _COLUMN_LISTS:
            yield from (v for v in (value if isinstance(value, list) else [value]) if isinstance(v, str))
    filters = inputs.get("filters")
    for condition in filters if isinstance(filters, list) else []:
        if isinstance(condition, dict) and isinstance(condition.get("column"), str):
            yield condition["column"]
