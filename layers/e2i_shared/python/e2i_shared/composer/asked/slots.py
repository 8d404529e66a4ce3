"""Columns as slots: a planner sees ``Q1.treatment.1`` and the question's own words for it, never a name or value of the data."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from e2i_shared.errors import InvalidPlanError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from e2i_shared.composer.binding import Bound

_ROLES = {
    "treatments": "treatment",
    "outcomes": "outcome",
    "measures": "measure",
    "splits": "split",
    "mentioned": "column",
}


@dataclass(frozen=True, slots=True)
class Slots:
    """Slot names by what they stand for; the phrases are the question's."""

    columns: Mapping[str, str]
    phrases: Mapping[str, str]
    _slot_of: dict[tuple[str, str], str] = field(default_factory=dict)

    def column(self, slot: str) -> str:
        """Return the column a slot stands for; raise InvalidPlanError for an unknown one."""
        if slot not in self.columns:
            raise InvalidPlanError(
                "A slot that was not bound.", field="inputs", expected="a slot of the list", got=slot[:100]
            )
        return self.columns[slot]

    def of(self, question: str, column: object) -> str | None:
        """Return the slot of a column in a sub-question, or in any; None when it has none."""
        if not isinstance(column, str):
            return None
        own = self._slot_of.get((question, column))
        return own or next((slot for slot, name in self.columns.items() if name == column), None)


def slots_of(bound: Mapping[str, Bound]) -> Slots:
    """Return the slots of the bound sub-questions."""
    columns, phrases, back = dict[str, str](), dict[str, str](), dict[tuple[str, str], str]()
    for question, found in bound.items():
        said = {b.bound_to: b.phrase for b in found.bindings}
        for attribute, role in _ROLES.items():
            for number, column in enumerate(getattr(found, attribute), 1):
                slot = f"{question}.{role}.{number}"
                columns[slot] = column
                back.setdefault((question, column), slot)
                if column in said:
                    phrases[slot] = said[column]
    return Slots(columns, phrases, back)


def shown(slots: Slots) -> list[dict[str, Any]]:
    """Return the slots as a planner sees them."""
    return [{"slot": slot, "phrase_in_the_question": slots.phrases.get(slot)} for slot in slots.columns]
