"""Each example event on the real database; tenants see nothing of each other; any text survives the way in and back."""

from __future__ import annotations

import importlib
import re
from typing import TYPE_CHECKING, Any

import pytest
from builders_trained import JOB, SIMULATION, TWIN
from e2i_shared.api.composition import Answer, AnswerPart
from e2i_shared.composer.model import NewComposition
from e2i_shared.errors import NotFoundError
from e2i_shared.http import permissions
from e2i_shared.ids import new_id
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from world import COHORT, COMPOSITION, EVENTS, OTHER, QUESTION, TENANT, body, event, request

from functions.api import handler as api
from functions.classify import handler as classify
from functions.composition_status import handler as composition_status
from functions.relay import handler as relay
from functions.run_tool import handler as run_tool
from infra.functions import all_functions

if TYPE_CHECKING:
    from pathlib import Path

SERVED = ("classify", "api", "run_tool", "simulate", "fidelity_check")
NO_REQUESTS = {"execute_step", "queued", "tick"}
HTTP = [path for name in SERVED for path in sorted((EVENTS / name).glob("*.json"))]
LAST = ("delete_dataset", "delete_twin")  # what it deletes, the others read
CASES = sorted(
    ((path.parent.name, path.stem) for path in HTTP if path.stem not in NO_REQUESTS), key=lambda case: case[1] in LAST
)
QUIET = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
pytestmark = pytest.mark.usefixtures("wiring")


def serve(function: str, made: dict[str, Any]) -> dict[str, Any]:
    reply: dict[str, Any] = importlib.import_module(f"functions.{function}.handler").handle(made, None)
    return reply


@pytest.mark.parametrize(("function", "case"), CASES, ids=map("/".join, CASES))
def test_an_event_gets_the_status_its_name_says(function: str, case: str):
    reply = serve(function, event(function, case))
    expected = re.search(r"_(\d{3})$", case)
    if expected:
        assert reply["statusCode"] == int(expected[1]), reply["body"]
    else:
        assert 200 <= reply["statusCode"] < 300, reply["body"]


def test_a_bad_row_is_named_with_its_line_and_nothing_is_kept():
    reply = serve("run_tool", event("run_tool", "load_dataset_with_a_bad_row_422") | {})
    assert "line 3" in body(reply)["errors"][0]["message"]


def test_a_loaded_data_set_has_its_columns_and_a_second_load_is_a_new_version():
    made = event("run_tool", "load_dataset")
    first, second = (body(serve("run_tool", made)) for _ in range(2))
    assert {column["name"]: column["role"] for column in first["columns"]}["visits"] == "treatment"
    assert (first["rows"], second["version"] - first["version"]) == (4, 1)


def test_a_file_in_the_object_store_is_loaded_by_its_owner_only(wiring):
    ticket = body(api.handle(request("POST", "/uploads"), None))
    path: Path = wiring.folder / ticket["upload_key"]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"a,b\n1,x\n2,y\n")
    load = {"name": "uploaded", "upload_key": ticket["upload_key"]}

    assert serve("run_tool", request("POST", "/datasets", load, tenant=OTHER))["statusCode"] == 404
    assert body(serve("run_tool", request("POST", "/datasets", load)))["rows"] == 2
    gone = {"name": "uploaded", "upload_key": ticket["upload_key"] + "0"}
    assert serve("run_tool", request("POST", "/datasets", gone))["statusCode"] == 404


@pytest.mark.parametrize("load", [{}, {"content": "a\n1\n", "upload_key": "k"}])
def test_a_load_names_exactly_one_source(load: dict[str, str]):
    reply = serve("run_tool", request("POST", "/datasets", {"name": "x", **load}))
    assert (reply["statusCode"], body(reply)["errors"][0]["field"]) == (400, "content")


@pytest.mark.parametrize("content", ["", "\n", "a", "a,a\n1,2\n", "a,b\n1\x00,2\n", "a\n" + '"', "😀,b\n1,2\n"])
def test_no_file_content_is_a_5xx(content: str):
    reply = serve("run_tool", request("POST", "/datasets", {"name": "odd", "content": content}))
    assert reply["statusCode"] in {201, 422}, reply["body"]


