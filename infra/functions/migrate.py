"""Brings the database to this version of the code before the new code takes traffic."""

from infra.functions import FunctionDescription

FUNCTION = FunctionDescription(
    name="migrate",
    summary="Applies migrations and synchronises the tool registry, once per deployment.",
    package="zip",
    memory_mb=512,
    timeout_seconds=300,
    rights=("database_admin",),
    runs_on_deploy=True,
    local_workers=0,
)
