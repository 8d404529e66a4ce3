"""The language models of a tenant, as the composer and the classifier ask them: within budgets, and in the ledger.

Questions are embedded by the configured model; where it is none or has nothing to say, by the local one. The vector's model goes with it.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from e2i_shared import bootstrap
from e2i_shared.errors import BudgetExceededError, LanguageModelError
from e2i_shared.observability import telemetry

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import date

    from e2i_shared.composer.asked.ask import Ask, Instructions, T
    from e2i_shared.composer.model import CompositionRecord
    from e2i_shared.llm.gateway import Gateway


class Embedded(NamedTuple):
    """Unit vectors, and the name of the model that made them."""

    model: str
    vectors: list[list[float]]


def embed(tenant_id: str, texts: Sequence[str], user_id: str | None = None) -> Embedded:
    """Return the vectors of texts, in their order, by the configured model, else by the local one."""
    gateway = bootstrap.language_models(tenant_id)
    if gateway is None or gateway.embedder is None:
        return embed_locally(texts)
    try:
        return Embedded(gateway.embedder.model, gateway.embedder.embed(texts, user_id=user_id))
    except (LanguageModelError, BudgetExceededError) as error:
        telemetry.note("embedded_locally", error_type=type(error).__name__, reason=error.message)
        return embed_locally(texts)


def embed_locally(texts: Sequence[str]) -> Embedded:
    """Return the vectors of texts, in their order, by the local model."""
    from e2i_shared.composer import embedding

    return Embedded(embedding.MODEL, [embedding.embed(text) for text in texts])


def asker(tenant_id: str) -> Callable[[CompositionRecord, str], Ask] | None:
    """Return what gives a phase of a composition its language model; None where none is configured."""
    gateway = bootstrap.language_models(tenant_id)
    if gateway is None or not gateway.providers:
        return None
    warn_of_retirements(gateway, datetime.now(UTC).date())
    return lambda record, phase: _for(gateway, record, phase)


def warn_of_retirements(gateway: Gateway, today: date) -> list[str]:
    """Say in the log, once a day in each process, which models in use their providers stop offering within 30 days, or have stopped."""
    used = {each.model for each in gateway.providers} | ({gateway.embedder.model} if gateway.embedder else set())
    ending = [model for model in gateway.prices.retiring(today) if model in used]
    for model in ending:
        _warn(model, str(gateway.prices.find(model).end_of_life), today)
    return ending


@lru_cache(maxsize=16)
def _warn(model: str, end_of_life: str, today: date) -> None:
    telemetry.note("language_model_retires", model=model, end_of_life=end_of_life, today=today.isoformat())


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
