"""The composer's states: decompose, plan, execute a step with numpy alone, synthesize, record a failure."""

from infra.functions import FunctionDescription

FUNCTION = FunctionDescription(
    name="compose_step",
    summary="One state of the composition workflow.",
    package="zip",
    memory_mb=1769,
    timeout_seconds=60,
    rights=("database", "objects_read", "objects_write", "language_models"),
    local_workers=4,
)
