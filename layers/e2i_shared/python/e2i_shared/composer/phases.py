"""The states of the composition workflow: each is safe to run again, and answers with ids and levels only."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from e2i_shared.api.composition import TERMINAL, CompositionStatus
from e2i_shared.composer.decompose import decompose
from e2i_shared.composer.model import CompositionQuery
from e2i_shared.composer.plan import make_plan
from e2i_shared.composer.plan_key import plan_key, used_again
from e2i_shared.composer.step import describe_failure, execute_step, record_step_failure
from e2i_shared.composer.synthesize import synthesize
from e2i_shared.composer.workbench import critical_path_ms
from e2i_shared.errors import MalformedRequestError, UnprocessableError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from e2i_shared.api.classification import Classification
    from e2i_shared.api.common import Json
    from e2i_shared.api.datasets import Dataset
    from e2i_shared.composer.asked.ask import Ask
    from e2i_shared.composer.binding import KpiName
    from e2i_shared.composer.model import CompositionRecord, CompositionRepository, Decomposition, Plan, StepRecord
    from e2i_shared.composer.synthesize import Writer
    from e2i_shared.tools._registry import ToolSpec

    Event = Mapping[str, Any]


STEP_SECONDS = 30  # the most a step may take
ANSWER_SECONDS = 1.0  # kept back before the deadline for writing the answer


EARLIER = 5  # questions of the session that a model is shown


def _now() -> datetime:
    return datetime.now(UTC)


def _unknown() -> dict[str, float]:
    return {}


@dataclass(frozen=True, slots=True)
class ComposerServices:
    """What the phases work with, for one tenant.

    ``classify`` returns the composition's stored classification, or makes one. ``run`` validates and runs a tool. ``latency_ms``
    gives the usual latency by tool, ``kpis`` the KPI catalogue by phrase key (``composer.words.key``). ``ask`` gives a phase of a
    composition its language model, where one is configured.
    """

    compositions: CompositionRepository
    datasets: Callable[[], Sequence[Dataset]]
    tools: Mapping[str, ToolSpec]
    run: Callable[[str, Json], Json]
    classify: Callable[[CompositionRecord], Classification]
    latency_ms: Callable[[], Mapping[str, float]] = _unknown
    kpis: Mapping[str, KpiName] = field(default_factory=dict)
    ask: Callable[[CompositionRecord, str], Ask] | None = None
    now: Callable[[], datetime] = _now


def run_phase(event: Event, services: ComposerServices) -> Json:
    """Run the phase that ``event`` names; raise MalformedRequestError for an unknown one."""
    phase = str(event.get("phase"))
    if phase not in PHASES:
        raise MalformedRequestError(
            f"There is no phase {phase!r}.", field="phase", got=phase, candidates=sorted(PHASES)
        )
    return PHASES[phase](event, services)


def _decompose(event: Event, services: ComposerServices) -> Json:
    record = services.compositions.begin(event["composition_id"], CompositionStatus.DECOMPOSING)
    if record.decomposition is None and record.status not in TERMINAL:
        started = time.perf_counter()
        made = _decomposed(record, services)
        services.compositions.save_decomposition(record.composition_id, made, _since(started))
    return {"tenant_id": event["tenant_id"], "composition_id": event["composition_id"]}


def _decomposed(record: CompositionRecord, services: ComposerServices) -> Decomposition:
    classification = services.classify(record)
    if services.ask is None:
        return decompose(record.query, classification)
    from e2i_shared.composer.asked.decompose import decompose_with

    return decompose_with(services.ask(record, "decompose"), record.query, classification, _earlier(record, services))


def _earlier(record: CompositionRecord, services: ComposerServices) -> list[str]:
    """Return the last questions of the session before this one, oldest first."""
    if record.session_id is None:
        return []
    before = CompositionQuery(session_id=record.session_id, until=record.created_at, limit=EARLIER)
    return [each.query for each in reversed(services.compositions.list(before).items)]


def _plan(event: Event, services: ComposerServices) -> Json:
    record = services.compositions.begin(event["composition_id"], CompositionStatus.PLANNING)
    plan = record.plan
    if plan is None and record.status not in TERMINAL:
        plan = _make_plan(record, services)
    ended = plan is None or record.status in TERMINAL
    levels = [] if plan is None or ended else _levels(plan, _step_seconds(record, services))
    return {"tenant_id": event["tenant_id"], "composition_id": event["composition_id"], "levels": levels}


def _make_plan(record: CompositionRecord, services: ComposerServices) -> Plan:
    if record.decomposition is None:
        raise UnprocessableError(
            "The composition has not been decomposed.", field="composition_id", got=record.composition_id
        )
    started = time.perf_counter()
    key = plan_key(record, services.datasets(), services.tools, _planner(services))
    known = services.compositions.reusable_plan(key)
    plan = used_again(known, services.latency_ms()) if known else _planned(record, record.decomposition, services)
    services.compositions.save_plan(record.composition_id, plan, _since(started), key)
    return plan


def _planner(services: ComposerServices) -> str:
    """Return who plans: the rules, or a language model that is told what this version's prompt says."""
    if services.ask is None:
        return "rules"
    from e2i_shared.composer.asked.ask import instructions

    return instructions("plan").told


