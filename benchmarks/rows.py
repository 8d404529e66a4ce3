"""Measures beside their bars, printed as they are found."""

from __future__ import annotations

from typing import Any

Row = dict[str, Any]


def row(measure: str, value: float, bar: str, kept: bool | None) -> Row:
    """Print one measure beside its bar and return it."""
    said = {True: "kept", False: "MISSED", None: ""}[kept]
    print(f"{measure:66} {value:>12.4g}  {bar:>12}  {said}", flush=True)
    return {"measure": measure, "value": value, "bar": bar, "kept": kept}


def at_most(measure: str, value: float, bar: float) -> Row:
    """Return a row that is kept at or under its bar."""
    return row(measure, value, f"<= {bar:g}", value <= bar)


def at_least(measure: str, value: float, bar: float) -> Row:
    """Return a row that is kept at or over its bar."""
    return row(measure, value, f">= {bar:g}", value >= bar)
