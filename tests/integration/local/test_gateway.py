"""The HTTP API of a running service: events, tokens, limits, failures."""

from __future__ import annotations

import base64
import json
import os
import re
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from jwt import encode

from infra.local.tokens import AUDIENCE, ISSUER, issue

if TYPE_CHECKING:
    from integration.local.conftest import Service

TENANT = "00000000-0000-7000-8000-000000000001"


def seen(reply: httpx.Response) -> dict[str, Any]:
    assert reply.status_code == 200, reply.text
    return reply.json()["event"]


def test_a_function_gets_the_event_that_api_gateway_would_send(client: httpx.Client):
    reply = client.post(
        "/echo?a=1&b=2&a=3&c=",
        json={"k": "v"},
        headers={"X-Mixed": "One", "Cookie": "x=1; y=2", "X-Correlation-Id": "abc-123"},
    )

    event = seen(reply)
    context = event["requestContext"]
    assert event["version"] == "2.0"
    assert event["routeKey"] == context["routeKey"] == "POST /echo"
    assert event["rawPath"] == context["http"]["path"] == "/echo"
    assert event["rawQueryString"] == "a=1&b=2&a=3&c="
    assert event["queryStringParameters"] == {"a": "1,3", "b": "2", "c": ""}
    assert event["headers"]["x-mixed"] == "One"
    assert event["cookies"] == ["x=1", "y=2"]
    assert "cookie" not in event["headers"]
    assert json.loads(event["body"]) == {"k": "v"}
    assert event["isBase64Encoded"] is False
    assert context["http"]["method"] == "POST"
    assert context["http"]["sourceIp"] == "127.0.0.1"
    assert context["stage"] == "$default"
    assert abs(context["timeEpoch"] / 1000 - time.time()) < 30
    assert reply.headers["x-correlation-id"] == event["headers"]["x-correlation-id"] == "abc-123"
    assert reply.headers.get_list("set-cookie") == ["a=1", "b=2"]


def test_path_parameters_are_decoded_and_fixed_segments_win(client: httpx.Client):
    assert seen(client.get("/echo/a%20b%C3%A9"))["pathParameters"] == {"name": "a bé"}
    assert seen(client.get("/echo/fixed"))["routeKey"] == "GET /echo/fixed"
    assert seen(client.patch("/echo/x/parts/y%2Fz"))["pathParameters"] == {"name": "x", "part": "y/z"}


def test_claims_arrive_as_text_where_api_gateway_puts_them(client: httpx.Client):
    claims = seen(client.get("/echo"))["requestContext"]["authorizer"]["jwt"]["claims"]

    assert claims["tenant_id"] == TENANT
    assert claims["role"] == "owner"
    assert claims["sub"] == "tester"
    assert all(isinstance(value, str) for value in claims.values())


def test_a_public_route_needs_no_token_and_passes_no_claims(service: Service):
    event = seen(httpx.get(f"{service.url}/public"))

    assert "authorizer" not in event["requestContext"]


def test_a_function_sees_its_own_surroundings_and_nobodys_aws_account(service: Service, client: httpx.Client):
    document = client.get("/echo").json()

    environment = document["environment"]
    assert environment["E2I_STAGE"] == "local"
    assert environment["AWS_ENDPOINT_URL"] == f"{service.url}/_aws"
    assert environment["AWS_PROFILE"] is None
    assert environment["AWS_ACCESS_KEY_ID"].startswith("E2ILOCAL")
    assert environment["POWERTOOLS_SERVICE_NAME"] == "echo"
    assert document["context"]["function_name"] == "echo"
    assert document["context"]["memory"] == 128
    assert 5_000 < document["context"]["remaining_ms"] <= 10_000
    assert document["context"]["arn"].endswith(":function:echo")


def test_a_body_that_is_no_text_arrives_in_base64(client: httpx.Client):
    event = seen(client.post("/echo", content=b"\x00\xff", headers={"content-type": "application/octet-stream"}))

    assert event["isBase64Encoded"] is True
    assert base64.b64decode(event["body"]) == b"\x00\xff"


