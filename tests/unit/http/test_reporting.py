"""An answer read as a report."""

from __future__ import annotations

import json
from typing import Any

import pytest
from world import ANSWERED, RUNNING, TENANT, event, seed, seed_to_control

from functions.api import handler

OTHER = "00000000-0000-7000-8000-00000000beef"


@pytest.fixture(autouse=True)
def _seeded(wiring) -> None:
    seed(wiring.tenant(TENANT))
    seed_to_control(wiring.tenant(TENANT))


def read(identity: str = ANSWERED, tenant: str = TENANT, **query: str) -> dict[str, Any]:
    asked = event("api", "read_report")
    asked["rawPath"] = asked["requestContext"]["http"]["path"] = f"/api/v1/compositions/{identity}/report"
    asked["queryStringParameters"] = query
    asked["requestContext"]["authorizer"]["jwt"]["claims"]["tenant_id"] = tenant
    reply: dict[str, Any] = handler.handle(asked, None)
    return reply


def test_a_report_is_markdown_at_length_unless_asked_otherwise():
    reply = read()

    assert (reply["statusCode"], reply["headers"]["Content-Type"]) == (200, "text/markdown; charset=utf-8")
    assert reply["body"].startswith("# ")
    assert read(form="summary")["body"] == "**Visits raise TRx by 2.00 TRx.**"


def test_as_json_it_has_its_sections_with_the_strength_of_their_evidence():
    made = json.loads(read(form="summary", format="json")["body"])

    (finding,) = made["findings"]
    assert (finding["text"], finding["evidence"]) == ("Visits raise TRx by 2.00 TRx. [1]", "strong")
    assert (made["form"], made["caveats"]) == ("summary", ["Linear."])
    assert made["markdown"] == "**Visits raise TRx by 2.00 TRx.**"


def test_what_has_no_answer_has_no_report():
    reply = read(RUNNING)

    assert reply["statusCode"] == 409
    assert "no answer" in json.loads(reply["body"])["detail"]


@pytest.mark.parametrize("query", [{"form": "long"}, {"format": "pdf"}])
def test_another_form_or_format_is_refused(query: dict[str, str]):
    assert read(**query)["statusCode"] == 422


def test_another_tenant_finds_none():
    assert read(tenant=OTHER)["statusCode"] == 404
