"""Stopping a composition, and trying again what failed of it."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from e2i_shared import bootstrap
from e2i_shared.api.composition import ComposeAccepted, CompositionStatus
from e2i_shared.errors import ConflictError
from e2i_shared.http import asking, reading
from e2i_shared.http.replies import reply
from e2i_shared.observability import telemetry

if TYPE_CHECKING:
    from aws_lambda_powertools.event_handler.api_gateway import Response

    from e2i_shared.api.composition import CompositionView
    from e2i_shared.http.caller import Caller

CANCELLED = "The composition was cancelled."


def cancel(composition_id: str, who: Caller) -> CompositionView:
    """End a composition as CANCELLED and stop its execution; one that is cancelled already stays so.

    The row is written first: whatever still runs finds the composition ended. Raises ConflictError when it has ended otherwise.
    """
    tenant = bootstrap.for_tenant(who.tenant_id)
    record = tenant.compositions.get(composition_id)
    tenant.compositions.fail(record.composition_id, CompositionStatus.CANCELLED, CANCELLED)
    view = reading.read(tenant, record.composition_id)
    if view.status is not CompositionStatus.CANCELLED:
        raise ConflictError(
            "The composition has ended and cannot be cancelled.",
            field="status",
            expected="a composition that runs",
            got=view.status.value,
        )
    try:
        bootstrap.workflows().stop(record.composition_id, record.attempt, CANCELLED)
    except Exception as error:  # noqa: BLE001 - it is cancelled; an execution that cannot be stopped finds nothing to do
        telemetry.note("stop_failed", composition_id=record.composition_id, error_type=type(error).__name__)
    return view


def retry(composition_id: str, who: Caller) -> Response[ComposeAccepted]:
    """Run again what failed or was skipped: 202 with the address; raise ConflictError where nothing can be retried."""
    tenant = bootstrap.for_tenant(who.tenant_id)
    record = tenant.compositions.retry(composition_id)
    asking.start(tenant, record.composition_id, record.attempt)
    accepted = ComposeAccepted(composition_id=record.composition_id, status_url=asking.address(record.composition_id))
    return reply(HTTPStatus.ACCEPTED, accepted, location=accepted.status_url)
