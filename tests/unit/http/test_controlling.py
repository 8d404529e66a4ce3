"""Cancelling, retrying and following a composition over HTTP."""

from __future__ import annotations

import json
from typing import Any

import pytest
from builders_db import a_decomposition, a_plan
from e2i_shared import bootstrap
from e2i_shared.api.composition import Answer, CompositionStatus
from e2i_shared.composer.embedding import MODEL, embed
from e2i_shared.composer.model import NewComposition
from e2i_shared.http import endings
from world import COMPOSITION, OTHER, QUESTION, TENANT, FakeWiring, body, event, request

from functions.api import handler as api
from functions.composition_status import handler as composition_status

S = CompositionStatus
ANSWER = Answer(headline="Yes.", parts=[], text="Yes.")


@pytest.fixture
def compositions(wiring: FakeWiring) -> Any:
    made = wiring.tenant(TENANT).compositions
    made.create(NewComposition(composition_id=COMPOSITION, query=QUESTION))
    made.save_decomposition(COMPOSITION, a_decomposition(), 1.0)
    made.save_plan(COMPOSITION, a_plan(), 1.0)
    made.begin(COMPOSITION, S.EXECUTING)
    return made


def call(method: str, path: str, **options: Any) -> dict[str, Any]:
    return api.handle(request(method, f"/compositions/{COMPOSITION}{path}", **options), None)


def test_cancelling_ends_the_composition_its_steps_and_its_execution(compositions, wiring):
    compositions.start_step(COMPOSITION, 1, {})

    reply = call("POST", "/cancel")

    view = body(reply)
    assert (reply["statusCode"], view["status"], view["error"]) == (200, "CANCELLED", "The composition was cancelled.")
    assert [step["status"] for step in view["steps"]] == ["FAILED", "SKIPPED"]
    assert wiring.started.stopped == [(COMPOSITION, 1)]


def test_cancelling_twice_is_cancelling_once(compositions):
    first = body(call("POST", "/cancel"))
    assert body(call("POST", "/cancel")) == first


def test_an_execution_that_cannot_be_stopped_does_not_keep_a_composition_from_being_cancelled(compositions, wiring):
    wiring.started.broken = True
    assert call("POST", "/cancel")["statusCode"] == 200
    assert compositions.get(COMPOSITION).status is S.CANCELLED
    assert not compositions.start_step(COMPOSITION, 1, {}), "what still runs finds nothing to do"


def test_what_has_ended_is_not_cancelled(compositions, wiring):
    compositions.save_answer(COMPOSITION, ANSWER, [], {})
    assert call("POST", "/cancel")["statusCode"] == 409
    assert wiring.started.stopped == []


def test_a_retry_starts_the_next_attempt_of_what_failed_only(compositions, wiring):
    compositions.finish_step(COMPOSITION, 1, S.COMPLETED, output={"ate": 1.0})
    compositions.finish_step(COMPOSITION, 2, S.FAILED, error="too few")
    compositions.fail(COMPOSITION, S.FAILED, "it broke")

    reply = call("POST", "/retry")

    assert reply["statusCode"] == 202
    assert reply["headers"]["Location"] == body(reply)["status_url"] == f"/api/v1/compositions/{COMPOSITION}"
    assert (wiring.started.started, wiring.started.attempts) == ([(TENANT, COMPOSITION)], [2])
    view = body(call("GET", ""))
    assert (view["status"], view["attempt"]) == ("PENDING", 2)
    assert [step["status"] for step in view["steps"]] == ["COMPLETED", "PENDING"]


def test_what_was_cancelled_goes_on_with_what_it_had(compositions, wiring):
    compositions.finish_step(COMPOSITION, 1, S.COMPLETED, output={"ate": 1.0})
    assert call("POST", "/cancel")["statusCode"] == 200

    assert call("POST", "/retry")["statusCode"] == 202

    assert wiring.started.attempts == [2]
    assert [step["status"] for step in body(call("GET", ""))["steps"]] == ["COMPLETED", "PENDING"]


def test_what_runs_is_not_retried(compositions, wiring):
    reply = call("POST", "/retry")
    assert reply["statusCode"] == 409
    assert "cannot be retried" in body(reply)["detail"]
    assert wiring.started.started == []


def test_a_viewer_neither_cancels_nor_retries(compositions):
    assert call("POST", "/cancel", role="viewer")["statusCode"] == 403
    assert call("POST", "/retry", role="viewer")["statusCode"] == 403
    assert call("GET", "/events", role="viewer")["statusCode"] == 200


@pytest.mark.parametrize(("method", "path"), [("POST", "/cancel"), ("POST", "/retry"), ("GET", "/events")])
def test_another_tenant_finds_nothing_to_control(compositions, method, path):
    assert call(method, path, tenant=OTHER, role="owner")["statusCode"] == 404
    assert compositions.get(COMPOSITION).status is S.EXECUTING


