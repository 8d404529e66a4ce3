"""Search fuses rankings; embeddings name their model; budgets are set by whom they are for to set."""

from __future__ import annotations

import math
from typing import Any

import pytest
from e2i_shared.api.admin import UsageRow
from e2i_shared.api.composition import Answer
from e2i_shared.composer.embedding import MODEL, embed
from e2i_shared.composer.model import NewComposition
from e2i_shared.http.searching import fuse
from e2i_shared.ports import Found
from hypothesis import given
from hypothesis import strategies as st
from world import COMPOSITION, OTHER, QUESTION, TENANT, FakeWiring, body, request

from functions.api import handler as api

ANSWER = Answer(headline="Yes.", parts=[], text="Yes.")
A, B, C = Found("a", "A", "words of a"), Found("b", "B", ""), Found("c", "C", "")


def call(method: str, path: str, payload: Any = None, **options: Any) -> dict[str, Any]:
    return api.handle(request(method, path, payload, **options), None)


def found(query: str, **options: Any) -> list[dict[str, Any]]:
    more = options.pop("more", {})
    reply = call("GET", "/search", query={"q": query} | more, **options)
    assert reply["statusCode"] == 200, reply["body"]
    return body(reply)["items"]


def test_what_two_rankings_hold_beats_the_first_of_one():
    hits = fuse([("document", "words", [A, B]), ("document", "vector", [C, B])])
    assert [(hit.id, hit.matched) for hit in hits] == [("b", ["words", "vector"]), ("a", ["words"]), ("c", ["vector"])]
    assert hits[0].score == pytest.approx(2 / 62)
    assert hits[1].score == pytest.approx(1 / 61)


def test_the_same_id_of_another_kind_is_another_hit():
    assert len(fuse([("document", "words", [A]), ("term", "name", [A])])) == 2


def test_a_text_known_from_one_ranking_is_kept():
    (hit,) = fuse([("document", "words", [A]), ("document", "vector", [A._replace(text="")])])
    assert hit.text == "words of a"


@given(st.lists(st.lists(st.sampled_from([A, B, C]), unique=True), max_size=4))
def test_scores_fall_and_nothing_is_lost_or_repeated(rankings):
    hits = fuse([("document", "words", ranking) for ranking in rankings])
    assert {hit.id for hit in hits} == {each.id for ranking in rankings for each in ranking}
    assert len({hit.id for hit in hits}) == len(hits)
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)


def asked(wiring: FakeWiring, tenant: str = TENANT) -> None:
    compositions = wiring.tenant(tenant).compositions
    new = NewComposition(composition_id=COMPOSITION, query=QUESTION, embedding=embed(QUESTION), embedding_model=MODEL)
    compositions.create(new)
    compositions.save_answer(COMPOSITION, ANSWER, [], {})


def test_a_past_question_is_found_by_words_and_by_vector(wiring):
    asked(wiring)
    (hit,) = found(QUESTION, more={"kind": "composition"})
    assert (hit["kind"], hit["id"], hit["title"]) == ("composition", COMPOSITION, QUESTION)
    assert hit["matched"] == ["words", "vector"]


def test_a_term_is_found_by_its_name(wiring):
    hits = found("average treatment effect", more={"kind": "term"})
    assert hits
    assert hits[0]["matched"] == ["name"]
    assert hits[0]["text"]


def test_a_document_is_found_and_the_limit_holds(wiring):
    wiring.tenant(TENANT).search.held += [Found(str(n), f"Visit guide {n}", "How often to visit.") for n in range(9)]
    assert {hit["kind"] for hit in found("visit guide", more={"kind": "document", "limit": "4"})} == {"document"}
    assert len(found("visit guide", more={"kind": "document", "limit": "4"})) == 4


def test_nothing_of_another_tenant_is_found(wiring):
    asked(wiring, OTHER)
    wiring.tenant(OTHER).search.held.append(Found("1", "Visit guide", ""))
    assert [hit for hit in found(QUESTION + " visit guide") if hit["kind"] in {"composition", "document"}] == []


