"""Progress on the screen: a line per change where nobody watches, levels with ticks where somebody does."""

from __future__ import annotations

import io
from typing import Any

import pytest
from builders_db import a_plan
from e2i_shared.api.composition import Answer, CompositionStatus
from e2i_shared.composer.model import NewComposition
from rich.console import Console
from world import COMPOSITION, QUESTION, TENANT

from cli import waiting
from cli.exits import Exit
from cli.live import LONGEST, Board

ANSWER = Answer(headline="Yes, by 2.5.", parts=[], text="Yes, by 2.5.")


def step(number: int, status: str, level: int = 1, **more: Any) -> dict[str, Any]:
    detail = {"step_number": number, "name": f"Step {number}", "tool": "estimate", "level": level, "status": status}
    return {"kind": "step", "detail": detail | more}


def page(*events: dict[str, Any]) -> dict[str, Any]:
    return {
        "items": [{"seq": n, **event} for n, event in enumerate(events, 1)],
        "next_after": len(events),
        "ended": False,
    }


PLANNED = (step(1, "PENDING"), step(2, "PENDING"), step(3, "PENDING", level=2))
DONE = (
    {"kind": "status", "detail": {"status": "EXECUTING", "attempt": 2}},
    step(1, "EXECUTING"),
    step(1, "COMPLETED", latency_ms=1234.4),
    {"kind": "partial", "detail": {"step_number": 1}, "text": "Each visit adds 2.5 TRx."},
    step(2, "FAILED", error="Only 3 rows\nare left."),
    step(3, "SKIPPED", level=2, error="Not run, because step 2 failed."),
    {"kind": "partial", "detail": {"step_number": 2}},
    {"kind": "status", "detail": {"status": "COMPLETED", "attempt": 2}},
)


def drawn(board: Board) -> str:
    console = Console(file=io.StringIO(), width=120)
    console.print(board.drawing())
    return console.file.getvalue()


def test_each_change_is_a_line_and_what_only_waits_is_none():
    board = Board()
    assert board.take(page(*PLANNED)) == []
    assert board.take(page(*DONE)) == [
        "Running the tools (attempt 2)",
        "  ▸ [1] Step 1 (estimate)",
        "  ✓ [1] Step 1 (estimate)  1,234 ms",
        "  [1] Each visit adds 2.5 TRx.",
        "  ✗ [2] Step 2 (estimate): Only 3 rows are left.",
        "  – [3] Step 3 (estimate): Not run, because step 2 failed.",
    ]
    assert board.after == len(DONE)


def test_the_drawing_has_every_step_under_its_level():
    board = Board()
    board.take(page(*PLANNED))
    assert drawn(board).split() == [
        "Waiting",
        "to",
        "start",
        "level",
        "1",
        "·",
        "[1]",
        "Step",
        "1",
        "(estimate)",
        "·",
        "[2]",
        "Step",
        "2",
        "(estimate)",
        "level",
        "2",
        "·",
        "[3]",
        "Step",
        "3",
        "(estimate)",
    ]
    board.take(page(*DONE[:4]))
    shown = drawn(board)
    assert "Running the tools" in shown
    assert "✓ [1]" in shown
    assert "Each visit adds 2.5 TRx." in shown
    assert "· [2]" in shown


def test_a_long_sentence_is_cut():
    board = Board()
    (line,) = board.take(page({"kind": "partial", "detail": {"step_number": 1}, "text": "word " * 200}))
    assert len(line) <= LONGEST + 6
    assert line.endswith("…")


def test_on_a_terminal_it_is_drawn_in_place_and_nothing_is_left(monkeypatch, gateway, wiring):
    from cli import connection
    from cli.client import Client

    compositions = wiring.tenant(TENANT).compositions
    compositions.create(NewComposition(composition_id=COMPOSITION, query=QUESTION))
    compositions.save_plan(COMPOSITION, a_plan(), 1.0)
    compositions.finish_step(COMPOSITION, 1, CompositionStatus.COMPLETED, output={}, latency_ms=5)
    compositions.save_answer(COMPOSITION, ANSWER, [], {})
    screen = Console(file=io.StringIO(), force_terminal=True, width=100)
    monkeypatch.setattr(waiting, "errors", lambda: screen)

    with Client(connection.find("http://x", "t"), gateway) as client:
        waiting.follow(client, COMPOSITION, 5)

    assert "✓ [1] Effect of rep visits" in screen.file.getvalue()
    assert screen.file.getvalue().endswith("\x1b[2K"), "what was drawn is wiped"


@pytest.fixture
def composition(wiring) -> Any:
    compositions = wiring.tenant(TENANT).compositions
    compositions.create(NewComposition(composition_id=COMPOSITION, query=QUESTION))
    return compositions


def test_a_running_question_is_cancelled(composition, run, wiring):
    result = run("compositions", "cancel", COMPOSITION)
    assert result.exit_code == Exit.OK, result.output
    assert "CANCELLED" in result.stdout
    assert wiring.started.stopped == [(COMPOSITION, 1)]
    assert run("compositions", "retry", COMPOSITION).exit_code != Exit.OK


def test_a_failed_question_is_tried_again_and_followed(composition, run, wiring):
    composition.fail(COMPOSITION, CompositionStatus.FAILED, "The database was away.")
    result = run("compositions", "retry", COMPOSITION, "--wait", "0")
    assert result.exit_code == Exit.PENDING, result.output
    assert wiring.started.attempts == [2]
    assert "attempt 2" in result.stderr
