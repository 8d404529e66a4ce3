"""The gateway without sockets: what becomes of what functions do."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny.descriptions import ALL
from unit.infra_local.asgi import Answer, call, call_async

from infra.local import gateway as module
from infra.local import tokens
from infra.local.gateway import Gateway
from infra.local.http_events import Router
from infra.local.objects import ObjectStore
from infra.local.workers import Outcome, TooBusyError, failure

if TYPE_CHECKING:
    from pathlib import Path

TENANT = "00000000-0000-7000-8000-000000000001"
Invoke = Callable[[str, bytes, float], Awaitable[Outcome]]


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("keys")
    (root / "keys").mkdir()
    tokens.ensure_key(root / "keys")
    return root


async def refuse_aws(*_: Any) -> None:
    raise AssertionError("no call to AWS was made")


@cache
def authorizer(keys: Path) -> tokens.Authorizer:
    return tokens.Authorizer.of(keys / "keys")


def made(keys: Path, invoke: Invoke) -> Gateway:
    return Gateway(Router(ALL), authorizer(keys), invoke, ObjectStore(keys / "objects", "secret"), refuse_aws)


def answering(document: Any) -> Invoke:
    async def invoke(name: str, payload: bytes, wait: float) -> Outcome:
        return Outcome(ok=True, payload=json.dumps(document).encode())

    return invoke


def failing(outcome: Outcome | Exception) -> Invoke:
    async def invoke(name: str, payload: bytes, wait: float) -> Outcome:
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    return invoke


def get(keys: Path, invoke: Invoke, target: str = "/public", **headers: str) -> Answer:
    return call(made(keys, invoke), "GET", target, {name.replace("_", "-"): value for name, value in headers.items()})


@pytest.mark.parametrize(
    ("outcome", "status"),
    [
        (failure("ValueError", "secret"), 500),
        (failure("Runtime.MarshalError", "secret"), 500),
        (failure("Sandbox.Timedout", "secret"), 503),
        (failure("Runtime.ExitError", "secret"), 503),
        (failure("Lambda.ServiceException", "secret"), 503),
        (TooBusyError(), 429),
    ],
)
def test_a_function_that_fails_becomes_a_problem_without_its_words(keys: Path, outcome: Any, status: int):
    answer = get(keys, failing(outcome), x_correlation_id="abc")

    document = answer.json()
    assert answer.status == document["status"] == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["x-correlation-id"] == document["correlation_id"] == "abc"
    assert "secret" not in answer.body.decode()
    assert ("retry-after" in answer.headers) is (status in {429, 503})


def test_an_answer_that_takes_too_long_is_given_up_while_the_function_runs_on(
    keys: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(module, "INTEGRATION_SECONDS", 0.05)
    finished: list[str] = []

    async def invoke(name: str, payload: bytes, wait: float) -> Outcome:
        await asyncio.sleep(0.2)
        finished.append(name)
        raise TooBusyError

    async def main() -> Answer:
        answer = await call_async(made(keys, invoke), "GET", "/public")
        assert not finished
        await asyncio.sleep(0.3)
        return answer

    assert asyncio.run(main()).status == 503
    assert finished == ["echo"]


@pytest.mark.parametrize(
    ("document", "status", "body", "kind"),
    [
        ({"statusCode": 201, "body": "x"}, 201, b"x", "text/plain; charset=utf-8"),
        ({"statusCode": "200", "body": None}, 200, b"", "text/plain; charset=utf-8"),
        ({"statusCode": 200, "headers": {"Content-Type": "a/b"}, "body": "é"}, 200, "é".encode(), "a/b"),
        ({"statusCode": 200, "body": "AAE=", "isBase64Encoded": True}, 200, b"\x00\x01", "text/plain; charset=utf-8"),
        ({"k": 1}, 200, b'{"k": 1}', "application/json"),
        ("text", 200, b'"text"', "application/json"),
        (None, 200, b"null", "application/json"),
    ],
)
def test_what_a_function_returns_becomes_a_response(keys: Path, document: Any, status: int, body: bytes, kind: str):
    answer = get(keys, answering(document))

    assert (answer.status, answer.body, answer.headers["content-type"]) == (status, body, kind)
    assert answer.headers["content-length"] == str(len(body))


@pytest.mark.parametrize(
    "document",
    [
        {"statusCode": "soon"},
        {"statusCode": None},
        {"statusCode": 200, "headers": {"x": "☃"}},
        {"statusCode": 200, "headers": ["x"]},
        {"statusCode": 200, "body": "!", "isBase64Encoded": True},
        {"statusCode": 200, "body": {"not": "text"}},
    ],
)
def test_what_is_no_response_is_an_internal_error(keys: Path, document: Any):
    assert get(keys, answering(document)).status == 500


def test_a_function_cannot_break_the_framing(keys: Path):
    answer = get(
        keys, answering({"statusCode": 200, "headers": {"Content-Length": "999", "Connection": "close"}, "body": "x"})
    )

    assert answer.headers["content-length"] == "1"
    assert "connection" not in answer.headers


def test_a_function_may_name_its_own_correlation_id(keys: Path):
    answer = get(keys, answering({"statusCode": 200, "headers": {"X-Correlation-Id": "mine"}}))

    assert answer.headers["x-correlation-id"] == "mine"


def test_a_protected_route_calls_no_function_without_a_token(keys: Path):
    answer = get(keys, failing(AssertionError("called")), "/echo")

    assert answer.status == 401
    assert answer.headers["www-authenticate"] == 'Bearer realm="e2i"'


def test_a_bad_token_says_so(keys: Path):
    answer = get(keys, failing(AssertionError("called")), "/echo", authorization="Bearer abc")

    assert answer.headers["www-authenticate"] == 'Bearer realm="e2i", error="invalid_token"'


def test_a_large_body_is_refused_before_it_is_read(keys: Path):
    gateway = made(keys, failing(AssertionError("called")))
    token = tokens.issue(keys, "owner", TENANT, "s", 60)
    headers = {"authorization": f"Bearer {token}"}

    announced = call(gateway, "POST", "/echo", {**headers, "content-length": "1048577"})
    streamed = call(gateway, "POST", "/echo", headers, *[b"x" * 300_000] * 4)

    assert announced.status == streamed.status == 413
    assert announced.headers["connection"] == "close"
    assert announced.json()["errors"][0]["field"] == "body"


def test_anything_but_http_is_ignored(keys: Path):
    gateway = made(keys, failing(AssertionError("called")))

    asyncio.run(gateway({"type": "websocket"}, refuse_aws, refuse_aws))


@given(st.text(max_size=40), st.text(max_size=40))
@settings(max_examples=60, deadline=None)
def test_no_path_or_header_is_a_server_error(keys: Path, path: str, header: str):
    from urllib.parse import quote

    target = "/" + quote(path.encode("utf-8", "surrogatepass"))
    value = header.encode("latin-1", "replace").decode("latin-1")
    answer = get(keys, answering({"ok": True}), target, x_correlation_id=value, authorization=value)

    assert answer.status < 500
