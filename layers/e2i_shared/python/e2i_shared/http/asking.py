"""From a question to a running composition, and waiting for its answer."""

from __future__ import annotations

import time
from http import HTTPStatus
from typing import TYPE_CHECKING

from e2i_shared import bootstrap
from e2i_shared.api.classification import Classification, ClassifyRequest, RoutingPattern
from e2i_shared.api.composition import (
    TERMINAL,
    AskRequest,
    ComposeAccepted,
    ComposeRequest,
    CompositionStatus,
    CompositionView,
)
from e2i_shared.composer.model import NewComposition
from e2i_shared.http import answering, language, permissions, reading
from e2i_shared.http.replies import reply
from e2i_shared.ids import new_id
from e2i_shared.observability import telemetry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from aws_lambda_powertools.event_handler.api_gateway import Response

    from e2i_shared.http.caller import Caller
    from e2i_shared.ports import Tenant

FIRST_WAIT_SECONDS = 0.02
LONGEST_WAIT_SECONDS = 0.25
GROWTH = 1.4


def compose(request: ComposeRequest, who: Caller) -> Response[ComposeAccepted]:
    """Create and start a composition: 202 with its address."""
    tenant = bootstrap.for_tenant(who.tenant_id)
    new = NewComposition(
        composition_id=new_id(),
        query=request.query,
        session_id=request.session_id,
        dataset=request.dataset,
        classification_id=request.classification_id,
        user_id=who.subject,
        deadline_seconds=request.deadline_seconds,
        max_cost_usd=request.max_cost_usd,
    )
    begin(tenant, new)
    accepted = ComposeAccepted(composition_id=new.composition_id, status_url=address(new.composition_id))
    return reply(HTTPStatus.ACCEPTED, accepted, location=accepted.status_url)


def ask(request: AskRequest, who: Caller) -> Response[CompositionView]:
    """Classify, then answer: 200 when the answer or a clarification is there in time, else 202."""
    from e2i_shared.http import classifying

    tenant, begun = bootstrap.for_tenant(who.tenant_id), time.monotonic()
    asked = ClassifyRequest(query=request.query, session_id=request.session_id, dataset=request.dataset)
    classification = classifying.classify(tenant, asked, who.subject)
    if classification.routing_pattern is RoutingPattern.CLARIFICATION_NEEDED:
        return reply(HTTPStatus.OK, clarification(classification))
    new = NewComposition(
        composition_id=new_id(),
        query=request.query,
        session_id=request.session_id,
        dataset=request.dataset,
        classification_id=classification.classification_id,
        user_id=who.subject,
    )
    create(tenant, new)
    direct = request.wait_seconds > 0 and classification.routing_pattern in answering.PATTERNS
    if not (direct and answering.answer(tenant, new.composition_id)):
        start(tenant, new.composition_id)
    left = max(0.0, request.wait_seconds - (time.monotonic() - begun))  # a second opinion may have taken seconds
    view = wait(tenant, new.composition_id, left, classification.routing_pattern)
    status = HTTPStatus.OK if view.status in TERMINAL else HTTPStatus.ACCEPTED
    return reply(status, view, location=address(new.composition_id))


def begin(tenant: Tenant, new: NewComposition) -> None:
    """Store the composition and start its execution."""
    create(tenant, new)
    start(tenant, new.composition_id)


def create(tenant: Tenant, new: NewComposition) -> None:
    """Store the composition: from here on the question is accepted."""
    telemetry.remember(composition_id=new.composition_id)
    made = language.embed(tenant.tenant_id, [new.query], new.user_id)
    tenant.compositions.create(new.model_copy(update={"embedding": made.vectors[0], "embedding_model": made.model}))


def start(tenant: Tenant, composition_id: str, attempt: int = 1) -> None:
    """Start the execution of an attempt; when the start itself fails, the relay starts it within a minute."""
    try:
        bootstrap.workflows().start(tenant.tenant_id, composition_id, attempt)
    except Exception as error:  # noqa: BLE001 - whatever the network or the service says, the composition is not lost
        telemetry.note("start_deferred_to_relay", error_type=type(error).__name__)


def wait(
    tenant: Tenant,
    composition_id: str,
    seconds: float,
    routing: RoutingPattern,
    sleep: Callable[[float], None] = time.sleep,
) -> CompositionView:
    """Return the composition once it ended, or as it stands after ``seconds``."""
    for pause in pauses(seconds):
        if tenant.compositions.get(composition_id).status in TERMINAL:
            break
        sleep(pause)
    return reading.read(tenant, composition_id, routing)


def pauses(seconds: float) -> Iterator[float]:
    """Yield pauses (seconds) that add up to ``seconds``: short ones first, for most answers are quick."""
    pause = FIRST_WAIT_SECONDS
    while seconds > 0:
        yield min(pause, seconds)
        seconds -= pause
        pause = min(pause * GROWTH, LONGEST_WAIT_SECONDS)


def clarification(classification: Classification) -> CompositionView:
    """Return what is missing from a question that cannot be routed; nothing was started."""
    return CompositionView(
        composition_id=None,
        query=classification.query,
        status=CompositionStatus.SKIPPED,
        routing_pattern=classification.routing_pattern,
        clarification=classification.clarification,
        classification_id=classification.classification_id,
    )


def address(composition_id: str) -> str:
    """Return where a composition is read."""
    return f"{permissions.V1}/compositions/{composition_id}"
