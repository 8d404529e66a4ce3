"""Prints claims: the numbers come from step outputs, never from the sentence.

A claim's text holds ``{0}``, ``{1}`` … for its value references; ``{{`` and ``}}`` are braces. Beside Python's format specs a
reference may ask for ``p`` (a p-value: ``p < 0.001`` or ``p = 0.032``), ``text``, and ``span`` (dates: ``Q3 2026``).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from e2i_shared.composer.periods import span_text
from e2i_shared.composer.pointers import lookup
from e2i_shared.errors import UngroundedAnswerError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from e2i_shared.api.common import Json
    from e2i_shared.api.composition import AnswerPart, Claim, MissingPart, ValueRef

_SLOT = re.compile(r"\{\{|\}\}|\{(\d+)\}")
_PLAIN_FORMAT = re.compile(r"[+]?,?(?:\.\d{1,2})?[fg]?")
SMALLEST_P = 0.001
MOST_CAVEATS = 5  # in a text; the structured answer has all
POINTS = "percentage points"


def literal(text: str) -> str:
    """Return text that a claim may hold without its braces being read as slots."""
    return text.replace("{", "{{").replace("}", "}}")


def render_claim(claim: Claim, outputs: Mapping[int, Json]) -> str:
    """Return the sentence with its numbers; raise UngroundedAnswerError for a slot without a value."""

    def fill(match: re.Match[str]) -> str:
        if match[1] is None:
            return match[0][0]
        if int(match[1]) >= len(claim.value_refs):
            raise UngroundedAnswerError(
                f"A sentence asks for value {match[1]}, which it does not reference.", got=claim.text
            )
        return print_value(claim.value_refs[int(match[1])], outputs)

    return _SLOT.sub(fill, claim.text)


def print_value(ref: ValueRef, outputs: Mapping[int, Json]) -> str:
    """Return a referenced value as it is shown, with its unit."""
    value = value_of(ref, outputs)
    if ref.format == "text" or isinstance(value, str):
        return str(value)
    if ref.format == "p":
        return f"p < {SMALLEST_P}" if value < SMALLEST_P else f"p = {value:.3f}" if value < 0.1 else f"p = {value:.2f}"
    return _formatted(value, ref) + _unit(ref)


def _formatted(value: float, ref: ValueRef) -> str:
    if not _PLAIN_FORMAT.fullmatch(ref.format):
        raise UngroundedAnswerError(f"{ref.format!r} is no format for a number.", field="value_refs", got=ref.format)
    shown = format(value, ref.format).replace("e-0", "e-").replace("e+0", "e+")
    return shown.removeprefix("-") if float(shown.replace(",", "")) == 0.0 else shown


def unit_of(ref: ValueRef) -> str | None:
    """Return the unit a referenced number is shown in; a percentage may be said to be of points."""
    percent = ref.transform in {"percent", "percent_absolute", "percent_change"} and ref.unit is None
    return "%" if percent else ref.unit


def _unit(ref: ValueRef) -> str:
    unit = unit_of(ref)
    return "" if not unit else unit if unit == "%" else f" {unit}"


def value_of(ref: ValueRef, outputs: Mapping[int, Json]) -> Any:
    """Return a reference's value after its declared derivation; raise UngroundedAnswerError when there is none."""
    if ref.step not in outputs:
        raise UngroundedAnswerError(f"Step {ref.step} has no output.", field="value_refs", got=str(ref.step))
    value = lookup(outputs[ref.step], ref.pointer)
    if ref.format == "span" and isinstance(value, dict):
        return span_text(value.get("start"), value.get("end"))
    if isinstance(value, bool) or value is None or isinstance(value, (dict, list)):
        raise UngroundedAnswerError(f"What {ref.pointer!r} points at is no value.", field="value_refs", got=ref.pointer)
    if isinstance(value, str):
        return value
    other = lookup(outputs[ref.step], ref.other_pointer) if ref.other_pointer else None
    return _TRANSFORMS[ref.transform](float(value), other)


def _ratio(value: float, other: float | None) -> float:
    if not other:
        raise UngroundedAnswerError("A ratio needs a second value that is not zero.", field="value_refs")
    return value / other


def _difference(value: float, other: float | None) -> float:
    if other is None:
        raise UngroundedAnswerError("A difference needs a second value.", field="value_refs")
    return value - other


_TRANSFORMS: dict[str, Callable[[float, float | None], float]] = {
    "none": lambda value, _: value,
    "percent": lambda value, _: 100 * value,
    "absolute": lambda value, _: abs(value),
    "percent_absolute": lambda value, _: 100 * abs(value),
    "ratio": _ratio,
    "difference": _difference,
    "percent_change": lambda value, other: 100 * (_ratio(value, other) - 1),
}


def number_format(*values: float | None) -> str:
    """Return a format that shows the largest of some values with about three digits, and all of them alike."""
    size = max((abs(v) for v in values if v is not None), default=0.0)
    for limit, spec in ((1000, ",.0f"), (100, ".0f"), (10, ".1f"), (1, ".2f"), (0.01, ".3f")):
        if size >= limit:
            return spec
    return ".2g"


def with_citation(sentence: str, steps: Sequence[int]) -> str:
    """Return a sentence with ``[n]`` for each step before its full stop."""
    marks = "".join(f"[{n}]" for n in dict.fromkeys(steps))
    if not marks:
        return sentence
    return f"{sentence[:-1]} {marks}." if sentence.endswith(".") else f"{sentence} {marks}"


def render_part(claims: Sequence[Claim], outputs: Mapping[int, Json]) -> str:
    """Return the text of a part: its sentences, each with its citations."""
    return " ".join(with_citation(render_claim(c, outputs), [r.step for r in c.value_refs]) for c in claims)


def render_text(
    headline: str,
    parts: Sequence[AnswerPart],
    missing: Sequence[MissingPart],
    caveats: Sequence[str],
    next_step: str | None,
) -> str:
    """Return the whole answer as readable Markdown."""
    blocks = [f"**{headline}**"]
    blocks += [f"{part.question}\n{part.text}" if len(parts) + len(missing) > 1 else part.text for part in parts]
    if missing:
        blocks.append("Not answered:\n" + "\n".join(f"- {m.question}: {m.reason}" for m in missing))
    if caveats:
        blocks.append("Keep in mind:\n" + "\n".join(f"- {c}" for c in caveats[:MOST_CAVEATS]))
    if next_step:
        blocks.append(f"Next step: {next_step}")
    return "\n\n".join(blocks)
