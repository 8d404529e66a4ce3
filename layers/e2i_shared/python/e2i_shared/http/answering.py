"""A question that a quick tool answers, answered within the request: the workflow's states would take longer than its tool.

Every phase is the workflow's own and stored as ever; a process that dies on the way leaves the composition to the relay.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from e2i_shared import bootstrap
from e2i_shared.api.classification import RoutingPattern
from e2i_shared.errors import E2IError, RetryableError
from e2i_shared.observability import telemetry

if TYPE_CHECKING:
    from e2i_shared.api.common import Json
    from e2i_shared.ports import Tenant

PATTERNS = frozenset({RoutingPattern.SINGLE_AGENT, RoutingPattern.PARALLEL_DELEGATION})
MOST_STEPS = 3
MOST_MS = 500.0  # by the tools' usual latencies; one whose latency is not known yet goes through the workflow


def answer(tenant: Tenant, composition_id: str) -> bool:
    """Plan a composition and, where its tools are few, quick and need no image, run it to its end; return whether it has ended.

    With a language model configured nothing is done here: a model may take longer than a request has.
    """
    if bootstrap.language_models(tenant.tenant_id) is not None:
        return False
    try:
        return _run(tenant, composition_id)
    except RetryableError:
        return False
    except E2IError as error:
        cause = {"errorType": type(error).__name__, "errorMessage": error.message}
        _phase(
            tenant, composition_id, "record_failure", error={"Error": type(error).__name__, "Cause": json.dumps(cause)}
        )
        return True
    except Exception as error:  # noqa: BLE001 - whatever broke here, the workflow tries it anew and records it
        telemetry.note("inline_answer_left_to_workflow", error_type=type(error).__name__)
        return False


def _run(tenant: Tenant, composition_id: str) -> bool:
    _phase(tenant, composition_id, "decompose")
    levels = _phase(tenant, composition_id, "plan")["levels"]
    steps = [each for level in levels for each in level]
    plan = tenant.compositions.get(composition_id).plan
    usual = plan.critical_path_ms if plan else None
    if usual is None or usual > MOST_MS or len(steps) > MOST_STEPS or any(s["runtime"] != "layer" for s in steps):
        return False
    for each in steps:
        _phase(tenant, composition_id, "execute", step_number=each["step_number"])
    _phase(tenant, composition_id, "synthesize")
    telemetry.count("InlineAnswers", {"steps": str(len(steps))})
    return True


def _phase(tenant: Tenant, composition_id: str, phase: str, **more: object) -> Json:
    from e2i_shared.http import composing

    return composing.run({"phase": phase, "tenant_id": tenant.tenant_id, "composition_id": composition_id, **more})
