"""Definitions: what is accepted, and what is refused with its name."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from tiny.asl_cases import CASES, INVOKE, mapping, task

from infra.functions import all_functions
from infra.local.asl.errors import DefinitionError
from infra.local.asl.load import FIELDS, load
from infra.local.runtime import WORKFLOWS, workflow_definitions

if TYPE_CHECKING:
    from pathlib import Path

END = {"Type": "Succeed"}


def refused(definition: dict[str, Any]) -> DefinitionError:
    with pytest.raises(DefinitionError) as caught:
        load(json.dumps(definition))
    return caught.value


def with_state(**fields: Any) -> dict[str, Any]:
    return {"StartAt": "S", "States": {"S": fields, "E": END}}


def test_every_shipped_workflow_is_accepted():
    definitions = workflow_definitions(WORKFLOWS, all_functions())

    assert "compose" in definitions
    assert "${" not in "".join(definitions.values())


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_every_feature_that_is_compared_with_another_interpreter_is_accepted(case):
    machine = load(json.dumps(case.definition))

    assert machine.start_at in machine.states
    assert machine.timeout_seconds == case.definition.get("TimeoutSeconds")


@pytest.mark.parametrize("kind", sorted(FIELDS))
def test_an_unknown_field_of_any_state_is_refused_and_named(kind: str):
    error = refused(with_state(Type=kind, Surprise=1))

    assert error.field == "S.Surprise"
    assert "Surprise" in error.message
    assert "Type" in error.candidates


@pytest.mark.parametrize(
    ("kind", "field"),
    [
        ("Task", "HeartbeatSeconds"),
        ("Task", "Credentials"),
        ("Task", "Assign"),
        ("Task", "Arguments"),
        ("Pass", "Output"),
        ("Map", "ItemReader"),
        ("Map", "ItemBatcher"),
        ("Map", "ResultWriter"),
        ("Map", "ToleratedFailurePercentage"),
        ("Map", "MaxConcurrencyPath"),
        ("Map", "Iterator"),
        ("Map", "Parameters"),
        ("Choice", "Next"),
        ("Succeed", "Next"),
        ("Pass", "Retry"),
        ("Pass", "QueryLanguage"),
    ],
)
def test_what_step_functions_has_but_this_runtime_does_not_is_refused(kind: str, field: str):
    assert refused(with_state(Type=kind, **{field: 1})).field == f"S.{field}"


def test_an_unknown_field_of_the_machine_is_refused():
    assert refused({**with_state(**END), "QueryLanguage": "JSONata"}).field.endswith("QueryLanguage")


@pytest.mark.parametrize(
    ("where", "definition"),
    [
        ("Retry", with_state(**task({}, Retry=[{"ErrorEquals": ["States.ALL"], "Interval": 1}]))),
        ("Retry", with_state(**task({}, Retry=[{"IntervalSeconds": 1}]))),
        ("Retry", with_state(**task({}, Retry=[{"ErrorEquals": []}]))),
        ("JitterStrategy", with_state(**task({}, Retry=[{"ErrorEquals": ["E"], "JitterStrategy": "SOME"}]))),
        ("Catch", with_state(**task({}, Catch=[{"ErrorEquals": ["States.ALL"], "Next": "E", "Assign": {}}]))),
        ("ResultPath", with_state(**task({}, Catch=[{"ErrorEquals": ["E"], "Next": "E", "ResultPath": "$.a[*]"}]))),
        ("ResultPath", with_state(Type="Pass", End=True, ResultPath="$$.Execution")),
        ("Resource", with_state(Type="Task", Resource="arn:aws:states:::sqs:sendMessage", Parameters={}, End=True)),
        ("Resource", with_state(Type="Task", Resource=f"{INVOKE}.waitForTaskToken", Parameters={}, End=True)),
        ("Resource", with_state(Type="Task", Resource="arn:aws:lambda:us-east-1:1:function:f", End=True)),
        ("FunctionName", with_state(Type="Task", Resource=INVOKE, Parameters={"Payload": {}}, End=True)),
        (
            "Qualifier",
            with_state(Type="Task", Resource=INVOKE, Parameters={"FunctionName": "f", "Qualifier": "1"}, End=True),
        ),
        ("Choices", with_state(Type="Choice", Choices=[])),
        ("Choices.Next", with_state(Type="Choice", Choices=[{"Variable": "$.a", "IsNull": True}])),
        ("ItemProcessor", with_state(Type="Map", End=True)),
        (
            "ProcessorConfig",
            with_state(**mapping({"StartAt": "E", "States": {"E": END}, "ProcessorConfig": {"Mode": "DISTRIBUTED"}})),
        ),
        ("Branches", with_state(Type="Parallel", Branches=[], End=True)),
        ("Type", with_state(Type="Surprise")),
        ("Type", with_state(Comment="no type")),
        ("$.a[", with_state(Type="Pass", InputPath="$.a[", End=True)),
        ("States.UUID()", with_state(Type="Pass", Parameters={"x.$": "States.UUID()"}, End=True)),
        ("S", with_state(Type="Wait", Seconds=1, Timestamp="2026-01-01T00:00:00Z", End=True)),
        ("S", with_state(Type="Wait", End=True)),
        ("S", with_state(Type="Pass")),
        ("S", with_state(Type="Pass", Next="E", End=True)),
        ("S", with_state(Type="Pass", Next="Nowhere")),
        ("S", with_state(**task({}, Catch=[{"ErrorEquals": ["E"], "Next": "Nowhere"}]))),
        ("S", with_state(Type="Choice", Choices=[{"Variable": "$.a", "IsNull": True, "Next": "E"}], Default="Nowhere")),
        ("StartAt", {"StartAt": "Nowhere", "States": {"E": END}}),
        ("StartAt", {"States": {"E": END}}),
        ("StartAt", {"StartAt": "E"}),
    ],
)
def test_a_mistake_is_refused_and_its_place_named(where: str, definition: dict[str, Any]):
    assert where in (refused(definition).field or "")


def test_a_mistake_deep_inside_is_found():
    inner = mapping(
        {
            "StartAt": "P",
            "States": {"P": {"Type": "Parallel", "End": True, "Branches": [with_state(Type="Pass", Surprise=1)]}},
        }
    )

    assert refused(with_state(**inner)).field == "S.Surprise"


def test_functions_are_filled_in_and_a_missing_one_is_named():
    text = json.dumps(with_state(**task({"x": 1}) | {"Parameters": {"FunctionName": "${one}"}}))

    machine = load(text, {"one": 'a "quoted" name'})

    assert machine.states["S"].fields["Parameters"]["FunctionName"] == 'a "quoted" name'
    with pytest.raises(DefinitionError) as caught:
        load(text, {"two": "b"})
    assert caught.value.field == "one"
    assert caught.value.candidates == ("two",)


def test_a_workflow_that_cannot_be_run_stops_the_start(tmp_path: Path):
    (tmp_path / "bad.asl.json").write_text(json.dumps(with_state(Type="Pass", Surprise=1, End=True)))

    with pytest.raises(DefinitionError):
        workflow_definitions(tmp_path, ())
