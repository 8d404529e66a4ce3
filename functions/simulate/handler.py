"""Simulations and what they need arrays for: validation, fidelity, events of single entities; the queue of large simulations."""

from __future__ import annotations

from typing import Any

from e2i_shared.http.application import Application
from e2i_shared.http.kinds import by_kind
from e2i_shared.http.routes import simulations

app = Application("simulate", [simulations.router])


def drain(event: dict[str, Any], context: Any) -> Any:
    """Do the simulations of a batch; only the messages that failed come back."""
    from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
    from e2i_shared.http.simulating import run_queued

    processor = BatchProcessor(event_type=EventType.SQS)
    return process_partial_response(event=event, record_handler=run_queued, processor=processor, context=context)


serve = by_kind({"Records": drain, "requestContext": app})


def handle(event: dict[str, Any], context: Any) -> Any:
    """Serve a request, or a batch of queued simulations."""
    return serve(event, context)
