"""Background work of every tenant: publish the outbox, start what was accepted but never started, settle calls nobody settled."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from e2i_shared import bootstrap
from e2i_shared.observability import telemetry

if TYPE_CHECKING:
    from collections.abc import Sequence

    from e2i_shared.ports import Tenant

BATCH = 10  # the most EventBridge takes at once
MOST_BATCHES = 100
LOST_AFTER_SECONDS = 30


def relay() -> dict[str, int]:
    """Return how many events were published and compositions started."""
    done = {"published": 0, "started": 0, "failed": 0}
    for tenant_id in bootstrap.tenants():
        tenant = bootstrap.for_tenant(tenant_id)
        done["published"] += publish(tenant)
        if settled := tenant.spending.sweep():
            telemetry.note("abandoned_calls_settled", calls=settled)
        started, failed = _start(tenant)
        done["started"] += started
        done["failed"] += failed
    return done


def publish(tenant: Tenant) -> int:
    """Publish what waits in a tenant's outbox and return how many events; what the bus does not take waits for the next time."""
    published = 0
    for _ in range(MOST_BATCHES):
        waiting = tenant.outbox.claim(BATCH)
        if not waiting:
            break
        taken = _offer([(event.topic, event.payload | {"tenant_id": tenant.tenant_id}) for event in waiting])
        refused = [event.outbox_id for event, ok in zip(waiting, taken, strict=True) if not ok]
        tenant.outbox.mark_published([event.outbox_id for event, ok in zip(waiting, taken, strict=True) if ok])
        published += sum(taken)
        if refused:
            tenant.outbox.release(refused, "the bus did not take it")
            break
    return published


def _offer(events: list[tuple[str, dict[str, Any]]]) -> Sequence[bool]:
    try:
        return bootstrap.events().publish(events)
    except Exception as error:  # noqa: BLE001 - a bus that is away must not keep lost compositions from being started
        telemetry.note("publish_failed", error_type=type(error).__name__)
        return [False] * len(events)


def _start(tenant: Tenant) -> tuple[int, int]:
    started = failed = 0
    for composition_id in tenant.compositions.unstarted(LOST_AFTER_SECONDS):
        try:
            attempt = tenant.compositions.get(composition_id).attempt
            bootstrap.workflows().start(tenant.tenant_id, composition_id, attempt)
            started += 1
        except Exception as error:  # noqa: BLE001 - one that cannot start must not keep the others from it
            telemetry.note("start_failed", composition_id=composition_id, error_type=type(error).__name__)
            failed += 1
    return started, failed
