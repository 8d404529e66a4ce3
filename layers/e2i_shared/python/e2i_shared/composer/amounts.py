"""Amounts a question names: a budget of treatments, a change of a treatment, a price, a span of time."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from e2i_shared.api.classification import Period

_NUMBER = r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?"
_TIME = r"days?|weeks?|months?|quarters?|years?|hours?"
_WORDS = {"one": 1.0, "two": 2.0, "three": 3.0, "four": 4.0, "five": 5.0, "ten": 10.0}
_BUDGET = re.compile(
    rf"(?<![\w$€£.,\-])(?P<number>{_NUMBER})(?![\d.,]*\s*(?:%|percent\b|pct\b|(?:{_TIME})\b|usd\b|dollars?\b|euros?\b|(?:to|through|-|–)\s*\d))(?![\w.]*\d)",
    re.IGNORECASE,
)
_NO_BUDGET = re.compile(
    r"\b(?:deciles?|aged?|ages|over|under|above|below|than|least|most|between|and|to|through|top|bottom|q|h)[\s\-–]*$",
    re.IGNORECASE,
)
_UP, _DOWN = (
    r"more|extra|additional|higher|increase|rise|growth|uplift",
    r"fewer|less|lower|decrease|reduction|cut|drop|decline",
)
_PERCENT_OF = re.compile(
    rf"(?P<number>{_NUMBER})\s*(?:%|percent|pct)\s*(?:(?P<up>{_UP})|(?P<down>{_DOWN}))\b", re.IGNORECASE
)
_BY_PERCENT = re.compile(
    rf"\b(?:(?P<up>increas\w*|rais\w*|boost\w*|lift\w*|grow\w*|grew|expand\w*|step(?:ped)? up|up)|(?P<down>cut\w*|reduc\w*|decreas\w*|lower\w*|drop\w*|shr[aiu]nk\w*|trim\w*|down))\b"
    rf"[^.?;]*?\bby\s+(?P<number>{_NUMBER})\s*(?:%|percent|pct)",
    re.IGNORECASE,
)
_FACTORS = (
    (re.compile(r"\bdoubl(?:e[sd]?|ing)\b|\btwice as many\b", re.IGNORECASE), 100.0),
    (re.compile(r"\btripl(?:e[sd]?|ing)\b|\bthree times as many\b", re.IGNORECASE), 200.0),
    (
        re.compile(
            r"\bhalv(?:e[sd]?|ing)\b|\bhalf as many\b|\b(?:cut|reduce[ds]?|lower(?:ed)?)\b[^.?;]*\b(?:in|by) half\b",
            re.IGNORECASE,
        ),
        -50.0,
    ),
)
_UNITS = re.compile(
    rf"(?<![$€£\w.,])(?P<number>{_NUMBER}|{'|'.join(_WORDS)})\s+(?:(?P<up>more|extra|additional|further)|(?P<down>fewer|less))\b",
    re.IGNORECASE,
)
_EVERYONE = re.compile(
    r"\b(?:every(?:one|body)?\b|all\s+(?:of\s+)?(?:the\s+|our\s+)?\w+\s+(?:had|have|got|get|received?|used?|were|are|quit|attended)\b)",
    re.IGNORECASE,
)
_NOBODY = re.compile(
    r"\b(?:nobody|no[\s-]?one|none of|no\s+\w+\s+(?:had|got|received|used|quit|attended)|stop(?:ped|ping)?|eliminat\w*|abandon\w*|withdr[ae]w\w*|without any)\b",
    re.IGNORECASE,
)
_MONEY = re.compile(
    rf"(?:[$€£]\s?(?P<sign>{_NUMBER})|(?P<word>{_NUMBER})\s*(?:usd|dollars?|euros?|eur)\b)(?P<scale>\s?(?:k|thousand|m|million)\b)?"
    r"(?:\s*(?:/|an?\b|per\b|each\b|for (?:each|every)\b|every\b)\s*(?P<per>\w+)?)?",
    re.IGNORECASE,
)
_SCALES = {"k": 1e3, "thousand": 1e3, "m": 1e6, "million": 1e6}
_OUTPUT = re.compile(r"^(?:t?n?rx|scripts?|prescriptions?|patients?|sales?|starts?|kg|units?|points?)$", re.IGNORECASE)
_SPAN = re.compile(
    r"\b(?:over|for|within|in|next|coming|following|horizon of|ahead)\s+(?:the\s+)?(?:next\s+|coming\s+|following\s+)?(?P<number>\d+|an?|one|two|three|four|five|six|nine|twelve)?\s*"
    rf"(?P<unit>{_TIME})\b",
    re.IGNORECASE,
)
_COUNT_WORDS = {
    "a": 1,
    "an": 1,
    "one": 1,
    "two": 2,
    "three": 3,
    "four": 4,
    "five": 5,
    "six": 6,
    "nine": 9,
    "twelve": 12,
}
_DAYS = {"day": 1, "week": 7, "month": 30, "quarter": 90, "year": 365}
_MONTHS = {"month": 1, "quarter": 3, "year": 12}


@dataclass(frozen=True, slots=True)
class Shift:
    """How a treatment is changed: by ``percent``, by a number of ``units``, or set to a ``level``; one of them is given."""

    percent: float | None = None
    units: float | None = None
    level: float | None = None


@dataclass(frozen=True, slots=True)
class Money:
    """An amount of money and what it is paid for, as the text says it."""

    amount: float
    per: str | None


def budget(text: str) -> float | None:
    """Return how many treatments there are to give: "500 extra calls"; None when the text names no such number."""
    found = [m for m in _BUDGET.finditer(text) if not _NO_BUDGET.search(text[: m.start()])]
    return _number(found[0]["number"]) if found else None


def shift(text: str) -> Shift | None:
    """Return the change of a treatment: "20% more", "cut by 30%", "doubled", "2 more visits", "if everyone had"."""
    for pattern in (_PERCENT_OF, _BY_PERCENT):
        if match := pattern.search(text):
            return Shift(percent=_signed(match))
    for pattern, percent in _FACTORS:
        if pattern.search(text):
            return Shift(percent=percent)
    if match := _UNITS.search(text):
        return Shift(units=_signed(match))
    if _NOBODY.search(text):
        return Shift(level=0.0)
    return Shift(level=1.0) if _EVERYONE.search(text) else None


def cost(text: str) -> Money | None:
    """Return the price of one treatment: "$50 a call"; what an outcome is worth ("$300 per TRx") is none."""
    return next((m for m in _moneys(text) if not (m.per and _OUTPUT.match(m.per))), None)


def worth(text: str) -> Money | None:
    """Return what one unit of the outcome is worth: "$300 per TRx"."""
    return next((m for m in _moneys(text) if m.per and _OUTPUT.match(m.per)), None)


def months(text: str) -> int | None:
    """Return a span in months: "over 24 months", "the next two quarters"; None when none is named in months or more."""
    for match in _SPAN.finditer(text):
        unit = match["unit"].lower().rstrip("s")
        if unit in _MONTHS:
            return _count(match) * _MONTHS[unit]
    return None


def days(text: str) -> int | None:
    """Return a span in days: "within 90 days"; None when the text names none."""
    match = _SPAN.search(text)
    return (
        _count(match) * _DAYS[match["unit"].lower().rstrip("s")]
        if match and match["unit"].lower().rstrip("s") in _DAYS
        else None
    )


def longest(periods: Sequence[Period]) -> int | None:
    """Return the months of the longest of some periods; None without any."""
    spans = [months_between(p.start, p.end) for p in periods]
    return max(1, *spans) if spans else None


def months_between(start: str, end: str) -> int:
    """Return the whole months from one ISO date to another."""
    (y1, m1), (y2, m2) = ((int(d[:4]), int(d[5:7])) for d in (start, end))
    return max(0, 12 * (y2 - y1) + m2 - m1)


def _count(match: re.Match[str]) -> int:
    number = (match["number"] or "one").lower()
    return int(number) if number.isdigit() else _COUNT_WORDS[number]


def _moneys(text: str) -> list[Money]:
    return [
        Money(
            _number(m["sign"] or m["word"]) * _SCALES.get((m["scale"] or "").strip().lower(), 1.0),
            m["per"].lower() if m["per"] else None,
        )
        for m in _MONEY.finditer(text)
    ]


def _signed(match: re.Match[str]) -> float:
    text = match["number"].lower()
    value = _WORDS[text] if text in _WORDS else _number(text)
    return -value if match["down"] else value


def _number(text: str) -> float:
    return float(text.replace(",", ""))
