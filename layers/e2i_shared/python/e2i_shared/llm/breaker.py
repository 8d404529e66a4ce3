"""A circuit breaker: a provider that failed several times in a row is left alone for a while (Nygard 2007, ch. 5)."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

FAILURES, REST_SECONDS = 5, 30.0


@dataclass(slots=True)
class Breaker:
    """Closed, until ``failures`` calls in a row failed; open for ``rest`` seconds; then one call decides."""

    failures: int = FAILURES
    rest: float = REST_SECONDS
    clock: Callable[[], float] = time.monotonic
    _failed: int = 0
    _open_until: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def allows(self) -> bool:
        """Say whether to call now; of several callers after the rest, one is let through."""
        with self._lock:
            if self._failed < self.failures:
                return True
            if self.clock() < self._open_until:
                return False
            self._open_until = self.clock() + self.rest
            return True

    def succeeded(self) -> None:
        """Close."""
        with self._lock:
            self._failed = 0

    def failed(self) -> None:
        """Count a failure; open at the limit."""
        with self._lock:
            self._failed += 1
            if self._failed >= self.failures:
                self._open_until = self.clock() + self.rest
