"""Calendar arithmetic of tools: spans of days (end exclusive), months, quarters and years."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from e2i_shared.api.datasets import Column

    Days = NDArray[np.datetime64]

Grain = Literal["none", "month", "quarter", "year"]
IsoDate = Annotated[str, Field(pattern=r"^\d{4}-\d{2}(-\d{2})?$")]
_MONTHS = {"month": 1, "quarter": 3, "year": 12}
DAY, MONTH = np.timedelta64(1, "D"), np.timedelta64(1, "M")


class Period(BaseModel):
    """Dates from ``start`` up to, but not including, ``end``; YYYY-MM-DD, or YYYY-MM for the first of the month."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    start: IsoDate
    end: IsoDate

    @model_validator(mode="after")
    def _check(self) -> Period:
        """Refuse what is no date or no period."""
        if not self.span().start < self.span().end:
            raise ValueError("start must lie before end (which is exclusive)")
        return self

    def span(self) -> Span:
        """Return the days meant; ValueError for a day the calendar lacks."""
        return Span(np.datetime64(self.start, "D"), np.datetime64(self.end, "D"))


@dataclass(frozen=True, slots=True)
class Span:
    """Days in [start, end)."""

    start: np.datetime64
    end: np.datetime64

    def holds(self, days: Days) -> NDArray[np.bool_]:
        """Return which of ``days`` (n,) lie in the span; a missing date does not."""
        return np.asarray((days >= self.start) & (days < self.end))

    def earlier(self, comparison: Literal["previous_period", "previous_year"]) -> Span:
        """Return the span before of the same length in months (in days where it does not fit months), or a year before."""
        if comparison == "previous_year":
            return self.moved(-12)
        if self.start == _month_start(self.start) and self.end == _month_start(self.end):
            return self.moved(-int((_months(self.end) - _months(self.start)).astype(int)))
        return Span(self.start - (self.end - self.start), self.start)

    def moved(self, months: int) -> Span:
        """Return the span moved by months; a day past the month's end becomes its last."""
        return Span(_moved(self.start, months), _moved(self.end, months))

    def text(self) -> str:
        """Return the span in words."""
        return f"{self.start} to {self.end - DAY}"


def grain_starts(days: Days, grain: Grain) -> Days:
    """Return the first day (n,) of the month, quarter or year of each day; NaT stays."""
    months = days.astype("datetime64[M]")
    offset = np.where(np.isnat(days), 0, months.astype(np.int64) % _MONTHS[grain])
    return np.asarray((months - offset.astype("timedelta64[M]")).astype("datetime64[D]"))


def grain_label(start: np.datetime64, grain: Grain) -> str:
    """Return 2026-07, 2026-Q3 or 2026."""
    month = str(start.astype("datetime64[M]"))
    if grain == "quarter":
        return f"{month[:4]}-Q{(int(month[5:7]) + 2) // 3}"
    return month[:4] if grain == "year" else month


def grain_span(start: np.datetime64, grain: Grain) -> Span:
    """Return the whole month, quarter or year that begins on ``start``."""
    return Span(start, _moved(start, _MONTHS[grain]))


def covered(column: Column) -> Span | None:
    """Return what a date column covers by its profile; whole months where it is monthly. None without a date."""
    profile = column.statistics
    if profile.minimum is None or profile.maximum is None:
        return None
    first, last = (np.datetime64(str(text)[:10], "D") for text in (profile.minimum, profile.maximum))
    return Span(first, _moved(last, 1) if is_monthly(column) else last + DAY)


def is_monthly(column: Column) -> bool:
    """Return whether a date column holds one date a month, the first."""
    profile = column.statistics
    ends = [np.datetime64(str(text)[:10], "D") for text in (profile.minimum, profile.maximum) if text is not None]
    if not ends or any(day != _month_start(day) for day in ends):
        return False
    return profile.distinct <= int((_months(ends[-1]) - _months(ends[0])).astype(int)) + 1


def observed(days: Days, *, monthly: bool) -> Span | None:
    """Return what dates (n,) cover; None without a date."""
    known = days[~np.isnat(days)]
    if not known.size:
        return None
    return Span(known.min(), _moved(known.max(), 1) if monthly else known.max() + DAY)


def last_complete(available: Span, grain: Grain) -> Span:
    """Return the last whole month, quarter or year that ends by the end of what is covered."""
    start = grain_starts(np.array([available.end]), grain)[0]
    return Span(_moved(start, -_MONTHS[grain]), start)


def _months(day: np.datetime64) -> np.datetime64:
    month: np.datetime64 = day.astype("datetime64[M]")
    return month


def _days(month: np.datetime64) -> np.datetime64:
    first: np.datetime64 = month.astype("datetime64[D]")
    return first


def _month_start(day: np.datetime64) -> np.datetime64:
    return _days(_months(day))


def _moved(day: np.datetime64, months: int) -> np.datetime64:
    target = _months(day) + np.timedelta64(months, "M")
    return min(_days(target) + (day - _month_start(day)), _days(target + MONTH) - DAY)
