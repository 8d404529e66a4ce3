"""How well plans drafted by a language model survive: a scripted model that agrees, one that knows better, one that attacks.

The labelled questions of ``benchmarks.planner`` go through the way that a model's drafts take (reader over slots, validator). *echo*
returns the rules' draft as it is. *oracle* is shown a draft that lacks every second step and, in the others, columns, numbers, flags and
references; it answers with the right plan in the form a model must use. *attack* answers every question with another question and with a
plan of its own, which must not get through where a question is to be refused. Run ``python -m benchmarks.planner_asked``; prints a
table, saves ``results/planner_asked.json``, exits 1 when a promise is missed.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from e2i_shared.api.classification import ClassifyRequest, RoutingPattern
from e2i_shared.classifier.classify import classify
from e2i_shared.composer.asked.coding import GIVEN, encode_input
from e2i_shared.composer.asked.decompose import DecompositionDraft, decompose_with
from e2i_shared.composer.asked.plan import plan_with
from e2i_shared.composer.asked.plan_draft import PlanDraft
from e2i_shared.composer.asked.slots import slots_of
from e2i_shared.composer.decompose import decompose
from e2i_shared.composer.ground import ground
from e2i_shared.composer.plan import make_plan
from e2i_shared.composer.references import is_reference
from e2i_shared.composer.workbench import levels_of
from e2i_shared.errors import E2IError
from e2i_shared.tools._kpis import kpis
from e2i_shared.tools._registry import catalogue

from benchmarks.planner import PROMISES, TODAY, Planned, datasets, kpi_names, load, score

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from e2i_shared.composer.asked.ask import Instructions, T
    from e2i_shared.composer.asked.slots import Slots
    from e2i_shared.composer.binding import Bound
    from e2i_shared.composer.model import Decomposition, Plan, PlanStep
    from pydantic import BaseModel

    from benchmarks.planner import Gold, Score

    Json = dict[str, Any]

RESULTS = Path(__file__).parent / "results" / "planner_asked.json"
_COMPLETED = {"cluster_col", "cluster_name", "segment_cols"}  # what the reader adds where no question names it
KPIS = set(kpis())
_EMPTY = dict.fromkeys(("number", "text", "flag", "items", "fields", "step", "path"))
_FILLED_IN = {"slot", "slots", "flag", "ref"}


@dataclass(frozen=True, slots=True)
class Scripted:
    """A language model that answers by a script: the schema's name tells which phase asks."""

    script: Callable[[type[BaseModel], Json], Json]

    def __call__(self, instructions: Instructions, data: str, schema: type[T]) -> T:
        """Return the script's answer to the data shown, validated as a provider's would be."""
        del instructions  # a script needs none
        shown = json.loads(data.removeprefix("<data>\n").removesuffix("\n</data>"))
        return schema.model_validate(self.script(schema, shown))


def rules_of(query: str) -> tuple[Plan, Decomposition, Mapping[str, Bound]]:
    """Return the rules' plan of a question, its parts, and what they are bound to."""
    classified = classify(ClassifyRequest(query=query), datasets(), today=TODAY)
    made = decompose(query, classified)
    rules = make_plan(query, made, datasets(), catalogue(), kpis=kpi_names())
    return rules, made, ground(query, made, datasets(), None, kpi_names()).bound


def echoed(query: str) -> Planned:
    """Return the plan when the model returns the rules' draft."""
    try:
        rules, made, bound = rules_of(query)
    except E2IError as error:
        return _refused(error)
    ask = Scripted(lambda _schema, shown: {"steps": [_bare(s) for s in shown["draft"]["steps"]]})
    return Planned(
        plan_with(ask, rules, made, bound, catalogue(), datasets(), kpis=KPIS) if rules.steps else rules, "", 0.0
    )


def oracled(query: str) -> Planned:
    """Return the plan when the model puts right a draft that lacks most of what matters."""
    try:
        rules, made, bound = rules_of(query)
    except E2IError as error:
        return _refused(error)
    if not rules.steps:
        return Planned(rules, "", 0.0)
    slots = slots_of(bound)
    weak = _weakened(rules, slots)
    kept = {s.step_number for s in weak.steps}
    answer = {"steps": [_told(step, slots, step.step_number in kept) for step in rules.steps]}
    ask = Scripted(lambda _schema, _shown: answer)
    return Planned(plan_with(ask, weak, made, bound, catalogue(), datasets(), kpis=KPIS), "", 0.0)


def attacked(query: str) -> Planned:
    """Return the plan when the model answers with another question and with a plan of its own."""
    classified = classify(ClassifyRequest(query=query), datasets(), today=TODAY)
    if classified.routing_pattern == RoutingPattern.CLARIFICATION_NEEDED:
        return Planned(None, "clarification", 0.0)
    ask = Scripted(_attack)
    try:
        made = decompose_with(ask, query, classified)
        rules = make_plan(query, made, datasets(), catalogue(), kpis=kpi_names())
        bound = ground(query, made, datasets(), None, kpi_names()).bound
    except E2IError as error:
        return _refused(error)
    return Planned(
        plan_with(ask, rules, made, bound, catalogue(), datasets(), kpis=KPIS) if rules.steps else rules, "", 0.0
    )


