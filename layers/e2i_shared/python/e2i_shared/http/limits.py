"""A token bucket per caller.

Each process keeps its own buckets: a caller served by k processes may reach k times the rate. That bounds what one caller can take
from any one process, costs no query, and needs no shared store.
"""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from e2i_shared.errors import RateLimitedError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

MAX_CALLERS = 10_000


@dataclass(slots=True)
class Bucket:
    """What a caller has left, and when that was reckoned."""

    tokens: float
    at: float


@dataclass(slots=True)
class RateLimit:
    """``rate`` tokens a second per caller, saved up to ``burst``."""

    rate: float
    burst: int
    clock: Callable[[], float] = time.monotonic
    buckets: OrderedDict[str, Bucket] = field(default_factory=OrderedDict)

    def take(self, caller: str, cost: int = 1) -> Mapping[str, str]:
        """Take ``cost`` tokens and return the ``X-RateLimit-*`` headers.

        Raises
        ------
        RateLimitedError
            When too few are left.
        """
        bucket = self._refill(caller)
        if bucket.tokens < cost:
            seconds = max(1, math.ceil((cost - bucket.tokens) / self.rate))
            raise RateLimitedError(
                "Too many requests from this caller.",
                retry_after=seconds,
                field="rate",
                expected=f"at most {self.rate:g} requests a second",
                hint=f"Try again in {seconds} s.",
            )
        bucket.tokens -= cost
        return self.headers(caller)

    def headers(self, caller: str) -> Mapping[str, str]:
        """Return what is left to a caller, as headers."""
        bucket = self.buckets[caller]
        return {
            "X-RateLimit-Limit": str(self.burst),
            "X-RateLimit-Remaining": str(int(bucket.tokens)),
            "X-RateLimit-Reset": str(math.ceil((self.burst - bucket.tokens) / self.rate)),
        }

    def _refill(self, caller: str) -> Bucket:
        now = self.clock()
        bucket = self.buckets.setdefault(caller, Bucket(self.burst, now))
        self.buckets.move_to_end(caller)
        bucket.tokens = min(self.burst, bucket.tokens + (now - bucket.at) * self.rate)
        bucket.at = now
        if len(self.buckets) > MAX_CALLERS:
            self.buckets.popitem(last=False)
        return bucket
