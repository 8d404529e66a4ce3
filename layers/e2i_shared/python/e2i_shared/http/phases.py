"""Events of the composition workflow: each names a phase, and is told apart from an HTTP request by it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from e2i_shared.errors import in_tree
from e2i_shared.http import composing
from e2i_shared.observability import telemetry

if TYPE_CHECKING:
    Event = dict[str, Any]

ENDS = frozenset({"synthesize", "record_failure"})


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
