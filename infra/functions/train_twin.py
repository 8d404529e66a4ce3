"""Learns twins; the same image also runs as a container task where a data set is large."""

from infra.functions import FunctionDescription, Task

FUNCTION = FunctionDescription(
    name="train_twin",
    summary="One phase of the training workflow: train, log, record a failure.",
    package="image",
    memory_mb=8192,
    timeout_seconds=900,
    rights=("database", "objects_read", "objects_write", "experiment_log"),
    task=Task(cpu=4096, memory_mb=16384, module="functions.train_twin.task"),
    local_workers=1,
)
