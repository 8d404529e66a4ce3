"""Events of the workflow: one phase each, errors by the names the workflow retries on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from e2i_shared import bootstrap, errors
from e2i_shared.composer import phases as composer_phases
from e2i_shared.composer.words import key
from e2i_shared.db.connection import LostConnectionError
from e2i_shared.http import composing, kinds, phases
from logs import logged
from world import COMPOSITION, TENANT, FakeWiring, body, event, request, seed

from functions.api import handler as api
from functions.compose_step import handler as compose_step
from functions.run_tool import handler as run_tool
from infra.local.asl import load

WORKFLOW = Path(load.__file__).parents[2] / "workflows" / "compose.asl.json"


@pytest.fixture
def _seeded(wiring: FakeWiring) -> None:
    seed(wiring.tenant(TENANT))


def run(phase: str, **more: Any) -> dict[str, Any]:
    return compose_step.handle({"phase": phase, "tenant_id": TENANT, "composition_id": COMPOSITION, **more}, None)


@pytest.mark.usefixtures("_seeded")
def test_decomposing_stores_the_sub_questions_of_the_classification():
    assert run("decompose") == {"tenant_id": TENANT, "composition_id": COMPOSITION}

    record = bootstrap.for_tenant(TENANT).compositions.get(COMPOSITION)
    stored = bootstrap.for_tenant(TENANT).classifications.get(record.classification_id or "").classification
    assert record.decomposition is not None
    assert [q.domain for q in record.decomposition.sub_questions] == [q.domain for q in stored.sub_questions]


@pytest.mark.usefixtures("_seeded")
def test_planning_returns_levels_of_step_numbers_and_runtimes_only():
    run("decompose")
    planned = run("plan")
    assert set(planned) == {"tenant_id", "composition_id", "levels"}
    assert {name for level in planned["levels"] for step in level for name in step} <= {
        "step_number",
        "runtime",
        "limit_seconds",
    }


@pytest.mark.usefixtures("_seeded")
def test_recording_a_failure_ends_the_composition_with_the_errors_own_words():
    recorded = compose_step.handle(event("compose_step", "record_failure"), None)

    assert recorded == {"composition_id": COMPOSITION, "status": "FAILED"}
    assert bootstrap.for_tenant(TENANT).compositions.get(COMPOSITION).error_message == (
        "Treated and untreated units are nowhere alike."
    )


@pytest.mark.parametrize("phase", sorted(composer_phases.PHASES))
def test_every_phase_has_an_example_event(phase: str):
    assert event("compose_step", phase)["phase"] == phase


def test_the_workflow_calls_no_other_phases():
    called = {name for name in composer_phases.PHASES if f'"phase": "{name}"' in WORKFLOW.read_text()}
    assert called == set(composer_phases.PHASES)


def test_an_unknown_phase_is_refused_by_name(wiring: FakeWiring):
    with pytest.raises(errors.MalformedRequestError, match="dance"):
        run("dance")


def test_an_adapters_refinement_leaves_under_the_name_the_workflow_retries(wiring: FakeWiring, monkeypatch):
    def lost(_event: object) -> None:
        raise LostConnectionError("The database did not answer.", hint="Try again.")

    monkeypatch.setattr(composing, "run", lost)
    with logged() as lines, pytest.raises(errors.DatabaseUnavailableError) as raised:
        run("decompose")

    assert type(raised.value).__name__ in WORKFLOW.read_text()
    assert raised.value.hint == "Try again."
    assert lines[0]["error_type"] == "LostConnectionError"
    assert lines[0]["composition_id"] == COMPOSITION


def test_an_error_of_the_tree_and_a_foreign_one_leave_as_they_are():
    own, foreign = errors.NoOverlapError("x"), KeyError("x")
    assert errors.in_tree(own) is own
    assert errors.in_tree(foreign) is foreign


def test_the_names_the_workflow_retries_are_those_of_retryable_errors():
    retried = {
        name
        for state in _states(json.loads(WORKFLOW.read_text()))
        for retry in state.get("Retry", [])
        for name in retry["ErrorEquals"]
        if name.endswith("Error") and "." not in name
    }
    assert retried == {
        kind.__name__ for kind in errors.RetryableError.__subclasses__() if kind.__module__ == errors.__name__
    }


def _states(definition: dict[str, Any]) -> list[dict[str, Any]]:
    found = list(definition.get("States", {}).values())
    return found + [inner for state in found for inner in _states(state.get("ItemProcessor", {}))]


def test_a_phase_is_measured(wiring: FakeWiring, capsys):
    seed(wiring.tenant(TENANT))
    run("decompose")
    metrics = [json.loads(line) for line in capsys.readouterr().out.splitlines() if '"phase_ms"' in line]
    assert [(m["phase"], m["Phases"]) for m in metrics] == [("decompose", 1)]


def test_one_function_serves_requests_and_phases(wiring: FakeWiring):
    seed(wiring.tenant(TENANT))
    with pytest.raises(errors.NotFoundError):
        run_tool.handle(event("run_tool", "execute_step"), None)
    reply = run_tool.handle(request("POST", "/tools/nothing/run", {"params": {}}), None)
    assert (reply["statusCode"], body(reply)["type"]) == (404, "urn:e2i:problem:not-found")


def test_an_event_of_no_known_kind_is_refused():
    with pytest.raises(errors.MalformedRequestError, match="no known kind"):
        kinds.by_kind({"phase": phases.run_phase})({"Records": []}, None)


def test_a_composition_without_a_classification_is_classified_on_the_way(wiring: FakeWiring):
    from e2i_shared.composer.model import NewComposition

    tenant = wiring.tenant(TENANT)
    tenant.compositions.create(NewComposition(composition_id=COMPOSITION, query="Did more visits raise trx?"))
    run("decompose")
    assert tenant.compositions.get(COMPOSITION).decomposition is not None


def test_every_name_of_a_kpi_leads_to_it():
    from e2i_shared.tools import _kpis

    names = composing.kpi_names()
    for kpi in _kpis.kpis().values():
        assert names[key(kpi.name)].name == kpi.name
        assert all(names[key(synonym)].columns for synonym in kpi.synonyms)


def test_the_usual_latency_is_the_median_of_what_ran(wiring: FakeWiring):
    tenant = wiring.tenant(TENANT)
    for milliseconds in (10.0, 20.0, 300.0):
        tenant.tools.record_run("power_calculator", success=True, latency_ms=milliseconds)
    assert composing.usual_latency(tenant) == {"power_calculator": 20.0}


def test_the_example_events_replayed_in_order_answer_the_seeded_question(wiring: FakeWiring):
    seed(wiring.tenant(TENANT))

    compose_step.handle(event("compose_step", "decompose"), None)
    planned = compose_step.handle(event("compose_step", "plan"), None)
    first = compose_step.handle(event("compose_step", "execute"), None)
    again = compose_step.handle(event("compose_step", "execute"), None)
    late = compose_step.handle(event("compose_step", "record_step_failure"), None)
    for level in planned["levels"]:
        for step in level:
            run("execute", step_number=step["step_number"])
    ended = compose_step.handle(event("compose_step", "synthesize"), None)
    after = compose_step.handle(event("compose_step", "record_failure"), None)

    assert first == again == late == {"step_number": 1, "status": "COMPLETED"}
    assert ended == after == {"composition_id": COMPOSITION, "status": "COMPLETED"}
    view = body(api.handle(request("GET", f"/compositions/{COMPOSITION}"), None))
    assert view["answer"]["headline"]
    assert {part["sub_question"] for part in view["answer"]["parts"]} == {"Q1", "Q2"}
    ate = wiring.tenant(TENANT).compositions.steps(COMPOSITION)[0].output["ate"]
    assert 2.2 < ate < 2.8