SHARED = ("/tools/", "/queues/")  # belong to no tenant
ROUTES = [r for r, role in permissions.MATRIX.items() if role and "{" in r[1] and not any(s in r[1] for s in SHARED)]


@pytest.mark.parametrize("route", ROUTES, ids=" ".join)
def test_what_belongs_to_one_tenant_does_not_exist_for_another(route: tuple[str, str]):
    own = {
        "composition_id": COMPOSITION,
        "classification_id": COMPOSITION.replace("c001", "a001"),
        "dataset_id": "trial",
        "cohort_id": COHORT,
        "name": "trx",
        "twin_id": TWIN,
        "model_id": TWIN,
        "simulation_id": SIMULATION,
        "job_id": JOB,
    }
    method, template = route
    path = re.sub(r"\{(\w+)\}", lambda found: own[found[1]], template).removeprefix(permissions.V1)
    payloads = {"feedback": {"rating": 5} if "compositions" in path else {"was_correct": True}, "trx": {"unit": "TRx"}}
    payloads |= {"simulate": {"intervention_type": "visits"}, "events": {"event_id": "e", "entity": "x", "values": {}}}
    payload = payloads.get(path.rsplit("/", 1)[1])
    (function,) = [f.name for f in all_functions() if route in [(r.method, r.path) for r in f.routes]]
    reply = serve(function, request(method, path, payload, tenant=OTHER, role="owner"))
    assert reply["statusCode"] == 404, reply["body"]


def test_another_tenants_data_set_of_the_same_name_is_its_own():
    reply = serve("run_tool", request("POST", "/datasets", {"name": "trial", "content": "z\n1\n2\n"}, tenant=OTHER))
    assert body(reply)["version"] == 1
    assert [c["name"] for c in body(api.handle(request("GET", "/datasets/trial", tenant=OTHER), None))["columns"]] == [
        "z"
    ]


@QUIET
@given(query=st.text(st.characters(), max_size=400), session=st.none() | st.text(st.characters(), max_size=40))
def test_any_text_is_stored_or_refused_never_a_5xx(query: str, session: str | None):
    made = request("POST", "/classify", {"query": query, "session_id": session})
    assert classify.handle(made, None)["statusCode"] in {200, 422}
    reply = api.handle(request("POST", "/compose", {"query": query, "session_id": session}), None)
    assert reply["statusCode"] in {202, 422}, reply["body"]
    if reply["statusCode"] == 202:
        path = body(reply)["status_url"].removeprefix(permissions.V1)
        assert api.handle(request("GET", path), None)["statusCode"] == 200


@QUIET
@given(name=st.text(st.characters(), min_size=1, max_size=40), synonym=st.text(st.characters(), max_size=40))
def test_any_name_in_a_path_or_a_patch_is_found_or_not(name: str, synonym: str):
    patch = {"synonyms": [synonym], "description": synonym}
    for path in (f"/datasets/{name}/columns/{name}", f"/datasets/loaded/columns/{name}"):
        reply = api.handle(request("PATCH", path, patch), None)
        assert reply["statusCode"] in {200, 404, 422}, reply["body"]


def test_the_same_key_sent_twice_composes_once():
    made = request("POST", "/compose", {"query": QUESTION}, idempotency_key="integration-1")
    first, second = api.handle(made, None), api.handle(made, None)
    assert body(first) == body(second)
    other = api.handle(request("POST", "/compose", {"query": "Why?"}, idempotency_key="integration-1"), None)
    assert other["statusCode"] == 409


def test_pages_follow_each_other_without_gap_or_repeat():
    ids = {
        body(api.handle(request("POST", "/compose", {"query": f"Why {n}?"}, tenant=OTHER), None))["composition_id"]
        for n in range(5)
    }
    seen, cursor = [], None
    while True:
        query = {"limit": "2"} | ({"cursor": cursor} if cursor else {})
        page = body(api.handle(request("GET", "/compositions", query=query, tenant=OTHER), None))
        seen += [item["composition_id"] for item in page["items"]]
        cursor = page["next_cursor"]
        if not cursor:
            break
    assert ids <= set(seen)
    assert len(seen) == len(set(seen))
    assert seen == sorted(seen, reverse=True)


