"""Reads a definition, refusing whatever this runtime would not run exactly as written."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from infra.local.asl import choice, intrinsics, paths
from infra.local.asl.errors import DefinitionError

LAMBDA_INVOKE = "arn:aws:states:::lambda:invoke"
RUN_TASK = "arn:aws:states:::ecs:runTask.sync"
TASK_EVENT = "E2I_EVENT"  # the variable that tells a container task what to do
IO = {"Type", "Comment", "InputPath", "OutputPath"}
FLOW = {"Next", "End"}
RESULT = {"ResultSelector", "ResultPath"}
RECOVER = {"Retry", "Catch"}
FIELDS: dict[str, set[str]] = {
    "Task": IO | FLOW | RESULT | RECOVER | {"Resource", "Parameters", "TimeoutSeconds", "TimeoutSecondsPath"},
    "Map": IO | FLOW | RESULT | RECOVER | {"ItemsPath", "ItemSelector", "ItemProcessor", "MaxConcurrency"},
    "Parallel": IO | FLOW | RESULT | RECOVER | {"Branches", "Parameters"},
    "Pass": IO | FLOW | {"Result", "Parameters", "ResultPath"},
    "Wait": IO | FLOW | {"Seconds", "SecondsPath", "Timestamp", "TimestampPath"},
    "Choice": IO | {"Choices", "Default"},
    "Succeed": IO,
    "Fail": {"Type", "Comment", "Error", "Cause", "ErrorPath", "CausePath"},
}
MACHINE = {"Comment", "StartAt", "States", "TimeoutSeconds", "Version"}
BRANCH = {"Comment", "StartAt", "States"}
RETRY = {"Comment", "ErrorEquals", "IntervalSeconds", "MaxAttempts", "BackoffRate", "MaxDelaySeconds", "JitterStrategy"}
CATCH = {"Comment", "ErrorEquals", "ResultPath", "Next"}
TEMPLATES = ("Parameters", "ItemSelector", "ResultSelector")
PATHS = (
    *("InputPath", "OutputPath", "ResultPath", "ItemsPath", "SecondsPath", "TimestampPath", "ErrorPath", "CausePath"),
    "TimeoutSecondsPath",
)


@dataclass(frozen=True, slots=True)
class State:
    """One state: its fields as written, and the machines inside it."""

    name: str
    type: str
    fields: dict[str, Any]
    processor: Machine | None = None
    branches: tuple[Machine, ...] = ()


@dataclass(frozen=True, slots=True)
class Machine:
    """A state machine, or the part of one that a Map or Parallel runs."""

    start_at: str
    states: dict[str, State]
    timeout_seconds: int | None = None


def load(text: str, substitutions: dict[str, str] | None = None) -> Machine:
    """Read a definition, with ``${name}`` replaced.

    Raises
    ------
    DefinitionError
        Names the state and field that cannot be run here.
    """
    values = substitutions or {}

    def replace(match: re.Match[str]) -> str:
        if match[1] not in values:
            raise DefinitionError(f"${{{match[1]}}} has no value.", field=match[1], candidates=sorted(values))
        return json.dumps(values[match[1]])[1:-1]

    definition = json.loads(re.sub(r"\$\{(\w+)\}", replace, text))
    machine = _machine(definition, "the state machine", MACHINE)
    timeout = definition.get("TimeoutSeconds")
    return Machine(machine.start_at, machine.states, timeout)


def _refuse_unknown(found: dict[str, Any], known: set[str], where: str) -> None:
    for name in found:
        if name not in known:
            raise DefinitionError(
                f"{where} uses the field {name!r}, which the local runtime does not run.",
                field=f"{where}.{name}",
                candidates=sorted(known),
            )


def _machine(definition: dict[str, Any], where: str, known: set[str]) -> Machine:
    _refuse_unknown(definition, known, where)
    states = {name: _state(name, fields) for name, fields in definition.get("States", {}).items()}
    start = definition.get("StartAt")
    for name, state in states.items():
        for target in _targets(state.fields):
            if target not in states:
                raise DefinitionError(
                    f"{name} goes to {target!r}, which is no state.", field=name, candidates=list(states)
                )
    if not isinstance(start, str) or start not in states:
        raise DefinitionError(
            f"{where} starts at {start!r}, which is no state.", field="StartAt", candidates=list(states)
        )
    return Machine(start, states)


def _targets(fields: dict[str, Any]) -> list[str]:
    rules = [*fields.get("Choices", []), *fields.get("Catch", [])]
    return [
        value for value in (fields.get("Next"), fields.get("Default"), *(rule.get("Next") for rule in rules)) if value
    ]


def _state(name: str, fields: dict[str, Any]) -> State:
    kind = fields.get("Type", "")
    if kind not in FIELDS:
        raise DefinitionError(f"{name} is of type {kind!r}.", field=f"{name}.Type", candidates=sorted(FIELDS))
    _refuse_unknown(fields, FIELDS[kind], name)
    if "Next" in FIELDS[kind] and ("Next" in fields) == bool(fields.get("End")):
        raise DefinitionError(f"{name} needs either Next or End.", field=name)
    for key in PATHS:
        if fields.get(key) is not None:
            _check_path(fields[key], name, key)
    for key in TEMPLATES:
        intrinsics.check_template(fields.get(key))
    _check_recovery(name, fields)
    CHECKS.get(kind, _nothing_more)(name, fields)
    branches = tuple(_machine(branch, f"a branch of {name}", BRANCH) for branch in fields.get("Branches", []))
    return State(name, kind, fields, _processor(name, fields), branches)


def _check_path(text: str, name: str, key: str) -> None:
    path = paths.parse(text)
    if key == "ResultPath" and (path.context or not path.definite):
        raise DefinitionError(
            f"The ResultPath of {name} must name one place in the input.", field=f"{name}.{key}", got=text
        )


def _check_recovery(name: str, fields: dict[str, Any]) -> None:
    for kind, known in (("Retry", RETRY), ("Catch", CATCH)):
        for rule in fields.get(kind, []):
            _refuse_unknown(rule, known, f"{name}.{kind}")
            if not rule.get("ErrorEquals"):
                raise DefinitionError(f"A {kind} of {name} names no error.", field=f"{name}.{kind}.ErrorEquals")
            if rule.get("ResultPath") is not None:
                _check_path(rule["ResultPath"], name, "ResultPath")
            if rule.get("JitterStrategy", "NONE") not in {"NONE", "FULL"}:
                raise DefinitionError(f"{name} has an unknown JitterStrategy.", field=f"{name}.Retry.JitterStrategy")


def _check_task(name: str, fields: dict[str, Any]) -> None:
    if fields.get("Resource") == RUN_TASK:
        _check_run_task(name, fields.get("Parameters", {}))
        return
    if fields.get("Resource") != LAMBDA_INVOKE:
        raise DefinitionError(
            f"{name} calls {fields.get('Resource')!r}, which the local runtime does not offer.",
            field=f"{name}.Resource",
            expected=LAMBDA_INVOKE,
        )
    known = {"FunctionName", "FunctionName.$", "Payload", "Payload.$"}
    _refuse_unknown(fields.get("Parameters", {}), known, f"{name}.Parameters")
    if not {"FunctionName", "FunctionName.$"} & set(fields.get("Parameters", {})):
        raise DefinitionError(f"{name} names no function.", field=f"{name}.Parameters.FunctionName")


def _check_run_task(name: str, parameters: dict[str, Any]) -> None:
    known = {"LaunchType", "Cluster", "TaskDefinition", "NetworkConfiguration", "Overrides"}
    _refuse_unknown(parameters, known, f"{name}.Parameters")
    containers = parameters.get("Overrides", {}).get("ContainerOverrides", [])
    variables = [each for container in containers for each in container.get("Environment", [])]
    if len(containers) != 1 or [each.get("Name") for each in variables] != [TASK_EVENT]:
        raise DefinitionError(
            f"{name} runs a container task that cannot be run here.",
            field=f"{name}.Parameters.Overrides",
            expected=f"one container, told what to do by {TASK_EVENT} alone",
        )


def _check_choice(name: str, fields: dict[str, Any]) -> None:
    if not fields.get("Choices"):
        raise DefinitionError(f"{name} offers no choice.", field=f"{name}.Choices")
    for rule in fields["Choices"]:
        if "Next" not in rule:
            raise DefinitionError(f"A rule of {name} leads nowhere.", field=f"{name}.Choices.Next")
        choice.check(rule, name)


def _check_wait(name: str, fields: dict[str, Any]) -> None:
    given = [key for key in ("Seconds", "SecondsPath", "Timestamp", "TimestampPath") if key in fields]
    if len(given) != 1:
        raise DefinitionError(f"{name} needs exactly one duration.", field=name, got=str(given))


def _check_map(name: str, fields: dict[str, Any]) -> None:
    if "ItemProcessor" not in fields:
        raise DefinitionError(f"{name} has nothing to run per item.", field=f"{name}.ItemProcessor")


def _check_parallel(name: str, fields: dict[str, Any]) -> None:
    if not fields.get("Branches"):
        raise DefinitionError(f"{name} has no branch.", field=f"{name}.Branches")


def _nothing_more(_name: str, _fields: dict[str, Any]) -> None:
    """Accept a type whose fields say it all."""


CHECKS = {
    "Task": _check_task,
    "Choice": _check_choice,
    "Wait": _check_wait,
    "Map": _check_map,
    "Parallel": _check_parallel,
}


def _processor(name: str, fields: dict[str, Any]) -> Machine | None:
    definition = fields.get("ItemProcessor")
    if definition is None:
        return None
    if definition.get("ProcessorConfig", {"Mode": "INLINE"}) != {"Mode": "INLINE"}:
        raise DefinitionError(f"{name} is no inline Map.", field=f"{name}.ItemProcessor.ProcessorConfig")
    return _machine(definition, f"the processor of {name}", BRANCH | {"ProcessorConfig"})
