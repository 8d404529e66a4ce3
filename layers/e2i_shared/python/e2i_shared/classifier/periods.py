"""Phrases of time to dates (ISO, end exclusive), seen from a given day."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

from e2i_shared.api.classification import Period

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Resolver = Callable[["re.Match[str]", date, bool], tuple[date, date, str] | None]

MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
NUMBERS = {
    word: number
    for number, word in enumerate(
        [
            "one",
            "two",
            "three",
            "four",
            "five",
            "six",
            "seven",
            "eight",
            "nine",
            "ten",
            "eleven",
            "twelve",
            "thirteen",
            "fourteen",
            "fifteen",
            "sixteen",
            "seventeen",
            "eighteen",
        ],
        1,
    )
} | {"couple of": 2, "few": 3, "twenty four": 24, "twenty-four": 24}
_MONTH = r"(jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)"
_YEAR = r"(?:,?\s*(?:of\s+)?(?:fy\s*)?'?(20\d\d|(?<=')\d\d))?"
_COUNT = rf"(\d{{1,3}}|{'|'.join(sorted(NUMBERS, key=len, reverse=True))})"
_FUTURE = re.compile(
    r"\b(?:forecast\w*|predict\w*|project(?:ion|ions|ed)?|will|going to|expect\w*|upcoming|coming|outlook|likely)\b"
)


@dataclass(frozen=True, slots=True)
class PeriodSpan:
    """A period and where it stands in the query."""

    period: Period
    start: int
    end: int


def _first(year: int, month: int) -> date:
    """Return the first day of a month counted from January of ``year`` (month may pass 12 or fall below 1)."""
    return date(year + (month - 1) // 12, (month - 1) % 12 + 1, 1)


def _block(today: date, year: str | None, month: int, length: int, future: bool) -> tuple[date, date]:
    """Return a block of months of the named year, else the latest that has begun (or, looking ahead, the next to end)."""
    if year:
        number = int(year) + (2000 if len(year) == 2 else 0)
        return _first(number, month), _first(number, month + length)
    number = today.year
    if future:
        number += _first(number, month + length) <= today
    else:
        number -= _first(number, month) > today
    return _first(number, month), _first(number, month + length)


def _quarter(match: re.Match[str], today: date, future: bool) -> tuple[date, date, str] | None:
    quarter = (
        match["quarter"]
        if match["quarter"].isdigit()
        else str(1 + ("first", "second", "third", "fourth").index(match["quarter"]))
    )
    groups = match.groupdict()
    year = groups.get("year") or groups.get("year_before")
    return (*_block(today, year, 3 * int(quarter) - 2, 3, future), "none")


def _half(match: re.Match[str], today: date, future: bool) -> tuple[date, date, str] | None:
    half = {"first": 1, "second": 2}.get(match["half"]) or int(match["half"])
    return (*_block(today, match["year"], 6 * half - 5, 6, future), "none")


def _unit_start(day: date, unit: str) -> date:
    """Return the first day of the unit that holds ``day``."""
    if unit == "quarter":
        return _first(day.year, 3 * ((day.month - 1) // 3) + 1)
    if unit == "week":
        return day - timedelta(days=day.weekday())
    return {"day": day, "month": day.replace(day=1), "year": date(day.year, 1, 1)}[unit]


def _shift(day: date, unit: str, count: int) -> date:
    """Return the day moved by whole units."""
    if unit in {"day", "week"}:
        return day + timedelta(days=count * (7 if unit == "week" else 1))
    return _first(day.year, day.month + count * {"month": 1, "quarter": 3, "year": 12}[unit])


def _relative(match: re.Match[str], today: date, _future: bool) -> tuple[date, date, str] | None:
    """Whole units before or after the one that holds today: "last 6 months" ends with last month."""
    count = (
        int(match["count"])
        if (match["count"] or "1").isdigit() and match["count"]
        else NUMBERS.get(match["count"] or "", 1)
    )
    unit, this = match["unit"], _unit_start(today, match["unit"])
    if not 0 < count <= 400:
        return None
    if match["which"] in {"next", "coming", "following", "upcoming"}:
        after = _shift(this, unit, 1)
        return after, _shift(after, unit, count), "none"
    return _shift(this, unit, -count), this, "none"


def _current(match: re.Match[str], today: date, _future: bool) -> tuple[date, date, str] | None:
    this = _unit_start(today, match["unit"])
    return this, _shift(this, match["unit"], 1), "none"


def _to_date(match: re.Match[str], today: date, _future: bool) -> tuple[date, date, str] | None:
    unit = {"y": "year", "q": "quarter", "m": "month"}[match["unit"][0]]
    return _unit_start(today, unit), today + timedelta(days=1), "none"


def _comparison(match: re.Match[str], today: date, _future: bool) -> tuple[date, date, str] | None:
    """YoY and its kin: the last whole unit, and which earlier one it is held against."""
    unit = {"y": "year", "q": "quarter", "m": "month", "w": "week"}[match["unit"][0]]
    this = _unit_start(today, "month" if unit == "year" else unit)
    start = _shift(this, "month", -12) if unit == "year" else _shift(this, unit, -1)
    return start, this, "previous_year" if unit == "year" else "previous_period"


def _month(match: re.Match[str], today: date, future: bool) -> tuple[date, date, str] | None:
    month = 1 + MONTHS.index(match["month"][:3])
    return (*_block(today, match["year"], month, 1, future), "none")


def _months(match: re.Match[str], today: date, future: bool) -> tuple[date, date, str] | None:
    first, last = (1 + MONTHS.index(match[name][:3]) for name in ("first", "last"))
    length = (last - first) % 12 + 1
    year = match["year"] and str(int(match["year"]) - (first > last))
    return (*_block(today, year, first, length, future), "none")


def _year(match: re.Match[str], _today: date, _future: bool) -> tuple[date, date, str] | None:
    return date(int(match["year"]), 1, 1), date(int(match["year"]) + 1, 1, 1), "none"


def _iso(match: re.Match[str], _today: date, _future: bool) -> tuple[date, date, str] | None:
    year, month = int(match["year"]), int(match["month"])
    if not match["day"]:
        return _first(year, month), _first(year, month + 1), "none"
    day = date(year, month, int(match["day"]))
    return day, day + timedelta(days=1), "none"


def _since(match: re.Match[str], today: date, _future: bool) -> tuple[date, date, str] | None:
    month = 1 + MONTHS.index(match["month"][:3])
    return _block(today, match["year"], month, 1, future=False)[0], today + timedelta(days=1), "none"


def _yesterday(_match: re.Match[str], today: date, _future: bool) -> tuple[date, date, str] | None:
    return today - timedelta(days=1), today, "none"


def _named(pattern: str) -> re.Pattern[str]:
    """Compile with the shared pieces filled in."""
    pieces = {"MONTH": f"(?:{_MONTH[1:-1]})", "YEAR": _YEAR.replace("(20", "(?P<year>20"), "COUNT": _COUNT[1:-1]}
    for name, piece in pieces.items():
        pattern = pattern.replace(f"<{name}>", piece)
    return re.compile(pattern)


_PATTERNS: tuple[tuple[re.Pattern[str], Resolver], ...] = (
    (_named(r"\b(?P<year>20\d\d)-(?P<month>0[1-9]|1[0-2])(?:-(?P<day>0[1-9]|[12]\d|3[01]))?\b"), _iso),
    (
        _named(
            r"\b(?:between\s+|from\s+)?(?P<first><MONTH>)\s*(?:-|–|to|and|through|until)\s*(?P<last><MONTH>)\b<YEAR>"
        ),
        _months,
    ),
    (_named(r"\bsince\s+(?P<month><MONTH>)\b<YEAR>"), _since),
    (_named(r"\b(?P<year_before>20\d\d)\s*-?\s*q(?P<quarter>[1-4])\b"), _quarter),
    (_named(r"\bq(?P<quarter>[1-4])\b<YEAR>"), _quarter),
    (_named(r"\b(?P<quarter>first|second|third|fourth) quarter\b<YEAR>"), _quarter),
    (_named(r"\b(?:the )?(?P<half>first|second) half\b<YEAR>"), _half),
    (_named(r"\bh(?P<half>[12])\b<YEAR>"), _half),
    (_named(r"\b(?P<unit>y|q|m|w)o(?P=unit)\b"), _comparison),
    (_named(r"\b(?P<unit>year|quarter|month|week)[ -](?:over|on)[ -](?P=unit)\b"), _comparison),
    (
        _named(
            r"\b(?:vs\.?|versus|compared (?:to|with)|against|over|than)\s+(?:the\s+)?(?:same (?:period|time|quarter|month) )?(?:last|previous|prior)\s+(?P<unit>year)\b"
        ),
        _comparison,
    ),
    (
        _named(
            r"\b(?:vs\.?|versus|compared (?:to|with)|against|than)\s+(?:the\s+)?(?:previous|prior)\s+(?P<unit>quarter|month|week)\b"
        ),
        _comparison,
    ),
    (
        _named(
            r"\b(?:the\s+)?(?P<which>last|past|previous|prior|trailing|next|coming|following|upcoming)\s+(?:(?P<count><COUNT>)\s+)?(?:full\s+|complete\s+|whole\s+)?(?P<unit>day|week|month|quarter|year)s?\b"
        ),
        _relative,
    ),
    (_named(r"\b(?:this|the current|current)\s+(?P<unit>week|month|quarter|year)\b"), _current),
    (_named(r"\b(?P<unit>y|q|m)td\b"), _to_date),
    (_named(r"\b(?P<unit>year|quarter|month)[ -]to[ -]date\b"), _to_date),
    (_named(r"\byesterday\b"), _yesterday),
    (
        _named(
            r"\b(?P<month>(?!mar\b|march\b|may\b)<MONTH>|(?:mar(?:ch)?|may)(?=,?\s+20\d\d)"
            r"|(?:(?<=in )|(?<=of )|(?<=for )|(?<=by )|(?<=last )|(?<=until )|(?<=during )|(?<=and ))(?:march|may))\b<YEAR>"
        ),
        _month,
    ),
    (_named(r"\b(?:in|during|for|of|since|year|fy)\s*(?P<year>20[0-4]\d)\b"), _year),
)
# One search that fails for most text keeps the nineteen above off the common path.
_ANY = re.compile(
    rf"\b(?:20\d\d|q[1-4]|h[12]|[yqmw]o[yqmw]|[yqm]td|yesterday|quarter|half|year|month|week|day|quarters|years|months|weeks|days|{_MONTH[1:-1]})\b"
)


def find_periods(folded: str, query: str, today: date) -> list[PeriodSpan]:
    """Return the periods of a folded query in order of mention.

    A named quarter, half or month without a year is the latest that has begun, or, when the query looks ahead
    ("forecast for Q1"), the next that has not ended. "Last n units" are whole units that end before the current one.
    """
    if not _ANY.search(folded):
        return []
    future = bool(_FUTURE.search(folded))
    taken: list[PeriodSpan] = []
    for span in _candidates(folded, query, today, future):
        if all(span.end <= other.start or span.start >= other.end for other in taken):
            taken.append(span)
    return sorted(taken, key=lambda span: span.start)


def _candidates(folded: str, query: str, today: date, future: bool) -> Iterator[PeriodSpan]:
    """Yield what each pattern finds, the more specific patterns first; impossible dates are no periods."""
    for pattern, resolve in _PATTERNS:
        for match in pattern.finditer(folded):
            try:
                resolved = resolve(match, today, future)
            except (ValueError, OverflowError):
                continue
            if resolved:
                start, end, comparison = resolved
                text = query[match.start() : match.end()]
                yield PeriodSpan(
                    Period.model_validate(
                        {"text": text, "start": start.isoformat(), "end": end.isoformat(), "comparison": comparison}
                    ),
                    match.start(),
                    match.end(),
                )
