"""Structured logs and embedded metrics of every function.

A line is JSON with the correlation id and, where there is one, the composition id. Questions are logged at DEBUG only, and never in
production; row values never.
"""

from __future__ import annotations

import json
import os
import time
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger

from e2i_shared.observability.redaction import redact, stack

if TYPE_CHECKING:
    from collections.abc import Mapping

NAMESPACE = "E2I"


logger = Logger(level=os.environ.get("E2I_LOG_LEVEL", "INFO"))


def remember(**keys: str) -> None:
    """Put keys (correlation_id, composition_id, tenant_id, function) on every line until ``forget``."""
    logger.append_keys(**redact(keys))


def forget() -> None:
    """Drop the keys of the event that was served."""
    logger.thread_safe_clear_keys()
    logger.remove_keys(["correlation_id", "composition_id", "tenant_id", "route", "phase"])


def note(message: str, **fields: Any) -> None:
    """Log a fact at INFO; fields that may hold a question, rows or secrets are masked."""
    logger.info(message, extra=redact(fields))


def log_failure(error: BaseException, status: int) -> None:
    """Log what went wrong inside, with its stack: the one place where a stack trace goes."""
    logger.error("failure", extra={"error_type": type(error).__name__, "status": status, "stack": stack(error)})


def count(name: str, dimensions: Mapping[str, str], **milliseconds: float) -> None:
    """Write one embedded-metric-format line: a count of 1, and durations in milliseconds."""
    metrics = [{"Name": name, "Unit": "Count"}, *({"Name": key, "Unit": "Milliseconds"} for key in milliseconds)]
    directive = {"Namespace": NAMESPACE, "Dimensions": [sorted(dimensions)], "Metrics": metrics}
    line = {
        "_aws": {"Timestamp": int(time.time() * 1000), "CloudWatchMetrics": [directive]},
        **dimensions,
        name: 1,
        **milliseconds,
    }
    print(json.dumps(line), flush=True)  # noqa: T201 - CloudWatch reads embedded metrics from standard output
