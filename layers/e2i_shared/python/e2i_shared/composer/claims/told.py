"""What a finished step has to tell, with readable names for columns and formats for its numbers."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from e2i_shared.api.common import Filter
from e2i_shared.api.composition import Claim, ValueRef
from e2i_shared.composer.periods import span_text
from e2i_shared.composer.pointers import has, lookup
from e2i_shared.composer.render import literal, number_format
from e2i_shared.composer.scope import describe_filter

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from e2i_shared.api.common import Json

    Transform = Literal["none", "percent", "ratio", "difference", "percent_change", "absolute", "percent_absolute"]

SIGNIFICANT = 0.05
LONGEST_UNIT = 12
_NEARLY = 1e-9
_SPELLED = re.compile(r"\b[A-Za-z]\w*_\w+\b")
_SIGNS = {"gt": "{} above {}", "ge": "{} {} or more", "lt": "{} below {}", "le": "{} up to {}"}
_ISO_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


@dataclass(frozen=True, slots=True)
class Labels:
    """Readable names and units by column; a column without a name is shown with spaces for underscores.

    ``conditions`` are the question's words for a filter, ``articles`` the columns it gives a "the", ``rows`` what a row stands for.
    """

    names: Mapping[str, str] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)
    conditions: Mapping[str, str] = field(default_factory=dict)
    articles: Collection[str] = ()
    rows: str = ""

    def name(self, column: str) -> str:
        """Return a column's readable name, safe inside a claim."""
        return literal(self.names.get(column, column.replace("_", " ")))

    def cause(self, column: str) -> str:
        """Return a yes/no treatment's name with the article the question gave it: ``the copay card``."""
        return f"the {self.name(column)}" if column in self.articles else self.name(column)

    def one(self, column: str) -> str:
        """Return one more of a dose: ``rep visit`` where the name is a plural, else ``unit of digital engagement``."""
        name = self.name(column)
        countable = name.endswith("s") and not name.endswith(("ss", "us", "is"))
        return name.removesuffix("s") if countable else f"unit of {name}"

    def readable(self, text: str) -> str:
        """Return a text with columns called by their names instead of as they are spelled."""
        known = {**{c: c.replace("_", " ") for c in _SPELLED.findall(text)}, **self.names}
        return (
            re.sub(
                "|".join(rf"\b{re.escape(c)}\b" for c in sorted(known, key=len, reverse=True)),
                lambda m: known[m[0]],
                text,
            )
            if known
            else text
        )

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
    question: str = ""

    def get(self, pointer: str) -> Any:
        """Return a value of the output; None when it is not there."""
        return lookup(self.output, pointer) if has(self.output, pointer) else None

    def number(
        self, pointer: str, *, unit: str | None = None, like: Sequence[str] = (), transform: Transform = "none"
    ) -> ValueRef:
        """Return a reference to a number, shown with as many digits as the largest of it and those ``like`` it."""
        scale = 100.0 if transform in {"percent", "percent_absolute"} else 1.0
        values = [v * scale for p in (pointer, *like) if isinstance(v := self.get(p), (int, float))]
        whole = all(abs(v - round(v)) < _NEARLY for v in values)
        spec = ",.0f" if whole else number_format(*values)
        return ValueRef(step=self.step, pointer=pointer, transform=transform, format=spec, unit=unit)

    def text(self, pointer: str) -> ValueRef:
        """Return a reference to a text, shown as it is."""
        return ValueRef(step=self.step, pointer=pointer, format="text")

    def span(self, pointer: str) -> ValueRef:
        """Return a reference to a period, shown as ``Q3 2026`` or ``2026-05 to 2026-10``."""
        return ValueRef(step=self.step, pointer=pointer, format="span")

    def p_value(self, pointer: str) -> ValueRef:
        """Return a reference to a p-value, shown as ``p = 0.032`` or ``p < 0.001``."""
        return ValueRef(step=self.step, pointer=pointer, format="p")


def scope_of(told: Told) -> str:
    """Return the filters a step ran with, for a sentence: ``Kisqali, Northeast, Q2 2026``; empty for all rows."""
    return literal(", ".join(scope_texts(filters_of(told.output, told.inputs), told.labels.conditions)))


def filters_of(output: Json, inputs: Json) -> list[Filter]:
    """Return the filters a step ran with."""
    specification = output.get("specification") or {}
    return [Filter.model_validate(f) for f in inputs.get("filters") or specification.get("filters") or []]


def scope_texts(filters: Sequence[Filter], said: Mapping[str, str]) -> list[str]:
    """Return filters as a reader would say them; ``said`` are the question's words for some."""
    span = {f.op: f.value for f in filters if f.op in {"ge", "lt"} and _ISO_DATE.fullmatch(str(f.value))}
    dated = [span_text(span["ge"], span["lt"])] if len(span) == len(("ge", "lt")) else []
    others = [f for f in filters if not (dated and f.value in span.values())]
    return [*(_named(f, said) for f in others), *dated]


def _named(condition: Filter, said: Mapping[str, str]) -> str:
    column = condition.column.replace("_", " ")
    if condition.op == "eq" and isinstance(condition.value, bool):
        return said.get(describe_filter(condition)) or (column if condition.value else f"not {column}")
    if condition.op in {"eq", "ne"} and isinstance(condition.value, str):
        return condition.value if condition.op == "eq" else f"outside {condition.value}"
    words = _SIGNS.get(condition.op)
    return (
        words.format(column, condition.value)
        if words and not isinstance(condition.value, str)
        else describe_filter(condition).replace("_", " ")
    )


def per_row(told: Told) -> str:
    """Return what a row is, without what the filters hold fixed: ``prescriber and month``."""
    fixed = {f.column for f in filters_of(told.output, told.inputs) if f.op == "eq"}
    parts = [p for p in (part.strip() for part in told.labels.rows.split("×")) if p and p not in fixed]
    return literal(" and ".join([", ".join(parts[:-1]), parts[-1]]) if len(parts) > 1 else "".join(parts) or "row")


def sentence(text: str) -> str:
    """Return a sentence that begins with a capital, unless its first word is a name such as ``pH``."""
    first = text.split(" ", 1)[0]
    return text[:1].upper() + text[1:] if first.islower() and "_" not in first else text


def say(text: str, *refs: ValueRef) -> Claim:
    """Return a claim."""
    return Claim(text=text, value_refs=list(refs))


def excludes_zero(lower: float | None, upper: float | None) -> bool:
    """Return whether an interval lies on one side of zero."""
    return lower is not None and upper is not None and (lower > 0 or upper < 0)


def shown_unit(unit: object) -> str | None:
    """Return a unit that can stand behind a number: short, and starting with a letter."""
    return unit if isinstance(unit, str) and 0 < len(unit) <= LONGEST_UNIT and unit[0].isalpha() else None
