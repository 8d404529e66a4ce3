"""Log lines are JSON with the ids that connect them; metrics are lines CloudWatch reads."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from e2i_shared.observability import telemetry
from logs import logged

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def _clean() -> Iterator[None]:
    yield
    telemetry.forget()


def test_remembered_ids_are_on_every_line_until_forgotten():
    with logged() as lines:
        telemetry.remember(correlation_id="c-1", composition_id="k-1")
        telemetry.note("one")
        telemetry.forget()
        telemetry.note("two")

    one, two = lines
    assert (one["correlation_id"], one["composition_id"]) == ("c-1", "k-1")
    assert "correlation_id" not in two
    assert "composition_id" not in two


def test_a_note_never_holds_a_question():
    with logged() as lines:
        telemetry.note("asked", query="Did it work?", status=200)
    assert lines[0]["status"] == 200
    assert "Did it work?" not in json.dumps(lines)


def test_a_failure_is_logged_with_its_stack_and_without_secrets():
    def fail() -> None:
        message = "password=hunter2"
        raise ValueError(message)

    with pytest.raises(ValueError, match="hunter2") as failure:
        fail()
    with logged() as lines:
        telemetry.log_failure(failure.value, 500)

    (line,) = lines
    assert (line["level"], line["error_type"], line["status"]) == ("ERROR", "ValueError", 500)
    assert "in fail" in line["stack"]
    assert "hunter2" not in json.dumps(line)


def test_a_metric_is_one_embedded_metric_line(capsys):
    telemetry.count("ToolExecutions", {"tool": "psi_calculator"}, tool_ms=12.5)

    line = json.loads(capsys.readouterr().out)
    (directive,) = line["_aws"]["CloudWatchMetrics"]
    assert directive["Namespace"] == "E2I"
    assert directive["Dimensions"] == [["tool"]]
    assert {metric["Name"]: line[metric["Name"]] for metric in directive["Metrics"]} == {
        "ToolExecutions": 1,
        "tool_ms": 12.5,
    }
    assert line["tool"] == "psi_calculator"