def test_ready_tells_the_round_trip_and_the_migration():
    (database,) = body(api.handle(request("GET", "/ready", role=None), None))["dependencies"]
    assert database["ok"]
    assert database["detail"].startswith("migration ")


def test_the_relay_publishes_what_compose_left_in_the_outbox(wiring):
    made = body(api.handle(request("POST", "/compose", {"query": QUESTION}), None))["composition_id"]
    assert relay.handle(event("relay", "tick"), None)["published"] >= 1
    assert made in {detail.get("composition_id") for _, detail in wiring.bus.published}


def test_a_run_is_recorded_for_the_tools_reliability(wiring):
    serve("run_tool", event("run_tool", "run_tool"))
    runs = {each.tool: each.calls for each in wiring.tenant(TENANT).tools.reliability()}
    assert runs["power_calculator"] >= 1


@QUIET
@given(
    name=st.text(st.characters(), min_size=1, max_size=20),
    label=st.text(st.characters(), min_size=1, max_size=40),
    value=st.text(st.characters(), max_size=20) | st.floats(allow_nan=False) | st.integers() | st.booleans(),
    column=st.sampled_from(["trx", "visits", "region"]) | st.text(st.characters(), min_size=1, max_size=10),
    op=st.sampled_from(["eq", "ne", "lt", "ge", "in"]),
)
def test_any_criteria_are_saved_or_refused_never_a_5xx(name: str, label: str, value: Any, column: str, op: str):
    step = {"label": label, "reason": label, "filters": [{"column": column, "op": op, "value": value}]}
    certain = {"label": label, "filters": [{"column": "trx", "op": "ge", "value": 0}]}
    for criteria in ({"exclusion": [step]}, {"inclusion": [certain]}):
        reply = serve("run_tool", request("POST", "/cohorts", {"name": f"N{name}", "dataset": "trial", **criteria}))
        assert reply["statusCode"] in {201, 400, 422}, reply["body"]


@QUIET
@given(
    text=st.text(st.characters(), min_size=1, max_size=60),
    field=st.sampled_from(["question", "term", "kpi", "composition_id", "session_id", "tool"]),
)
def test_anything_is_explained_or_refused_never_a_5xx(text: str, field: str):
    params = {"composition_id": "latest", field: text}
    reply = serve("run_tool", request("POST", "/tools/result_explainer/run", {"params": params}))
    assert reply["statusCode"] in {200, 404, 422}, reply["body"]


def test_a_past_answer_is_explained_to_its_tenant_alone(wiring):
    identity, compositions = new_id(), wiring.tenant(TENANT).compositions
    compositions.create(NewComposition(composition_id=identity, query=QUESTION, session_id="explained"))
    part = AnswerPart(sub_question="Q1", question=QUESTION, text="It did.", citations=[], confidence=0.5)
    compositions.save_answer(identity, Answer(headline="It did.", parts=[part], text="It did."), [], {})
    ask = {"params": {"composition_id": "latest", "session_id": "explained"}}

    own = serve("run_tool", request("POST", "/tools/result_explainer/run", ask))
    foreign = serve("run_tool", request("POST", "/tools/result_explainer/run", ask, tenant=OTHER))

    assert body(own)["result"]["composition_id"] == identity
    assert foreign["statusCode"] == 422, "no question was answered there"
    by_id = {"params": {"composition_id": identity}}
    assert serve("run_tool", request("POST", "/tools/result_explainer/run", by_id, tenant=OTHER))["statusCode"] == 404


def test_an_execution_that_timed_out_ends_its_composition_once(wiring):
    composition_status.handle(event("composition_status", "timed_out"), None)
    composition_status.handle(event("composition_status", "aborted_and_failed"), None)
    assert body(api.handle(request("GET", f"/compositions/{COMPOSITION}"), None))["status"] == "TIMEOUT"


def test_a_step_of_a_plan_that_was_never_made_is_not_found():
    with pytest.raises(NotFoundError):
        run_tool.handle(event("run_tool", "execute_step"), None)
