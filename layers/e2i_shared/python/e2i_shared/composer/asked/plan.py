"""Phase 2 with a language model: it drafts steps over slots; the same validator judges them, and the rules' plan stands otherwise."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from e2i_shared.api.composition import MissingPart
from e2i_shared.composer.asked.ask import fenced, instructions
from e2i_shared.composer.asked.coding import GIVEN, Literals, decode_input, encode_input, listed_words
from e2i_shared.composer.asked.completing import completed
from e2i_shared.composer.asked.plan_draft import PlanDraft
from e2i_shared.composer.asked.slots import shown, slots_of
from e2i_shared.composer.model import PlanStep
from e2i_shared.composer.recipes.inputs import data_inputs
from e2i_shared.composer.validate import validate_plan
from e2i_shared.composer.workbench import Workbench, levels_of
from e2i_shared.errors import InvalidPlanError, LanguageModelError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from pydantic import BaseModel

    from e2i_shared.api.common import Json
    from e2i_shared.api.datasets import Dataset
    from e2i_shared.composer.asked.ask import Ask
    from e2i_shared.composer.asked.plan_draft import StepDraft
    from e2i_shared.composer.binding import Bound
    from e2i_shared.composer.model import Decomposition, Plan
    from e2i_shared.tools._registry import ToolSpec

TRIES = 2


def plan_with(
    ask: Ask,
    rules: Plan,
    decomposition: Decomposition,
    bound: Mapping[str, Bound],
    catalogue: Mapping[str, ToolSpec],
    datasets: Sequence[Dataset],
    examples: Sequence[Json] = (),
    kpis: Collection[str] = (),
) -> Plan:
    """Return the model's plan once it is valid, asked at most twice; else the rules' plan, which is the draft it is shown.

    ``examples`` are shapes of plans that worked (``composer.plan_shape``), ``kpis`` the names of the KPI catalogue.
    """
    reader, problems = _Reader(rules, decomposition, bound, catalogue, kpis), list[str]()
    told = instructions("plan").with_reference(reference(catalogue, kpis))
    for _ in range(TRIES):
        try:
            data = fenced(reader.data(problems) | {"examples": list(examples)})
            plan = reader.read(ask(told, data, PlanDraft))
            validate_plan(plan, decomposition, catalogue, datasets)
        except InvalidPlanError as error:
            problems = [f"{error.field or 'steps'}: {error.message}", *error.candidates][:5]
        except LanguageModelError:
            break
        else:
            return plan.model_copy(update={"prompt": told.told})
    return rules


def reference(catalogue: Mapping[str, ToolSpec], kpis: Collection[str]) -> Json:
    """Return what every question is planned with: the tools, and the names of the KPI catalogue; nothing of any tenant."""
    return {"tools": [_tool(spec) for spec in catalogue.values()], "kpis": sorted(kpis)}


@cache
def _schema(model: type[BaseModel]) -> Json:
    return model.model_json_schema()


def _tool(spec: ToolSpec) -> Json:
    schema = _schema(spec.params)
    required = set(schema.get("required", []))
    return {
        "name": spec.name,
        "description": spec.description,
        "inputs": [
            {"name": name, "required": name in required, "description": field.get("description", "")}
            for name, field in schema.get("properties", {}).items()
            if name not in GIVEN
        ],
        "takes_from": [{"tool": e.producer, "path": e.output_field or "@", "input": e.input_field} for e in spec.edges],
    }


class _Reader:
    """Shows the rules' plan as a draft, and reads a draft into a plan."""

    def __init__(
        self,
        rules: Plan,
        decomposition: Decomposition,
        bound: Mapping[str, Bound],
        catalogue: Mapping[str, ToolSpec],
        kpis: Collection[str],
    ) -> None:
        self._rules, self._bound, self._catalogue, self._slots = rules, bound, catalogue, slots_of(bound)
        self._decomposition = decomposition
        self._questions = {q.id: q for q in decomposition.sub_questions}
        listed = {word for spec in catalogue.values() for word in listed_words(_schema(spec.params))}
        self._literals = Literals(" ".join(q.text for q in decomposition.sub_questions), listed, kpis)

    def data(self, problems: list[str]) -> Json:
        """Return what a planner is shown; ``problems`` are those of its plan before."""
        unanswered, decomposition = {m.sub_question for m in self._rules.missing}, self._decomposition
        parts = [q for q in decomposition.sub_questions if q.id not in unanswered]
        return {
            "sub_questions": [{"id": q.id, "text": q.text, "domain": q.domain} for q in parts],
            "dependencies": [{"from": d.from_, "to": d.to, "type": d.type} for d in decomposition.dependencies],
            "slots": shown(self._slots),
            "draft": {"steps": [self._drafted(step) for step in self._rules.steps]},
            "problems": problems,
        }

    def _drafted(self, step: PlanStep) -> Json:
        """Return a step of the rules; the data set and filters only where they are not those of its sub-question."""
        own = self._bound.get(step.serves.split(",")[0])
        usual = data_inputs(own) if own else {}
        inputs = [
            encode_input(name, value, step, self._slots, self._literals)
            for name, value in step.inputs.items()
            if usual.get(name) != value
        ]
        return {"number": step.step_number, "tool": step.tool, "serves": step.serves, "inputs": inputs}

    def read(self, draft: PlanDraft) -> Plan:
        """Return the plan; raise InvalidPlanError where the draft breaks a rule."""
        bench, numbers = Workbench(self._catalogue), dict[int, int]()
        for place, step in enumerate(draft.steps, 1):
            first, *others = self._serves(step)
            numbers[place] = bench.add(step.tool, self._name(step), self._inputs(bench, step, numbers), first)
            for question in others:
                bench.serve(numbers[place], question)
        steps = [PlanStep.model_validate(s.model_dump()) for s in bench.steps]
        update = {
            "steps": steps,
            "levels": levels_of(steps),
            "missing": self._missing(steps),
            "notes": list(dict.fromkeys([*self._rules.notes, *bench.notes])),
            "critical_path_ms": None,
            "source": "llm",
        }
        return self._rules.model_copy(update=update)

    def _serves(self, step: StepDraft) -> list[str]:
        served = step.serves.split(",")
        if not set(served) <= self._bound.keys():
            raise InvalidPlanError("A step serves no sub-question that was bound.", field="serves", got=step.serves)
        return served

    def _name(self, step: StepDraft) -> str:
        if step.tool not in self._catalogue:
            raise InvalidPlanError("An unknown tool.", field="tool", got=step.tool)
        return f"{step.tool.replace('_', ' ').capitalize()} for {step.serves}"

    def _inputs(self, bench: Workbench, step: StepDraft, numbers: Mapping[int, int]) -> Json:
        known = self._catalogue[step.tool].params.model_fields
        drafted: dict[str, Any] = {}
        for given in step.inputs:
            if given.name not in known or given.name in drafted or (given.name in GIVEN and given.kind != "draft"):
                raise InvalidPlanError(
                    "An input that the tool does not take, or that is given twice.", field=given.name
                )
            drafted[given.name] = decode_input(given, self._slots, numbers, self._rules.steps, self._literals)
        return completed(bench, step, known, drafted, self._bound[self._serves(step)[0]])

    def _missing(self, steps: Sequence[PlanStep]) -> list[MissingPart]:
        served = {q for s in steps for q in s.serves.split(",")}
        known = {m.sub_question: m for m in self._rules.missing}
        reason = "No tool of this version answers it."
        return [
            known.get(q, MissingPart(sub_question=q, question=question.text, reason=reason))
            for q, question in self._questions.items()
            if q not in served
        ]
