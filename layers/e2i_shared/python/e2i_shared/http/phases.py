"""Events of the composition workflow: each names a phase, and is told apart from an HTTP request by it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from e2i_shared.errors import MalformedRequestError, in_tree
from e2i_shared.http import composing
from e2i_shared.observability import telemetry

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Event = dict[str, Any]
    Handler = Callable[[Event, Any], Event]


ENDS = frozenset({"synthesize", "record_failure"})


def by_kind(handlers: Mapping[str, Handler]) -> Handler:
    """Return a handler that passes an event to the first handler whose key the event holds."""

    def handle(event: Event, context: Any) -> Event:
        for key, handler in handlers.items():
            if key in event:
                return handler(event, context)
        raise MalformedRequestError("The event is of no known kind.", expected=f"one of {', '.join(handlers)}")

    return handle


def run_phase(event: Event, _context: Any) -> Event:
    """Run a phase; what it raises goes to the workflow, which retries or records it by the error's name."""
    phase = str(event["phase"])
    telemetry.remember(
        correlation_id=event["composition_id"], composition_id=event["composition_id"], tenant_id=event["tenant_id"]
    )
    telemetry.remember(phase=phase)
    started = time.perf_counter()
    try:
        result = composing.run(event)
    except Exception as error:
        telemetry.note("phase_failed", error_type=type(error).__name__)
        telemetry.count("PhaseFailures", {"phase": phase})
        raise in_tree(error) from error
    else:
        telemetry.count("Phases", {"phase": phase}, phase_ms=(time.perf_counter() - started) * 1000)
        if phase in ENDS:
            telemetry.count("Compositions", {"status": result["status"]})
        return result
    finally:
        telemetry.forget()
