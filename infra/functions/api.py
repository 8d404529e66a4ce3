"""Every route that neither classifies nor runs a tool."""

from infra.functions import FunctionDescription, Route

V1 = "/api/v1"

FUNCTION = FunctionDescription(
    name="api",
    summary="Reads and writes everything that is quick.",
    package="zip",
    memory_mb=1024,
    timeout_seconds=29,
    rights=("database", "start_workflow", "objects_read", "objects_write"),
    routes=(
        Route("GET", f"{V1}/health", public=True),
        Route("GET", f"{V1}/ready", public=True),
        Route("GET", f"{V1}/config"),
        Route("GET", f"{V1}/openapi.json", public=True),
        Route("GET", f"{V1}/docs", public=True),
        Route("GET", f"{V1}/classifications/accuracy"),
        Route("GET", f"{V1}/classifications/feedback"),
        Route("GET", f"{V1}/classifications/{{classification_id}}"),
        Route("POST", f"{V1}/classifications/{{classification_id}}/feedback"),
        Route("POST", f"{V1}/compose"),
        Route("GET", f"{V1}/compositions"),
        Route("GET", f"{V1}/compositions/{{composition_id}}"),
        Route("GET", f"{V1}/compositions/{{composition_id}}/steps"),
        Route("POST", f"{V1}/compositions/{{composition_id}}/feedback"),
        Route("POST", f"{V1}/ask"),
        Route("GET", f"{V1}/datasets"),
        Route("GET", f"{V1}/datasets/{{dataset_id}}"),
        Route("PATCH", f"{V1}/datasets/{{dataset_id}}/columns/{{name}}"),
        Route("DELETE", f"{V1}/datasets/{{dataset_id}}"),
        Route("POST", f"{V1}/uploads"),
        Route("GET", f"{V1}/cohorts"),
        Route("GET", f"{V1}/cohorts/{{cohort_id}}"),
        Route("GET", f"{V1}/tools"),
        Route("GET", f"{V1}/tools/{{name}}"),
    ),
    local_workers=6,
)
