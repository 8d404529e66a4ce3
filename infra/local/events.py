"""EventBridge: which rules an event matches, and the envelope it travels in."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from e2i_shared.errors import ConfigurationError

from infra.local.asl.errors import dumps
from infra.local.executions import ACCOUNT, REGION, execution_arn, machine_arn
from infra.local.store import Statement

if TYPE_CHECKING:
    from collections.abc import Iterable

    from infra.functions import EventRule, FunctionDescription
    from infra.local.store import Row


def timestamp(moment: datetime) -> str:
    """Return a moment as EventBridge writes it."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def envelope(source: str, detail_type: str, detail: dict[str, Any], resources: Iterable[str] = ()) -> dict[str, Any]:
    """Return an event as its targets receive it."""
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": detail_type,
        "source": source,
        "account": ACCOUNT,
        "time": timestamp(datetime.now(UTC)),
        "region": REGION,
        "resources": list(resources),
        "detail": detail,
    }


def matches(pattern: dict[str, Any], event: dict[str, Any]) -> bool:
    """Return whether every field of the pattern lists the event's value."""
    for name, wanted in pattern.items():
        value = event.get(name)
        if isinstance(wanted, dict):
            if not isinstance(value, dict) or not matches(wanted, value):
                return False
        elif not any(item in wanted for item in (value if isinstance(value, list) else [value])):
            return False
    return True


def _check(rule: str, pattern: dict[str, Any]) -> None:
    for name, wanted in pattern.items():
        if isinstance(wanted, dict):
            _check(rule, wanted)
        elif not isinstance(wanted, list) or any(isinstance(item, dict | list) for item in wanted):
            raise ConfigurationError(
                f"The rule {rule!r} has a pattern that cannot be run here.", field=name, expected="a list of values"
            )


def _narrowed(rule: EventRule) -> EventRule:
    """Return a rule whose pattern names the state machine it is about."""
    if rule.machine is None:
        return rule
    detail = {**rule.pattern.get("detail", {}), "stateMachineArn": [machine_arn(rule.machine)]}
    return replace(rule, pattern={**rule.pattern, "detail": detail})


@dataclass(frozen=True, slots=True)
class Bus:
    """The event bus with its rules; publishing yields statements, so that an event can share a commit with what caused it."""

    rules: tuple[EventRule, ...]

    @classmethod
    def of(cls, descriptions: Iterable[FunctionDescription]) -> Bus:
        """Return the bus with the rules of all functions.

        Raises
        ------
        ConfigurationError
            When a pattern uses more than lists of values.
        """
        rules = tuple(_narrowed(rule) for description in descriptions for rule in description.event_rules)
        for rule in rules:
            _check(rule.name, rule.pattern)
        return cls(rules)

    def publish(self, event: dict[str, Any]) -> list[Statement]:
        """Return the statements that keep the event and send it to the queue of each rule it matches."""
        body = dumps(event)
        kept = {"id": event["id"], "source": event["source"], "detail_type": event["detail-type"], "body": body}
        queues = [rule.queue for rule in self.rules if matches(rule.pattern, event)]
        sent = [{"queue": queue, "body": body, "attributes": "{}", "delay": 0} for queue in queues]
        return [Statement("keep_event", [kept]), *([Statement("send_message", sent)] if sent else [])]

    def execution_changed(self, row: Row) -> list[Statement]:
        """Return the statements that publish an execution's end."""
        arn = execution_arn(row["machine"], row["name"])
        detail = {
            "executionArn": arn,
            "stateMachineArn": machine_arn(row["machine"]),
            "name": row["name"],
            "status": row["status"],
            "startDate": _milliseconds(row["started_at"]),
            "stopDate": _milliseconds(row["stopped_at"]),
            "input": row["input"],
            "inputDetails": {"included": True},
            "output": row["output"],
            "outputDetails": {"included": True} if row["output"] is not None else None,
            "error": row["error"],
            "cause": row["cause"],
        }
        return self.publish(envelope("aws.states", "Step Functions Execution Status Change", detail, [arn]))


def _milliseconds(moment: datetime | None) -> int | None:
    return None if moment is None else int(moment.timestamp() * 1000)


def from_entry(entry: dict[str, Any]) -> dict[str, Any]:
    """Return the event of one entry of ``PutEvents``.

    Raises
    ------
    ValueError
        When a required member is missing or ``Detail`` is no JSON object.
    """
    missing = [name for name in ("Source", "DetailType", "Detail") if not entry.get(name)]
    if missing:
        raise ValueError(f"Parameter {missing[0]} is not valid. Reason: {missing[0]} is a required argument.")
    detail = json.loads(entry["Detail"])
    if not isinstance(detail, dict):
        raise ValueError("Detail is malformed: it is no object.")  # noqa: TRY004 - a value of the caller's
    return envelope(entry["Source"], entry["DetailType"], detail, entry.get("Resources", ()))
