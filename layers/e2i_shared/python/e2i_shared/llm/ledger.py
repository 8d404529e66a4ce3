"""Budgets where nobody set any, and a ledger in memory with the same rules, for tests and for runs without a database."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from e2i_shared.errors import BudgetExceededError

if TYPE_CHECKING:
    from e2i_shared.llm.model import Hold, Settlement


@dataclass(frozen=True, slots=True)
class Caps:
    """US dollars: of a tenant and a user a day, and of one composition."""

    tenant_daily_usd: float = 50.0
    user_daily_usd: float = 10.0
    composition_usd: float = 0.5


@dataclass(slots=True)
class MemoryLedger:
    """One day's ledger."""

    caps: Caps = field(default_factory=Caps)
    calls: dict[str, tuple[Hold, Settlement | None]] = field(default_factory=dict)
    spent: defaultdict[tuple[str, str], float] = field(default_factory=lambda: defaultdict(float))
    held: defaultdict[tuple[str, str], float] = field(default_factory=lambda: defaultdict(float))

    def reserve(self, hold: Hold) -> str:
        """Hold the cost against every budget it falls under; raise BudgetExceededError, having held nothing."""
        budgets = self._budgets(hold)
        for key, cap in budgets.items():
            if self.spent[key] + self.held[key] + hold.usd > cap:
                raise BudgetExceededError(f"The {key[0]} budget does not allow this call.", field="budget")
        for key in budgets:
            self.held[key] += hold.usd
        usage_id = f"call-{len(self.calls) + 1}"
        self.calls[usage_id] = (hold, None)
        return usage_id

    def settle(self, usage_id: str, settlement: Settlement) -> None:
        """Turn a hold into what was spent; a second call changes nothing."""
        hold, settled = self.calls[usage_id]
        if settled is not None:
            return
        self.calls[usage_id] = (hold, settlement)
        for key in self._budgets(hold):
            self.held[key] -= hold.usd
            self.spent[key] += settlement.usd

    def _budgets(self, hold: Hold) -> dict[tuple[str, str], float]:
        request = hold.request
        caps = {("tenant", ""): self.caps.tenant_daily_usd}
        if request.user_id:
            caps["user", request.user_id] = self.caps.user_daily_usd
        if request.composition_id:
            own = request.max_cost_usd
            caps["composition", request.composition_id] = self.caps.composition_usd if own is None else own
        return caps
