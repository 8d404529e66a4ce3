"""Compares twins with their data as it is now and with what came true, every day and on demand."""

from infra.functions import FunctionDescription, Route

FUNCTION = FunctionDescription(
    name="fidelity_check",
    summary="How far each active twin can still be trusted; alarms when one degrades.",
    package="zip",
    memory_mb=1769,
    timeout_seconds=300,
    rights=("database", "objects_read", "publish_events"),
    routes=(Route("POST", "/api/v1/digital-twins/{twin_id}/fidelity"),),
    schedule="rate(1 day)",
    local_workers=1,
)
