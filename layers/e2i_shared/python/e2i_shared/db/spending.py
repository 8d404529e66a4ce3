"""What a tenant's language models cost, and their caps: a change of a cap is audited in its own transaction."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from e2i_shared.api.admin import BudgetState, UsageRow
from e2i_shared.db import audit
from e2i_shared.db.queries import query
from e2i_shared.db.repository import Repository

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from e2i_shared.api.admin import BudgetRequest
    from e2i_shared.db.connection import Connection


class PostgresSpending(Repository):
    """The ledger of one tenant as its administrators read it."""

    def usage(self, since: datetime, until: datetime) -> Sequence[UsageRow]:
        """Return calls, tokens and cost by day, model, user and phase; newest day first."""
        rows = self._rows(query("llm", "usage"), since=since, until=until)
        return [UsageRow(**row | {"day": row["day"].isoformat()}) for row in rows]

    def budgets(self) -> Sequence[BudgetState]:
        """Return the standing caps and today's state."""
        return self._run(_budgets)

    def set_cap(self, request: BudgetRequest, actor: str, role: str, request_id: str) -> Sequence[BudgetState]:
        """Set a standing cap, from now on, and return the budgets; who did it is in the audit log, or nothing was done."""

        def work(connection: Connection) -> Sequence[BudgetState]:
            before = [
                b for b in _budgets(connection) if (b.scope, b.subject, b.day) == (request.scope, request.subject, None)
            ]
            values = {"scope": request.scope, "subject": request.subject, "cap": request.cap_usd}
            connection.execute(query("llm", "set_cap"), values)
            connection.execute(query("llm", "set_cap_today"), values)
            entry = audit.AuditEntry(
                actor=actor,
                actor_role=role,
                action="set_budget",
                object_type="budget",
                object_id=f"{request.scope}/{_digest(request.subject)[:16] if request.subject else '*'}",
                request_id=request_id,
                before_hash=_digest(f"{before[0].cap_usd:.6f}") if before else None,
                after_hash=_digest(f"{request.cap_usd:.6f}"),
            )
            audit.record(connection, entry)
            return _budgets(connection)

        return self._run(work)

    def sweep(self, older_than_seconds: float = 600.0) -> int:
        """Settle the calls of processes that died, as spent in full; return how many."""
        from e2i_shared.db.llm_ledger import settle_abandoned

        return self._run(lambda connection: settle_abandoned(connection, older_than_seconds))


def _budgets(connection: Connection) -> list[BudgetState]:
    rows = connection.execute(query("llm", "budgets")).fetchall()
    return [BudgetState(**row | {"day": row["day"] and row["day"].isoformat()}) for row in rows]


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
