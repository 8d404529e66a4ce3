"""Spans of dates as people say them: ``Q3 2026``, ``2026-08``, ``2026-05 to 2026-10``."""

from __future__ import annotations

import re
from datetime import date, timedelta

_ISO = re.compile(r"\d{4}-\d{2}-\d{2}")
_QUARTER, _YEAR = 3, 12


def span_text(start: object, end: object) -> str:
    """Return the span from a day up to (not with) another as a reader would say it; as it is given when it is not of days."""
    if not (_ISO.fullmatch(str(start)) and _ISO.fullmatch(str(end))):
        return f"{start} up to {end}"
    first, after = date.fromisoformat(str(start)), date.fromisoformat(str(end))
    last = after - timedelta(days=1)
    if first.day != 1 or after.day != 1:
        return f"{first} to {last}"
    months = (after.year - first.year) * 12 + after.month - first.month
    if months == 1:
        return f"{first:%Y-%m}"
    if months == _QUARTER and first.month % _QUARTER == 1:
        return f"Q{first.month // _QUARTER + 1} {first.year}"
    if months == _YEAR and first.month == 1:
        return str(first.year)
    return f"{first:%Y-%m} to {last:%Y-%m}"
