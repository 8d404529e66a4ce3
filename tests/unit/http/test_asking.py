"""From a question to a running composition, and what comes back while it runs."""

from __future__ import annotations

from typing import Any

import pytest
from e2i_shared import bootstrap
from e2i_shared.api.classification import RoutingPattern
from e2i_shared.api.composition import Answer, CompositionStatus
from e2i_shared.composer.model import Decomposition, NewComposition, Plan, PlanStep
from e2i_shared.http import asking, views
from world import COMPOSITION, QUESTION, TENANT, FakeWiring, body, request

from functions.api import handler as api

ANSWER = Answer(headline="Yes, by 2.5.", parts=[], text="Yes, by 2.5.")


def post(path: str, payload: dict[str, Any], **options: Any) -> dict[str, Any]:
    return api.handle(request("POST", path, payload, **options), None)


def complete(composition_id: str) -> None:
    compositions = bootstrap.for_tenant(TENANT).compositions
    compositions.begin(composition_id, CompositionStatus.SYNTHESIZING)
    compositions.save_answer(composition_id, ANSWER, [], {"total": 12.0})


def test_compose_accepts_and_says_where_to_look(wiring: FakeWiring):
    reply = post("/compose", {"query": QUESTION})
    accepted = body(reply)

    assert reply["statusCode"] == 202
    assert (
        reply["headers"]["Location"] == accepted["status_url"] == f"/api/v1/compositions/{accepted['composition_id']}"
    )
    assert wiring.started.started == [(TENANT, accepted["composition_id"])]
    view = body(api.handle(request("GET", accepted["status_url"].removeprefix("/api/v1")), None))
    assert (view["status"], view["progress"]["percent"]) == ("PENDING", 0)


def test_a_start_that_fails_leaves_the_composition_to_the_relay(wiring: FakeWiring):
    wiring.started.broken = True
    reply = post("/compose", {"query": QUESTION})

    assert reply["statusCode"] == 202
    assert bootstrap.for_tenant(TENANT).compositions.unstarted(0) == [body(reply)["composition_id"]]


def test_the_query_is_stored_with_its_embedding(wiring: FakeWiring):
    from e2i_shared.composer.embedding import MODEL, embed

    composition_id = body(post("/compose", {"query": QUESTION}))["composition_id"]
    complete(composition_id)
    (near,) = bootstrap.for_tenant(TENANT).compositions.similar(embed(QUESTION), MODEL)
    assert (near.composition_id, round(near.similarity, 6)) == (composition_id, 1.0)


def test_ask_without_waiting_is_202_with_the_routing_pattern(wiring: FakeWiring):
    reply = post("/ask", {"query": QUESTION, "wait_seconds": 0})
    view = body(reply)
    assert (reply["statusCode"], view["routing_pattern"]) == (202, "TOOL_COMPOSER")
    assert reply["headers"]["Location"].endswith(view["composition_id"])


def test_ask_returns_the_answer_once_it_is_there(wiring: FakeWiring, monkeypatch):
    monkeypatch.setattr(wiring.started, "start", lambda _tenant, composition_id, _attempt: complete(composition_id))
    reply = post("/ask", {"query": QUESTION})
    assert reply["statusCode"] == 200
    assert body(reply)["answer"]["headline"] == "Yes, by 2.5."


def test_a_question_nobody_can_route_is_answered_with_a_clarification_and_nothing_is_started(wiring: FakeWiring):
    reply = post("/ask", {"query": "asdf qwer zxcv"})
    view = body(reply)
    assert (reply["statusCode"], view["routing_pattern"], view["composition_id"]) == (200, "CLARIFICATION_NEEDED", None)
    assert view["clarification"]["message"]
    assert wiring.started.started == []


@pytest.mark.parametrize("wait", [-1, 26, "long"])
def test_waiting_longer_than_a_request_may_take_is_refused(wiring: FakeWiring, wait: object):
    assert post("/ask", {"query": QUESTION, "wait_seconds": wait})["statusCode"] == 422


def test_ask_about_a_data_set_that_is_not_there_names_the_nearest(wiring: FakeWiring):
    reply = post("/ask", {"query": QUESTION, "dataset": "trail"})
    assert reply["statusCode"] == 422
    assert body(reply)["errors"][0]["candidates"] == ["trial"]


