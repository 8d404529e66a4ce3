"""Small state machines, each for one feature, with an input and a scripted function: run by two interpreters and compared."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

INVOKE = "arn:aws:states:::lambda:invoke"


@dataclass(frozen=True)
class Case:
    name: str
    definition: dict[str, Any]
    data: Any = None
    same_cause: bool = True
    aws_error: str | None = None  # what AWS documents, where the other interpreter is known to differ


def task(payload: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """A task that calls the scripted function; ends the machine unless it says Next."""
    end = {} if "Next" in fields else {"End": True}
    parameters = {"FunctionName": "scripted", "Payload": payload}
    return {"Type": "Task", "Resource": INVOKE, "Parameters": parameters, **end, **fields}


def machine(**states: Any) -> dict[str, Any]:
    return {"StartAt": next(iter(states)), "States": states}


def passing(**fields: Any) -> dict[str, Any]:
    return {"Type": "Pass", **({} if "Next" in fields else {"End": True}), **fields}


def choosing(*rules: dict[str, Any]) -> dict[str, Any]:
    names = [f"R{index}" for index in range(len(rules))]
    choices = [{**rule, "Next": name} for rule, name in zip(rules, names, strict=True)]
    ends = {name: passing(Result={"to": name}) for name in names}
    return machine(
        C={"Type": "Choice", "Choices": choices, "Default": "D"}, D=passing(Result={"to": "default"}), **ends
    )


def mapping(processor: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"Type": "Map", "ItemProcessor": {"ProcessorConfig": {"Mode": "INLINE"}, **processor}, "End": True, **fields}


QUICK = {"IntervalSeconds": 1, "MaxAttempts": 1, "BackoffRate": 1, "MaxDelaySeconds": 1}
ECHO = {"do": "echo"}

CASES = [
    Case("pass_copies_its_input", machine(P=passing()), {"a": 1}),
    Case("pass_replaces_with_a_result", machine(P=passing(Result={"x": [1, None, "é"]})), {"a": 1}),
    Case("a_result_path_keeps_the_input", machine(P=passing(Result=5, ResultPath="$.b.c")), {"a": 1}),
    Case("a_null_result_path_discards_the_result", machine(P=passing(Result=5, ResultPath=None)), {"a": 1}),
    Case("input_path_selects", machine(P=passing(InputPath="$.a")), {"a": {"b": 2}}),
    Case("a_null_input_path_gives_an_empty_object", machine(P=passing(InputPath=None)), {"a": 1}),
    Case("output_path_selects", machine(P=passing(OutputPath="$.a[1]")), {"a": [1, 2]}),
    Case("a_null_output_path_gives_an_empty_object", machine(P=passing(OutputPath=None)), {"a": 1}),
    Case("a_wildcard_collects", machine(P=passing(InputPath="$.a[*].b")), {"a": [{"b": 1}, {"b": 2}]}),
    Case(
        "parameters_fill_a_template",
        machine(P=passing(Parameters={"x.$": "$.a.b", "y": {"z.$": "$.c[0]"}, "w": ["kept", 1]})),
        {"a": {"b": 1}, "c": [7]},
    ),
    Case("a_quoted_field_is_found", machine(P=passing(Parameters={"x.$": "$['a b']"})), {"a b": 3}),
    Case(
        "format_and_json_functions",
        machine(
            P=passing(
                Parameters={
                    "f.$": "States.Format('{} is {}', $.n, $.v)",
                    "j.$": "States.StringToJson($.t)",
                    "s.$": "States.JsonToString($.v2)",
                    "n.$": "States.Array(1, 'a', $.n)",
                }
            )
        ),
        {"n": "x", "v": 5, "t": '{"k": [1]}', "v2": {"a": 1}},
    ),
    Case(
        "array_functions",
        machine(
            P=passing(
                Parameters={
                    "l.$": "States.ArrayLength($.a)",
                    "g.$": "States.ArrayGetItem($.a, 1)",
                    "c.$": "States.ArrayContains($.a, 2)",
                    "p.$": "States.ArrayPartition($.a, 2)",
                    "r.$": "States.ArrayRange(1, 5, 2)",
                    "m.$": "States.MathAdd($.a[0], 3)",
                    "x.$": "States.StringSplit('a,b', ',')",
                    "j.$": "States.JsonMerge($.o, $.q, false)",
                    "nested.$": "States.Format('{}', States.ArrayLength($.a))",
                }
            )
        ),
        {"a": [1, 2, 3], "o": {"a": 1, "b": 1}, "q": {"b": 2}},
    ),
    Case("base64_round_trip", machine(P=passing(Parameters={"d.$": "States.Base64Decode(States.Base64Encode('he'))"}))),
    Case(
        "a_choice_of_strings",
        choosing({"Variable": "$.k", "StringEquals": "b"}, {"Variable": "$.k", "StringEquals": "a"}),
        {"k": "a"},
    ),
    Case("a_choice_falls_to_its_default", choosing({"Variable": "$.k", "StringEquals": "b"}), {"k": "z"}),
    Case("a_choice_of_numbers", choosing({"Variable": "$.n", "NumericGreaterThanEquals": 2}), {"n": 2}),
    Case("a_number_is_no_string", choosing({"Variable": "$.n", "StringEquals": "2"}), {"n": 2}),
    Case("a_choice_of_booleans", choosing({"Variable": "$.b", "BooleanEquals": False}), {"b": False}),
    Case("presence", choosing({"Variable": "$.gone", "IsPresent": False}), {"b": 1}),
    Case(
        "null_is_present",
        choosing({"And": [{"Variable": "$.b", "IsPresent": True}, {"Variable": "$.b", "IsNull": True}]}),
        {"b": None},
    ),
    Case(
        "types",
        choosing({"And": [{"Variable": "$.n", "IsNumeric": True}, {"Variable": "$.s", "IsString": True}]}),
        {"n": 1, "s": "x"},
    ),
    Case("wildcard_match", choosing({"Variable": "$.s", "StringMatches": "log-*.txt"}), {"s": "log-12.txt"}),
    Case("comparing_two_paths", choosing({"Variable": "$.a", "NumericLessThanPath": "$.b"}), {"a": 1, "b": 2}),
    Case(
        "not_and_or",
        choosing({"Not": {"Or": [{"Variable": "$.a", "NumericEquals": 2}, {"Variable": "$.a", "NumericEquals": 3}]}}),
        {"a": 1},
    ),
    Case(
        "timestamps",
        choosing({"Variable": "$.t", "TimestampLessThan": "2026-01-02T00:00:00Z"}),
        {"t": "2026-01-01T00:00:00Z"},
    ),
    Case(
        "no_choice_matched",
        machine(C={"Type": "Choice", "Choices": [{"Variable": "$.k", "StringEquals": "b", "Next": "E"}]}, E=passing()),
        {"k": "a"},
        aws_error="States.NoChoiceMatched",
    ),
    Case("fail_with_error_and_cause", machine(F={"Type": "Fail", "Error": "My.Error", "Cause": "because"})),
    Case("fail_by_path", machine(F={"Type": "Fail", "ErrorPath": "$.e", "CausePath": "$.c"}), {"e": "E1", "c": "why"}),
    Case("succeed_with_output_path", machine(S={"Type": "Succeed", "OutputPath": "$.a"}), {"a": 4}),
    Case("a_task_returns_its_payload", machine(T=task({"do": "echo", "v.$": "$.v"}, OutputPath="$.Payload")), {"v": 9}),
    Case(
        "a_result_selector",
        machine(T=task({"do": "echo", "v.$": "$.v"}, ResultSelector={"w.$": "$.Payload.v"}, ResultPath="$.r")),
        {"v": 9},
    ),
    Case("an_uncaught_error", machine(T=task({"do": "raise", "error": "CustomError"}))),
    Case(
        "a_caught_error",
        machine(
            T=task(
                {"do": "raise", "error": "CustomError"},
                Catch=[{"ErrorEquals": ["CustomError"], "ResultPath": "$.e", "Next": "C"}],
            ),
            C=passing(),
        ),
        {"a": 1},
    ),
    Case(
        "an_error_replaces_the_input_by_default",
        machine(
            T=task({"do": "raise", "error": "CustomError"}, Catch=[{"ErrorEquals": ["States.ALL"], "Next": "C"}]),
            C=passing(),
        ),
        {"a": 1},
    ),
    Case(
        "the_first_fitting_catcher_wins",
        machine(
            T=task(
                {"do": "raise", "error": "CustomError"},
                Catch=[
                    {"ErrorEquals": ["OtherError"], "Next": "A"},
                    {"ErrorEquals": ["States.TaskFailed"], "Next": "B", "ResultPath": None},
                    {"ErrorEquals": ["States.ALL"], "Next": "A"},
                ],
            ),
            A=passing(Result={"to": "A"}),
            B=passing(Result={"to": "B"}),
        ),
    ),
    Case(
        "a_retry_that_succeeds",
        machine(
            T=task(
                {"do": "flaky", "times": 1}, Retry=[{"ErrorEquals": ["FlakyError"], **QUICK}], OutputPath="$.Payload"
            )
        ),
    ),
    Case(
        "a_retry_that_is_used_up",
        machine(T=task({"do": "flaky", "times": 5}, Retry=[{"ErrorEquals": ["States.ALL"], **QUICK}])),
    ),
    Case(
        "no_retry_for_other_errors",
        machine(T=task({"do": "flaky", "times": 1}, Retry=[{"ErrorEquals": ["OtherError"], **QUICK}])),
    ),
    Case(
        "zero_attempts_mean_no_retry",
        machine(
            T=task(
                {"do": "flaky", "times": 1},
                Retry=[{"ErrorEquals": ["FlakyError"], "MaxAttempts": 0}, {"ErrorEquals": ["States.ALL"], **QUICK}],
            )
        ),
    ),
    Case("a_task_that_times_out", machine(T=task({"do": "sleep", "seconds": 3}, TimeoutSeconds=1)), same_cause=False),
    Case(
        "a_task_that_takes_longer_than_its_input_allows",
        machine(T=task({"do": "sleep", "seconds": 3}, TimeoutSecondsPath="$.limit")),
        {"limit": 1},
        same_cause=False,
    ),
    Case(
        "a_caught_timeout",
        machine(
            T=task(
                {"do": "sleep", "seconds": 3},
                TimeoutSeconds=1,
                Catch=[{"ErrorEquals": ["States.Timeout"], "ResultPath": None, "Next": "C"}],
            ),
            C=passing(Result={"to": "caught"}),
        ),
    ),
    Case(
        "a_machine_that_times_out",
        {**machine(W={"Type": "Wait", "Seconds": 5, "End": True}), "TimeoutSeconds": 1},
        same_cause=False,
    ),
    Case("waiting_by_path", machine(W={"Type": "Wait", "SecondsPath": "$.s", "End": True}), {"s": 0}),
    Case(
        "waiting_until_a_moment_that_is_past",
        machine(W={"Type": "Wait", "Timestamp": "2020-01-01T00:00:00Z", "End": True}),
        {"s": 0},
    ),
    Case(
        "a_map_over_items",
        machine(M=mapping(machine(T=task({"do": "echo", "v.$": "$"}, OutputPath="$.Payload.v")), ItemsPath="$.xs")),
        {"xs": [1, 2, 3]},
    ),
    Case(
        "an_item_selector_with_the_context",
        machine(
            M=mapping(
                machine(P=passing()),
                ItemsPath="$.xs",
                ItemSelector={"i.$": "$$.Map.Item.Index", "v.$": "$$.Map.Item.Value", "k.$": "$.k"},
                ResultPath="$.out",
            )
        ),
        {"xs": ["a", "b"], "k": 1},
    ),
    Case("an_empty_map", machine(M=mapping(machine(P=passing()), ItemsPath="$.xs")), {"xs": []}),
    Case(
        "a_map_over_no_array",
        machine(M=mapping(machine(P=passing()), ItemsPath="$.xs")),
        {"xs": {"a": 1}},
        aws_error="States.Runtime",
    ),
    Case(
        "nested_maps",
        machine(
            M=mapping(machine(N=mapping(machine(P=passing()), MaxConcurrency=0)), ItemsPath="$.xs", MaxConcurrency=1)
        ),
        {"xs": [[1, 2], [], [3]]},
    ),
    Case(
        "a_failing_iteration_fails_the_map",
        machine(
            M=mapping(machine(T=task({"do": "fail_if", "v.$": "$", "bad": 2})), ItemsPath="$.xs", MaxConcurrency=1)
        ),
        {"xs": [1, 2, 3]},
        same_cause=False,
    ),
    Case(
        "a_map_that_catches",
        machine(
            M=mapping(
                machine(T=task({"do": "raise", "error": "CustomError"})),
                ItemsPath="$.xs",
                Catch=[{"ErrorEquals": ["States.ALL"], "ResultPath": "$.e", "Next": "C"}],
            ),
            C=passing(Parameters={"e.$": "$.e.Error"}),
        ),
        {"xs": [1]},
    ),
    Case(
        "a_map_that_retries",
        machine(
            M=mapping(
                machine(T=task({"do": "flaky", "times": 1}, OutputPath="$.Payload")),
                ItemsPath="$.xs",
                Retry=[{"ErrorEquals": ["States.ALL"], **QUICK}],
            )
        ),
        {"xs": [1]},
    ),
    Case(
        "a_parallel_keeps_the_order_of_its_branches",
        machine(
            P={
                "Type": "Parallel",
                "Branches": [
                    machine(A=task({"do": "echo", "v": 1}, OutputPath="$.Payload.v")),
                    machine(B=passing(Result=2)),
                ],
                "End": True,
            }
        ),
        {},
    ),
    Case(
        "a_failing_branch_fails_the_parallel",
        machine(
            P={
                "Type": "Parallel",
                "Branches": [
                    machine(A=task({"do": "raise", "error": "CustomError"})),
                    machine(W={"Type": "Wait", "Seconds": 20, "End": True}),
                ],
                "Catch": [{"ErrorEquals": ["CustomError"], "Next": "C"}],
                "End": True,
            },
            C=passing(Result={"to": "caught"}),
        ),
        {},
    ),
    Case(
        "the_context_names_the_execution",
        machine(P=passing(Parameters={"n.$": "$$.Execution.Name", "s.$": "$$.State.Name"})),
        {},
    ),
    Case("a_missing_path_in_parameters", machine(P=passing(Parameters={"x.$": "$.gone"})), {}, same_cause=False),
    Case("a_missing_input_path", machine(P=passing(InputPath="$.gone")), {}, same_cause=False),
    Case("a_missing_output_path", machine(P=passing(OutputPath="$.gone")), {}, same_cause=False),
    Case(
        "a_missing_path_is_not_caught_by_all",
        machine(
            T=task({"v.$": "$.gone"}, Catch=[{"ErrorEquals": ["States.ALL"], "Next": "C"}]),
            C=passing(Result={"to": "caught"}),
        ),
        {},
        aws_error="States.Runtime",
    ),
    Case(
        "an_intrinsic_that_fails",
        machine(P=passing(Parameters={"x.$": "States.StringToJson($.t)"})),
        {"t": "{"},
        aws_error="States.IntrinsicFailure",
    ),
    Case(
        "a_loop_by_choice",
        machine(
            A=passing(Parameters={"n.$": "States.MathAdd($.n, 1)"}, Next="C"),
            C={"Type": "Choice", "Choices": [{"Variable": "$.n", "NumericLessThan": 4, "Next": "A"}], "Default": "E"},
            E={"Type": "Succeed"},
        ),
        {"n": 0},
    ),
    Case(
        "input_path_and_result_path",
        machine(P=passing(InputPath="$.a", Result=1, ResultPath="$.r")),
        {"a": {"b": 2}, "c": 3},
    ),
    Case("a_result_too_large", machine(T=task({"do": "large", "bytes": 300_000})), same_cause=False),
]
