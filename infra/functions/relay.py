"""Publishes the outbox and starts compositions whose start was lost."""

from infra.functions import FunctionDescription

FUNCTION = FunctionDescription(
    name="relay",
    summary="Outbox to events, at least once.",
    package="zip",
    memory_mb=512,
    timeout_seconds=60,
    rights=("database", "start_workflow", "publish_events"),
    schedule="rate(1 minute)",
    local_workers=1,
)