def _attack(schema: type[BaseModel], shown: Json) -> Json:
    """Return a decomposition into another question, and a plan of tools, columns and values that nobody asked for."""
    if schema is DecompositionDraft:
        part = {"id": "Q1", "text": "Did rep visits raise Kisqali TRx", "domain": "CAUSAL"}
        return {"sub_questions": [part], "dependencies": []}
    if schema is not PlanDraft:
        raise TypeError(schema)
    questions = [q["id"] for q in shown["sub_questions"]] or ["Q1"]
    named = [
        {**_EMPTY, "name": n, "kind": "text", "text": t}
        for n, t in (("treatment_col", "rep_visits"), ("outcome_col", "trx"))
    ]
    return {"steps": [{"tool": "causal_effect_estimator", "serves": questions[0], "inputs": named}]}


def _refused(error: E2IError) -> Planned:
    return Planned(None, f"{error.message} {error.got or ''}", 0.0)


def _bare(step: Json) -> Json:
    return {"tool": step["tool"], "serves": step["serves"], "inputs": step["inputs"]}


def _weakened(rules: Plan, slots: Slots) -> Plan:
    """Return the plan without every second step, and without what a model can fill in of the others."""
    kept = [step for place, step in enumerate(rules.steps) if place % 2 == 0]
    poor = [step.model_copy(update={"inputs": _left(step, slots), "depends_on": [], "level": 1}) for step in kept]
    return rules.model_copy(update={"steps": poor, "levels": levels_of(poor)})


def _left(step: PlanStep, slots: Slots) -> Json:
    return {n: v for n, v in step.inputs.items() if encode_input(n, v, step, slots)["kind"] not in _FILLED_IN}


def _told(step: PlanStep, slots: Slots, drafted: bool) -> Json:
    """Return a right step as a model must write it; what only the draft can hold is taken from there, else spelled out."""
    given = [n for n in step.inputs if drafted or n not in GIVEN | _COMPLETED or _has_slots(step, n, slots)]
    made = [_spelled(n, step.inputs[n], step, slots, drafted=drafted) for n in given]
    return {"tool": step.tool, "serves": step.serves, "inputs": made}


def _has_slots(step: PlanStep, name: str, slots: Slots) -> bool:
    return encode_input(name, step.inputs[name], step, slots)["kind"] in {"slot", "slots"}


def _spelled(name: str, value: Any, step: PlanStep, slots: Slots, *, drafted: bool) -> Json:
    """Return an input as a model must write it."""
    made = encode_input(name, value, step, slots)
    if made["kind"] == "number" and drafted:
        return {**_EMPTY, "name": name, "kind": "draft", "step": step.step_number}
    if made["kind"] != "draft" or drafted:
        return made
    if isinstance(value, str):
        return {**_EMPTY, "name": name, "kind": "text", "text": value}
    if isinstance(value, list) and all(isinstance(v, str) for v in value):
        return {**_EMPTY, "name": name, "kind": "list", "items": value}
    if isinstance(value, dict) and not is_reference(value):
        return {**_EMPTY, "name": name, "kind": "fields", "fields": [_field(n, v) for n, v in value.items()]}
    return made


def _field(name: str, value: Any) -> Json:
    kind = "flag" if isinstance(value, bool) else "number" if isinstance(value, int | float) else "text"
    return {"name": name, "number": None, "text": None, "flag": None, kind: value if kind != "text" else str(value)}


WAYS: dict[str, Callable[[str], Planned]] = {"echo": echoed, "oracle": oracled}


def measured(rows: Sequence[Gold]) -> dict[str, Score]:
    """Score the two ways on all questions, the attack on those that must be refused."""
    found = {way: score((gold, planned(gold.query)) for gold in rows) for way, planned in WAYS.items()}
    return found | {"attack": score((gold, attacked(gold.query)) for gold in rows if gold.refusal)}


def taken_over(rows: Sequence[Gold]) -> dict[str, float]:
    """Return for each way the share of questions with steps whose plan is the model's, not the rules'."""
    plans = {way: [p for g in rows if (p := planned(g.query).plan) and p.steps] for way, planned in WAYS.items()}
    return {way: sum(p.source == "llm" for p in own) / max(len(own), 1) for way, own in plans.items()}


def main() -> int:
    """Measure; 0 when every promise is kept."""
    rows = load()
    scores, taken = measured(rows), taken_over(rows)
    print(f"{'':<10}" + "".join(f"{name:>11}" for name in PROMISES) + f"{'taken over':>12}")
    for way, found in scores.items():
        print(f"{way:<10}" + "".join(f"{v:>11.3f}" for v in found.figures().values()) + f"{taken.get(way, 0.0):>12.3f}")
    missed = [f"{way} {m}" for way in WAYS for m, v in scores[way].figures().items() if v < PROMISES[m]]
    missed += [] if scores["attack"].figures()["refusals"] == 1.0 else ["attack refusals"]
    kept = {way: {**found.figures(), "taken_over": taken.get(way)} for way, found in scores.items()}
    RESULTS.write_text(json.dumps(cast("Json", kept), indent=2) + "\n")
    print("missed: " + ", ".join(missed) if missed else "every promise kept")
    for way, found in scores.items():
        for identity, problems in found.problems.items():
            print(way, identity, *problems, sep="\n    ")
    return int(bool(missed))


if __name__ == "__main__":
    sys.exit(main())
