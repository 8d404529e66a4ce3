"""What a conversation lends to its next question."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from e2i_shared.classifier.domains import is_elliptic
from e2i_shared.classifier.grammar import CONTINUING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from e2i_shared.api.classification import Classification, Entity
    from e2i_shared.classifier.clauses import Clause
    from e2i_shared.classifier.reading import Reading


@dataclass(frozen=True, slots=True)
class Session:
    """The last turn, as far as the next question may lean on it."""

    query: str = ""
    domain: str = ""
    entities: tuple[Entity, ...] = ()

    @property
    def is_open(self) -> bool:
        """Tell whether there is an earlier turn that asked something."""
        return bool(self.domain)


def session_of(turns: Sequence[Classification]) -> Session:
    """Return what the turns (newest first) lend: the newest that asked something, with what it took over itself."""
    for turn in turns:
        if turn.domains:
            own = turn.features.entities
            return Session(turn.query, turn.domains[0].domain.value, (*own, *replaceable(turn.features.inherited, own)))
    return Session()


def is_followup(reading: Reading, clauses: Sequence[Clause], session: Session) -> bool:
    """Tell whether a query leans on the turn before: short, or pointing back, or opening like a continuation."""
    if not session.is_open or not clauses:
        return False
    first = clauses[0]
    opening = reading.texts[first.first]
    measured = any(tag == "<kpi>" for tag in reading.tags) and any(
        tag in {"<brand=>", "<treatment>"} for tag in reading.tags
    )
    return not measured and (is_elliptic(reading, first) or opening in CONTINUING or len(reading.words) <= 6)


def replaceable(earlier: Sequence[Entity], now: Sequence[Entity]) -> list[Entity]:
    """Return the earlier entities whose kind and column the new ones do not speak of."""
    kinds = {(entity.kind, entity.column) for entity in now} | {(entity.kind, None) for entity in now}
    return [
        entity for entity in earlier if (entity.kind, entity.column) not in kinds and (entity.kind, None) not in kinds
    ]
