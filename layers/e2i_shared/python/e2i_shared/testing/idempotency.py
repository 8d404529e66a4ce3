"""Idempotency keys in memory."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from e2i_shared.db.idempotency import DAY, replay
from e2i_shared.testing.clock import FixedClock

if TYPE_CHECKING:
    from datetime import datetime

    from e2i_shared.api.common import Json


@dataclass
class _Key:
    body_hash: str
    locked_until: datetime
    expires_at: datetime
    response: Json | None = None


class FakeIdempotency:
    """Like PostgresIdempotency."""

    def __init__(
        self, clock: FixedClock | None = None, *, lease_seconds: float = 60, keep_seconds: float = DAY
    ) -> None:
        self._clock = clock or FixedClock()
        self._lease = timedelta(seconds=lease_seconds)
        self._keep = timedelta(seconds=keep_seconds)
        self._keys: dict[str, _Key] = {}

    def begin(self, key: str, body_hash: str) -> Json | None:
        """Take a key and return None, or return the kept response; raise ConflictError for another body or while in flight."""
        now = self._clock()
        held = self._keys.get(key)
        if held is None or held.expires_at < now or _died(held, body_hash, now):
            self._keys[key] = _Key(body_hash, now + self._lease, now + self._keep)
            return None
        return replay(held.body_hash, held.response, body_hash)

    def finish(self, key: str, response: Json) -> None:
        """Keep the response for repeats; a second time changes nothing."""
        if key in self._keys and self._keys[key].response is None:
            self._keys[key].response = response

    def abandon(self, key: str) -> None:
        """Free a key whose request failed for a passing reason; one with a response stays."""
        if key in self._keys and self._keys[key].response is None:
            del self._keys[key]

    def purge(self) -> int:
        """Delete what has expired and return how many keys that were."""
        now = self._clock()
        expired = [key for key, held in self._keys.items() if held.expires_at < now]
        for key in expired:
            del self._keys[key]
        return len(expired)


def _died(held: _Key, body_hash: str, now: datetime) -> bool:
    return held.response is None and held.locked_until < now and held.body_hash == body_hash