def _planned(record: CompositionRecord, decomposition: Decomposition, services: ComposerServices) -> Plan:
    plan = make_plan(
        record.query,
        decomposition,
        services.datasets(),
        services.tools,
        dataset=record.dataset,
        kpis=services.kpis,
        latency_ms=services.latency_ms(),
    )
    if services.ask is not None and plan.steps:
        plan = _asked_plan(services.ask(record, "plan"), plan, record, decomposition, services)
    return plan


def _asked_plan(
    ask: Ask, rules: Plan, record: CompositionRecord, decomposition: Decomposition, services: ComposerServices
) -> Plan:
    from e2i_shared.composer.asked.plan import plan_with
    from e2i_shared.composer.ground import ground
    from e2i_shared.composer.plan_shape import examples

    datasets = services.datasets()
    bound = ground(record.query, decomposition, datasets, record.dataset, services.kpis).bound
    past = examples(services.compositions, record, decomposition, services.tools)
    kpis = {each.name for each in services.kpis.values()}
    plan = plan_with(ask, rules, decomposition, bound, services.tools, datasets, past, kpis)
    return plan.model_copy(update={"critical_path_ms": critical_path_ms(plan.steps, services.latency_ms())})


def _levels(plan: Plan, seconds: int) -> list[list[Json]]:
    runtimes = {s.step_number: s.runtime for s in plan.steps}
    return [
        [{"step_number": n, "runtime": runtimes[n], "limit_seconds": seconds} for n in level] for level in plan.levels
    ]


def _step_seconds(record: CompositionRecord, services: ComposerServices) -> int:
    """Return the whole seconds after which a step is ended: its limit, or what the deadline leaves once there is a plan."""
    left = record.deadline_seconds - _age_seconds(record, services) - ANSWER_SECONDS
    return max(1, min(STEP_SECONDS, int(left)))


def _execute(event: Event, services: ComposerServices) -> Json:
    number = int(event["step_number"])
    record = services.compositions.begin(event["composition_id"], CompositionStatus.EXECUTING)
    if _age_seconds(record, services) > record.deadline_seconds:
        reason = f"Not run: the deadline of {record.deadline_seconds} s had passed."
        services.compositions.finish_step(record.composition_id, number, CompositionStatus.SKIPPED, error=reason)
    status = execute_step(services.compositions, record.composition_id, number, services.run)
    return {"step_number": number, "status": status.value}


def _age_seconds(record: CompositionRecord, services: ComposerServices) -> float:
    return (services.now() - datetime.fromisoformat(record.attempted_at or record.created_at)).total_seconds()


def _record_step_failure(event: Event, services: ComposerServices) -> Json:
    number = int(event["step_number"])
    status = record_step_failure(services.compositions, event["composition_id"], number, event.get("error") or {})
    return {"step_number": number, "status": status.value}


def _synthesize(event: Event, services: ComposerServices) -> Json:
    started = time.perf_counter()
    record = services.compositions.begin(event["composition_id"], CompositionStatus.SYNTHESIZING)
    if record.status in TERMINAL:
        return {"composition_id": record.composition_id, "status": record.status.value}
    steps = services.compositions.steps(record.composition_id)
    writer = _writer(record, services)
    answer, missing = synthesize(record, steps, services.tools, services.datasets(), writer)
    latency = {
        "execute": _span_ms(steps),
        "synthesize": _since(started),
        "total": _age_seconds(record, services) * 1000,
    }
    services.compositions.save_answer(record.composition_id, answer, missing, latency)
    return {
        "composition_id": record.composition_id,
        "status": services.compositions.get(record.composition_id).status.value,
    }


def _writer(record: CompositionRecord, services: ComposerServices) -> Writer | None:
    if services.ask is None:
        return None
    from e2i_shared.composer.asked.phrase import AskedWriter

    return AskedWriter(services.ask(record, "synthesize"))


def _span_ms(steps: Sequence[StepRecord]) -> float:
    started = [datetime.fromisoformat(s.started_at) for s in steps if s.started_at]
    ended = [datetime.fromisoformat(s.completed_at) for s in steps if s.started_at and s.completed_at]
    return (max(ended) - min(started)).total_seconds() * 1000 if ended else 0.0


def _record_failure(event: Event, services: ComposerServices) -> Json:
    identity = event["composition_id"]
    record = services.compositions.get(identity)
    late = _age_seconds(record, services) > record.deadline_seconds
    status = CompositionStatus.TIMEOUT if late else CompositionStatus.FAILED
    services.compositions.fail(identity, status, describe_failure(event.get("error") or {}))
    return {"composition_id": identity, "status": services.compositions.get(identity).status.value}


def _since(started: float) -> float:
    return (time.perf_counter() - started) * 1000


PHASES: Mapping[str, Callable[[Event, ComposerServices], Json]] = {
    "decompose": _decompose,
    "plan": _plan,
    "execute": _execute,
    "record_step_failure": _record_step_failure,
    "synthesize": _synthesize,
    "record_failure": _record_failure,
}
