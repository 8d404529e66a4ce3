"""A function of one route refuses what Powertools' resolver refuses, and never imports it."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest
from e2i_shared.api.classification import ClassifyRequest
from e2i_shared.errors import DatabaseUnavailableError, NotFoundError
from e2i_shared.http.application import Application
from e2i_shared.http.one_route import OneRoute
from e2i_shared.http.routes import classify as described
from pydantic import BaseModel
from world import QUESTION, FakeWiring, request

from functions.classify import handler


class Echo(BaseModel):
    said: str


def echo(given: ClassifyRequest) -> Echo:
    return Echo(said=given.query)


ROUTE = OneRoute("POST", "/classify", ClassifyRequest, echo)


def resolve(payload: Any = None, **options: Any) -> tuple[int, dict[str, Any]]:
    reply = Application("classify", ROUTE)(request("POST", "/classify", payload, **options), None)
    return reply["statusCode"], json.loads(reply["body"])


def test_a_body_that_fits_reaches_the_function(wiring: FakeWiring):
    assert resolve({"query": "Did calls work?"}) == (200, {"said": "Did calls work?"})


@pytest.mark.parametrize(
    "raw",
    [
        "",
        "null",
        "{}",
        '{"query": 7}',
        '{"query": ""}',
        '{"query": "Did it work?", "role": "owner"}',
        '{"query": "Did it work?", "context": "no list"}',
        '{"query": "Did it work?", "context": [7]}',
        json.dumps({"query": "x" * 4001}),
        "{",
        "[]",
    ],
)
def test_a_refusal_reads_as_that_of_the_described_route(wiring: FakeWiring, raw: str):
    event = request("POST", "/classify", raw=raw)

    thin, full = (Application("classify", routes)(event, None) for routes in (ROUTE, [described.router]))

    assert thin["statusCode"] == full["statusCode"]
    ours, theirs = json.loads(thin["body"]), json.loads(full["body"])
    assert (ours["type"], ours["errors"]) == (theirs["type"], theirs["errors"])


def test_another_path_is_not_found(wiring: FakeWiring):
    assert Application("classify", ROUTE)(request("POST", "/ask", {"query": "x"}), None)["statusCode"] == 404


@pytest.mark.parametrize(
    ("error", "status"), [(NotFoundError("no"), 404), (DatabaseUnavailableError("down"), 503), (KeyError("bug"), 500)]
)
def test_what_the_function_raises_becomes_a_problem(wiring: FakeWiring, error: Exception, status: int):
    def fail(_given: ClassifyRequest) -> Echo:
        raise error

    route = OneRoute("POST", "/classify", ClassifyRequest, fail)
    reply = Application("classify", route)(request("POST", "/classify", {"query": "x"}), None)

    assert reply["statusCode"] == status
    assert reply["headers"]["Content-Type"] == "application/problem+json"


def test_the_function_answers_what_the_described_route_answers(wiring: FakeWiring):
    event = request("POST", "/classify", {"query": QUESTION})

    thin = json.loads(handler.handle(event, None)["body"])
    full = json.loads(Application("classify", [described.router])(event, None)["body"])

    assert {name: thin[name] for name in ("routing_pattern", "domains", "dependencies")} == {
        name: full[name] for name in ("routing_pattern", "domains", "dependencies")
    }


def test_the_function_starts_without_the_router_and_without_yaml():
    program = "import sys; import functions.classify.handler; print(*sys.modules)"
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    imported = set(ran.stdout.split())

    assert not imported & {"aws_lambda_powertools.event_handler", "yaml", "asyncio"}
