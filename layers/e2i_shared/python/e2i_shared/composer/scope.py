"""The part of the data a question speaks of: its filters, from named values, numeric conditions and periods."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from e2i_shared.api.common import Filter
from e2i_shared.api.datasets import ColumnKind, ColumnRole
from e2i_shared.errors import UnknownColumnError, UnknownValueError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from e2i_shared.api.classification import Period
    from e2i_shared.api.common import FilterOp, Scalar
    from e2i_shared.api.datasets import Column, Dataset
    from e2i_shared.composer.mentions import Mention, Reading

_NUMERIC = {ColumnKind.NUMBER, ColumnKind.INTEGER}
_NOT = re.compile(
    r"\b(?:excluding|exclude|except(?: for)?|outside(?: of)?|other than|without|not in|not|non)[\s\-]+(?:the\s+)?$",
    re.IGNORECASE,
)
_NUMBER = r"(-?\d+(?:\.\d+)?)"
_CONDITION = re.compile(
    rf"^\s*(?:is|are|was|were|of|=|equals?|aged?)?\s*(?P<op>>=|<=|>|<|≥|≤|over|above|greater than|more than|older than|at least|from|under|below|less than|younger than|at most|up to|between)?\s*"
    rf"{_NUMBER}(?P<plus>\s*\+|\s+(?:and|or) (?:above|over|up|more|older|higher))?(?:\s*(?P<join>to|-|–|and|or|,|through)\s*{_NUMBER})?(?!\s*%|\w)",
    re.IGNORECASE,
)
_OPS: dict[str, FilterOp] = {
    ">=": "ge", "≥": "ge", "at least": "ge", "from": "ge", "<=": "le", "≤": "le", "at most": "le", "up to": "le",
    ">": "gt", "over": "gt", "above": "gt", "greater than": "gt", "more than": "gt", "older than": "gt",
    "<": "lt", "under": "lt", "below": "lt", "less than": "lt", "younger than": "lt",
}  # fmt: skip
_VAGUE = re.compile(r"\b(high|higher|low|lower|mid|middle|medium|upper)[\s-]+$", re.IGNORECASE)
_EXTREME = re.compile(r"\b(?:(top|highest)|bottom|lowest)[\s-]+(?:the\s+)?$", re.IGNORECASE)
_PEOPLE = r"(?:hcps?|doctors?|physicians?|prescribers?|patients?|customers?|accounts?|cent(?:er|re)s?|hospitals?|clinics?|sites?|pharmac(?:y|ies)|practices?|users?|people|m[ae]n|wom[ae]n|smokers?|stores?|members?)"

_ENDS_IN_PEOPLE = re.compile(rf"\b{_PEOPLE}$", re.IGNORECASE)
_WITH_IT = re.compile(rf"\b{_PEOPLE}\s+(?:who (?:have|has|had|are|were)\s+)?¦(?:with|no)", re.IGNORECASE)
_AMONG = re.compile(r"\b(?:in|at|among|amongst|for|of|only)\s+(?:the\s+|all\s+)?$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Condition:
    """A filter and the mention it came from; ``used`` are mentions that are spoken for."""

    filter: Filter
    phrase: str
    fuzzy: bool
    used: tuple[Mention, ...]


def conditions(reading: Reading, dataset: Dataset) -> list[Condition]:
    """Return the conditions a text puts on columns: values, numeric comparisons and yes/no qualities."""
    return [*_value_conditions(reading), *_number_conditions(reading, dataset), *_boolean_conditions(reading, dataset)]


def vague_conditions(reading: Reading, dataset: Dataset) -> list[str]:
    """Return phrases that restrict a numeric column without saying where: ``high decile``."""
    numeric = [m for m in reading.columns if (c := dataset.column(m.column)) and c.kind in _NUMERIC]
    found = ((m, _VAGUE.search(reading.text[: m.start])) for m in numeric)
    return [f"{match[1]} {m.phrase}" for m, match in found if match]


def _value_conditions(reading: Reading) -> list[Condition]:
    groups: dict[tuple[str, bool], list[Mention]] = {}
    for mention in reading.values:
        if mention.weak and not _beside_own_column(mention, reading):
            continue
        _refuse_ambiguity(mention)
        negated = bool(_NOT.search(reading.text[: mention.start]))
        groups.setdefault((mention.column, negated), []).append(mention)
    return [c for (column, negated), group in groups.items() for c in _from_values(column, negated, group, reading)]


def _from_values(column: str, negated: bool, group: list[Mention], reading: Reading) -> list[Condition]:
    values: list[Scalar] = list(dict.fromkeys(m.value for m in group if m.value is not None))
    named = tuple(m for m in reading.columns if m.column == column and _touches(m, group))
    phrase, fuzzy = ", ".join(m.phrase for m in group), any(m.fuzzy for m in group)
    if negated:
        return [Condition(Filter(column=column, op="ne", value=v), phrase, fuzzy, (*group, *named)) for v in values]
    made = Filter(column=column, value=values[0]) if len(values) == 1 else Filter(column=column, op="in", value=values)
    return [Condition(made, phrase, fuzzy, (*group, *named))]


def _touches(column: Mention, values: Sequence[Mention]) -> bool:
    return any(0 <= v.start - column.end <= 6 or 0 <= column.start - v.end <= 6 for v in values)


def _beside_own_column(mention: Mention, reading: Reading) -> bool:
    return any(m.column == mention.column and _touches(m, [mention]) for m in reading.columns)


def _refuse_ambiguity(mention: Mention) -> None:
    columns = list(dict.fromkeys(t.column for t in mention.targets))
    values = list(dict.fromkeys(str(t.value) for t in mention.targets))
    if len(columns) > 1 or len(values) > 1:
        choices = columns if len(columns) > 1 else values
        raise UnknownValueError(
            f"{mention.phrase!r} may mean any of {', '.join(choices)}: say which.",
            field="query",
            got=mention.phrase,
            candidates=choices,
        )


def _number_conditions(reading: Reading, dataset: Dataset) -> list[Condition]:
    found = []
    for mention in reading.columns:
        column = dataset.column(mention.column)
        match = _CONDITION.match(reading.text[mention.end :])
        if (
            match
            and column
            and column.kind in _NUMERIC
            and column.role not in {ColumnRole.TREATMENT, ColumnRole.OUTCOME}
        ):
            phrase = (mention.phrase + match.group()).strip()
            found.append(Condition(_numeric_filter(column, match), phrase, mention.fuzzy, (mention,)))
    return found


def extreme_conditions(reading: Reading, dataset: Dataset) -> list[Condition]:
    """Return the conditions of phrases such as ``top decile``: the integer column's largest (smallest) value."""
    found = []
    for mention in reading.columns:
        column, match = dataset.column(mention.column), _EXTREME.search(reading.text[: mention.start])
        if match is None or column is None or column.kind != ColumnKind.INTEGER or mention.phrase.lower().endswith("s"):
            continue
        bound = column.statistics.maximum if match[1] else column.statistics.minimum
        if isinstance(bound, (int, float)) and column.role == ColumnRole.SEGMENT:
            made = Filter(column=column.name, value=int(bound))
            found.append(Condition(made, match[0] + mention.phrase, mention.fuzzy, (mention,)))
    return found


