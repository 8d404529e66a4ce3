"""Checks words against values: a direction against the effect's sign, a significance word against the interval."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from e2i_shared.composer.pointers import has, lookup, name, parent

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from e2i_shared.api.common import Json
    from e2i_shared.api.composition import Claim, ValueRef

_UP = re.compile(
    r"\b(?:rais(?:e[sd]?|ing)|increas\w*|improv\w*|boost\w*|lift(?:s|ed)?|gr(?:ew|ow[ns]?|owing)|rise[ns]?|rose|gain(?:s|ed)?|positive(?:ly)?|more than|up by|added)\b",
    re.IGNORECASE,
)
_DOWN = re.compile(
    r"\b(?:reduc\w*|lower(?:s|ed|ing)|decreas\w*|declin\w*|fell|falls?|drop(?:s|ped)?|shr[aiu]nks?|negative(?:ly)?|hurts?|cuts?|less than|down by|lost)\b",
    re.IGNORECASE,
)
_UNSURE = re.compile(
    r"\b(?:no (?:clear|significant|detectable|measurable|statistically significant) (?:effect|impact|difference|evidence)|not (?:statistically )?significant(?:ly)?|"
    r"insignificant|no evidence|includes? zero|no more than chance|no effect)\b",
    re.IGNORECASE,
)
_SURE = re.compile(
    r"\b(?:significant(?:ly)?|clear(?:ly)?|excludes? zero|proven|conclusive(?:ly)?|more than chance would)\b",
    re.IGNORECASE,
)
_SIGNED = {
    "ate",
    "effect",
    "estimate",
    "overall_effect",
    "difference",
    "change",
    "change_pct",
    "lift",
    "per_unit",
    "total",
}
_INTERVALS = (("ci_lower", "ci_upper"), ("lower", "upper"))
_P_VALUES = ("p_value", "heterogeneity_p", "p_value_adjusted")
_SIGNIFICANT = 0.05
_LONGEST_NAME = 60


def wording_problems(
    text: str, claims: Sequence[Claim], outputs: Mapping[int, Json], names: Sequence[str] = ()
) -> Iterator[str]:
    """Yield the direction and significance words of a text that its claims' values contradict.

    ``names`` of columns ("samples dropped") say nothing of a direction.
    """
    text = _without(text, names)
    refs = [r for c in claims for r in c.value_refs if r.step in outputs]
    text = _without_names(text, {r.step: outputs[r.step] for r in refs})
    effects = [v for r in refs if name(r.pointer) in _SIGNED and isinstance(v := _value(r, outputs), (int, float))]
    if effects and _UP.search(text) and not _DOWN.search(text) and all(e < 0 for e in effects):
        yield f"{_found(_UP, text)!r}, but the value is negative"
    if effects and _DOWN.search(text) and not _UP.search(text) and all(e > 0 for e in effects):
        yield f"{_found(_DOWN, text)!r}, but the value is positive"
    verdicts = {v for r in refs if (v := _is_significant(r, outputs)) is not None}
    unsure = _UNSURE.search(text)
    if unsure and verdicts == {True}:
        yield f"{unsure[0]!r}, but the interval excludes zero"
    if not unsure and _SURE.search(text) and verdicts == {False}:
        yield f"{_found(_SURE, text)!r}, but the interval includes zero"


def _without_names(text: str, outputs: Mapping[int, Json]) -> str:
    """Return the text without names that an output holds: "samples dropped" is a lever, not a fall."""
    if not (_UP.search(text) or _DOWN.search(text)):
        return text
    held = {s.replace("_", " ") for o in outputs.values() for s in _texts(o) if len(s) <= _LONGEST_NAME}
    telling = (s for s in held if " " in s and (_UP.search(s) or _DOWN.search(s)))
    for known in sorted(telling, key=len, reverse=True):
        text = re.sub(re.escape(known), "¤", text.replace("_", " "), flags=re.IGNORECASE)
    return text


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)


def _without(text: str, names: Sequence[str]) -> str:
    longest = sorted({n for n in names if n}, key=len, reverse=True)
    return re.sub("|".join(map(re.escape, longest)), "¤", text, flags=re.IGNORECASE) if longest else text


def _found(pattern: re.Pattern[str], text: str) -> str:
    match = pattern.search(text)
    return match[0] if match else ""


def _value(ref: ValueRef, outputs: Mapping[int, Json]) -> object:
    return lookup(outputs[ref.step], ref.pointer) if has(outputs[ref.step], ref.pointer) else None


def _is_significant(ref: ValueRef, outputs: Mapping[int, Json]) -> bool | None:
    """Return whether the value's interval excludes zero, else whether its p-value is small; None when it has neither."""
    output, beside = outputs[ref.step], parent(ref.pointer)
    if name(ref.pointer) in _P_VALUES and has(output, ref.pointer):
        return bool(lookup(output, ref.pointer) < _SIGNIFICANT)
    if name(ref.pointer) not in _SIGNED:
        return None
    own = f"{name(ref.pointer)}_interval"
    for lower, upper in (*_INTERVALS, (f"{own}/lower", f"{own}/upper")):
        if has(output, f"{beside}/{lower}") and has(output, f"{beside}/{upper}"):
            return bool(lookup(output, f"{beside}/{lower}") > 0 or lookup(output, f"{beside}/{upper}") < 0)
    return None
