"""Cohorts over HTTP, and past answers at hand for the tools that explain them."""

from __future__ import annotations

from typing import Any

import pytest
from e2i_shared.api.composition import Answer, AnswerPart, CompositionStatus
from e2i_shared.composer.model import NewComposition
from e2i_shared.errors import NotFoundError
from e2i_shared.http.records import StoredRecords
from e2i_shared.ids import new_id
from world import COMPOSITION, OTHER, TENANT, FakeWiring, body, request, seed

from functions.api import handler as api
from functions.run_tool import handler as run_tool

pytestmark = pytest.mark.usefixtures("wiring")
WANTED = {"name": "High", "dataset": "trial", "inclusion": [{"column": "trx", "op": "ge", "value": 7}]}


def save(**changes: Any) -> dict[str, Any]:
    reply: dict[str, Any] = run_tool.handle(request("POST", "/cohorts", {**WANTED, **changes}), None)
    return reply


def read(path: str, **options: Any) -> dict[str, Any]:
    reply: dict[str, Any] = api.handle(request("GET", path, role="viewer", **options), None)
    return reply


def test_a_saved_cohort_is_where_the_reply_says():
    reply = save()

    assert reply["statusCode"] == 201
    found = body(read(reply["headers"]["Location"].removeprefix("/api/v1")))
    assert found == body(reply)
    assert found["definition"]["filters"] == WANTED["inclusion"]
    assert found["steps"][0]["rows_after"] == found["definition"]["size"] > 0
    assert found["created_by"] == "anna"


def test_the_same_criteria_are_one_version_and_others_the_next():
    first, again, other = save(), save(), save(exclusion=[{"column": "region", "value": "North"}])

    assert body(first) == body(again)
    assert (body(first)["version"], body(other)["version"]) == (1, 2)
    assert body(read("/cohorts/high"))["version"] == 2
    listed = body(read("/cohorts", query={"name": "High"}))["items"]
    assert [line["version"] for line in listed] == [2, 1]


def test_its_filters_read_its_rows_in_another_tool():
    made = body(save(exclusion=[{"column": "region", "value": "North"}]))

    params = {"dataset": "trial", "kpi": "trx", "filters": made["definition"]["filters"]}
    reply = run_tool.handle(request("POST", "/tools/kpi_lookup/run", {"params": params}), None)

    assert body(reply)["result"]["n"] == made["definition"]["rows"]


def test_a_cohort_of_nobody_is_refused_with_the_criterion_that_emptied_it():
    reply = save(inclusion=[{"column": "trx", "op": "ge", "value": 1000}])

    assert reply["statusCode"] == 422
    assert "trx ≥ 1000" in body(reply)["detail"] + str(body(reply)["errors"])
    assert body(read("/cohorts"))["items"] == []


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"dataset": "trail"}, 422),
        ({"inclusion": []}, 422),
        ({"inclusion": [{"column": "trxx", "op": "ge", "value": 7}]}, 422),
        ({"name": ""}, 422),
        ({"min_cell": 3}, 422),
        ({"inclusion": [{"filters": []}]}, 422),
    ],
)
def test_what_cannot_be_counted_is_refused(changes: dict[str, Any], status: int):
    assert save(**changes)["statusCode"] == status


def test_another_tenant_has_no_such_cohort():
    save()

    assert read("/cohorts/high", tenant=OTHER)["statusCode"] == 404
    assert body(read("/cohorts", tenant=OTHER))["items"] == []


def answered(wiring: FakeWiring, query: str, session_id: str | None) -> str:
    """Store a completed composition and return its id."""
    compositions, identity = wiring.tenant(TENANT).compositions, new_id()
    compositions.create(NewComposition(composition_id=identity, query=query, session_id=session_id))
    part = AnswerPart(sub_question="Q1", question=query, text=f"{query} Yes.", citations=[], confidence=0.5)
    answer = Answer(headline="Yes.", parts=[part], text="Yes.")
    compositions.save_answer(identity, answer, [], {})
    return identity


def test_the_latest_answer_is_that_of_the_session_that_asks(wiring):
    compositions = wiring.tenant(TENANT).compositions
    mine, other = answered(wiring, "Mine?", "s1"), answered(wiring, "Other?", "s2")
    asking = new_id()
    compositions.create(NewComposition(composition_id=asking, query="Explain that", session_id="s1"))

    assert StoredRecords(compositions, asking).latest().composition_id == mine
    assert StoredRecords(compositions, asking).latest("s2").composition_id == other
    assert StoredRecords(compositions).latest().composition_id == other
    assert StoredRecords(compositions).latest("s3") is None


def test_what_is_not_completed_is_never_the_latest(wiring):
    compositions = wiring.tenant(TENANT).compositions
    compositions.create(NewComposition(composition_id=new_id(), query="Running?", session_id="s1"))
    failed = new_id()
    compositions.create(NewComposition(composition_id=failed, query="Failed?", session_id="s1"))
    compositions.fail(failed, CompositionStatus.FAILED, "no")

    assert StoredRecords(compositions).latest("s1") is None
    assert StoredRecords(compositions).composition(failed).error == "no"
    with pytest.raises(NotFoundError):
        StoredRecords(compositions).composition(new_id())


def test_a_tool_over_http_explains_an_answer_of_its_tenant_only(wiring):
    identity = answered(wiring, "Did it work?", "s1")
    params = {"params": {"composition_id": identity}}

    own = run_tool.handle(request("POST", "/tools/result_explainer/run", params), None)
    foreign = run_tool.handle(request("POST", "/tools/result_explainer/run", params, tenant=OTHER), None)

    texts = [part["text"] for part in body(own)["result"]["parts"]]
    assert "Did it work? Yes." in texts
    assert foreign["statusCode"] == 404


def test_a_step_of_a_composition_reads_the_answers_of_its_own_session(wiring, monkeypatch):
    from e2i_shared.http import composing
    from e2i_shared.tools import _registry

    seed(wiring.tenant(TENANT))
    seen = []
    monkeypatch.setattr(_registry, "run_tool", lambda _tool, _params, context: seen.append(context) or {})

    composing.services(wiring.tenant(TENANT), COMPOSITION).run("result_explainer", {})

    assert seen[0].records.asking == COMPOSITION