def test_text_that_is_not_utf8_is_refused(client: httpx.Client):
    reply = client.post("/echo", content=b'{"a": "\xff"}', headers={"content-type": "application/json"})

    problem(reply, 400)


def problem(reply: httpx.Response, status: int) -> dict[str, Any]:
    """Check that a reply is a problem in the form every route uses, and return it."""
    assert reply.status_code == status, reply.text
    assert reply.headers["content-type"] == "application/problem+json"
    document = reply.json()
    assert document["status"] == status
    assert document["type"].startswith("urn:e2i:problem:")
    assert document["title"]
    assert document["detail"]
    assert document["correlation_id"] == reply.headers["x-correlation-id"]
    assert "Traceback" not in reply.text
    return document


def test_an_unknown_path_is_404(client: httpx.Client):
    problem(client.get("/nowhere"), 404)
    problem(client.get("/echo/"), 404)
    problem(client.get("/"), 404)


def test_a_known_path_with_another_method_is_405_and_says_which_are_allowed(client: httpx.Client):
    reply = client.delete("/echo")

    problem(reply, 405)
    assert reply.headers["allow"] == "GET, POST"
    assert client.head("/echo").status_code == 405
    assert client.options("/echo").status_code == 405


def test_a_body_above_one_mebibyte_is_413(client: httpx.Client):
    problem(client.post("/echo", content=b"x" * (1024 * 1024 + 1)), 413)
    assert client.post("/echo", content=b"x" * (1024 * 1024), headers={"content-type": "text/plain"}).status_code == 200


def test_a_body_of_unknown_length_is_stopped_at_the_limit(client: httpx.Client):
    reply = client.post("/echo", content=(b"x" * 100_000 for _ in range(20)))

    problem(reply, 413)


def test_headers_above_ten_kibibytes_are_431(client: httpx.Client):
    problem(client.get("/echo", headers={"x-long": "x" * 10_500}), 431)


def test_a_correlation_id_that_could_forge_a_log_line_is_replaced(client: httpx.Client):
    reply = client.get("/echo", headers={"x-correlation-id": 'a"b c'})

    assert re.fullmatch(r"[0-9a-f-]{36}", reply.headers["x-correlation-id"])


@pytest.mark.parametrize(
    "request_line",
    [b"GET /echo\xff\xfe HTTP/1.1", b"GET /\x00 HTTP/1.1", b"G\x01T / HTTP/1.1", b"GET /%ff%00 HTTP/1.1"],
)
def test_bytes_that_are_no_http_are_a_client_error(service: Service, request_line: bytes):
    host, port = service.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(request_line + b"\r\nhost: x\r\nconnection: close\r\n\r\n")
        answer = connection.recv(200)

    assert re.match(rb"HTTP/1.1 4\d\d", answer), answer


def token(service: Service, **changes: Any) -> str:
    """Return a token signed with the service's own key, with other claims."""
    now = int(time.time())
    claims = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": "s",
        "tenant_id": TENANT,
        "role": "owner",
        "iat": now,
        "exp": now + 60,
    }
    claims = {name: value for name, value in {**claims, **changes}.items() if value is not None}
    return encode(claims, (service.data_dir / "keys/token-signing-key.pem").read_bytes(), algorithm="RS256")


def unsigned(claims: dict[str, Any], header: dict[str, Any], signature: bytes = b"") -> str:
    parts = [json.dumps(header).encode(), json.dumps(claims).encode(), signature]
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)


def test_the_services_own_token_passes(service: Service):
    reply = httpx.get(f"{service.url}/echo", headers={"authorization": f"bearer {token(service)}"})

    assert reply.status_code == 200


