"""The same POST twice takes effect once."""

from __future__ import annotations

from typing import Any

import pytest
from e2i_shared import bootstrap
from world import OTHER, QUESTION, TENANT, FakeWiring, body, request

from functions.api import handler as api


def compose(key: str | None = "k-1", query: str = QUESTION, **options: Any) -> dict[str, Any]:
    headers = {} if key is None else {"idempotency_key": key}
    return api.handle(request("POST", "/compose", {"query": query}, **options, **headers), None)


def test_the_second_request_gets_the_first_ones_reply_and_nothing_is_done_again(wiring: FakeWiring):
    first, second = compose(), compose()

    assert body(first) == body(second)
    assert (first["statusCode"], second["statusCode"]) == (202, 202)
    assert second["headers"]["Location"] == first["headers"]["Location"]
    assert second["headers"]["Idempotent-Replay"] == "true"
    assert "Idempotent-Replay" not in first["headers"]
    assert len(wiring.started.started) == 1


def test_without_a_key_every_request_counts(wiring: FakeWiring):
    assert body(compose(None)) != body(compose(None))


def test_the_same_key_with_another_body_is_a_conflict(wiring: FakeWiring):
    compose()
    reply = compose(query="Why did trx fall?")
    assert (reply["statusCode"], body(reply)["errors"][0]["field"]) == (409, "Idempotency-Key")


def test_another_tenants_key_is_another_key(wiring: FakeWiring):
    assert body(compose())["composition_id"] != body(compose(tenant=OTHER))["composition_id"]


def test_the_same_key_on_another_route_is_another_key(wiring: FakeWiring):
    compose()
    reply = api.handle(request("POST", "/uploads", idempotency_key="k-1"), None)
    assert reply["statusCode"] == 201


def test_while_the_first_is_being_served_the_second_is_a_conflict(wiring: FakeWiring, monkeypatch):
    seen = []

    def start(_tenant: str, _composition: str, _attempt: int) -> None:
        seen.append(compose()["statusCode"])

    monkeypatch.setattr(wiring.started, "start", start)
    assert compose()["statusCode"] == 202
    assert seen == [409]


def test_a_refusal_is_repeated_too(wiring: FakeWiring):
    first, second = compose(query=""), compose(query="")
    assert (first["statusCode"], second["statusCode"]) == (422, 422)
    assert second["headers"]["Idempotent-Replay"] == "true"


def test_after_a_passing_failure_the_key_is_free_again(wiring: FakeWiring, monkeypatch):
    from e2i_shared.errors import DatabaseUnavailableError

    compositions = bootstrap.for_tenant(TENANT).compositions

    def away(_new: object) -> None:
        raise DatabaseUnavailableError("away")

    with monkeypatch.context() as patch:
        patch.setattr(compositions, "create", away)
        assert compose()["statusCode"] == 503
    assert compose()["statusCode"] == 202


@pytest.mark.parametrize("key", ["", "x" * 201, "a\nb"])
def test_a_key_that_cannot_be_stored_is_a_400(wiring: FakeWiring, key: str):
    assert compose(key)["statusCode"] == 400


def test_a_get_pays_no_attention_to_the_key(wiring: FakeWiring):
    replies = [api.handle(request("GET", "/datasets", idempotency_key="k"), None) for _ in range(2)]
    assert all("Idempotent-Replay" not in reply["headers"] for reply in replies)
