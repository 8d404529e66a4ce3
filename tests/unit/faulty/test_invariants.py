"""Each invariant in a world where it holds, and in one where it does not."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import pytest
from builders_composer import KISQALI, KISQALI_EDGES, KISQALI_PARTS, drive
from e2i_shared.api.composition import CompositionStatus as Status
from e2i_shared.composer.model import CompositionEvent
from faulty.invariants import History, violations

AT = "2026-10-01T00:00:00+00:00"


def event(seq: int, kind: str = "status", **detail: Any) -> CompositionEvent:
    return CompositionEvent(seq=seq, at=AT, kind=kind, detail=detail)


@cache
def sound() -> History:
    record, steps = drive(KISQALI, KISQALI_PARTS, KISQALI_EDGES)
    return History(
        record=record.model_copy(update={"created_at": AT, "attempted_at": None, "completed_at": AT}),
        steps=steps,
        events=[event(1, status="PENDING", attempt=1), event(2, status="COMPLETED", attempt=1)],
        performance=[{"step_number": s.step.step_number, "success": True} for s in steps],
        usage=[{"outcome": "ok", "cost_usd": 0.01}],
        outbox=[{"topic": f"composition.{what}", "published_at": AT} for what in ("requested", "completed")],
        logs="a line",
        secrets=["Jane Doe"],
    )


def test_all_hold_of_a_composition_that_went_well():
    assert violations(sound()) == []


def record(**change: Any) -> dict[str, Any]:
    return {"record": sound().record.model_copy(update=change)}


def step(number: int, **change: Any) -> dict[str, Any]:
    steps = list(sound().steps)
    steps[number] = steps[number].model_copy(update=change)
    return {"steps": steps}


def text_of_part(text: str) -> dict[str, Any]:
    answer = sound().record.answer
    part = answer.parts[0].model_copy(update={"text": text})
    return record(answer=answer.model_copy(update={"parts": [part, *answer.parts[1:]]}))


BROKEN = [
    ("I1", "it is EXECUTING", record(status=Status.EXECUTING)),
    ("I1", "have not ended", step(0, status=Status.PENDING)),
    ("I1", "these ends", {"events": [event(1, status="COMPLETED", attempt=1), event(2, status="TIMEOUT", attempt=1)]}),
    ("I1", "these ends", {"events": [event(1, status="PENDING", attempt=1)]}),
    ("I1", "without gaps", {"events": [event(1, status="PENDING", attempt=1), event(3, status="FAILED", attempt=1)]}),
    ("I1", "still run", {"running": ["it-2"]}),
    ("I1", "it took 400.0 s", record(completed_at="2026-10-01T00:06:40+00:00")),
    ("I2", "has 0 entries", {"performance": []}),
    ("I2", "has 2 entries", {"performance": [*sound().performance, sound().performance[0]]}),
    ("I2", "output: True", step(1, status=Status.FAILED)),
    ("I2", "output: False", step(1, output=None)),
    ("I3", "not settled", {"usage": [{"outcome": "reserved", "cost_usd": None}]}),
    ("I4", "another tenant gets 200", {"others_see": 200}),
    ("I5", "not published", {"outbox": [*sound().outbox[:1], {"topic": "composition.completed", "published_at": None}]}),
    ("I5", "1 attempts left", {"outbox": sound().outbox[:1]}),
    ("I5", "1 attempts left", {"outbox": [*sound().outbox, *sound().outbox[1:]]}),
    ("I6", "the logs hold", {"logs": f"failed: {KISQALI}"}),
    ("I6", "the logs hold", {"logs": "KeyError: Jane Doe"}),
    ("I7", "99.9", text_of_part("Each visit raises TRx by 99.9 TRx [1].")),
    ("I7", "without an answer", record(answer=None)),
    ("I7", "neither answered nor", record(answer=sound().record.answer.model_copy(update={"parts": sound().record.answer.parts[1:]}))),
]  # fmt: skip


@pytest.mark.parametrize(("name", "why", "change"), BROKEN)
def test_what_does_not_hold_is_named(name: str, why: str, change: dict[str, Any]):
    found = violations(replace(sound(), **change))

    assert any(problem.startswith(name) and why in problem for problem in found), found
