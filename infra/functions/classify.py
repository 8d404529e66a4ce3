"""Questions to routes: the function with the tightest latency budget."""

from infra.functions import FunctionDescription, Route

FUNCTION = FunctionDescription(
    name="classify",
    summary="Classifies a question: domains, sub-questions, dependencies, routing pattern.",
    package="zip",
    memory_mb=1024,
    timeout_seconds=10,
    rights=("database", "language_models"),
    routes=(Route("POST", "/api/v1/classify"),),
)
