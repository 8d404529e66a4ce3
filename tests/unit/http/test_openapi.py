"""The document describes every route of every function, and the page shows it offline."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from e2i_shared.http import openapi, permissions
from e2i_shared.http.caller import Role
from world import FakeWiring, body, request

from functions.api import handler as api

DOCUMENT = openapi.document()
OPERATIONS = {
    (m.upper(), path): operation for path, methods in DOCUMENT["paths"].items() for m, operation in methods.items()
}


def references(value: Any) -> set[str]:
    return set(re.findall(r'"\$ref": "#/components/schemas/([^"]+)"', json.dumps(value)))


def test_it_is_openapi_3_1_and_served_as_json(wiring: FakeWiring):
    reply = api.handle(request("GET", "/openapi.json", role=None), None)
    assert (reply["statusCode"], reply["headers"]["Content-Type"]) == (200, "application/json")
    assert body(reply) == DOCUMENT
    assert DOCUMENT["openapi"].startswith("3.1")


def test_it_covers_every_route_and_no_other():
    assert set(OPERATIONS) == set(permissions.MATRIX)


def test_every_reference_leads_somewhere():
    assert references(DOCUMENT) <= set(DOCUMENT["components"]["schemas"])


@pytest.mark.parametrize("route", OPERATIONS, ids=" ".join)
def test_an_operation_documents_its_success_its_errors_and_its_security(route: tuple[str, str]):
    operation, role = OPERATIONS[route], permissions.MATRIX[route]

    successes = [status for status in operation["responses"] if status.startswith("2")]
    assert successes
    assert operation["summary"]
    assert {"429", "503"} <= set(operation["responses"])
    assert ("security" in operation) == (role is not Role.NOBODY)
    assert ({"401", "403"} <= set(operation["responses"])) == (role is not Role.NOBODY)
    for status, response in operation["responses"].items():
        if status >= "400":
            own = (route[1].endswith("/ready"), status) == (True, "503")
            assert references(response) == {"Readiness" if own else "Problem"}
            assert set(response["content"]) == {"application/json" if own else "application/problem+json"}


@pytest.mark.parametrize("route", [route for route in OPERATIONS if "{" in route[1]], ids=" ".join)
def test_every_parameter_of_a_path_is_documented(route: tuple[str, str]):
    named = {p["name"] for p in OPERATIONS[route]["parameters"] if p["in"] == "path"}
    assert named == set(re.findall(r"\{(\w+)\}", route[1]))


@pytest.mark.parametrize("route", [route for route in OPERATIONS if route[0] == "POST"], ids=" ".join)
def test_every_post_documents_the_idempotency_key(route: tuple[str, str]):
    assert "Idempotency-Key" in {p["name"] for p in OPERATIONS[route]["parameters"]}


@pytest.mark.parametrize("path", ["/api/v1/compositions", "/api/v1/datasets"])
def test_the_bounds_of_a_lists_query_are_documented(path: str):
    schemas = {p["name"]: p["schema"] for p in OPERATIONS["GET", path]["parameters"]}
    assert (schemas["limit"]["minimum"], schemas["limit"]["maximum"], schemas["limit"]["default"]) == (1, 100, 20)
    if "compositions" in path:
        assert "CompositionStatus" in json.dumps(schemas["status"])


def test_operation_ids_are_unique():
    ids = [operation["operationId"] for operation in OPERATIONS.values()]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize(
    ("route", "status"),
    [
        (("POST", "/api/v1/compose"), "202"),
        (("POST", "/api/v1/datasets"), "201"),
        (("DELETE", "/api/v1/datasets/{dataset_id}"), "204"),
        (("POST", "/api/v1/ask"), "202"),
    ],
    ids=str,
)
def test_the_documented_success_is_the_one_that_comes(route: tuple[str, str], status: str):
    assert status in OPERATIONS[route]["responses"]


def test_the_page_holds_the_document_the_script_and_the_style():
    page = openapi.page()
    assert "/api/v1/compositions/{composition_id}" in page
    assert not re.search(r"<(script|link)[^>]+(src|href)=['\"]http", page)
    assert "swagger-ui" in page
