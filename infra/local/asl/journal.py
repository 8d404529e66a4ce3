"""What an execution remembers: the outcome of every finished task attempt, and its history."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Recorded:
    """What a finished task attempt (or a begun wait) left: a value, or an error with its cause."""

    value: Any = None
    error: str | None = None
    cause: str = ""


class Journal(Protocol):
    """Remembers by state path, so that an execution can be run again without running its finished tasks again."""

    def recall(self, key: str) -> Recorded | None:
        """Return what was recorded under the path, if anything."""

    def reached(self, prefix: str) -> bool:
        """Return whether anything was recorded at or below the path."""

    async def record(self, key: str, kind: str, recorded: Recorded) -> None:
        """Keep an outcome; durable when this returns."""

    def note(self, key: str, kind: str, details: dict[str, Any]) -> None:
        """Add an event to the history, once per path and kind."""


@dataclass(slots=True)
class MemoryJournal:
    """A journal that lasts as long as its process."""

    outcomes: dict[str, Recorded] = field(default_factory=dict)
    history: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)

    def recall(self, key: str) -> Recorded | None:
        """Return what was recorded under the path, if anything."""
        return self.outcomes.get(key)

    def reached(self, prefix: str) -> bool:
        """Return whether anything was recorded at or below the path."""
        return any(key == prefix or key.startswith(f"{prefix}/") for key in self.outcomes)

    async def record(self, key: str, kind: str, recorded: Recorded) -> None:
        """Keep an outcome."""
        self.outcomes[key] = recorded
        self.note(key, kind, {})

    def note(self, key: str, kind: str, details: dict[str, Any]) -> None:
        """Add an event to the history."""
        self.history.append((key, kind, details))
