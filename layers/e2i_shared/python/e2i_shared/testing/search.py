"""Search and spending in memory."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from e2i_shared.api.admin import BudgetState
from e2i_shared.api.composition import CompositionStatus
from e2i_shared.composer.model import CompositionQuery
from e2i_shared.ports import Found

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from e2i_shared.api.admin import BudgetRequest, UsageRow
    from e2i_shared.composer.model import CompositionRepository

_WORD = re.compile(r"\w{3,}")


@dataclass
class FakeSearch:
    """Finds by shared words; it holds documents without vectors."""

    asked: CompositionRepository
    held: list[Found] = field(default_factory=list)

    def compositions(self, text: str, limit: int) -> Sequence[Found]:
        """Return answered questions that hold any of the words, best first."""
        page = self.asked.list(CompositionQuery(status=CompositionStatus.COMPLETED, limit=100))
        return _ranked(text, [Found(each.composition_id, each.query, "") for each in page.items])[:limit]

    def documents(self, text: str, limit: int) -> Sequence[Found]:
        """Return documents that hold any of the words, best first."""
        return _ranked(text, self.held)[:limit]

    def documents_near(
        self, _embedding: Sequence[float], _model: str, _limit: int, _min_similarity: float = 0.3
    ) -> Sequence[Found]:
        """Return nothing: no document has a vector."""
        return []


@dataclass
class FakeSpending:
    """Keeps standing caps, and who set them."""

    rows: list[UsageRow] = field(default_factory=list)
    caps: dict[tuple[str, str], BudgetState] = field(default_factory=dict)
    audited: list[tuple[str, str, str]] = field(default_factory=list)
    abandoned: int = 0

    def usage(self, since: datetime, until: datetime) -> Sequence[UsageRow]:
        """Return the rows of the days asked for."""
        return [row for row in self.rows if since.date().isoformat() <= row.day <= until.date().isoformat()]

    def budgets(self) -> Sequence[BudgetState]:
        """Return the standing caps."""
        return [self.caps[key] for key in sorted(self.caps)]

    def set_cap(self, request: BudgetRequest, actor: str, role: str, request_id: str) -> Sequence[BudgetState]:
        """Set a standing cap and return the budgets."""
        self.caps[request.scope, request.subject] = BudgetState(
            scope=request.scope,
            subject=request.subject,
            day=None,
            cap_usd=request.cap_usd,
            reserved_usd=0.0,
            spent_usd=0.0,
        )
        self.audited.append((actor, role, request_id))
        return self.budgets()

    def sweep(self, older_than_seconds: float = 600.0) -> int:
        """Settle what waits, and forget it."""
        del older_than_seconds  # nothing here has an age
        settled, self.abandoned = self.abandoned, 0
        return settled


def _ranked(text: str, known: Sequence[Found]) -> list[Found]:
    wanted = set(_WORD.findall(text.casefold()))
    shared = {each: len(wanted & set(_WORD.findall(f"{each.title} {each.text}".casefold()))) for each in known}
    return sorted((each for each in known if shared[each]), key=lambda each: (-shared[each], each.id))
