"""The permission matrix: every route with the least role that may use it. What is not here is refused."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

from e2i_shared.errors import NotFoundError
from e2i_shared.http.caller import Role

if TYPE_CHECKING:
    from collections.abc import Mapping

V1 = "/api/v1"

MATRIX: Mapping[tuple[str, str], Role] = {
    ("GET", f"{V1}/health"): Role.NOBODY,
    ("GET", f"{V1}/ready"): Role.NOBODY,
    ("GET", f"{V1}/openapi.json"): Role.NOBODY,
    ("GET", f"{V1}/docs"): Role.NOBODY,
    ("GET", f"{V1}/config"): Role.VIEWER,
    ("POST", f"{V1}/classify"): Role.MEMBER,
    ("GET", f"{V1}/classifications/accuracy"): Role.VIEWER,
    ("GET", f"{V1}/classifications/feedback"): Role.VIEWER,
    ("GET", f"{V1}/classifications/{{classification_id}}"): Role.VIEWER,
    ("POST", f"{V1}/classifications/{{classification_id}}/feedback"): Role.MEMBER,
    ("POST", f"{V1}/ask"): Role.MEMBER,
    ("POST", f"{V1}/compose"): Role.MEMBER,
    ("GET", f"{V1}/compositions"): Role.VIEWER,
    ("GET", f"{V1}/compositions/{{composition_id}}"): Role.VIEWER,
    ("GET", f"{V1}/compositions/{{composition_id}}/steps"): Role.VIEWER,
    ("GET", f"{V1}/compositions/{{composition_id}}/events"): Role.VIEWER,
    ("GET", f"{V1}/compositions/{{composition_id}}/report"): Role.VIEWER,
    ("POST", f"{V1}/compositions/{{composition_id}}/cancel"): Role.MEMBER,
    ("POST", f"{V1}/compositions/{{composition_id}}/retry"): Role.MEMBER,
    ("POST", f"{V1}/compositions/{{composition_id}}/feedback"): Role.MEMBER,
    ("POST", f"{V1}/embeddings"): Role.MEMBER,
    ("POST", f"{V1}/embeddings/batch"): Role.MEMBER,
    ("GET", f"{V1}/search"): Role.VIEWER,
    ("GET", f"{V1}/admin/usage"): Role.ADMIN,
    ("PUT", f"{V1}/admin/budgets"): Role.ADMIN,
    ("GET", f"{V1}/admin/queues"): Role.ADMIN,
    ("POST", f"{V1}/admin/queues/{{queue}}/redrive"): Role.ADMIN,
    ("GET", f"{V1}/datasets"): Role.VIEWER,
    ("POST", f"{V1}/datasets"): Role.MEMBER,
    ("POST", f"{V1}/uploads"): Role.MEMBER,
    ("GET", f"{V1}/datasets/{{dataset_id}}"): Role.VIEWER,
    ("GET", f"{V1}/datasets/{{dataset_id}}/drift"): Role.VIEWER,
    ("PATCH", f"{V1}/datasets/{{dataset_id}}/columns/{{name}}"): Role.MEMBER,
    ("DELETE", f"{V1}/datasets/{{dataset_id}}"): Role.OWNER,
    ("GET", f"{V1}/cohorts"): Role.VIEWER,
    ("POST", f"{V1}/cohorts"): Role.MEMBER,
    ("GET", f"{V1}/cohorts/{{cohort_id}}"): Role.VIEWER,
    ("POST", f"{V1}/digital-twins/generate"): Role.MEMBER,
    ("GET", f"{V1}/digital-twins"): Role.VIEWER,
    ("GET", f"{V1}/digital-twins/{{twin_id}}"): Role.VIEWER,
    ("DELETE", f"{V1}/digital-twins/{{twin_id}}"): Role.OWNER,
    ("POST", f"{V1}/digital-twins/{{twin_id}}/activate"): Role.MEMBER,
    ("GET", f"{V1}/digital-twins/{{twin_id}}/versions"): Role.VIEWER,
    ("POST", f"{V1}/digital-twins/{{twin_id}}/simulate"): Role.MEMBER,
    ("POST", f"{V1}/digital-twins/{{twin_id}}/events"): Role.MEMBER,
    ("GET", f"{V1}/digital-twins/{{twin_id}}/fidelity"): Role.VIEWER,
    ("POST", f"{V1}/digital-twins/{{twin_id}}/fidelity"): Role.MEMBER,
    ("POST", f"{V1}/digital-twin/simulate"): Role.MEMBER,
    ("POST", f"{V1}/digital-twin/validate"): Role.MEMBER,
    ("GET", f"{V1}/digital-twin/models"): Role.VIEWER,
    ("GET", f"{V1}/digital-twin/models/{{model_id}}/fidelity"): Role.VIEWER,
    ("GET", f"{V1}/digital-twin/simulations"): Role.VIEWER,
    ("GET", f"{V1}/digital-twin/simulations/{{simulation_id}}"): Role.VIEWER,
    ("GET", f"{V1}/jobs/{{job_id}}"): Role.VIEWER,
    ("POST", f"{V1}/jobs/{{job_id}}/cancel"): Role.MEMBER,
    ("POST", f"{V1}/jobs/{{job_id}}/retry"): Role.MEMBER,
    ("POST", f"{V1}/digital-twin/models/log"): Role.MEMBER,
    ("GET", f"{V1}/tools"): Role.VIEWER,
    ("GET", f"{V1}/tools/{{name}}"): Role.VIEWER,
    ("POST", f"{V1}/tools/{{name}}/run"): Role.MEMBER,
}

COSTLY: Mapping[tuple[str, str], int] = {
    ("POST", f"{V1}/ask"): 4,
    ("POST", f"{V1}/compose"): 4,
    ("POST", f"{V1}/compositions/{{composition_id}}/retry"): 4,
    ("POST", f"{V1}/datasets"): 4,
    ("POST", f"{V1}/cohorts"): 4,
    ("GET", f"{V1}/datasets/{{dataset_id}}/drift"): 4,
    ("POST", f"{V1}/digital-twins/generate"): 4,
    ("POST", f"{V1}/jobs/{{job_id}}/retry"): 4,
    ("POST", f"{V1}/digital-twins/{{twin_id}}/fidelity"): 4,
    ("POST", f"{V1}/tools/{{name}}/run"): 4,
}


@cache
def _patterns() -> tuple[tuple[str, str, re.Pattern[str]], ...]:
    """Compile the routes, fixed paths first, so that ``/accuracy`` is not taken for an id."""
    routes = sorted(MATRIX, key=lambda route: route[1].count("{"))
    return tuple((method, path, re.compile(re.sub(r"\{\w+\}", "[^/]+", path))) for method, path in routes)


def match(method: str, path: str) -> tuple[str, str]:
    """Return the route (method, template) that serves a path; raise NotFoundError."""
    for known, template, pattern in _patterns():
        if known == method and pattern.fullmatch(path):
            return known, template
    raise NotFoundError(f"There is no {method} {path[:200]}.", hint=f"GET {V1}/openapi.json lists every route.")
