"""Tools that need scikit-learn or XGBoost, and loading files: the image-based function."""

from infra.functions import FunctionDescription, Route

FUNCTION = FunctionDescription(
    name="run_tool",
    summary="Runs one tool, alone or as a step of a composition; loads data sets (needs pyarrow).",
    package="image",
    memory_mb=3008,
    timeout_seconds=300,
    rights=("database", "objects_read", "objects_write"),
    routes=(
        Route("POST", "/api/v1/tools/{name}/run"),
        Route("POST", "/api/v1/datasets"),
        Route("GET", "/api/v1/datasets/{dataset_id}/drift"),
        Route("POST", "/api/v1/cohorts"),
    ),
    local_workers=3,
)
