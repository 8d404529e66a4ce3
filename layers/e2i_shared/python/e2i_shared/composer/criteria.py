"""Conditions whose column stands after the number or is not said: "over 65", "at least 2 comorbidities", "with a copay card"."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from e2i_shared.api.common import Filter
from e2i_shared.api.datasets import ColumnKind, ColumnRole
from e2i_shared.composer.lexicon import Target
from e2i_shared.composer.mentions import Mention
from e2i_shared.composer.scope import Condition, conditions

if TYPE_CHECKING:
    from collections.abc import Iterator

    from e2i_shared.api.common import FilterOp
    from e2i_shared.api.datasets import Column, Dataset
    from e2i_shared.composer.mentions import Reading

_OPS: dict[str, FilterOp] = {
    "over": "gt", "above": "gt", "older than": "gt", "more than": "gt", "at least": "ge", "from": "ge", "exactly": "eq",
    "under": "lt", "below": "lt", "younger than": "lt", "less than": "lt", "fewer than": "lt", "at most": "le", "up to": "le",
}  # fmt: skip
_OP = rf"(?P<op>{'|'.join(sorted(_OPS, key=len, reverse=True))})"
_OLD = r"(?:patients?|people|persons?|men|women|males?|females?|smokers?|adults?|those|hcps?|individuals?)"
_AGED = re.compile(
    rf"\b(?:{_OLD}\s+(?:who\s+are\s+|(?P<aged>aged?)\s+)?|(?P<only>aged?)\s+)(?:(?:between\s+)?(?P<low>\d{{1,3}})\s*(?:to|and|-|–)\s*(?P<high>\d{{1,3}})|{_OP}\s+(?P<bound>\d{{1,3}})"
    r"|(?P<plain>\d{1,3})(?P<plus>\s*\+|\s+(?:and|or) (?:over|above|older|more)))"
    r"(?!\d)(?!\s*(?:%|percent|months?|weeks?|days?|quarters?|hours?|calls?|visits?|[.,]\d))",
    re.IGNORECASE,
)
_COUNTED = re.compile(rf"\b{_OP}\s+(?P<number>\d+(?:\.\d+)?)\s+$", re.IGNORECASE)
_GENDERS = {
    "F": re.compile(r"\b(?:wom[ae]n|females?)\b", re.IGNORECASE),
    "M": re.compile(r"\b(?:m[ae]n|males?)\b", re.IGNORECASE),
}
_GENDER_COLUMNS = ("sex", "gender")
_NOT = re.compile(
    r"\b(?:exclud\w*|except|without|not|no|never|lacking|other than|leaving out)\b[^,.;]*$", re.IGNORECASE
)
_MEASURED = {ColumnRole.TREATMENT, ColumnRole.OUTCOME}
_NUMERIC = {ColumnKind.NUMBER, ColumnKind.INTEGER}


def all_conditions(reading: Reading, dataset: Dataset) -> list[Condition]:
    """Return every condition a text puts on columns."""
    return [
        *conditions(reading, dataset),
        *age_conditions(reading, dataset),
        *counted_conditions(reading, dataset),
        *gender_conditions(reading, dataset),
    ]


def age_conditions(reading: Reading, dataset: Dataset) -> Iterator[Condition]:
    """Yield the conditions on age of "patients over 65" and "aged 40 to 60", where the data set has a column of ages."""
    column = dataset.column("age")
    for match in _AGED.finditer(reading.text) if column and column.kind in _NUMERIC else ():
        mention = Mention(match[0], match.start(), match.end(), (Target("age"),))
        if match["low"]:
            made = Filter(column="age", op="between", value=[int(match["low"]), int(match["high"])])
        elif match["plain"]:
            made = Filter(column="age", op="ge", value=int(match["plain"]))
        else:
            made = Filter(column="age", op=_OPS[match["op"].lower()], value=int(match["bound"]))
        yield Condition(made, match[0], fuzzy=False, used=(mention,))


def counted_conditions(reading: Reading, dataset: Dataset) -> Iterator[Condition]:
    """Yield the conditions whose number stands before the column: "more than 10 years in practice"."""
    for mention in reading.columns:
        column, match = dataset.column(mention.column), _COUNTED.search(reading.text[: mention.start])
        if match and column and column.kind in _NUMERIC and column.role not in _MEASURED:
            made = Filter(column=column.name, op=_OPS[match["op"].lower()], value=_typed(column, match["number"]))
            yield Condition(made, match[0] + mention.phrase, mention.fuzzy, (mention,))


def gender_conditions(reading: Reading, dataset: Dataset) -> Iterator[Condition]:
    """Yield the condition of "women" or "men", where the data set has a column of sexes spelled by their first letters."""
    column = next((c for name in _GENDER_COLUMNS if (c := dataset.column(name))), None)
    values = {v[:1].upper(): v for v, _ in column.statistics.top_values} if column else {}
    found = [(m, values[k]) for k, pattern in _GENDERS.items() if k in values and (m := pattern.search(reading.text))]
    found.sort(key=lambda pair: pair[0].start())
    if column is None or not found or any(m.column == column.name and m.value for m in reading.mentions):
        return
    named = [value for _, value in found]
    made = (
        Filter(column=column.name, op="in", value=list(named))
        if len(named) > 1
        else Filter(column=column.name, value=named[0])
    )
    used = tuple(Mention(m[0], m.start(), m.end(), (Target(column.name, v),)) for m, v in found)
    yield Condition(made, ", ".join(u.phrase for u in used), fuzzy=False, used=used)


def quality_conditions(reading: Reading, dataset: Dataset) -> Iterator[Condition]:
    """Yield a condition for each yes/no column named, as criteria of a cohort mean them: "with a copay card"."""
    for mention in reading.columns:
        column = dataset.column(mention.column)
        if column and column.kind == ColumnKind.BOOLEAN:
            made = Filter(column=column.name, value=not _NOT.search(reading.text[: mention.start]))
            yield Condition(made, mention.phrase, mention.fuzzy, (mention,))


def _typed(column: Column, text: str) -> float:
    return int(text) if column.kind == ColumnKind.INTEGER and "." not in text else float(text)
