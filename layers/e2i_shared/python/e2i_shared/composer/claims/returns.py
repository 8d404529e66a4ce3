"""Sentences about what money spent returns."""

from __future__ import annotations

from typing import TYPE_CHECKING

from e2i_shared.composer.claims.told import say

if TYPE_CHECKING:
    from collections.abc import Iterator

    from e2i_shared.api.composition import Claim, ValueRef
    from e2i_shared.composer.claims.told import Told

_AT_ONCE = 1
_CURRENCIES = {"$": "USD", "€": "EUR", "£": "GBP"}
_CERTAIN = 0.9995


def returns(told: Told) -> Iterator[Claim]:
    """Say the return with its range, the money behind it, when it pays back, and what effect would just do."""
    ranged = ("/confidence_range/0", "/confidence_range/1")
    has_range = told.get("/confidence_range") is not None
    refs = [_percent(told, p, ranged if has_range else ()) for p in ("/estimated_roi", *(ranged if has_range else ()))]
    text = (
        "The return on investment is {0} (95% interval {1} to {2})" if has_range else "The return on investment is {0}"
    )
    yield say(f"{text}, counted over {{{len(refs)}}}.", *refs, told.number("/time_horizon_months", unit="months"))
    money, currency = ("/npv", "/total_gain", "/total_cost"), _currency(told)
    yield say(
        "Discounted, gains of {1} stand against costs of {2}: a net present value of {0}.",
        *(told.number(p, like=money, unit=currency) for p in money),
    )
    if told.get("/breakeven_months") is not None and told.get("/breakeven_months") <= _AT_ONCE:
        yield say("It pays back within the first month.")
    elif told.get("/breakeven_months") is not None:
        yield say("It pays back after {0}.", told.number("/breakeven_months", unit="months"))
    elif told.get("/breakeven_reason"):
        yield say("It does not pay back: {0}", told.text("/breakeven_reason"))
    if told.get("/probability_of_profit") is not None:
        chance = told.number("/probability_of_profit", transform="percent")
        certain = told.get("/probability_of_profit") > _CERTAIN
        yield say("That it pays is as good as certain." if certain else "The chance that it pays is {0}.", chance)
    if told.get("/breakeven_effect") is not None:
        sizes = ("/breakeven_effect", "/effect")
        yield say("It breaks even at an effect of {0}; {1} is expected.", *(told.number(p) for p in sizes))


def _currency(told: Told) -> str | None:
    """Return the currency that the question names its price in."""
    return next((code for sign, code in _CURRENCIES.items() if sign in told.question), None)


def _percent(told: Told, pointer: str, like: tuple[str, ...]) -> ValueRef:
    return told.number(pointer, like=like, transform="percent")
