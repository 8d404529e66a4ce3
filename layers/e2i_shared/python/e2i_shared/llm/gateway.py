"""A question goes to each provider in turn until one answers in the form asked for, within a deadline and the budgets.

Per provider: at most three attempts for what may pass, with backoff and full jitter, never beyond the deadline whatever a header says; at
most one repair of an answer outside the schema, which is told only where and how it was wrong. Every attempt is held in the ledger before
it is made and settled after it, before its answer is looked at. A call whose end is not known keeps its hold as spent.
"""

from __future__ import annotations

import random
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from e2i_shared.errors import LanguageModelError, ProviderError
from e2i_shared.llm.breaker import Breaker
from e2i_shared.llm.model import Hold, Prompt, Reply, Response, Settlement, T
from e2i_shared.llm.schema import strict_schema

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from e2i_shared.llm.embedding import Embedder
    from e2i_shared.llm.model import Ledger, Outcome, Provider, Request
    from e2i_shared.llm.prices import PriceTable

ATTEMPTS, REPAIRS = 3, 1
FIRST_WAIT, LONGEST_WAIT = 0.25, 4.0
DEADLINE, PER_ATTEMPT = 25.0, 15.0
_SPENT_IN_DOUBT = {"timeout", "connection", "malformed"}


@dataclass(frozen=True, slots=True)
class Gateway:
    """Providers in order of preference; without any, asking fails at once and the rules answer."""

    providers: Sequence[Provider]
    ledger: Ledger
    prices: PriceTable
    breakers: dict[str, Breaker] = field(default_factory=dict)
    seconds: float = DEADLINE
    embedder: Embedder | None = None
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    jitter: Callable[[], float] = random.random

    def ask(self, request: Request[T], *, seconds: float | None = None) -> Response[T]:
        """Return a valid answer within ``seconds``, by default the gateway's.

        Raises
        ------
        BudgetExceededError
            A budget does not allow the call; no other provider is tried.
        LanguageModelError
            No provider gave a valid answer; the message says why of each.
        """
        started, failures = self.clock(), list[str]()
        until = started + (self.seconds if seconds is None else seconds)
        for provider in self.providers:
            breaker = self.breakers.setdefault(provider.name, Breaker(clock=self.clock))
            if not breaker.allows():
                failures.append(f"{provider.name}: resting after failures")
                continue
            conversation = _Conversation(self, provider, breaker, request, started, until, failures)
            answer = conversation.hold()
            if answer is not None:
                return answer
        said = "; ".join(failures) or "none is configured"
        raise LanguageModelError(f"No language model gave a usable answer: {said}.", got=said)


@dataclass(slots=True)
class _Conversation:
    """The attempts at one provider."""

    gateway: Gateway
    provider: Provider
    breaker: Breaker
    request: Request[Any]
    started: float
    deadline: float
    failures: list[str]
    attempts: int = 0
    repairs: int = 0

    def hold(self) -> Response[Any] | None:
        """Return a valid answer, or None when this provider has none to give."""
        prompt = self.request.prompt
        while self.attempts < ATTEMPTS + self.repairs and self._left() > 0:
            self.attempts += 1
            try:
                reply, cost = self._call(prompt)
            except ProviderError as error:
                self._note(error.outcome)
                self.breaker.failed()
                if not error.retryable or not self._wait(error.retry_after):
                    return None
                continue
            self.breaker.succeeded()
            try:
                return self._answer(reply, cost)
            except ValidationError as error:
                if self.repairs == REPAIRS:
                    return None
                self.repairs += 1
                prompt = _repair(self.request.prompt, error)
            except LanguageModelError:
                return None
        return None

    def _call(self, prompt: Prompt) -> tuple[Reply, float]:
        """Make one attempt, in the ledger before and after; return the reply and its cost."""
        prices, model = self.gateway.prices, self.provider.model
        most = prices.most(model, len(prompt.system) + len(prompt.user), self.request.max_tokens)
        hold = Hold(self.request, self.provider.name, model, most, self.attempts, prices.version)
        usage_id = self.gateway.ledger.reserve(hold)
        began = self.gateway.clock()
        try:
            reply = self.provider.create(
                prompt,
                strict_schema(self.request.schema),  # type: ignore[arg-type]  # a class is hashable
                max_tokens=self.request.max_tokens,
                seconds=min(PER_ATTEMPT, self._left()),
            )
        except ProviderError as error:
            spent = most if error.outcome in _SPENT_IN_DOUBT else 0.0
            self._settle(usage_id, Settlement(error.outcome, spent, self._since(began)))  # type: ignore[arg-type]  # adapters raise outcomes
            raise
        except BaseException:
            self._settle(usage_id, Settlement("connection", most, self._since(began)))
            raise
        cost = prices.cost(model, reply.usage) if reply.usage else most
        outcome = self._outcome(reply)
        self._settle(usage_id, Settlement(outcome, cost, self._since(began), reply.usage, reply.request_id))
        if reply.usage is None:
            raise ProviderError(f"{self.provider.name} told no usage.", outcome="malformed", retryable=True)
        return reply, cost

    def _outcome(self, reply: Reply) -> Outcome:
        if reply.usage is None:
            return "malformed"
        if reply.stop == "refusal":
            return "refused"
        if reply.stop == "length":
            return "truncated"
        try:
            self.request.schema.model_validate_json(reply.text)
        except ValidationError:
            return "invalid"
        return "ok"

    def _answer(self, reply: Reply, cost: float) -> Response[Any]:
        if reply.stop != "end":
            self._note("refused" if reply.stop == "refusal" else "truncated")
            raise LanguageModelError(f"{self.provider.name} {reply.stop}.")
        try:
            parsed = self.request.schema.model_validate_json(reply.text)
        except ValidationError:
            self._note("invalid")
            raise
        if reply.usage is None:  # _call raised already
            raise LanguageModelError(f"{self.provider.name} told no usage.")
        return Response(
            content=reply.text,
            parsed=parsed,
            provider=self.provider.name,
            model=self.provider.model,
            usage=reply.usage,
            cost_usd=cost,
            latency_ms=self._since(self.started),
            attempts=self.attempts,
            failures=tuple(self.failures),
        )

    def _wait(self, told: float | None) -> bool:
        """Sleep before the next attempt; False when the wait would outlast what is left."""
        backoff = min(LONGEST_WAIT, FIRST_WAIT * 2 ** (self.attempts - 1)) * (0.5 + 0.5 * self.gateway.jitter())
        pause = max(told or 0.0, backoff)
        if self.attempts >= ATTEMPTS + self.repairs or pause > min(LONGEST_WAIT, self._left()):
            return False
        self.gateway.sleep(pause)
        return self.breaker.allows()

    def _settle(self, usage_id: str, settlement: Settlement) -> None:
        self.gateway.ledger.settle(usage_id, settlement)

    def _left(self) -> float:
        return self.deadline - self.gateway.clock()

    def _since(self, moment: float) -> float:
        return (self.gateway.clock() - moment) * 1000

    def _note(self, outcome: str) -> None:
        self.failures.append(f"{self.provider.name}: {outcome}")


def _repair(prompt: Prompt, error: ValidationError) -> Prompt:
    """Return the prompt with what was wrong with the answer: place and kind only, never its text."""
    problems = "\n".join(f"- {'.'.join(map(str, e['loc'])) or 'answer'}: {e['type']}" for e in error.errors()[:10])
    return replace(
        prompt, user=f"{prompt.user}\n\nYour answer before did not fit the schema:\n{problems}\nAnswer again."
    )