def attacks(service: Service) -> dict[str, str]:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    now = int(time.time())
    claims = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": "s",
        "tenant_id": TENANT,
        "role": "owner",
        "iat": now,
        "exp": now + 60,
    }
    pem = (service.data_dir / "keys/token-signing-key.pem").read_bytes()
    own = serialization.load_pem_private_key(pem, None)
    public = own.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    import hashlib
    import hmac

    header = {"alg": "HS256", "typ": "JWT"}
    start = unsigned(claims, header).rpartition(".")[0]
    confused = hmac.new(public, start.encode(), hashlib.sha256).digest()
    head, body, signature = token(service).split(".")
    promoted = base64.urlsafe_b64encode(json.dumps({**claims, "role": "admin"}).encode()).rstrip(b"=").decode()
    return {
        "expired": token(service, exp=now - 1),
        "not yet valid": token(service, nbf=now + 600),
        "issued in the future": token(service, iat=now + 600),
        "another issuer": token(service, iss="https://evil.example"),
        "another audience": token(service, aud="someone-else"),
        "without expiry": token(service, exp=None),
        "without subject": token(service, sub=None),
        "without audience": token(service, aud=None),
        "alg none": unsigned(claims, {"alg": "none", "typ": "JWT"}),
        "alg None": unsigned(claims, {"alg": "None", "typ": "JWT"}),
        "HS256 with the public key as secret": f"{start}.{base64.urlsafe_b64encode(confused).rstrip(b'=').decode()}",
        "another key": encode(claims, other, algorithm="RS256"),
        "another algorithm of the same key": encode(claims, own, algorithm="RS512"),
        "a changed body": f"{head}.{promoted}.{signature}",
        "no signature": f"{head}.{body}.",
        "a critical header": encode(claims, own, algorithm="RS256", headers={"crit": ["b64"], "b64": False}),
        "no jwt": "abc",
        "dots": "...",
        "not ascii": "é.é.é",
    }


def test_no_forged_or_stale_token_passes(service: Service):
    for name, forged in attacks(service).items():
        reply = httpx.get(f"{service.url}/echo", headers={"authorization": f"Bearer {forged}".encode()})

        assert problem(reply, 401), name
        assert reply.headers["www-authenticate"].startswith("Bearer"), name
        assert ISSUER not in reply.text


@pytest.mark.parametrize("header", [None, "", "Basic dTpw", "Bearer", "Token x"])
def test_no_bearer_token_is_401(service: Service, header: str | None):
    headers = {} if header is None else {"authorization": header}
    reply = httpx.get(f"{service.url}/echo", headers=headers)

    problem(reply, 401)
    assert reply.headers["www-authenticate"] == 'Bearer realm="e2i"'


def test_another_services_token_does_not_pass(service: Service, tmp_path):
    from infra.local.tokens import ensure_key

    (tmp_path / "keys").mkdir()
    ensure_key(tmp_path / "keys")
    foreign = issue(tmp_path, "owner", TENANT, "s", 60)

    problem(httpx.get(f"{service.url}/echo", headers={"authorization": f"Bearer {foreign}"}), 401)


def misbehave(client: httpx.Client, do: str, **fields: Any) -> httpx.Response:
    return client.post("/misbehave", json={"do": do, **fields})


def test_an_error_in_a_handler_is_500_without_its_details(service: Service, client: httpx.Client):
    reply = misbehave(client, "raise")

    problem(reply, 500)
    assert "secret" not in reply.text
    assert "TransientToolError" not in reply.text
    assert "secret detail" in (service.data_dir / "logs/misbehave.log").read_text()


def test_a_crash_is_503_with_retry_after_and_the_next_request_is_served(client: httpx.Client):
    for how in ("kill", "exit"):
        reply = misbehave(client, how)

        problem(reply, 503)
        assert int(reply.headers["retry-after"]) >= 1
        assert misbehave(client, "nap", seconds=0).status_code == 200


def test_a_handler_that_hangs_is_ended_at_its_timeout(client: httpx.Client):
    started = time.monotonic()
    reply = misbehave(client, "hang")

    problem(reply, 503)
    assert 0.9 < time.monotonic() - started < 5
    assert misbehave(client, "nap", seconds=0).status_code == 200


def test_a_timeout_ends_a_process_that_computes(service: Service, client: httpx.Client):
    reply = misbehave(client, "spin")

    problem(reply, 503)
    spinning = int(service.lines_of("spinning")[-1])
    from integration.local.conftest import alive, eventually

    eventually(lambda: not alive(spinning))


@pytest.mark.parametrize("do", ["set", "nan", "nonsense", "bad_header"])
def test_an_answer_that_is_no_response_is_500(client: httpx.Client, do: str):
    problem(misbehave(client, do), 500)


