"""Moves "last month" back to the newest month the data hold, where they end before it, and says so; named dates stay as they are."""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import TYPE_CHECKING

from e2i_shared.composer.periods import span_text
from e2i_shared.composer.scope import time_column

if TYPE_CHECKING:
    from collections.abc import Sequence

    from e2i_shared.api.classification import Period
    from e2i_shared.api.datasets import Dataset

_BEHIND = re.compile(
    r"\b(?:last|past|previous|prior|trailing|yesterday|[yqmw]o[yqmw]|\w+[ -](?:over|on)[ -]\w+)\b", re.IGNORECASE
)
_CURRENT = re.compile(r"\b(?:this|current|[yqm]td|to[ -]date)\b", re.IGNORECASE)
_UNITS = (
    (re.compile(r"\b(?:yesterday|days?)\b", re.IGNORECASE), "day", 1),
    (re.compile(r"\b(?:weeks?|wow)\b", re.IGNORECASE), "day", 7),
    (re.compile(r"\b(?:quarters?|qoq|qtd)\b", re.IGNORECASE), "month", 3),
    (re.compile(r"\b(?:(?:this|last|past|previous|prior|current)(?: \w+)? years?|ytd|year[ -]to[ -]date)\b", re.IGNORECASE), "month", 12),
    (re.compile(r""), "month", 1),
)  # fmt: skip

_FARTHEST = 4000  # units back; the data may have ended years ago


def newest(periods: Sequence[Period], dataset: Dataset) -> tuple[list[Period], tuple[str, ...]]:
    """Return the periods, those said from today that begin after the data end moved back by whole units, and a note on each moved.

    Periods of one unit move together, so that "this month against last month" stays two months.
    """
    after = _end_of_data(dataset)
    if after is None:
        return list(periods), ()
    moved = [_moved(p, periods, dataset, after) for p in periods]
    notes = [_note(p, m, after) for p, m in zip(periods, moved, strict=True) if _is_relative(p)]
    return moved, tuple(n for n in notes if n)


def _end_of_data(dataset: Dataset) -> date | None:
    """Return the day after the last one the data hold; of rows dated by the first of their month, the first of the next."""
    column = time_column(dataset)
    if column is None or not (column.statistics.maximum and column.statistics.minimum):
        return None
    last = date.fromisoformat(str(column.statistics.maximum)[:10])
    return _later(last, "month", 1) if _monthly(dataset) else last + timedelta(days=1)


def _monthly(dataset: Dataset) -> bool:
    column = time_column(dataset)
    return column is not None and all(
        str(d)[8:10] == "01" for d in (column.statistics.minimum, column.statistics.maximum)
    )


def _is_relative(period: Period) -> bool:
    return bool(_BEHIND.search(period.text) or _CURRENT.search(period.text))


def _unit(period: Period) -> tuple[str, int]:
    if period.comparison == "previous_year":
        return "month", 1  # the twelve months up to now, whichever month that is
    return next((unit, size) for pattern, unit, size in _UNITS if pattern.search(period.text))


def _moved(period: Period, periods: Sequence[Period], dataset: Dataset, after: date) -> Period:
    if not _is_relative(period):
        return period
    unit, size = _unit(period)
    start, end = (date.fromisoformat(d) for d in (period.start, period.end))
    if unit == "day" and _monthly(dataset):
        end = min(_later(start, "month", 1), after)
        start = _later(end, "month", -1)
    else:
        kin = [p for p in periods if _is_relative(p) and _unit(p) == (unit, size)]
        count = size * max(_steps_back(p, unit, size, after) for p in kin)
        if count and _CURRENT.search(period.text):
            end = _later(start, unit, size)  # what was so far is now the whole unit
        start, end = (_later(d, unit, -count) if count else d for d in (start, end))
    return period.model_copy(update={"start": start.isoformat(), "end": end.isoformat()})


def _steps_back(period: Period, unit: str, size: int, after: date) -> int:
    """Return by how many units a period must move to be held: all of it, or of the current one its beginning."""
    current = bool(_CURRENT.search(period.text))
    day = date.fromisoformat(period.start if current else period.end)
    held = after - timedelta(days=1) if current else after
    return next((n for n in range(_FARTHEST) if (_later(day, unit, -n * size) if n else day) <= held), 0)


def _later(day: date, unit: str, count: int) -> date:
    """Return the day moved by days, or the first of its month moved by months."""
    if unit == "day":
        return day + timedelta(days=count)
    months = day.year * 12 + day.month - 1 + count
    return date(months // 12, months % 12 + 1, 1)


def _note(period: Period, moved: Period, after: date) -> str:
    """Return what a period is taken as, or that the data hold only a part of it; nothing where they hold it all."""
    end = _month_name(_later(after, "month", -1), after) if after.day == 1 else f"on {after - timedelta(days=1)}"
    if moved != period:
        return f"The data end {end}: {period.text!r} is taken as {_in_words(moved)}."
    if period.start < after.isoformat() < period.end:
        held = _in_words(period.model_copy(update={"end": after.isoformat()}))
        return f"The data end {end}: of {period.text!r} ({_in_words(period)}) they hold {held}."
    return ""


def _in_words(period: Period) -> str:
    start, end = (date.fromisoformat(d) for d in (period.start, period.end))
    if start + timedelta(days=1) == end:
        return period.start
    return _month_name(start, end)


def _month_name(start: date, end: date) -> str:
    if start.day == 1 and _later(start, "month", 1) == end:
        return f"{start:%B %Y}"
    return span_text(start, end)
