"""Starts trainings that were asked for; ends those whose execution timed out, was aborted or failed outside its states."""

from infra.functions import EventRule, FunctionDescription, Queue

FUNCTION = FunctionDescription(
    name="dispatch_training",
    summary="Training queue to training workflow, and an execution's end to the job's.",
    package="zip",
    memory_mb=512,
    timeout_seconds=30,
    rights=("database", "start_training"),
    queue=Queue("training-requested", visibility_seconds=180, batch_size=1),
    event_rules=(
        EventRule(
            "training-asked-for",
            {"source": ["e2i"], "detail-type": ["training.requested"]},
            queue="training-requested",
        ),
        EventRule(
            "training-log-asked-for",
            {"source": ["e2i"], "detail-type": ["training.log_requested"]},
            queue="training-requested",
        ),
        EventRule(
            "training-ended",
            {
                "source": ["aws.states"],
                "detail-type": ["Step Functions Execution Status Change"],
                "detail": {"status": ["TIMED_OUT", "ABORTED", "FAILED"]},
            },
            queue="training-requested",
            machine="train_twin",
        ),
    ),
    local_workers=1,
)
