"""Routes, and requests as events."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from e2i_shared.errors import MalformedRequestError, NotFoundError
from hypothesis import given
from hypothesis import strategies as st
from tiny.descriptions import ALL
from unit.infra_local.asgi import scope

from infra.functions import Route, all_functions
from infra.local.http_events import Request, Router, joined_headers
from infra.local.replies import MethodNotAllowedError

ROUTER = Router(ALL)


def event(
    method: str = "POST",
    target: str = "/echo",
    headers: dict[str, str] | None = None,
    body: bytes = b"",
    claims: Any = None,
) -> dict[str, Any]:
    asked = scope(method, target, headers)
    found = ROUTER.find(method, target.partition("?")[0])
    return Request(asked, joined_headers(asked["headers"]), body, "corr").event(found, claims)


def filled(route: Route) -> str:
    return route.path.replace("{", "x-").replace("}", "")


def test_every_described_route_is_found_with_its_function():
    router = Router(all_functions())
    for description in all_functions():
        for route in description.routes:
            target = router.find(route.method, filled(route))
            assert (target.function, target.route) == (description.name, route)


def test_a_fixed_segment_wins_over_a_parameter_in_every_order():
    assert ROUTER.find("GET", "/echo/fixed").route.path == "/echo/fixed"
    assert ROUTER.find("GET", "/echo/other").parameters == {"name": "other"}
    assert Router(tuple(reversed(ALL))).find("GET", "/echo/fixed").route.path == "/echo/fixed"


@pytest.mark.parametrize(
    "path", ["/", "", "/nowhere", "/echo/", "//echo", "/echo/a/b", "/echo/a/parts/", "/ECHO", "/echo//parts/b"]
)
def test_what_is_no_route_is_not_found(path: str):
    with pytest.raises(NotFoundError):
        ROUTER.find("GET", path)


def test_another_method_names_the_allowed_ones():
    with pytest.raises(MethodNotAllowedError) as caught:
        ROUTER.find("DELETE", "/echo")

    assert caught.value.candidates == ("GET", "POST")


def test_an_empty_request_has_no_empty_members():
    found = event()

    assert not {"queryStringParameters", "pathParameters", "cookies", "body"} & set(found)
    assert found["rawQueryString"] == ""
    assert found["isBase64Encoded"] is False
    assert "authorizer" not in found["requestContext"]


def test_claims_go_where_the_authorizer_puts_them():
    found = event(claims={"sub": "s"})

    assert found["requestContext"]["authorizer"] == {"jwt": {"claims": {"sub": "s"}, "scopes": None}}


def test_repeated_query_values_are_joined():
    found = event(target="/echo?a=1&a=2&b=&c=%20x%26y")

    assert found["queryStringParameters"] == {"a": "1,2", "b": "", "c": " x&y"}


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("application/json", True),
        ("application/json; charset=utf-8", True),
        ("application/problem+json", True),
        ("text/csv", True),
        ("application/xml", True),
        ("application/x-www-form-urlencoded", True),
        ("application/octet-stream", False),
        ("image/png", False),
        ("application/vnd.apache.parquet", False),
    ],
)
def test_text_travels_as_text_and_the_rest_in_base64(kind: str, text: bool):
    found = event(headers={"content-type": kind}, body=b"{}")

    assert found["isBase64Encoded"] is not text
    assert found["body"] == ("{}" if text else base64.b64encode(b"{}").decode())


def test_a_body_without_a_type_is_taken_for_json():
    assert event(body=b"{}")["body"] == "{}"


def test_broken_text_is_refused():
    with pytest.raises(MalformedRequestError) as caught:
        event(headers={"content-type": "application/json"}, body=b"\xff")

    assert caught.value.field == "body"


def test_headers_are_lower_case_and_joined():
    joined = joined_headers([(b"Accept", b"a"), (b"accept", b"b"), (b"X-Long", b"caf\xe9")])

    assert joined == {"accept": "a,b", "x-long": "café"}


def test_the_correlation_id_is_in_the_headers_the_function_sees():
    assert event(headers={"x-correlation-id": "forged"})["headers"]["x-correlation-id"] == "corr"


@given(st.binary(max_size=200))
def test_any_bytes_arrive_as_they_were_sent(body: bytes):
    found = event(headers={"content-type": "application/octet-stream"}, body=body)

    assert base64.b64decode(found.get("body", "")) == body


@given(st.text(min_size=1, max_size=30))
def test_any_text_in_a_path_arrives_decoded(name: str):
    from urllib.parse import quote

    try:
        segment = quote(name, safe="")
    except UnicodeEncodeError:
        return
    if segment == "fixed":
        return
    assert ROUTER.find("GET", f"/echo/{segment}").parameters == {"name": name}
