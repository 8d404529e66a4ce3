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


def said_of(**problem: Any) -> str:
    console = Console(file=io.StringIO(), width=200)
    console.print(render.problem({"title": "Not valid"} | problem))
    return console.file.getvalue()


def test_what_the_detail_says_is_not_said_again():
    field = {"field": "role", "message": "Input should be 'id' or 'time'", "candidates": ["id", "time"]}

    told = said_of(detail="role: Input should be 'id' or 'time'", errors=[field])

    assert told.count("Input should be") == 1
    assert "did you mean" not in told


def test_what_the_detail_does_not_say_is_told_with_the_nearest_choices():
    told = said_of(
        detail="There is no cohort 'x'.", errors=[{"field": "cohort", "message": "got x", "candidates": ["y"]}]
    )

    assert "cohort: got x  did you mean: y?" in told


def test_a_table_shows_moments_to_the_minute_and_truth_in_words():
    console = Console(file=io.StringIO(), width=200)
    console.print(render.table("", ("at", "on", "rows"), [("2026-11-21T16:36:10.454659+00:00", True, 72000)]))

    assert "2026-11-21 16:36 UTC │ yes │ 72,000" in console.file.getvalue()
