"""Ends a composition whose execution timed out, was aborted or failed outside its own states."""

from infra.functions import EventRule, FunctionDescription, Queue

FUNCTION = FunctionDescription(
    name="composition_status",
    summary="Turns an execution's end into the composition's.",
    package="zip",
    memory_mb=512,
    timeout_seconds=30,
    rights=("database",),
    queue=Queue("composition-status", visibility_seconds=180),
    event_rules=(
        EventRule(
            "composition-ended",
            {
                "source": ["aws.states"],
                "detail-type": ["Step Functions Execution Status Change"],
                "detail": {"status": ["TIMED_OUT", "ABORTED", "FAILED"]},
            },
            queue="composition-status",
            machine="compose",
        ),
    ),
    local_workers=1,
)
