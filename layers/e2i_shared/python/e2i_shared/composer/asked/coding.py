"""Inputs of steps, from the rules' plan to what a planner may see, and from its draft back to inputs.

A literal of a draft must come from the question: a number it holds (or a percentage of it as a share, or the change, number of months or
of days that its words mean), a text it holds, one of the words a tool's schema lists, a KPI of the catalogue, or a cost of nothing. So a
planner cannot make up an effect size, a value or a column.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from e2i_shared.composer.amounts import days, months, shift
from e2i_shared.composer.numbers import find_numbers
from e2i_shared.composer.references import is_reference, reference, source_step
from e2i_shared.errors import InvalidPlanError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from e2i_shared.api.common import Json
    from e2i_shared.composer.asked.plan_draft import FieldDraft, InputDraft
    from e2i_shared.composer.asked.slots import Slots
    from e2i_shared.composer.model import PlanStep

GIVEN = {"dataset", "filters"}
_EMPTY = {"number": None, "text": None, "flag": None, "items": None, "fields": None, "step": None, "path": None}


def encode_input(name: str, value: Any, step: PlanStep, slots: Slots, literals: Literals | None = None) -> Json:
    """Return an input of the rules' plan as a planner sees it; what may hold text or a number of the data is shown as ``draft`` only."""
    own = step.serves.split(",")[0]
    made: Json = {"name": name, **_EMPTY}
    if is_reference(value):
        return made | {"kind": "ref", "step": source_step(value), "path": value["path"]}
    if slot := slots.of(own, value):
        return made | {"kind": "slot", "text": slot}
    if isinstance(value, list) and value and all(slots.of(own, item) for item in value):
        return made | {"kind": "slots", "items": [slots.of(own, item) for item in value]}
    if isinstance(value, bool):
        return made | {"kind": "flag", "flag": value}
    if isinstance(value, int | float) and (literals is None or literals.allow(value, name)):
        return made | {"kind": "number", "number": value}
    return made | {"kind": "draft", "step": step.step_number}


def decode_input(
    draft: InputDraft, slots: Slots, numbers: Mapping[int, int], rules: Sequence[PlanStep], literals: Literals
) -> Any:
    """Return the value of a drafted input; ``numbers`` maps drafted steps to the plan's; raise InvalidPlanError."""
    readers: dict[str, Callable[[], Any]] = {
        "ref": lambda: _reference(draft, numbers),
        "slot": lambda: slots.column(draft.text or ""),
        "slots": lambda: [slots.column(item) for item in draft.items or []],
        "draft": lambda: _of_the_rules(draft, rules),
        "fields": lambda: {f.name: literals.one(_value_of(f), draft.name) for f in draft.fields or []},
        "list": lambda: [literals.one(item, draft.name) for item in draft.items or []],
        "number": lambda: literals.one(draft.number, draft.name),
        "text": lambda: literals.one(draft.text, draft.name),
        "flag": lambda: literals.one(draft.flag, draft.name),
    }
    return readers[draft.kind]()


def _reference(draft: InputDraft, numbers: Mapping[int, int]) -> Json:
    if draft.step is None or draft.step not in numbers:
        raise InvalidPlanError("A reference to a step that is not before it.", field=draft.name, got=str(draft.step))
    return reference(numbers[draft.step], draft.path or "@")


def _value_of(draft: FieldDraft) -> float | str | bool | None:
    return next((v for v in (draft.number, draft.text, draft.flag) if v is not None), None)


def _of_the_rules(draft: InputDraft, rules: Sequence[PlanStep]) -> Any:
    step = next((s for s in rules if s.step_number == draft.step), None)
    if step is None or draft.name not in step.inputs or is_reference(step.inputs[draft.name]):
        raise InvalidPlanError("The rules' draft has no such value.", field=draft.name, got=str(draft.step))
    return step.inputs[draft.name]


class Literals:
    """What a literal may be: words and numbers of the question, and the words that the tools' schemas list."""

    def __init__(self, query: str, listed: set[str], kpis: Collection[str] = ()) -> None:
        self._kpis = kpis
        self._text = query.casefold()
        self._numbers = {n for f in find_numbers(query) for n in (f.value, f.value / 100, f.value * 100)} | _meant(
            query
        )
        self._listed = listed

    def one(self, value: Any, name: str) -> Any:
        """Return the literal, whole numbers as integers; raise InvalidPlanError for one that the question does not hold."""
        if not self.allow(value, name):
            raise InvalidPlanError("A value that the question does not hold.", field=name, got=str(value)[:100])
        whole = isinstance(value, float) and value.is_integer()
        return int(value) if whole else value

    def allow(self, value: Any, name: str) -> bool:
        """Return whether an input of that name may have this value."""
        if isinstance(value, bool):
            return True
        if isinstance(value, int | float):
            held = any(abs(value - n) <= 1e-9 * max(1.0, abs(n)) for n in self._numbers)
            return held or (value == 0 and name.endswith("_cost"))
        if not isinstance(value, str) or not value:
            return False
        return value in self._listed or value.casefold() in self._text or (name == "kpi" and value in self._kpis)


def _meant(query: str) -> set[float]:
    """Return the amounts that words mean: "doubled" is 100 percent more, "cut by 30%" is -30, "the next two quarters" is 6 months."""
    change = shift(query)
    found = [change.percent, change.units, change.level] if change else []
    return {float(n) for n in (*found, months(query), days(query)) if n is not None}


def listed_words(schema: Any) -> set[str]:
    """Return every word that a JSON Schema lists as allowed."""
    if isinstance(schema, list):
        return {word for item in schema for word in listed_words(item)}
    if not isinstance(schema, dict):
        return set()
    own = {w for w in [*schema.get("enum", []), schema.get("const")] if isinstance(w, str)}
    return own | {word for value in schema.values() for word in listed_words(value)}
