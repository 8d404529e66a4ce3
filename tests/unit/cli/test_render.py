"""An answer as text: what was asked before is named under it."""

from __future__ import annotations

import io
from typing import Any

from rich.console import Console

from cli import render


def drawn(**view: Any) -> str:
    console = Console(file=io.StringIO(), width=200)
    console.print(render.answer({"query": "Did visits work?", "status": "COMPLETED", "latency_ms": {}} | view))
    return console.file.getvalue()


ANSWER = {"headline": "Yes, by 2.5.", "parts": [], "caveats": ["Overlap is weak."], "next_step": "Test it."}


def test_related_questions_are_named_with_their_ids():
    text = drawn(answer=ANSWER, related=[{"query": "Did calls work?", "composition_id": "c-1", "similarity": 0.9}])

    assert "Asked before: Did calls work? (c-1)" in text
    assert text.index("Yes, by 2.5.") < text.index("Overlap is weak.") < text.index("Asked before")


def test_without_related_questions_nothing_is_said_of_them():
    assert "Asked before" not in drawn(answer=ANSWER, related=[])
    assert "Asked before" not in drawn(answer=ANSWER)


def test_a_part_without_an_answer_says_why():
    missing = [{"sub_question": "Q2", "question": "who", "reason": "No such column."}]
    assert "Not answered – who: No such column." in drawn(answer=ANSWER, missing=missing)
    assert "FAILED: no answer yet" in drawn(status="FAILED")
