"""The language models of a tenant, as the composer and the classifier ask them: within budgets, and in the ledger."""

from __future__ import annotations

from typing import TYPE_CHECKING

from e2i_shared import bootstrap
from e2i_shared.observability import telemetry

if TYPE_CHECKING:
    from collections.abc import Callable

    from e2i_shared.composer.asked.ask import Ask, Instructions, T
    from e2i_shared.composer.model import CompositionRecord
    from e2i_shared.llm.gateway import Gateway


def asker(tenant_id: str) -> Callable[[CompositionRecord, str], Ask] | None:
    """Return what gives a phase of a composition its language model; None where none is configured."""
    gateway = bootstrap.language_models(tenant_id)
    if gateway is None:
        return None
    return lambda record, phase: _for(gateway, record, phase)


def _for(gateway: Gateway, record: CompositionRecord, phase: str) -> Ask:
    def ask(instructions: Instructions, data: str, schema: type[T]) -> T:
        from e2i_shared.llm.model import Prompt, Request

        request = Request(
            phase,
            Prompt(instructions.name, instructions.version, instructions.text, data),
            schema,
            composition_id=record.composition_id,
            session_id=record.session_id,
            user_id=record.user_id,
            max_cost_usd=record.max_cost_usd,
        )
        response = gateway.ask(request)
        telemetry.note("language_model_answered", phase=phase, model=response.model, attempts=response.attempts)
        return response.parsed

    return ask
