"""The OpenAPI 3.1 document of all HTTP functions together, and the page that shows it."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.event_handler.openapi.models import HTTPBearer, Server
from aws_lambda_powertools.event_handler.openapi.swagger_ui import generate_swagger_html

import e2i_shared
from e2i_shared.api.cohorts import CohortQuery
from e2i_shared.api.common import PageQuery, Problem
from e2i_shared.composer.model import CompositionQuery
from e2i_shared.http.caller import Role
from e2i_shared.http.permissions import MATRIX, V1
from e2i_shared.twins.model import SimulationQuery, TwinQuery, VersionsQuery

if TYPE_CHECKING:
    from collections.abc import Iterator

    Operation = dict[str, Any]

TITLE = "E2I"
DESCRIPTION = (
    "Causal questions, answered with cited numbers. Errors are application/problem+json. "
    "Every POST takes an Idempotency-Key; every reply carries X-Correlation-Id and X-RateLimit-* headers."
)
_QUERIES: dict[tuple[str, str], type[PageQuery]] = {
    ("GET", f"{V1}/compositions"): CompositionQuery,
    ("GET", f"{V1}/datasets"): PageQuery,
    ("GET", f"{V1}/cohorts"): CohortQuery,
    ("GET", f"{V1}/digital-twins"): TwinQuery,
    ("GET", f"{V1}/digital-twin/models"): TwinQuery,
    ("GET", f"{V1}/digital-twins/{{twin_id}}/versions"): VersionsQuery,
    ("GET", f"{V1}/digital-twin/simulations"): SimulationQuery,
}
_SCHEMA = {"$ref": "#/components/schemas/Problem"}
_IDEMPOTENCY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "The same key with the same body gets the same reply; with another body 409.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 200},
}
_ALWAYS = {429: "The caller's quota is used up.", 503: "A dependency does not answer; try again."}
_BODY = {
    400: "Not JSON, or not as the route wants it.",
    404: "Something it names does not exist.",
    409: "The key came with another body, or the state forbids it.",
    413: "Too large.",
    415: "Not JSON by its type.",
    422: "Understood, but cannot be done.",
}
_PATH = {400: "Not a cursor or time of this service.", 404: "No such object.", 422: "Not a valid parameter."}
_TOKEN = {401: "No valid token.", 403: "The role does not allow it."}


@cache
def document() -> dict[str, Any]:
    """Return the document, built once from the handlers' models."""
    from e2i_shared.http.application import resolver
    from e2i_shared.http.routes import every_router

    raw = resolver(every_router()).get_openapi_json_schema(
        title=TITLE,
        version=e2i_shared.__version__,
        openapi_version="3.1.0",
        description=DESCRIPTION,
        servers=[Server(url="/")],
        security_schemes={"bearer": HTTPBearer(bearerFormat="JWT")},
    )
    return _with_problems(json.loads(raw))


def page() -> str:
    """Return the browsable page; script and style are inside it."""
    assets = files("aws_lambda_powertools.event_handler.openapi.swagger_ui")
    script, style = (
        assets.joinpath(name).read_text(encoding="utf-8") for name in ("swagger-ui-bundle.min.js", "swagger-ui.min.css")
    )
    spec = json.dumps(document()).replace("</", "<\\/")
    return generate_swagger_html(spec, script, style, "", None, persist_authorization=True)


def _with_problems(spec: dict[str, Any]) -> dict[str, Any]:
    problem = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas = spec["components"]["schemas"]
    for unused in ("HTTPValidationError", "ValidationError", "ResponseValidationError"):
        schemas.pop(unused, None)
    schemas.update(problem.pop("$defs", {}) | {"Problem": problem})
    for method, path, operation in _operations(spec):
        _complete(method, path, operation)
    return spec


def _operations(spec: dict[str, Any]) -> Iterator[tuple[str, str, Operation]]:
    for path, methods in spec["paths"].items():
        for method, operation in methods.items():
            yield method.upper(), path, operation


def _complete(method: str, path: str, operation: Operation) -> None:
    """Give an operation its security, its errors and the Idempotency-Key."""
    role = MATRIX[method, path]
    problems = dict(_ALWAYS)
    if role is not Role.NOBODY:
        operation["security"] = [{"bearer": []}]
        problems |= _TOKEN
        operation["description"] = f"{operation.get('description', '')} Needs the role {role.name.lower()}.".strip()
    if "{" in path or operation.get("parameters"):
        problems |= _PATH
    if method == "POST":
        operation.setdefault("parameters", []).append(_IDEMPOTENCY)
    if method in {"POST", "PATCH", "PUT"}:
        problems |= _BODY
    for stale in ("422", "500"):
        operation["responses"].pop(stale, None)
    for status, description in sorted(problems.items()):
        operation["responses"].setdefault(str(status), _problem_response(description))
    if (method, path) in _QUERIES:
        _constrain(operation, _QUERIES[method, path].model_json_schema(ref_template="#/components/schemas/{model}"))
    if "204" in operation["responses"]:
        operation["responses"]["204"] = {"description": "Done."}


def _constrain(operation: Operation, schema: dict[str, Any]) -> None:
    """Give query parameters that come from one model the bounds and values of its fields."""
    known = schema["properties"]
    for parameter in operation["parameters"]:
        if parameter["in"] == "query" and parameter["name"] in known:
            parameter["schema"] = known[parameter["name"]]


def _problem_response(description: str) -> dict[str, Any]:
    return {"description": description, "content": {"application/problem+json": {"schema": _SCHEMA}}}
