"""The ledger of language-model calls, and the budgets they are held against, over Postgres."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from e2i_shared.db.queries import query
from e2i_shared.db.repository import Repository
from e2i_shared.errors import BudgetExceededError

if TYPE_CHECKING:
    from psycopg.rows import DictRow

    from e2i_shared.db.connection import Connection, Database
    from e2i_shared.llm.ledger import Caps
    from e2i_shared.llm.model import Hold, Settlement

STANDING = "-infinity"


class Budget(NamedTuple):
    """One of the budgets a call falls under. All callers lock them in this order, so that no two wait for each other."""

    scope: str
    subject: str
    period: str
    cap: float


class PostgresLedger(Repository):
    """The calls of one tenant; ``caps`` are the budgets where an administrator has set none."""

    def __init__(self, database: Database, tenant_id: str, caps: Caps) -> None:
        super().__init__(database, tenant_id)
        self._caps = caps

    def reserve(self, hold: Hold) -> str:
        """Hold the cost against every budget it falls under; return the usage id; raise BudgetExceededError, having held nothing."""

        def work(connection: Connection) -> str:
            for budget in self._budgets(hold):
                _hold(connection, budget, hold.usd)
            made = connection.execute(query("llm", "reserve"), _reservation(hold)).fetchone()
            return "" if made is None else str(made["usage_id"])

        return self._run(work)

    def settle(self, usage_id: str, settlement: Settlement) -> None:
        """Turn a hold into what was spent; a second call changes nothing."""
        self._run(lambda connection: _settle(connection, usage_id, settlement))

    def usage(self, since: datetime, until: datetime) -> list[DictRow]:
        """Return calls, tokens and cost by day, model, user and phase."""
        return self._rows(query("llm", "usage"), since=since, until=until)

    def budgets(self) -> list[DictRow]:
        """Return the standing caps and today's state."""
        return self._rows(query("llm", "budgets"))

    def set_cap(self, scope: str, subject: str, cap_usd: float) -> None:
        """Set a standing cap, from now on; subject ``""`` is everybody in the scope."""

        def work(connection: Connection) -> None:
            values = {"scope": scope, "subject": subject, "cap": cap_usd}
            connection.execute(query("llm", "set_cap"), values)
            connection.execute(query("llm", "set_cap_today"), values)

        self._run(work)

    def _budgets(self, hold: Hold) -> list[Budget]:
        today, request = datetime.now(UTC).date().isoformat(), hold.request
        budgets = [Budget("tenant", "", today, self._caps.tenant_daily_usd)]
        if request.user_id:
            budgets.append(Budget("user", request.user_id, today, self._caps.user_daily_usd))
        if request.composition_id:
            cap = self._caps.composition_usd if request.max_cost_usd is None else request.max_cost_usd
            budgets.append(Budget("composition", request.composition_id, STANDING, cap))
        return budgets


def settle_abandoned(connection: Connection, older_than_seconds: float) -> int:
    """Settle the calls of processes that died, as spent in full; return how many."""
    from e2i_shared.llm.model import Settlement

    rows = connection.execute(query("llm", "abandoned"), {"seconds": older_than_seconds}).fetchall()
    for row in rows:
        _settle(connection, row["usage_id"], Settlement("connection", float(row["reserved_usd"]), 0.0))
    return len(rows)


def _hold(connection: Connection, budget: Budget, usd: float) -> None:
    key = {"scope": budget.scope, "subject": budget.subject, "period": budget.period}
    connection.execute(query("llm", "open_budget"), key | {"cap": budget.cap})
    if connection.execute(query("llm", "hold"), key | {"usd": usd}).fetchone():
        return
    state = connection.execute(query("llm", "read_budget"), key).fetchone() or {}
    left = float(state.get("cap_usd", 0)) - float(state.get("spent_usd", 0)) - float(state.get("reserved_usd", 0))
    raise BudgetExceededError(
        f"The {budget.scope} budget does not allow this call.",
        field="max_cost_usd" if budget.scope == "composition" else "budget",
        expected=f"at most {max(left, 0):.4f} USD, which is left of {float(state.get('cap_usd', 0)):.2f}",
        got=f"{usd:.4f} USD at most for this call",
        hint="The rules answer instead; an administrator can raise the cap (PUT /admin/budgets).",
    )


def _reservation(hold: Hold) -> dict[str, object]:
    request = hold.request
    return {
        "composition_id": request.composition_id,
        "session_id": request.session_id,
        "user_id": request.user_id,
        "phase": request.phase,
        "provider": hold.provider,
        "model": hold.model,
        "usd": hold.usd,
        "attempt": hold.attempt,
        "prompt": f"{request.prompt.name}@{request.prompt.version}",
        "price_table": hold.price_table,
    }


def _settle(connection: Connection, usage_id: str, settlement: Settlement) -> None:
    used = settlement.usage
    values = {
        "usage_id": usage_id,
        "outcome": settlement.outcome,
        "usd": settlement.usd,
        "latency_ms": settlement.latency_ms,
        "request_id": settlement.request_id,
        "tokens_in": used.tokens_in if used else 0,
        "tokens_out": used.out if used else 0,
        "cache_read": used.cache_read if used else 0,
        "cache_write_short": used.cache_write_short if used else 0,
        "cache_write_long": used.cache_write_long if used else 0,
        "reasoning": used.reasoning if used else 0,
    }
    row = connection.execute(query("llm", "settle"), values).fetchone()
    if row is None:
        return
    subjects = (
        ("tenant", "", row["day"]),
        ("user", row["user_id"], row["day"]),
        ("composition", row["composition_id"], STANDING),
    )
    for scope, subject, period in subjects:
        if subject is not None:
            key = {"scope": scope, "subject": subject, "period": str(period)}
            connection.execute(query("llm", "spend"), key | {"held": row["reserved_usd"], "spent": row["cost_usd"]})