@pytest.mark.parametrize("query", [{}, {"q": ""}, {"q": "x", "kind": "row"}, {"q": "x", "limit": "51"}])
def test_a_search_that_asks_for_nothing_is_refused(wiring, query):
    assert call("GET", "/search", query=query)["statusCode"] == 422


def test_a_text_has_a_unit_vector_with_the_name_of_its_model(wiring):
    made = body(call("POST", "/embeddings", {"text": QUESTION}))
    assert (made["model"], made["dimensions"], len(made["embedding"])) == (MODEL, 1536, 1536)
    assert made["embedding"] == embed(QUESTION)
    assert math.hypot(*made["embedding"]) == pytest.approx(1)

    both = body(call("POST", "/embeddings/batch", {"texts": ["How are sales?", QUESTION]}))
    assert both["embeddings"][1] == made["embedding"]
    assert both["embeddings"][0] != made["embedding"]


@pytest.mark.parametrize("texts", [[], [""], ["x"] * 101])
def test_a_batch_has_one_to_a_hundred_texts(wiring, texts):
    assert call("POST", "/embeddings/batch", {"texts": texts})["statusCode"] == 422


ROW = UsageRow(
    day="2026-11-02",
    provider="anthropic",
    model="m",
    user_id="anna",
    phase="plan",
    calls=3,
    answered=2,
    tokens_in=100,
    tokens_out=20,
    tokens_cached=0,
    cost_usd=0.25,
)


def test_an_administrator_reads_what_was_spent_and_the_caps(wiring):
    wiring.tenant(TENANT).spending.rows += [ROW, ROW.model_copy(update={"day": "2026-10-01"})]
    span = {"since": "2026-11-01", "until": "2026-11-30"}
    usage = body(call("GET", "/admin/usage", role="admin", query=span))
    assert (len(usage["items"]), usage["cost_usd"]) == (1, 0.25)
    assert usage["defaults"] == {"tenant_daily_usd": 50.0, "user_daily_usd": 10.0, "composition_usd": 0.5}
    assert call("GET", "/admin/usage", role="member")["statusCode"] == 403


@pytest.mark.parametrize("span", [{"since": "2026-11-02", "until": "2026-11-01"}, {"since": "yesterday"}])
def test_a_span_that_is_none_is_refused(wiring, span):
    assert call("GET", "/admin/usage", role="admin", query=span)["statusCode"] == 400


def put(role: str = "admin", **payload: Any) -> dict[str, Any]:
    return call("PUT", "/admin/budgets", payload, role=role, x_correlation_id="c-1")


def test_an_administrator_caps_a_user_and_it_is_audited(wiring):
    reply = put(scope="user", subject="ben", cap_usd=1.5)
    (cap,) = body(reply)["items"]
    assert (cap["scope"], cap["subject"], cap["cap_usd"], cap["day"]) == ("user", "ben", 1.5, None)
    assert wiring.tenant(TENANT).spending.audited == [("anna", "admin", "c-1")]


def test_only_an_owner_caps_the_tenant_and_no_user_passes_that_cap(wiring):
    assert put(scope="tenant", cap_usd=5)["statusCode"] == 403
    assert put(role="owner", scope="tenant", cap_usd=5)["statusCode"] == 200
    refused = put(scope="user", subject="ben", cap_usd=6)
    assert refused["statusCode"] == 422
    assert "at most 5" in refused["body"]
    assert put(scope="user", subject="ben", cap_usd=5)["statusCode"] == 200
    assert put(role="owner", scope="tenant", subject="ben", cap_usd=5)["statusCode"] == 422


@pytest.mark.parametrize("cap", [-1, 1e9, "NaN", None])
def test_a_cap_that_is_no_amount_is_refused(wiring, cap):
    assert put(scope="user", cap_usd=cap)["statusCode"] == 422


def test_a_member_sets_no_budget(wiring):
    assert put(role="member", scope="user", cap_usd=1)["statusCode"] == 403
