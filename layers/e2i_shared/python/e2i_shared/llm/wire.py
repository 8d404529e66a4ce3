"""What both providers' SDKs do alike: a model behind a key, a total deadline around a call, and errors as outcomes.

The SDKs' own timeouts are for each read, so that a server that dribbles passes them, and their retries sleep for as long as a header
says (weeks, if it says so). Here their retries are off, and the whole call is cancelled at its deadline.
"""

from __future__ import annotations

import asyncio
import json
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from e2i_shared.errors import ProviderError

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from e2i_shared.api.common import Json
    from e2i_shared.llm.model import Prompt, Reply

R = TypeVar("R")

_STATUSES: dict[int, tuple[str, bool]] = {
    400: ("rejected", False),
    401: ("unauthorised", False),
    402: ("quota", False),
    403: ("unauthorised", False),
    404: ("rejected", False),
    408: ("timeout", True),
    409: ("server_error", True),
    413: ("rejected", False),
    422: ("rejected", False),
    429: ("rate_limited", True),
    503: ("overloaded", True),
    529: ("overloaded", True),
}
_FIRST_SERVER_ERROR = 500


@dataclass(frozen=True, slots=True)
class SdkModel:
    """A model behind its provider's SDK; ``base_url`` is for a proxy, or a server that speaks the same protocol."""

    model: str
    key: str = field(repr=False)
    base_url: str | None = None
    name: ClassVar[str]

    def _client_options(self, seconds: float) -> Json:
        return {"api_key": self.key, "base_url": self.base_url, "max_retries": 0, "timeout": max(seconds, 0.1)}


class SdkProvider(SdkModel, ABC):
    """A model that answers questions."""

    __slots__ = ()

    def create(self, prompt: Prompt, schema: Json, *, max_tokens: int, seconds: float) -> Reply:
        """Return the reply within ``seconds`` in all; raise ProviderError."""
        import_module(self.name)  # takes seconds the first time, and would be of the deadline
        return within(self.name, seconds, lambda: self._create(prompt, schema, max_tokens, seconds))

    @abstractmethod
    async def _create(self, prompt: Prompt, schema: Json, max_tokens: int, seconds: float) -> Reply:
        """Return the SDK's answer as a reply; raise whatever the SDK raises."""


def within(provider: str, seconds: float, call: Callable[[], Coroutine[Any, Any, R]]) -> R:
    """Run an SDK's coroutine to its end or its deadline; raise ProviderError for whatever goes wrong."""

    async def bounded() -> R:
        async with asyncio.timeout(seconds):
            return await call()

    try:
        return asyncio.run(bounded())
    except TimeoutError as error:
        raise ProviderError(
            f"{provider} did not answer within {seconds:.1f} s.", outcome="timeout", retryable=True
        ) from error
    except json.JSONDecodeError as error:
        raise ProviderError(
            f"{provider} answered with something that is not JSON.", outcome="malformed", retryable=True
        ) from error
    except ProviderError:
        raise
    except Exception as error:
        raise _outcome(provider, error) from error


def _outcome(provider: str, error: Exception) -> ProviderError:
    """Return an SDK's exception as an outcome; by its attributes, since the two hierarchies have one shape."""
    status = getattr(error, "status_code", None)
    if status is None:
        kind = "timeout" if "Timeout" in type(error).__name__ else "connection"
        known = any(word in type(error).__name__ for word in ("Timeout", "Connection"))
        return ProviderError(
            f"{provider}: {type(error).__name__}.", outcome=kind if known else "malformed", retryable=known
        )
    outcome, retryable = _STATUSES.get(status, ("server_error", status >= _FIRST_SERVER_ERROR))
    if "insufficient_quota" in str(getattr(error, "code", "")) or "insufficient_quota" in str(error):
        outcome, retryable = "quota", False
    return ProviderError(
        f"{provider} answered with status {status}.",
        outcome=outcome,
        retryable=retryable,
        retry_after=_retry_after(error),
    )


def _retry_after(error: Exception) -> float | None:
    headers = getattr(getattr(error, "response", None), "headers", {})
    try:
        return max(0.0, float(headers.get("retry-after", "")))
    except ValueError:
        return None


def malformed(provider: str, what: str) -> ProviderError:
    """Return the error of an answer with status 200 that is not the provider's protocol."""
    return ProviderError(f"{provider} answered without {what}.", outcome="malformed", retryable=True)