def test_an_answer_above_six_megabytes_is_500(client: httpx.Client):
    problem(misbehave(client, "large", bytes=6_300_000), 500)


def test_answers_in_all_their_forms(client: httpx.Client):
    assert misbehave(client, "bare").json() == {"no": "status"}
    binary = misbehave(client, "binary")
    assert (binary.status_code, binary.content) == (201, b"\x00\x01\x02")
    assert misbehave(client, "empty").status_code == 204
    assert json.loads(misbehave(client, "surrogate").text) == {"text": "\ud800"}


def test_a_hundred_callers_at_once_are_all_served(service: Service):
    host, port = service.url.removeprefix("http://").split(":")
    headers = {"authorization": f"Bearer {token(service)}"}

    def six(caller: int) -> list[dict[str, Any]]:
        connection = HTTPConnection(host, int(port), timeout=60)
        documents = []
        for number in range(6):
            connection.request("GET", f"/echo/{caller}-{number}", headers=headers)
            reply = connection.getresponse()
            assert reply.status == 200
            documents.append(json.load(reply))
        connection.close()
        return documents

    with ThreadPoolExecutor(100) as pool:
        found = list(pool.map(six, range(100)))

    for caller, documents in enumerate(found):
        names = [document["event"]["pathParameters"]["name"] for document in documents]
        assert names == [f"{caller}-{number}" for number in range(6)]
    assert len({document["pid"] for documents in found for document in documents}) <= 3


def test_one_event_at_a_time_per_process(client: httpx.Client):
    with ThreadPoolExecutor(4) as pool:
        started = time.monotonic()
        replies = list(pool.map(lambda _: misbehave(client, "nap", seconds=0.4), range(4)))
        elapsed = time.monotonic() - started

    assert all(reply.status_code == 200 for reply in replies)
    assert len({reply.json()["pid"] for reply in replies}) == 2
    assert elapsed >= 0.8


def ticket(service: Service, key: str):
    from e2i_shared.objects import FolderObjects

    secret = (service.data_dir / "keys/object-signing-key").read_text()
    return FolderObjects(service.data_dir / "objects", f"{service.url}/_objects", secret).ticket(key)


def test_an_upload_by_a_signed_address_is_what_a_function_reads(service: Service):
    from e2i_shared.objects import FolderObjects

    content = os.urandom(3_000_000)
    reply = httpx.put(ticket(service, "uploads/t/file.csv").url, content=content)

    assert reply.status_code == 200, reply.text
    with FolderObjects(service.data_dir / "objects", "", "").open("uploads/t/file.csv") as file:
        assert file.read() == content


def test_an_address_is_good_for_its_object_and_method_only(service: Service):
    url = ticket(service, "a/one").url

    problem(httpx.get(url), 403)
    problem(httpx.put(url.replace("a/one", "a/two"), content=b"x"), 403)
    problem(httpx.put(url[:-1] + ("0" if url[-1] != "0" else "1"), content=b"x"), 403)
    problem(httpx.put(url.partition("?")[0], content=b"x"), 403)
    problem(httpx.delete(url), 405)
    problem(httpx.put(f"{url.partition('?')[0]}?expires=1&signature=0", content=b"x"), 403)


@pytest.mark.parametrize("key", ["../keys/x", "a/../../x", ".hidden", "a//b", "a%00b", "x" * 2000])
def test_a_key_cannot_leave_the_folder(service: Service, key: str):
    reply = httpx.put(f"{service.url}/_objects/{key}?expires=9999999999&signature=x", content=b"x")

    assert reply.status_code in {400, 403, 404}


def test_an_upload_that_breaks_off_leaves_nothing(service: Service):
    path = ticket(service, "broken").url.removeprefix(service.url)
    host, port = service.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as connection:
        connection.sendall(f"PUT {path} HTTP/1.1\r\nhost: x\r\ncontent-length: 1000000\r\n\r\n".encode() + b"x" * 1000)
        time.sleep(0.3)
    time.sleep(0.3)

    left = [
        file.name
        for file in (service.data_dir / "objects").rglob("*")
        if "broken" in file.name or "part" in file.suffix
    ]
    assert left == []