def _numeric_filter(column: Column, match: re.Match[str]) -> Filter:
    def typed(text: str) -> Scalar:
        return int(text) if column.kind == ColumnKind.INTEGER and "." not in text else float(text)

    operator, join = (match["op"] or "").lower(), (match["join"] or "").lower()
    first, second = typed(match[2]), match[5]
    if second is not None and (operator in {"between", "from"} or join in {"to", "-", "–", "through"}):
        return Filter(column=column.name, op="between", value=[first, typed(second)])
    if second is not None:
        return Filter(column=column.name, op="in", value=[first, typed(second)])
    return Filter(column=column.name, op="ge" if match["plus"] else _OPS.get(operator, "eq"), value=first)


def _boolean_conditions(reading: Reading, dataset: Dataset) -> list[Condition]:
    found = []
    for mention in reading.columns:
        column = dataset.column(mention.column)
        if not column or column.kind != ColumnKind.BOOLEAN or column.role in {ColumnRole.TREATMENT, ColumnRole.OUTCOME}:
            continue
        follows = re.match(rf"^[\s\-]+{_PEOPLE}\b", reading.text[mention.end :], re.IGNORECASE)
        follows = follows or _WITH_IT.search(f"{reading.text[: mention.start]}¦{mention.phrase}")
        if follows or (_AMONG.search(reading.text[: mention.start]) and _ENDS_IN_PEOPLE.search(mention.phrase)):
            negated = bool(_NOT.search(reading.text[: mention.start]))
            made = Filter(column=column.name, value=not negated)
            found.append(Condition(made, mention.phrase, mention.fuzzy, (mention,)))
    return found


def time_column(dataset: Dataset) -> Column | None:
    """Return the data set's time column: by role, else its only date column."""
    kinds = {ColumnKind.DATE, ColumnKind.DATETIME}
    dated = [c for c in dataset.columns if c.kind in kinds and c.role != ColumnRole.IGNORE]
    by_role = [c for c in dated if c.role == ColumnRole.TIME]
    return by_role[0] if by_role else dated[0] if len(dated) == 1 else None


def period_filters(periods: Sequence[Period], dataset: Dataset) -> list[Filter]:
    """Return the filters of the span from the first period's start to the last one's end, on the time column.

    Raises UnknownColumnError when the data set has no time column, UnknownValueError when the span lies outside its range.
    """
    if not periods:
        return []
    column = time_column(dataset)
    text, start, end = " and ".join(p.text for p in periods), min(p.start for p in periods), max(p.end for p in periods)
    if column is None:
        raise UnknownColumnError(
            f"The period {text!r} cannot be applied: data set {dataset.name} has no date column.",
            field="query",
            got=text,
            hint="Leave the period out, or name a data set with dates.",
        )
    low, high = str(column.statistics.minimum or "")[:10], str(column.statistics.maximum or "")[:10]
    if low and high and (end <= low or start > high):
        raise UnknownValueError(
            f"The period {text!r} ({start} to {end}) lies outside the data: {column.name} runs from {low} to {high}.",
            field="query",
            got=text,
            candidates=[low, high],
        )
    return [Filter(column=column.name, op="ge", value=start), Filter(column=column.name, op="lt", value=end)]


def describe_filter(condition: Filter) -> str:
    """Return a filter as a reader would write it: ``region = Northeast``."""
    signs = {"eq": "=", "ne": "≠", "lt": "<", "le": "≤", "gt": ">", "ge": "≥", "in": "in", "between": "between"}
    value, joint = condition.value, " and " if condition.op == "between" else ", "
    shown = joint.join(map(str, value)) if isinstance(value, list) else str(value)
    return f"{condition.column} {signs[condition.op]} {shown}"
