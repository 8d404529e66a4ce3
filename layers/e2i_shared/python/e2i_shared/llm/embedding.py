"""Embeddings by a provider's model, held against the budgets and written down like every call; one attempt, within a short deadline.

Whoever asks has a vector of their own to fall back to, so there is nothing to wait for. A vector belongs to the model that made it:
its name goes with it, and vectors of different models are never compared.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from pydantic import BaseModel

from e2i_shared.errors import LanguageModelError, ProviderError
from e2i_shared.llm.breaker import Breaker
from e2i_shared.llm.model import Hold, Prompt, Request, Settlement
from e2i_shared.llm.wire import malformed

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from e2i_shared.llm.model import Ledger, Outcome, Usage
    from e2i_shared.llm.prices import PriceTable

DIMENSIONS = 1536
SECONDS = 3.0
PHASE = "embed"
_IN_DOUBT = {"timeout", "connection", "malformed"}


@dataclass(frozen=True, slots=True)
class Vectors:
    """What a provider returned."""

    vectors: Sequence[Sequence[float]]
    usage: Usage | None
    request_id: str | None = None


class EmbeddingProvider(Protocol):
    """An embedding model behind a wire."""

    @property
    def name(self) -> str:
        """The provider's name."""
        ...

    @property
    def model(self) -> str:
        """The model's id."""
        ...

    def embed(self, texts: Sequence[str], *, dimensions: int, seconds: float) -> Vectors:
        """Return one vector a text, in their order, within ``seconds`` in all; raise ProviderError."""
        ...


class _NoAnswer(BaseModel):
    """An embedding has no answer to read."""


@dataclass(frozen=True, slots=True)
class Embedder:
    """One provider's model with a tenant's ledger."""

    provider: EmbeddingProvider
    ledger: Ledger
    prices: PriceTable
    breaker: Breaker = field(default_factory=Breaker)
    seconds: float = SECONDS
    clock: Callable[[], float] = time.monotonic

    @property
    def model(self) -> str:
        """The model's id, to be kept beside each vector."""
        return self.provider.model

    def embed(
        self, texts: Sequence[str], *, user_id: str | None = None, composition_id: str | None = None
    ) -> list[list[float]]:
        """Return a unit vector of 1536 numbers for each text.

        Raises
        ------
        BudgetExceededError
            A budget does not allow the call.
        LanguageModelError
            The provider gave no usable vectors.
        """
        if not self.breaker.allows():
            raise LanguageModelError(f"{self.provider.name} rests after failures.", got="resting")
        prompt = Prompt("embedding", "1", "", "\n".join(texts))
        request = Request(PHASE, prompt, _NoAnswer, composition_id=composition_id, user_id=user_id)
        most = _in_millionths(self.prices.most(self.model, sum(map(len, texts)), 0))
        usage_id = self.ledger.reserve(Hold(request, self.provider.name, self.model, most, 1, self.prices.version))
        began = self.clock()
        try:
            made = self.provider.embed(texts, dimensions=DIMENSIONS, seconds=self.seconds)
            vectors = _checked(self.provider.name, made, len(texts))
        except ProviderError as error:
            self.breaker.failed()
            spent = most if error.outcome in _IN_DOUBT else 0.0
            self._settle(usage_id, error.outcome, spent, began)  # type: ignore[arg-type]  # adapters raise outcomes
            raise LanguageModelError(f"No embedding: {error.message}", got=error.outcome) from error
        except BaseException:
            self._settle(usage_id, "connection", most, began)
            raise
        self.breaker.succeeded()
        cost = _in_millionths(self.prices.cost(self.model, made.usage)) if made.usage else most
        self._settle(usage_id, "ok", cost, began, made)
        return vectors

    def _settle(self, usage_id: str, outcome: Outcome, usd: float, began: float, made: Vectors | None = None) -> None:
        elapsed = (self.clock() - began) * 1000
        told = (made.usage, made.request_id) if made else (None, None)
        self.ledger.settle(usage_id, Settlement(outcome, usd, elapsed, *told))


def _in_millionths(usd: float) -> float:
    """Round up to what a ledger counts in, so that many small calls are not free."""
    return math.ceil(usd * 1e6) / 1e6


def _checked(provider: str, made: Vectors, texts: int) -> list[list[float]]:
    """Return the vectors at unit length; raise ProviderError where they are not one of the right size for each text."""
    sized = len(made.vectors) == texts and all(len(vector) == DIMENSIONS for vector in made.vectors)
    norms = [math.hypot(*vector) for vector in made.vectors] if sized else []
    if not sized or not all(math.isfinite(norm) and norm > 0 for norm in norms):
        raise malformed(provider, f"{texts} vectors of {DIMENSIONS} numbers")
    return [[x / norm for x in vector] for vector, norm in zip(made.vectors, norms, strict=True)]