def test_pauses_start_short_grow_and_add_up_to_the_wait():
    pauses = list(asking.pauses(3))
    assert pauses[0] == asking.FIRST_WAIT_SECONDS
    assert max(pauses) == asking.LONGEST_WAIT_SECONDS
    assert sum(pauses) == pytest.approx(3)
    assert list(asking.pauses(0)) == []


def test_waiting_ends_as_soon_as_the_composition_does(wiring: FakeWiring):
    tenant = bootstrap.for_tenant(TENANT)
    tenant.compositions.create(NewComposition(composition_id=COMPOSITION, query=QUESTION))
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 3:
            complete(COMPOSITION)

    view = asking.wait(tenant, COMPOSITION, 25, RoutingPattern.SINGLE_AGENT, sleep)
    assert (view.status, len(slept)) == (CompositionStatus.COMPLETED, 3)


def plan_of(*levels: list[int]) -> Plan:
    steps = [
        PlanStep(step_number=n, name=f"step-{n}", tool="t", runtime="layer", inputs={}, serves="Q1", level=level)
        for level, numbers in enumerate(levels, 1)
        for n in numbers
    ]
    return Plan(dataset="trial", dataset_version=1, steps=steps, levels=[list(numbers) for numbers in levels])


def test_progress_grows_with_every_step_and_ends_at_a_hundred(wiring: FakeWiring):
    compositions = bootstrap.for_tenant(TENANT).compositions
    compositions.create(NewComposition(composition_id=COMPOSITION, query=QUESTION))
    seen = []

    def look() -> None:
        view = body(api.handle(request("GET", f"/compositions/{COMPOSITION}"), None))
        seen.append(view["progress"]["percent"])

    look()
    compositions.begin(COMPOSITION, CompositionStatus.DECOMPOSING)
    look()
    compositions.save_decomposition(COMPOSITION, Decomposition(sub_questions=[], dependencies=[]), 1)
    compositions.begin(COMPOSITION, CompositionStatus.PLANNING)
    compositions.save_plan(COMPOSITION, plan_of([1, 2], [3, 4]), 1)
    compositions.begin(COMPOSITION, CompositionStatus.EXECUTING)
    look()
    for number in (1, 2, 3, 4):
        compositions.start_step(COMPOSITION, number, {"a": number})
        compositions.finish_step(COMPOSITION, number, CompositionStatus.COMPLETED, output={"n": 1}, latency_ms=2)
        look()
    complete(COMPOSITION)
    look()

    assert seen == sorted(seen)
    assert (seen[0], seen[-1]) == (0, 100)
    assert len(set(seen)) == len(seen)


def test_a_step_is_shown_with_its_inputs_as_they_were_resolved(wiring: FakeWiring):
    compositions = bootstrap.for_tenant(TENANT).compositions
    compositions.create(NewComposition(composition_id=COMPOSITION, query=QUESTION))
    compositions.save_plan(COMPOSITION, plan_of([1], [2]), 1)
    compositions.start_step(COMPOSITION, 1, {"resolved": True})
    compositions.finish_step(COMPOSITION, 1, CompositionStatus.FAILED, error="No overlap.")

    first, second = body(api.handle(request("GET", f"/compositions/{COMPOSITION}/steps"), None))["items"]
    assert (first["input_params"], first["status"], first["error_message"]) == (
        {"resolved": True},
        "FAILED",
        "No overlap.",
    )
    assert (second["level"], second["status"], second["output_result"]) == (2, "PENDING", None)


@pytest.mark.parametrize("status", CompositionStatus)
def test_every_status_has_a_progress(status: CompositionStatus):
    assert 0 <= views.progress(status, []).percent <= 100


def test_feedback_is_stored_and_needs_a_rating(wiring: FakeWiring):
    bootstrap.for_tenant(TENANT).compositions.create(NewComposition(composition_id=COMPOSITION, query=QUESTION))
    path = f"/compositions/{COMPOSITION}/feedback"
    reply = post(path, {"rating": 4, "text": "Good."})
    assert (reply["statusCode"], reply["body"]) == (204, "")
    assert post(path, {"rating": 6})["statusCode"] == 422
    assert post(path.replace("c001", "c00f"), {"rating": 4})["statusCode"] == 404
