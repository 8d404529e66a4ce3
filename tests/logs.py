"""Reads what the functions log."""

from __future__ import annotations

import io
import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from e2i_shared.observability import telemetry

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def logged() -> Iterator[list[dict[str, Any]]]:
    """Collect the JSON log lines written within the block; they are there when it ends."""
    stream, lines = io.StringIO(), []
    handler = telemetry.logger.registered_handler
    before = handler.setStream(stream)
    try:
        yield lines
    finally:
        handler.setStream(before)
        lines += [json.loads(line) for line in stream.getvalue().splitlines()]
