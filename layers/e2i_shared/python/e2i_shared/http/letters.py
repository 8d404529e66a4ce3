"""Messages that a queue gave up: why, and how a tenant's own are put back. Nobody sees or moves another tenant's."""

from __future__ import annotations

import json
from contextlib import suppress
from functools import wraps
from typing import TYPE_CHECKING, Any

from e2i_shared import bootstrap
from e2i_shared.api.letters import DeadLetter, Queues, QueueState, Redriven
from e2i_shared.errors import E2IError, NotFoundError
from e2i_shared.observability import telemetry
from e2i_shared.ports import Failure

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

    from e2i_shared.http.caller import Caller
    from e2i_shared.ports import Letter, Tenant

MOST = 100  # at a time, so that an answer comes within the gateway's half minute
UNKNOWN = Failure("unknown", "The reason was not recorded: the function ended, or could not reach the database.", 0)


def noted(serve: Callable[[SQSRecord], None]) -> Callable[[SQSRecord], None]:
    """Keep why a message could not be served, for those who will find it among the dead letters; served, it is forgotten."""

    @wraps(serve)
    def served(record: SQSRecord) -> None:
        try:
            serve(record)
        except Exception as error:
            with suppress(Exception):  # a reason that cannot be kept must not hide the failure itself
                _failures(record).note(*_named(record), _topic(record.body), _failure(error))
            raise
        if int(record.attributes.approximate_receive_count or 1) > 1:
            with suppress(E2IError):
                queue, message_id = _named(record)
                _failures(record).settle(queue, [message_id])

    return served


def _failures(record: SQSRecord) -> Any:
    return bootstrap.for_tenant(tenant_of(record.body) or "").failures


def _named(record: SQSRecord) -> tuple[str, str]:
    return _short(record.event_source_arn.rpartition(":")[2]), record.message_id


def _short(name: str) -> str:
    return next((each for each in bootstrap.queues().names if name.endswith(each)), name)


def _failure(error: Exception) -> Failure:
    reason = error.message if isinstance(error, E2IError) else str(error)
    return Failure(type(error).__name__, reason, 1)


def tenant_of(body: str) -> str | None:
    """Return whose message it is: the event's own word, or that of the execution it is about; None where it does not say."""
    with suppress(ValueError, KeyError, TypeError):
        detail = json.loads(body)["detail"]
        return str(detail["tenant_id"] if "tenant_id" in detail else json.loads(detail["input"])["tenant_id"])
    return None


def _topic(body: str) -> str:
    with suppress(ValueError, KeyError, TypeError):
        return str(json.loads(body)["detail-type"])
    return "unreadable"


def listed(tenant: Tenant) -> Queues:
    """Return each queue with the tenant's dead letters and why each of them failed."""
    return Queues(items=[_state(tenant, queue) for queue in bootstrap.queues().names])


def _state(tenant: Tenant, queue: str) -> QueueState:
    taken = bootstrap.queues().take(queue, MOST)
    try:
        return QueueState(queue=queue, dead_letters=_told(tenant, queue, _own(tenant, taken)), more=len(taken) >= MOST)
    finally:
        bootstrap.queues().leave(queue, taken)


def _own(tenant: Tenant, letters: Sequence[Letter]) -> list[Letter]:
    return [letter for letter in letters if tenant_of(letter.body) == tenant.tenant_id]


def _told(tenant: Tenant, queue: str, letters: Sequence[Letter]) -> list[DeadLetter]:
    known = tenant.failures.of(queue, [letter.message_id for letter in letters])
    return [_line(letter, known.get(letter.message_id, UNKNOWN)) for letter in letters]


def _line(letter: Letter, failure: Failure) -> DeadLetter:
    detail = json.loads(letter.body)["detail"]
    about = {name: str(value) for name, value in detail.items() if name.endswith("_id") and name != "tenant_id"}
    return DeadLetter(
        message_id=letter.message_id,
        topic=_topic(letter.body),
        about=about or {"execution": str(detail.get("name", ""))},
        sent_at=letter.sent_at,
        error_type=failure.error_type,
        reason=failure.reason,
        failures=failure.failures,
    )


def redrive(queue: str, who: Caller, *, dry_run: bool) -> Redriven:
    """Put a tenant's dead letters back into their queue, to be tried anew; with ``dry_run`` only say which.

    Raises
    ------
    NotFoundError
        For a queue that is none, with those there are.
    """
    queues, tenant = bootstrap.queues(), bootstrap.for_tenant(who.tenant_id)
    if queue not in queues.names:
        raise NotFoundError(
            f"There is no queue {queue[:100]!r}.", field="queue", got=queue[:100], candidates=queues.names
        )
    taken = list(queues.take(queue, MOST))
    more = len(taken) >= MOST
    try:
        own = _own(tenant, taken)
        told = _told(tenant, queue, own)
        for letter in [] if dry_run else own:
            tenant.failures.audited(queue, letter.message_id, who.subject, who.role.name.lower(), who.correlation_id)
            queues.put_back(queue, letter)
            taken.remove(letter)
            tenant.failures.settle(queue, [letter.message_id])
            telemetry.count("Redriven", {"queue": queue})
    finally:
        queues.leave(queue, taken)
    return Redriven(queue=queue, messages=told, put_back=0 if dry_run else len(told), more=more)
