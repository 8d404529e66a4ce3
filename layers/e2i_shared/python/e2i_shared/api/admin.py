"""What language models cost, and what they may cost."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from e2i_shared.api.common import Wire


class UsageRow(Wire):
    """Calls of one day, model, user and phase; a call that has not ended counts with what is held for it."""

    day: str
    provider: str
    model: str
    user_id: str
    phase: str
    calls: int
    answered: int
    tokens_in: int
    tokens_out: int
    tokens_cached: int
    cost_usd: float


class BudgetState(Wire):
    """A standing cap (``day`` is null), or what of a day's cap is held and spent."""

    scope: Literal["tenant", "user"]
    subject: str
    day: str | None
    cap_usd: float
    reserved_usd: float
    spent_usd: float


class DefaultCaps(Wire):
    """The caps, in US dollars, where none was set."""

    tenant_daily_usd: float
    user_daily_usd: float
    composition_usd: float


class Usage(Wire):
    """``GET /admin/usage``."""

    since: str
    until: str
    cost_usd: float
    items: list[UsageRow]
    budgets: list[BudgetState]
    defaults: DefaultCaps


class BudgetRequest(Wire):
    """``PUT /admin/budgets``: a daily cap of the tenant, of one user (``subject``), or of every user (no ``subject``)."""

    scope: Literal["tenant", "user"]
    subject: Annotated[str, Field(max_length=200)] = ""
    cap_usd: Annotated[float, Field(ge=0, le=100_000, allow_inf_nan=False)]


class Budgets(Wire):
    """The budgets as they are now."""

    items: list[BudgetState]
