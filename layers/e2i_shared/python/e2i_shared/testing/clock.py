"""A clock that tests set."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


class FixedClock:
    """Returns its time, and moves on by ``step`` seconds with each reading so that order stays visible."""

    def __init__(self, now: datetime = datetime(2026, 10, 1, tzinfo=UTC), *, step: float = 0.001) -> None:
        self._now = now
        self._step = timedelta(seconds=step)

    def __call__(self) -> datetime:
        """Return the time."""
        now = self._now
        self._now += self._step
        return now

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self._now += timedelta(seconds=seconds)
