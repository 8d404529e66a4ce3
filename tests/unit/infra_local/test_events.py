"""Events, rules, schedules, queue records, history."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from e2i_shared.errors import ConfigurationError
from hypothesis import given
from hypothesis import strategies as st
from tiny.descriptions import tiny

from infra.functions import EventRule, all_functions
from infra.local.events import Bus, envelope, from_entry, matches
from infra.local.executions import execution_arn
from infra.local.history import history_events
from infra.local.queues import _failed, _record, dead_letters
from infra.local.schedule import Schedules, interval
from infra.local.workers import Outcome, failure

MOMENT = datetime(2026, 1, 2, 3, 4, 5, 678_000, tzinfo=UTC)


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ({}, True),
        ({"source": ["e2i"]}, True),
        ({"source": ["aws", "e2i"]}, True),
        ({"source": ["aws"]}, False),
        ({"detail": {"status": ["FAILED"]}}, True),
        ({"detail": {"status": ["OK"]}}, False),
        ({"detail": {"status": ["FAILED"], "gone": ["x"]}}, False),
        ({"gone": {"x": ["y"]}}, False),
        ({"source": {"x": ["y"]}}, False),
        ({"detail": {"tags": ["b"]}}, True),
        ({"detail": {"tags": ["z"]}}, False),
        ({"detail": {"deep": {"er": [1]}}}, True),
    ],
)
def test_a_rule_matches_by_every_field_it_names(pattern: dict[str, Any], expected: bool):
    event = {"source": "e2i", "detail": {"status": "FAILED", "tags": ["a", "b"], "deep": {"er": 1}}}

    assert matches(pattern, event) is expected


@pytest.mark.parametrize("pattern", [{"a": [{"prefix": "x"}]}, {"a": "x"}, {"a": {"b": [["x"]]}}])
def test_a_pattern_that_cannot_be_run_is_refused(pattern: dict[str, Any]):
    described = tiny("f", event_rules=(EventRule("odd", pattern, "q"),))

    with pytest.raises(ConfigurationError) as caught:
        Bus.of([described])

    assert "odd" in caught.value.message


@given(st.dictionaries(st.sampled_from("abc"), st.sampled_from("xyz"), max_size=3))
def test_a_pattern_made_of_the_event_matches_it(event: dict[str, str]):
    assert matches({name: [value] for name, value in event.items()}, event)


def row(status: str) -> dict[str, Any]:
    return {
        "machine": "compose",
        "name": "n",
        "status": status,
        "input": '{"composition_id": "n"}',
        "output": '{"ok": 1}' if status == "SUCCEEDED" else None,
        "error": None,
        "cause": None,
        "started_at": MOMENT,
        "stopped_at": MOMENT + timedelta(seconds=2),
    }


@pytest.mark.parametrize(
    ("status", "told"), [("FAILED", True), ("TIMED_OUT", True), ("ABORTED", True), ("SUCCEEDED", False)]
)
def test_the_products_rule_sends_abnormal_ends_to_its_queue(status: str, told: bool):
    statements = Bus.of(all_functions()).execution_changed(row(status))

    assert statements[0].name == "keep_event"
    queues = [values["queue"] for statement in statements[1:] for values in statement.values]
    assert queues == (["composition-status"] if told else [])


def test_an_end_is_told_as_step_functions_tells_it():
    event = json.loads(Bus(()).execution_changed(row("SUCCEEDED"))[0].values[0]["body"])

    assert event["source"] == "aws.states"
    assert event["detail-type"] == "Step Functions Execution Status Change"
    assert event["resources"] == [execution_arn("compose", "n")]
    detail = event["detail"]
    assert detail["executionArn"] == execution_arn("compose", "n")
    assert detail["startDate"] == 1_767_323_045_678
    assert detail["stopDate"] - detail["startDate"] == 2000
    assert json.loads(detail["input"]) == {"composition_id": "n"}
    assert json.loads(detail["output"]) == {"ok": 1}


def test_an_entry_becomes_an_event():
    event = from_entry({"Source": "e2i", "DetailType": "Done", "Detail": '{"a": 1}', "Resources": ["r"]})

    assert (event["source"], event["detail-type"], event["detail"], event["resources"]) == (
        "e2i",
        "Done",
        {"a": 1},
        ["r"],
    )
    assert event["account"] == "000000000000"


@pytest.mark.parametrize(
    "entry",
    [
        {},
        {"Source": "e2i", "DetailType": "D"},
        {"Source": "", "DetailType": "D", "Detail": "{}"},
        {"Source": "e2i", "DetailType": "D", "Detail": "{"},
        {"Source": "e2i", "DetailType": "D", "Detail": "[]"},
        {"Source": "e2i", "DetailType": "D", "Detail": "5"},
    ],
)
def test_an_entry_that_is_none_is_refused(entry: dict[str, str]):
    with pytest.raises(ValueError, match=r"."):
        from_entry(entry)


def test_each_event_has_its_own_id():
    assert envelope("s", "t", {})["id"] != envelope("s", "t", {})["id"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("rate(1 minute)", timedelta(minutes=1)),
        ("rate(5 minutes)", timedelta(minutes=5)),
        ("rate(2 hours)", timedelta(hours=2)),
        ("rate(1 day)", timedelta(days=1)),
    ],
)
def test_a_rate(text: str, expected: timedelta):
    assert interval(text) == expected


@pytest.mark.parametrize(
    "text",
    ["", "rate()", "rate(0 minutes)", "rate(-1 minutes)", "rate(1 week)", "cron(0 1 * * ? *)", "rate(1 minute) "],
)
def test_a_schedule_that_cannot_be_run_is_refused(text: str):
    with pytest.raises(ConfigurationError) as caught:
        interval(text)

    assert caught.value.field == "schedule"


def test_every_shipped_schedule_can_be_run():
    scheduled = {each.name for each in all_functions() if each.schedule}

    assert set(Schedules.of(all_functions(), None, None).rates) == scheduled  # type: ignore[arg-type]  # nothing is fired


ROWS = [{"id": "m1"}, {"id": "m2"}]


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ({"batchItemFailures": []}, set()),
        ({"batchItemFailures": [{"itemIdentifier": "m2"}]}, {"m2"}),
        ({}, set()),
        (None, set()),
        ({"batchItemFailures": None}, set()),
        ({"batchItemFailures": [{"itemIdentifier": "stranger"}]}, {"m1", "m2"}),
        ({"batchItemFailures": [{}]}, {"m1", "m2"}),
        ({"batchItemFailures": ["m1"]}, {"m1", "m2"}),
        ("text", {"m1", "m2"}),
    ],
)
def test_which_messages_are_tried_again(answer: Any, expected: set[str]):
    assert _failed(Outcome(ok=True, payload=json.dumps(answer).encode()), ROWS) == expected


def test_after_an_error_all_messages_are_tried_again():
    assert _failed(failure("ValueError", "x"), ROWS) == {"m1", "m2"}


def test_a_message_looks_as_sqs_sends_it():
    record = _record(
        "q", {"id": "m", "body": "é", "attributes": "{}", "sent_at": MOMENT, "first_received_at": MOMENT, "receives": 2}
    )

    assert record["messageId"] == "m"
    assert record["eventSource"] == "aws:sqs"
    assert record["eventSourceARN"] == "arn:aws:sqs:us-east-1:000000000000:q"
    assert record["attributes"]["ApproximateReceiveCount"] == "2"
    assert record["attributes"]["SentTimestamp"] == "1767323045678"
    assert record["md5OfBody"] == hashlib.md5("é".encode(), usedforsecurity=False).hexdigest()
    assert dead_letters("q") == "q-dlq"


def test_powertools_reads_our_sqs_records():
    from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response

    record = _record(
        "q", {"id": "m", "body": "b", "attributes": "{}", "sent_at": MOMENT, "first_received_at": MOMENT, "receives": 1}
    )
    seen: list[str] = []

    result = process_partial_response(
        event={"Records": [record]},
        record_handler=lambda record: seen.append(record.body),
        processor=BatchProcessor(event_type=EventType.SQS),
        context=None,
    )

    assert seen == ["b"]
    assert result == {"batchItemFailures": []}


def test_history_has_awss_names():
    rows = [
        {"kind": "ExecutionStarted", "at": MOMENT, "details": '{"input": {"a": 1}}'},
        {"kind": "TaskStateEntered", "at": MOMENT, "details": '{"name": "T", "input": null}'},
        {"kind": "TaskFailed", "at": MOMENT, "details": '{"error": "E", "cause": "c"}'},
        {"kind": "MapStateExited", "at": MOMENT, "details": '{"name": "M", "output": []}'},
        {"kind": "ExecutionAborted", "at": MOMENT, "details": "{}"},
    ]

    events = history_events(rows)

    assert [event["id"] for event in events] == [1, 2, 3, 4, 5]
    assert events[0]["executionStartedEventDetails"] == {"input": '{"a":1}'}
    assert events[1]["stateEnteredEventDetails"] == {"name": "T", "input": "null"}
    assert events[2]["taskFailedEventDetails"] == {"error": "E", "cause": "c"}
    assert events[3]["stateExitedEventDetails"]["output"] == "[]"
    assert set(events[4]) == {"id", "previousEventId", "timestamp", "type"}
    assert history_events(rows, newest_first=True) == events[::-1]
