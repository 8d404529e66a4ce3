"""Phase 3: one step of a plan, idempotent; what it did is in its row."""

from __future__ import annotations

import json
import logging
import time
import uuid
from typing import TYPE_CHECKING, Any

from e2i_shared.api.composition import TERMINAL, CompositionStatus
from e2i_shared.composer.references import resolve
from e2i_shared.errors import E2IError, NotFoundError, RetryableError
from e2i_shared.observability.redaction import stack

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from e2i_shared.api.common import Json
    from e2i_shared.composer.model import CompositionRepository, StepRecord

    ToolRunner = Callable[[str, Json], Json]

_log = logging.getLogger(__name__)
_BAD = {CompositionStatus.FAILED, CompositionStatus.SKIPPED, CompositionStatus.CANCELLED, CompositionStatus.TIMEOUT}
_CAUSES = {
    "States.Timeout": "It took too long: a step has 30 seconds, or what the deadline leaves of them.",
    "Lambda.TooManyRequestsException": "The service was too busy; all attempts were used up.",
    "Runtime.ExitError": "The process that ran it ended unexpectedly; all attempts were used up.",
}


def execute_step(
    compositions: CompositionRepository, composition_id: str, step_number: int, run: ToolRunner
) -> CompositionStatus:
    """Run a step with ``run(tool, inputs) -> output`` and return its status; a finished step is not run again.

    A step whose dependency did not complete is SKIPPED. An input the tool refuses, or an output outside its schema, is FAILED
    and not retried; RetryableError passes through, so that the workflow retries.
    """
    steps = {s.step.step_number: s for s in compositions.steps(composition_id)}
    record = _find(steps, composition_id, step_number)
    if record.status in TERMINAL:
        return record.status
    if reason := _blocked(record, steps):
        compositions.finish_step(composition_id, step_number, CompositionStatus.SKIPPED, error=reason)
        return _status(compositions, composition_id, step_number)
    outputs = {n: s.output for n, s in steps.items() if s.output is not None}
    try:
        inputs = resolve(record.step.inputs, outputs)
        if compositions.start_step(composition_id, step_number, inputs):
            return _run(compositions, composition_id, record, inputs, run)
    except RetryableError:
        raise
    except E2IError as error:
        compositions.finish_step(composition_id, step_number, CompositionStatus.FAILED, error=_explain(error))
    except Exception as error:  # noqa: BLE001 -- whatever a tool raises fails its step alone; where it did is logged
        message = _unexpected(composition_id, step_number, error)
        compositions.finish_step(composition_id, step_number, CompositionStatus.FAILED, error=message)
    return _status(compositions, composition_id, step_number)


def _run(
    compositions: CompositionRepository, composition_id: str, record: StepRecord, inputs: Json, run: ToolRunner
) -> CompositionStatus:
    started = time.perf_counter()
    output = run(record.step.tool, inputs)
    elapsed = (time.perf_counter() - started) * 1000
    done, number = CompositionStatus.COMPLETED, record.step.step_number
    first = compositions.finish_step(composition_id, number, done, output=output, latency_ms=elapsed)
    return done if first else _status(compositions, composition_id, number)


def record_step_failure(
    compositions: CompositionRepository, composition_id: str, step_number: int, error: Mapping[str, Any]
) -> CompositionStatus:
    """Mark a step FAILED after the workflow gave up on it, unless it finished; return its status."""
    message = describe_failure(error)
    compositions.finish_step(composition_id, step_number, CompositionStatus.FAILED, error=message)
    return _status(compositions, composition_id, step_number)


def describe_failure(error: Mapping[str, Any]) -> str:
    """Return what a user may read of a workflow's ``{"Error", "Cause"}``: our own errors' messages, never a trace."""
    name, cause = str(error.get("Error", "")), str(error.get("Cause", ""))
    if name in _CAUSES:
        return _CAUSES[name]
    try:
        payload = json.loads(cause)
    except ValueError:
        payload = {}
    message = payload.get("errorMessage") if isinstance(payload, dict) else None
    ours = {cls.__name__ for cls in _all_errors(E2IError)}
    if isinstance(message, str) and message and str(payload.get("errorType", name)) in ours:
        return message
    correlation = uuid.uuid4().hex
    _log.error(
        "workflow failure %s: %s", correlation, name
    )  # its cause may hold a row: the function's own log has the stack
    return f"An unexpected error stopped it. Quote {correlation} when you report it."


def _all_errors(base: type[E2IError]) -> list[type[E2IError]]:
    return [base, *(error for child in base.__subclasses__() for error in _all_errors(child))]


def _find(steps: Mapping[int, StepRecord], composition_id: str, step_number: int) -> StepRecord:
    if step_number not in steps:
        raise NotFoundError(
            f"Composition {composition_id} has no step {step_number}.", field="step_number", got=str(step_number)
        )
    return steps[step_number]


def _blocked(record: StepRecord, steps: Mapping[int, StepRecord]) -> str | None:
    for number in record.step.depends_on:
        needed = steps.get(number)
        if needed is None or needed.status != CompositionStatus.COMPLETED:
            name = f"step {number} ({needed.step.tool})" if needed else f"step {number}"
            state = needed.status.value.lower() if needed and needed.status in _BAD else "did not finish"
            return f"Not run, because {name}, which it needs, {'was skipped' if state == 'skipped' else state}."
    return None


def _status(compositions: CompositionRepository, composition_id: str, step_number: int) -> CompositionStatus:
    return next(s.status for s in compositions.steps(composition_id) if s.step.step_number == step_number)


def _explain(error: E2IError) -> str:
    near = [c for c in error.candidates if c not in error.message][:8]
    possible = f"Possible: {', '.join(near)}." if near else ""
    return " ".join(part for part in (error.message, possible, error.hint) if part)


def _unexpected(composition_id: str, step_number: int, error: Exception) -> str:
    correlation, where = uuid.uuid4().hex, stack(error)
    _log.error(
        "step %s of composition %s failed unexpectedly (%s):\n%s", step_number, composition_id, correlation, where
    )
    return f"An unexpected error stopped this step. Quote {correlation} when you report it."