def test_the_late_end_of_an_earlier_attempt_does_not_end_the_next_one(compositions):
    compositions.fail(COMPOSITION, S.TIMEOUT, "late")
    compositions.retry(COMPOSITION)

    composition_status.handle(event("composition_status", "timed_out"), None)
    assert compositions.get(COMPOSITION).status is S.PENDING

    again = event("composition_status", "timed_out")
    told = json.loads(again["Records"][0]["body"])
    told["detail"]["input"] = json.dumps(json.loads(told["detail"]["input"]) | {"attempt": 2})
    again["Records"][0]["body"] = json.dumps(told)
    composition_status.handle(again, None)
    assert compositions.get(COMPOSITION).status is S.TIMEOUT
    assert endings.ENDINGS["TIMED_OUT"][1] == compositions.get(COMPOSITION).error_message


def test_events_go_on_where_the_last_page_ended(compositions):
    first = body(call("GET", "/events"))
    assert [item["seq"] for item in first["items"]] == list(range(1, first["next_after"] + 1))
    assert (first["status"], first["ended"]) == ("EXECUTING", False)

    nothing = body(call("GET", "/events", query={"after": str(first["next_after"])}))
    assert (nothing["items"], nothing["next_after"]) == ([], first["next_after"])

    compositions.finish_step(COMPOSITION, 1, S.COMPLETED, output={"ate": 2.5, "n": 10}, latency_ms=3.0)
    compositions.fail(COMPOSITION, S.FAILED, "it broke")
    more = body(call("GET", "/events", query={"after": str(first["next_after"])}))
    kinds = [item["kind"] for item in more["items"]]
    assert kinds == ["step", "partial", "status", "step"]
    assert "2.5" in more["items"][1]["text"]
    assert more["ended"]


@pytest.mark.parametrize("after", ["-1", "x", "99999999999", ""])
def test_a_number_that_is_none_is_refused(compositions, after):
    assert call("GET", "/events", query={"after": after})["statusCode"] == 422


def test_what_is_known_is_shown_while_the_rest_runs(compositions):
    compositions.finish_step(COMPOSITION, 1, S.COMPLETED, output={"ate": 2.5, "n": 10}, latency_ms=3.0)
    view = body(call("GET", ""))
    assert (view["levels"], view["progress"]["percent"]) == ([[1], [2]], 55)
    (partial,) = view["partial"]
    assert (partial["step"], partial["sub_question"], partial["tool"]) == (1, "Q1", "estimate")
    assert "2.5" in partial["text"]
    assert view["related"] == []

    compositions.save_answer(COMPOSITION, ANSWER, [], {})
    assert body(call("GET", ""))["partial"] == [], "the answer says it"


def test_questions_like_it_are_offered_beside_an_answer_never_as_one(wiring):
    compositions = wiring.tenant(TENANT).compositions
    other = COMPOSITION.replace("c001", "c002")
    far = COMPOSITION.replace("c001", "c003")
    for identity, query in ((COMPOSITION, QUESTION), (other, QUESTION + " By how much?"), (far, "How are sales?")):
        new = NewComposition(composition_id=identity, query=query, embedding=embed(query), embedding_model=MODEL)
        compositions.create(new)
        if identity != COMPOSITION:
            compositions.save_answer(identity, ANSWER, [], {})
    compositions.fail(COMPOSITION, S.FAILED, "it broke")

    view = body(call("GET", ""))

    assert view["answer"] is None
    (near,) = view["related"]
    assert (near["composition_id"], near["query"]) == (other, QUESTION + " By how much?")
    assert 0.75 <= near["similarity"] < 1
    assert bootstrap.for_tenant(OTHER).compositions.similar(embed(QUESTION), MODEL) == []


def test_a_question_that_was_asked_often_is_offered_once(wiring):
    compositions = wiring.tenant(TENANT).compositions
    asked = [COMPOSITION.replace("c001", f"c01{k}") for k in range(5)]
    for identity, query in ((COMPOSITION, QUESTION), *((each, QUESTION + " By how much?") for each in asked)):
        compositions.create(
            NewComposition(composition_id=identity, query=query, embedding=embed(query), embedding_model=MODEL)
        )
        compositions.save_answer(identity, ANSWER, [], {})

    (near,) = body(call("GET", ""))["related"]

    assert near["composition_id"] in asked


def test_outputs_that_no_reply_could_carry_are_left_out_and_named(wiring, monkeypatch):
    from e2i_shared.composer.model import StepRecord
    from e2i_shared.http import reading

    monkeypatch.setattr(reading, "MOST_OUTPUT", 1_000)
    tenant = wiring.tenant(TENANT)
    sizes = {1: ("x" * 600, "outputs/1"), 2: ("x" * 600, "outputs/2"), 3: ("x" * 600, None)}
    steps = [
        StepRecord(
            step=a_plan().steps[0].model_copy(update={"step_number": number}),
            status=S.COMPLETED,
            output={"text": text},
            output_ref=reference,
        )
        for number, (text, reference) in sizes.items()
    ]
    monkeypatch.setattr(tenant.compositions, "steps", lambda _identity: steps)
    shown = reading.steps(tenant, COMPOSITION)
    assert [s.output_result is None for s in shown] == [False, True, False]
    assert [s.output_ref for s in shown] == ["outputs/1", "outputs/2", None]
