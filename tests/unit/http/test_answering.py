"""A quick question is answered within the request; all else goes through the workflow."""

from __future__ import annotations

from typing import Any

import pytest
from e2i_shared.http import answering, composing
from world import TENANT, FakeWiring, body, request

from functions.api import handler as api

QUICK = "What was the average trx?"


def ask(query: str = QUICK, **options: Any) -> dict[str, Any]:
    payload = {"query": query, "dataset": "trial", "wait_seconds": options.pop("wait", 0.1)}
    return api.handle(request("POST", "/ask", payload, **options), None)


def known(wiring: FakeWiring, latency_ms: float = 5.0) -> None:
    wiring.tenant(TENANT).tools.record_run("kpi_lookup", success=True, latency_ms=latency_ms)


def test_a_quick_tool_of_known_latency_answers_at_once_without_the_workflow(wiring):
    known(wiring)
    reply = ask()
    view = body(reply)
    assert (reply["statusCode"], view["status"], view["routing_pattern"]) == (200, "COMPLETED", "SINGLE_AGENT")
    assert [(s["tool"], s["status"]) for s in view["steps"]] == [("kpi_lookup", "COMPLETED")]
    assert view["answer"]["parts"][0]["citations"] == [1]
    assert wiring.started.started == []


@pytest.mark.parametrize("latency_ms", [None, answering.MOST_MS + 1])
def test_a_tool_that_is_slow_or_not_known_goes_through_the_workflow_with_its_plan_made(wiring, latency_ms):
    if latency_ms:
        known(wiring, latency_ms)
    view = body(ask())
    assert view["status"] == "PLANNING"
    assert wiring.started.started == [(TENANT, view["composition_id"])]


def test_a_question_that_cannot_be_planned_ends_failed_with_the_reason(wiring):
    known(wiring)
    view = body(ask("Did blorptrix raise trx?"))
    assert view["status"] == "FAILED"
    assert "blorptrix" in view["error"]


def test_without_waiting_nothing_is_answered_here(wiring):
    known(wiring)
    assert body(ask(wait=0))["status"] == "PENDING"
    assert len(wiring.started.started) == 1


def test_what_breaks_unexpectedly_is_left_to_the_workflow(wiring, monkeypatch):
    def broken(_event: Any) -> Any:
        raise RuntimeError("bug")

    monkeypatch.setattr(composing, "run", broken)
    assert ask()["statusCode"] == 202
    assert len(wiring.started.started) == 1


def test_with_a_language_model_the_workflow_answers(wiring):
    known(wiring)
    wiring.models = object()
    assert not answering.answer(wiring.tenant(TENANT), "any")
