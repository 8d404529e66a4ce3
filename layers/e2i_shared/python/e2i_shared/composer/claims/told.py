"""What a finished step has to tell, with readable names for columns and formats for its numbers."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from e2i_shared.api.common import Filter
from e2i_shared.api.composition import Claim, ValueRef
from e2i_shared.composer.pointers import has, lookup
from e2i_shared.composer.render import literal, number_format
from e2i_shared.composer.scope import describe_filter

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from e2i_shared.api.common import Json

    Transform = Literal["none", "percent", "ratio", "difference", "percent_change", "absolute"]

SIGNIFICANT = 0.05
LONGEST_UNIT = 12
_NEARLY = 1e-9
_ISO_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


@dataclass(frozen=True, slots=True)
class Labels:
    """Readable names and units by column; a column without a name is shown with spaces for underscores."""

    names: Mapping[str, str] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)

    def name(self, column: str) -> str:
        """Return a column's readable name, safe inside a claim."""
        return literal(self.names.get(column, column.replace("_", " ")))

    def unit(self, column: str) -> str | None:
        """Return a column's unit of measure, when it is short enough to stand behind a number."""
        return shown_unit(self.units.get(column))


@dataclass(frozen=True, slots=True)
class Told:
    """A completed step: its output, and the inputs it ran with."""

    step: int
    tool: str
    output: Json
    inputs: Json
    labels: Labels

    def get(self, pointer: str) -> Any:
        """Return a value of the output; None when it is not there."""
        return lookup(self.output, pointer) if has(self.output, pointer) else None

    def number(
        self, pointer: str, *, unit: str | None = None, like: Sequence[str] = (), transform: Transform = "none"
    ) -> ValueRef:
        """Return a reference to a number, shown with as many digits as the largest of it and those ``like`` it."""
        scale = 100.0 if transform == "percent" else 1.0
        values = [v * scale for p in (pointer, *like) if isinstance(v := self.get(p), (int, float))]
        whole = all(abs(v - round(v)) < _NEARLY for v in values)
        spec = ",.0f" if whole else number_format(*values)
        return ValueRef(step=self.step, pointer=pointer, transform=transform, format=spec, unit=unit)

    def text(self, pointer: str) -> ValueRef:
        """Return a reference to a text, shown as it is."""
        return ValueRef(step=self.step, pointer=pointer, format="text")

    def p_value(self, pointer: str) -> ValueRef:
        """Return a reference to a p-value, shown as ``p = 0.032`` or ``p < 0.001``."""
        return ValueRef(step=self.step, pointer=pointer, format="p")


def scope_of(told: Told) -> str:
    """Return the filters a step ran with, for a sentence: ``Kisqali, Northeast, 2026-04-01 up to 2026-07-01``; empty for all rows."""
    specification = told.get("/specification") or {}
    filters = [Filter.model_validate(f) for f in told.inputs.get("filters") or specification.get("filters") or []]
    span = {f.op: f.value for f in filters if f.op in {"ge", "lt"} and _ISO_DATE.fullmatch(str(f.value))}
    dated = [f"{span['ge']} up to {span['lt']}"] if len(span) == len(("ge", "lt")) else []
    others = [f for f in filters if not (dated and f.value in span.values())]
    named = [str(f.value) if f.op == "eq" and isinstance(f.value, str) else describe_filter(f) for f in others]
    return literal(", ".join([*named, *dated]))


def say(text: str, *refs: ValueRef) -> Claim:
    """Return a claim."""
    return Claim(text=text, value_refs=list(refs))


def excludes_zero(lower: float | None, upper: float | None) -> bool:
    """Return whether an interval lies on one side of zero."""
    return lower is not None and upper is not None and (lower > 0 or upper < 0)


def shown_unit(unit: object) -> str | None:
    """Return a unit that can stand behind a number: short, and starting with a letter."""
    return unit if isinstance(unit, str) and 0 < len(unit) <= LONGEST_UNIT and unit[0].isalpha() else None
