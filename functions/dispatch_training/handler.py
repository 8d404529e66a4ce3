"""Trainings that were asked for are started; those whose execution ended abnormally are ended."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from e2i_shared.http.dispatching import dispatch

processor = BatchProcessor(event_type=EventType.SQS)


def handle(event: dict[str, Any], context: Any) -> Any:
    """Serve each message; only the messages that failed come back."""
    return process_partial_response(event=event, record_handler=dispatch, processor=processor, context=context)
