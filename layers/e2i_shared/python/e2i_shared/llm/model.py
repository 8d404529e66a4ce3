"""What crosses the gateway: requests, replies, usage, and the Protocols of providers and ledger."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, Literal, Protocol, TypeVar

from pydantic import BaseModel

if TYPE_CHECKING:
    from e2i_shared.api.common import Json

T = TypeVar("T", bound=BaseModel)

Outcome = Literal[
    "ok",
    "invalid",  # an answer outside the schema or its bounds
    "refused",
    "truncated",
    "rate_limited",
    "quota",  # the account is exhausted or unpaid: trying again does not help
    "overloaded",
    "server_error",
    "timeout",
    "connection",
    "malformed",  # not the provider's protocol: HTML, {}, no usage
    "rejected",  # the provider calls the request itself wrong
    "unauthorised",
]


@dataclass(frozen=True, slots=True)
class Prompt:
    """A prompt file's name and version, its instructions, and the data it is asked about, which is never instructions."""

    name: str
    version: str
    system: str
    user: str


@dataclass(frozen=True, slots=True)
class Request(Generic[T]):
    """A question to a language model, answered in the form of ``schema``; who asks is for the ledger."""

    phase: str
    prompt: Prompt
    schema: type[T]
    max_tokens: int = 4000
    composition_id: str | None = None
    session_id: str | None = None
    user_id: str | None = None
    max_cost_usd: float | None = None  # of the composition


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one call. Fresh, read from the cache and written to it add up to the input; reasoning is part of ``out``."""

    fresh: int
    out: int
    cache_read: int = 0
    cache_write_short: int = 0
    cache_write_long: int = 0
    reasoning: int = 0

    @property
    def tokens_in(self) -> int:
        """All input tokens."""
        return self.fresh + self.cache_read + self.cache_write_short + self.cache_write_long


@dataclass(frozen=True, slots=True)
class Reply:
    """What a provider returned, before anything in it is believed."""

    text: str
    usage: Usage | None
    stop: Literal["end", "length", "refusal"]
    request_id: str | None = None


@dataclass(frozen=True, slots=True)
class Response(Generic[T]):
    """The standard response: the answer, and what it took."""

    content: str
    parsed: T
    provider: str
    model: str
    usage: Usage
    cost_usd: float
    latency_ms: float
    attempts: int
    failures: tuple[str, ...] = field(default=())


class Provider(Protocol):
    """A language model behind a wire. One call, one attempt."""

    @property
    def name(self) -> str:
        """The provider's name."""
        ...

    @property
    def model(self) -> str:
        """The model's id."""
        ...

    def create(self, prompt: Prompt, schema: Json, *, max_tokens: int, seconds: float) -> Reply:
        """Return the reply within ``seconds`` in all; raise ProviderError."""
        ...


@dataclass(frozen=True, slots=True)
class Hold:
    """What is about to be spent, held against the budgets before the call."""

    request: Request[Any]
    provider: str
    model: str
    usd: float
    attempt: int
    price_table: str


@dataclass(frozen=True, slots=True)
class Settlement:
    """What became of a call; ``usage`` and a smaller cost than was held only where the provider told them."""

    outcome: Outcome
    usd: float
    latency_ms: float
    usage: Usage | None = None
    request_id: str | None = None


class Ledger(Protocol):
    """Where every call is written down, and budgets are kept."""

    def reserve(self, hold: Hold) -> str:
        """Hold the cost against every budget it falls under; return the usage id; raise BudgetExceededError, having held nothing."""
        ...

    def settle(self, usage_id: str, settlement: Settlement) -> None:
        """Turn a hold into what was spent; a second call changes nothing."""
        ...
