"""Executions that ended abnormally end their compositions."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from e2i_shared.http.endings import end_composition

processor = BatchProcessor(event_type=EventType.SQS)


def handle(event: dict[str, Any], context: Any) -> Any:
    """End the composition of each message; only the messages that failed come back."""
    return process_partial_response(event=event, record_handler=end_composition, processor=processor, context=context)
