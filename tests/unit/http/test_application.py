"""What every request passes and every reply carries."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from e2i_shared.errors import DatabaseUnavailableError
from e2i_shared.http.limits import RateLimit
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from logs import logged
from world import OTHER, QUESTION, TENANT, FakeWiring, body, request

from functions.api import handler as api
from functions.classify import handler as classify

QUIET = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def ask_classify(payload: Any = None, **options: Any) -> dict[str, Any]:
    return classify.handle(request("POST", "/classify", payload, **options), None)


def test_a_callers_correlation_id_comes_back(wiring: FakeWiring):
    reply = ask_classify({"query": QUESTION}, x_correlation_id="abc-123")
    assert reply["headers"]["X-Correlation-Id"] == "abc-123"


@pytest.mark.parametrize("given_id", ["", "a b", "x" * 200, "né", "a\r\nSet-Cookie: x=1"])
def test_a_correlation_id_that_could_harm_a_log_is_replaced(wiring: FakeWiring, given_id: str):
    reply = ask_classify({"query": QUESTION}, x_correlation_id=given_id)
    assert reply["headers"]["X-Correlation-Id"] != given_id
    assert len(reply["headers"]["X-Correlation-Id"]) == 36


def test_the_correlation_id_of_a_problem_is_the_replys(wiring: FakeWiring):
    reply = ask_classify({}, x_correlation_id="abc-123")
    assert (reply["statusCode"], body(reply)["correlation_id"]) == (422, "abc-123")


def test_a_classification_has_the_published_shape(wiring: FakeWiring):
    found = body(ask_classify({"query": QUESTION}))
    assert {
        "classification_id", "routing_pattern", "target_agents", "domains", "sub_questions", "dependencies", "confidence", "reason",
        "clarification", "cached", "used_llm", "latency_ms",
    } <= set(found)  # fmt: skip
    assert {"from", "to", "type"} == set(found["dependencies"][0])


def test_the_same_question_again_is_served_from_the_log(wiring: FakeWiring):
    first, again = (body(ask_classify({"query": QUESTION})) for _ in range(2))
    assert (first["cached"], again["cached"]) == (False, True)
    assert first["classification_id"] == again["classification_id"]


@pytest.mark.parametrize(
    ("raw", "status", "field"),
    [
        ("", 422, "body"),
        ("{", 400, "body"),
        ("[]", 422, "body"),
        ('"text"', 422, "body"),
        ("null", 422, "body"),
        ("{}", 422, "query"),
        ('{"query": ""}', 422, "query"),
        ('{"query": "\\u200b\\u0000"}', 422, "query"),
        ('{"query": 7}', 422, "query"),
        ('{"query": "Did it work?", "context": "no list"}', 422, "context"),
        ('{"query": "Did it work?", "role": "owner"}', 422, "role"),
        ('{"query": "Did it work?", "dataset": "nothing"}', 422, "dataset"),
    ],
)
def test_a_body_that_cannot_be_used_names_its_field(wiring: FakeWiring, raw: str, status: int, field: str):
    reply = ask_classify(raw=raw)
    assert reply["statusCode"] == status, reply["body"]
    assert field in body(reply)["errors"][0]["field"]


def test_a_list_around_a_valid_body_is_not_taken_for_the_body(wiring: FakeWiring):
    assert ask_classify([{"query": QUESTION}])["statusCode"] == 422


def test_a_question_of_four_thousand_characters_is_taken_and_one_more_is_not(wiring: FakeWiring):
    assert ask_classify({"query": "why " * 1000})["statusCode"] == 200
    assert ask_classify({"query": "why " * 1000 + "?"})["statusCode"] == 422


KINDS = ["text/plain", "multipart/form-data", "application/x-www-form-urlencoded", "application/jsonx", ""]


@pytest.mark.parametrize("kind", KINDS)
def test_a_body_of_another_type_is_415(wiring: FakeWiring, kind: str):
    assert ask_classify(raw="query=1", content_type=kind)["statusCode"] == 415


@pytest.mark.parametrize("kind", ["application/json", "application/json; charset=utf-8", "APPLICATION/JSON"])
def test_json_by_any_spelling_of_its_type_is_taken(wiring: FakeWiring, kind: str):
    assert ask_classify({"query": QUESTION}, content_type=kind)["statusCode"] == 200


def test_a_body_in_base64_is_decoded(wiring: FakeWiring):
    made = request("POST", "/classify", {"query": QUESTION})
    made["body"], made["isBase64Encoded"] = base64.b64encode(made["body"].encode()).decode(), True
    assert classify.handle(made, None)["statusCode"] == 200


@pytest.mark.parametrize("broken", ["not base64!", base64.b64encode(b"\xff\xfe{").decode()])
def test_a_body_that_is_no_text_is_400(wiring: FakeWiring, broken: str):
    made = request("POST", "/classify") | {"body": broken, "isBase64Encoded": True}
    assert classify.handle(made, None)["statusCode"] == 400


def test_zero_width_characters_in_a_path_are_not_part_of_a_name(wiring: FakeWiring):
    assert api.handle(request("GET", "/datasets/tri\u200bal"), None)["statusCode"] == 200


def test_a_data_set_of_another_tenant_does_not_exist(wiring: FakeWiring):
    reply = api.handle(request("GET", "/datasets/trial", tenant=OTHER), None)
    assert (reply["statusCode"], body(reply)["errors"][0]["candidates"]) == (404, [])


def test_an_id_that_is_no_uuid_is_a_422_that_names_it(wiring: FakeWiring):
    reply = api.handle(request("GET", "/compositions/42"), None)
    assert (reply["statusCode"], body(reply)["errors"][0]["field"]) == (422, "composition_id")


def test_a_cursor_nobody_wrote_is_a_400(wiring: FakeWiring):
    reply = api.handle(request("GET", "/compositions", query={"cursor": "b,a\x00d"}), None)
    assert (reply["statusCode"], body(reply)["errors"][0]["field"]) == (400, "cursor")


@pytest.mark.parametrize("limit", ["0", "101", "many", "1.5"])
def test_a_limit_outside_its_bounds_is_a_422(wiring: FakeWiring, limit: str):
    assert api.handle(request("GET", "/compositions", query={"limit": limit}), None)["statusCode"] == 422


def test_a_flood_is_429_with_the_time_to_wait_and_another_caller_is_served(wiring: FakeWiring, monkeypatch):
    monkeypatch.setattr(classify.app, "limit", RateLimit(rate=0.5, burst=2, clock=lambda: 0.0))
    statuses = [ask_classify({"query": QUESTION})["statusCode"] for _ in range(3)]
    refused = ask_classify({"query": QUESTION})

    assert statuses == [200, 200, 429]
    assert (refused["headers"]["Retry-After"], refused["headers"]["X-RateLimit-Remaining"]) == ("2", "0")
    assert ask_classify({"query": QUESTION}, subject="ben")["statusCode"] == 200


def test_every_reply_says_what_is_left_of_the_rate(wiring: FakeWiring):
    assert {"X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset"} <= set(
        ask_classify({"query": QUESTION})["headers"]
    )


def test_a_database_that_is_away_is_503_with_retry_after(wiring: FakeWiring, monkeypatch):
    def away(_tenant_id: str) -> None:
        raise DatabaseUnavailableError("The database did not answer; nothing was kept.")

    monkeypatch.setattr(wiring, "tenant", away)
    with logged() as lines:
        reply = ask_classify({"query": QUESTION})
    assert (reply["statusCode"], reply["headers"]["Retry-After"]) == (503, "2")
    assert lines[0]["error_type"] == "DatabaseUnavailableError"


def test_a_bug_is_a_500_without_details_and_one_log_line_that_says_where(wiring: FakeWiring, monkeypatch):
    def bug(_tenant_id: str) -> None:
        message = "SELECT * FROM secrets"
        raise RuntimeError(message)

    monkeypatch.setattr(wiring, "tenant", bug)
    with logged() as lines:
        reply = ask_classify({"query": QUESTION}, x_correlation_id="find-me")

    assert reply["statusCode"] == 500
    assert "SELECT" not in reply["body"]
    (line,) = [line for line in lines if line["level"] == "ERROR"]
    assert (line["correlation_id"], line["error_type"]) == ("find-me", "RuntimeError")
    assert "in bug" in line["stack"]
    assert "SELECT" not in json.dumps(lines)


def test_a_question_is_not_in_the_log(wiring: FakeWiring):
    with logged() as lines:
        ask_classify({"query": "Did the unmistakable zebra raise trx?"})
    assert "zebra" not in json.dumps(lines)


def test_a_missing_setting_is_a_500_that_says_nothing_and_logs_its_name(wiring: FakeWiring, monkeypatch):
    from e2i_shared import settings as read

    monkeypatch.delenv("E2I_DATABASE_URL")
    monkeypatch.setattr(classify.app, "limit", None)
    read.read.cache_clear()
    with logged() as lines:
        reply = ask_classify({"query": QUESTION})
    assert reply["statusCode"] == 500
    assert "E2I_DATABASE_URL" not in reply["body"]
    assert "E2I_DATABASE_URL" in lines[0]["stack"]


@QUIET
@given(query=st.text(max_size=4200))
def test_any_question_at_all_is_answered_or_refused_never_a_5xx(wiring: FakeWiring, query: str):
    reply = ask_classify({"query": query})
    assert reply["statusCode"] in {200, 422}, reply["body"]


@QUIET
@given(raw=st.text(max_size=300))
def test_any_body_at_all_is_refused_politely(wiring: FakeWiring, raw: str):
    assert ask_classify(raw=raw)["statusCode"] in {200, 400, 422}


@QUIET
@given(query=st.text(st.characters(), min_size=1, max_size=300), session=st.none() | st.text(max_size=120))
def test_any_text_may_be_asked_or_composed(wiring: FakeWiring, query: str, session: str | None):
    for path, more in (("/compose", {}), ("/ask", {"wait_seconds": 0})):
        reply = api.handle(request("POST", path, {"query": query, "session_id": session, **more}), None)
        assert reply["statusCode"] in {200, 202, 422}, reply["body"]


@QUIET
@given(name=st.text(min_size=1, max_size=220), tail=st.sampled_from(["", "/columns/x"]))
def test_any_name_in_a_path_is_found_or_not(wiring: FakeWiring, name: str, tail: str):
    method, payload = ("PATCH", {"unit": "kg"}) if tail else ("GET", None)
    reply = api.handle(request(method, f"/datasets/{name}{tail}", payload), None)
    assert reply["statusCode"] in {200, 404, 422}, reply["body"]


def test_tenants_do_not_share_what_they_stored(wiring: FakeWiring):
    mine = body(api.handle(request("POST", "/compose", {"query": QUESTION}), None))["composition_id"]
    assert api.handle(request("GET", f"/compositions/{mine}"), None)["statusCode"] == 200
    for path in (f"/compositions/{mine}", f"/compositions/{mine}/steps"):
        assert api.handle(request("GET", path, tenant=OTHER, role="owner"), None)["statusCode"] == 404
    assert body(api.handle(request("GET", "/compositions", tenant=OTHER), None))["items"] == []
    assert [
        s["composition_id"] for s in body(api.handle(request("GET", "/compositions", tenant=TENANT), None))["items"]
    ] == [mine]
