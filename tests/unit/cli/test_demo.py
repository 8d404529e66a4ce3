"""The demonstration: what it asks, what it compares with, and when it fails."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from cli import demo
from cli.connection import Connection
from cli.demo import QUESTIONS, Known, compare

if TYPE_CHECKING:
    from collections.abc import Iterator

KNOWN = Known("a on b", 3.1, 3.6, "kg", "a book: 3.4 kg")


def step(ate: float | None) -> dict:
    return {"output_result": None if ate is None else {"ate": ate}}


@pytest.mark.parametrize(
    ("ate", "verdict"), [(3.4, "agrees with a book"), (3.1, "agrees"), (9.9, "lies outside a book")]
)
def test_an_estimate_is_compared_with_what_is_known(ate: float, verdict: str):
    text = compare(KNOWN, [step(None), step(ate)]).plain
    assert verdict in text
    assert f"{ate:g}" in text


def test_without_an_estimate_it_says_so():
    assert "No effect was estimated" in compare(KNOWN, [step(None)]).plain


def test_the_questions_are_the_three_it_promises(tmp_path: Path):
    assert [question.dataset for question in QUESTIONS] == ["nhefs", "nsw", "hcp_monthly"]
    assert all(question.text.endswith("?") for question in QUESTIONS)


def test_the_known_effect_of_visits_is_read_from_the_sample_once(tmp_path: Path, monkeypatch):
    (tmp_path / "known.json").write_text("1.6")
    known = QUESTIONS[2].known(tmp_path)
    assert (known.low, known.high) == (pytest.approx(1.28), pytest.approx(1.92))


@pytest.mark.parametrize(("status", "code"), [("COMPLETED", 0), ("FAILED", 1)])
def test_it_exits_0_only_when_every_question_was_answered(wiring, capsys, monkeypatch, status: str, code: int):
    view = {
        "composition_id": "c", "query": "Why?", "status": status, "error": "x", "latency_ms": {},
        "answer": {"headline": "So.", "parts": []} if status == "COMPLETED" else None,
    }  # fmt: skip

    @contextlib.contextmanager
    def running(_folder: Path) -> Iterator[Connection]:
        yield Connection("http://e2i.example.com", "t", "test")

    monkeypatch.setattr(demo, "running", running)
    monkeypatch.setattr(demo, "_load_missing", lambda _client: iter(["nhefs: 1,566 rows"]))
    monkeypatch.setattr(demo, "FOLDER", Path("demo"))
    Path("demo").mkdir()
    Path("demo/known.json").write_text("1.6")
    monkeypatch.setattr(demo.waiting, "ask", lambda *_: view)
    monkeypatch.setattr(demo.waiting, "whole", lambda *_: (view, []))

    assert demo.main() == code
    shown = capsys.readouterr().out
    assert "loaded nhefs" in shown
    assert "make up" in shown
