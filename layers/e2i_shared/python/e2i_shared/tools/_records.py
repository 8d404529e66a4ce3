"""What tools may know of past answers: a Protocol over the stored compositions of the caller's tenant."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from e2i_shared.api.common import Json
    from e2i_shared.api.composition import Answer, MissingPart


@dataclass(frozen=True, slots=True)
class PastStep:
    """A finished step of a past composition; ``output`` is None where it failed or was skipped."""

    number: int
    tool: str
    serves: str
    status: str
    output: Json | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class PastComposition:
    """A past composition: the question, what was answered and from which steps."""

    composition_id: str
    query: str
    status: str
    created_at: str
    answer: Answer | None = None
    missing: Sequence[MissingPart] = ()
    error: str | None = None
    dataset: str | None = None
    steps: Sequence[PastStep] = ()


class Records(Protocol):
    """Where a tool reads past compositions; only those of the caller's tenant exist for it."""

    def composition(self, composition_id: str) -> PastComposition:
        """Return one; raise NotFoundError."""
        ...

    def latest(self, session_id: str | None = None) -> PastComposition | None:
        """Return the newest completed one, of the session named or else of the conversation that asks; None where there is none."""
        ...
