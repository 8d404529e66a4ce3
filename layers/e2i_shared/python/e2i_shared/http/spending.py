"""What language models cost a tenant, and who may change its caps."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from e2i_shared import bootstrap, paging, settings
from e2i_shared.api.admin import Budgets, DefaultCaps, Usage
from e2i_shared.errors import ForbiddenError, MalformedRequestError, UnprocessableError
from e2i_shared.http.caller import Role

if TYPE_CHECKING:
    from e2i_shared.api.admin import BudgetRequest
    from e2i_shared.http.caller import Caller
    from e2i_shared.ports import Tenant

DAYS = 30


def usage(who: Caller, since: str | None, until: str | None) -> Usage:
    """Return calls, tokens and cost of a span (the last 30 days), with the budgets as they are now."""
    tenant = bootstrap.for_tenant(who.tenant_id)
    end = paging.moment_of(until, "until") or datetime.now(UTC)
    begin = paging.moment_of(since, "since") or end - timedelta(days=DAYS)
    if begin >= end:
        raise MalformedRequestError(
            "The span is empty.", field="since", expected=f"before {end.isoformat()}", got=begin.isoformat()
        )
    rows = list(tenant.spending.usage(begin, end))
    return Usage(
        since=begin.isoformat(),
        until=end.isoformat(),
        cost_usd=round(sum(row.cost_usd for row in rows), 6),
        items=rows,
        budgets=list(tenant.spending.budgets()),
        defaults=_defaults(),
    )


def set_budget(request: BudgetRequest, who: Caller) -> Budgets:
    """Set a daily cap from now on; the tenant's own only by an owner, and no user's above the tenant's.

    Raises
    ------
    ForbiddenError
        When an administrator would change the tenant's cap.
    UnprocessableError
        When the tenant's cap is given a subject, or a user's cap would pass the tenant's.
    """
    tenant = bootstrap.for_tenant(who.tenant_id)
    if request.scope == "tenant":
        _check_tenant(request, who)
    elif request.cap_usd > (most := _tenant_cap(tenant)):
        raise UnprocessableError(
            "A user's cap cannot pass the tenant's.",
            field="cap_usd",
            expected=f"at most {most:g}",
            got=f"{request.cap_usd:g}",
            hint="An owner can raise the tenant's cap.",
        )
    return Budgets(items=list(tenant.spending.set_cap(request, who.subject, who.role.name.lower(), who.correlation_id)))


def _check_tenant(request: BudgetRequest, who: Caller) -> None:
    if request.subject:
        raise UnprocessableError("The tenant's cap has no subject.", field="subject", got=request.subject)
    if who.role < Role.OWNER:
        raise ForbiddenError(
            "Only an owner may change the tenant's cap.", field="role", expected="owner", got=who.role.name.lower()
        )


def _tenant_cap(tenant: Tenant) -> float:
    standing = [each.cap_usd for each in tenant.spending.budgets() if (each.scope, each.day) == ("tenant", None)]
    return standing[0] if standing else _defaults().tenant_daily_usd


def _defaults() -> DefaultCaps:
    read = settings.read(settings.LanguageModelSettings)
    return DefaultCaps(
        tenant_daily_usd=read.llm_tenant_daily_usd,
        user_daily_usd=read.llm_user_daily_usd,
        composition_usd=read.llm_composition_usd,
    )
