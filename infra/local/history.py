"""An execution's journal as Step Functions shows it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from infra.local.asl.errors import dumps

if TYPE_CHECKING:
    from collections.abc import Iterable

    from infra.local.store import Row

AS_TEXT = ("input", "output", "parameters")


def history_events(rows: Iterable[Row], *, newest_first: bool = False) -> list[dict[str, Any]]:
    """Return the events with AWS's names; data are JSON texts in them."""
    events = [_event(number, row) for number, row in enumerate(rows, start=1)]
    return events[::-1] if newest_first else events


def _event(number: int, row: Row) -> dict[str, Any]:
    kind = row["kind"]
    details = {name: dumps(value) if name in AS_TEXT else value for name, value in json.loads(row["details"]).items()}
    event = {"id": number, "previousEventId": number - 1, "timestamp": row["at"].timestamp(), "type": kind}
    if details:
        event[_member(kind)] = details
    return event


def _member(kind: str) -> str:
    for suffix in ("StateEntered", "StateExited"):
        if kind.endswith(suffix):
            return f"{suffix[0].lower()}{suffix[1:]}EventDetails"
    return f"{kind[0].lower()}{kind[1:]}EventDetails"
