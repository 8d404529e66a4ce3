"""Executions that ended outside their own states: the message about it ends the composition too."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from e2i_shared import bootstrap
from e2i_shared.api.composition import CompositionStatus
from e2i_shared.http.letters import noted
from e2i_shared.observability import telemetry

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

# What the execution's status makes of the composition, and what its row then says.
ENDINGS = {
    "TIMED_OUT": (CompositionStatus.TIMEOUT, "The composition passed its deadline."),
    "ABORTED": (CompositionStatus.TIMEOUT, "The composition's execution was stopped before it ended."),
    "FAILED": (CompositionStatus.FAILED, "The composition's execution failed outside its own states."),
}


@noted
def end_composition(record: SQSRecord) -> None:
    """End the composition that a message is about, unless it ended by itself; a second delivery changes nothing."""
    detail: dict[str, Any] = json.loads(record.body)["detail"]
    about = json.loads(detail["input"])
    status, message = ENDINGS[detail["status"]]
    compositions = bootstrap.for_tenant(about["tenant_id"]).compositions
    if compositions.get(about["composition_id"]).attempt != about.get("attempt", 1):
        return  # an earlier attempt's end, told late
    if compositions.fail(about["composition_id"], status, message):
        telemetry.note("composition_ended", composition_id=about["composition_id"], status=status.value)
        telemetry.count("Compositions", {"status": status.value})
