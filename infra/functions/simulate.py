"""Asks twins: numpy alone, warm in milliseconds."""

from infra.functions import EventRule, FunctionDescription, Queue, Route

V1 = "/api/v1"

FUNCTION = FunctionDescription(
    name="simulate",
    summary="Simulates on trained twins, compares them with what came true, keeps twins of single entities.",
    package="zip",
    memory_mb=1769,
    timeout_seconds=29,
    rights=("database", "objects_read", "publish_events"),
    routes=(
        Route("POST", f"{V1}/digital-twins/{{twin_id}}/simulate"),
        Route("POST", f"{V1}/digital-twins/{{twin_id}}/events"),
        Route("GET", f"{V1}/digital-twins/{{twin_id}}/fidelity"),
        Route("POST", f"{V1}/digital-twin/simulate"),
        Route("POST", f"{V1}/digital-twin/validate"),
        Route("GET", f"{V1}/digital-twin/models/{{model_id}}/fidelity"),
    ),
    queue=Queue("simulation-requested", visibility_seconds=180, batch_size=1),
    event_rules=(
        EventRule(
            "simulation-asked-for",
            {"source": ["e2i"], "detail-type": ["simulation.requested"]},
            queue="simulation-requested",
        ),
    ),
    local_workers=2,
)
