"""Sentences about what an intervention would do, to whom."""

from __future__ import annotations

from typing import TYPE_CHECKING

from e2i_shared.composer.claims.told import excludes_zero, per_row, say, scope_of, sentence, shown_unit
from e2i_shared.composer.render import literal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from e2i_shared.api.composition import Claim, ValueRef
    from e2i_shared.composer.claims.told import Told

_TELLING = 0.05
_MOST_GROUPS = 3
_EVERYONE = "everyone"


def simulation(told: Told) -> Iterator[Claim]:
    """Say what would become of the outcome, for whom, and how far doses were moved beyond what was seen."""
    outcome_col = str(told.get("/outcome_col"))
    unit, outcome = shown_unit(told.get("/unit")), told.labels.name(outcome_col)
    low, high = "/change_interval/lower", "/change_interval/upper"
    levels = ("/predicted_outcome", "/baseline_outcome")
    change, *interval = (told.number(p, like=("/change", low, high)) for p in ("/change", low, high))
    refs = [*(told.number(p, like=levels, unit=unit) for p in levels), change.model_copy(update={"unit": unit})]
    refs += [*interval, told.p_value("/p_value")]
    clear = excludes_zero(told.get(low), told.get(high))
    start, asked = _intervention(told, len(refs))
    place = f"{s}: " if (s := scope_of(told)) else ""
    text = (
        f"{place}{'' if clear else 'no clear change: '}{start}, {outcome}{_population(told)} would be {{0}} instead of {{1}} "
        f"per {per_row(told)}, a change of {{2}} (95% interval {{3}} to {{4}}; {{5}})."
    )
    yield say(sentence(text), *refs, *asked, told.text("/population"))
    if told.get("/lift_percentage") is not None and clear:
        yield _lift(told)
    totals = ("/total_change", "/total_interval/lower", "/total_interval/upper")
    total, *range_ = (told.number(p, like=totals) for p in totals)
    text = "Over all {0} rows it adds up to {1} (95% interval {2} to {3})."
    yield say(text, told.number("/n"), total.model_copy(update={"unit": unit}), *range_)
    if told.get("/twin"):
        yield say("It was asked of the digital twin {0}, which was trained on this data.", told.text("/twin"))
    if (told.get("/share_beyond_support") or 0) > _TELLING:
        beyond = told.number("/share_beyond_support", transform="percent")
        text = "It moves {0} of the rows to levels that rows like them never had: there the prediction extrapolates."
        yield say(text, beyond)


def _lift(told: Told) -> Claim:
    lifts = ("/lift_percentage", "/lift_interval/lower", "/lift_interval/upper")
    lift = [told.number(p, like=lifts, unit="%") for p in lifts if told.get(p) is not None]
    return say("That is {0} (95% interval {1} to {2})." if len(lift) == len(lifts) else "That is {0}.", *lift)


def _intervention(told: Told, taken: int) -> tuple[str, list[ValueRef]]:
    """Return the intervention in words, with its amount as a reference: ``with 20% more rep visits``."""
    asked, given = told.inputs.get("intervention") or {}, [told.text("/intervention")]
    treatment, amount = told.labels.name(str(told.get("/treatment_col"))), float(asked.get("amount") or 0.0)
    said = not amount or f"{abs(amount):g}" in told.question
    plain = said and set(asked) <= {"kind", "amount"} and not (told.inputs.get("baseline") or {}).get("level")
    if not plain or asked.get("kind") not in {"percent", "shift", "switch_on", "switch_off"}:
        return f"with {{{taken}}}", given
    if asked["kind"] == "switch_on":
        return f"with {treatment} for everyone", given
    if asked["kind"] == "switch_off":
        return f"without {treatment} for anyone", given
    more = "more" if amount > 0 else "less"
    size = f"{abs(amount):g}%" if asked["kind"] == "percent" else f"{abs(amount):g}"
    return f"with {size} {more} {treatment}", given


def _population(told: Told) -> str:
    """Return whom it speaks of: nothing for everyone, else a few groups and that there are others."""
    whole = str(told.get("/population") or _EVERYONE)
    groups = [g.strip() for g in whole.split(" or ")]
    if whole == _EVERYONE:
        return ""
    shown = [told.labels.readable(g) for g in groups[:_MOST_GROUPS]]
    shown += ["others"] if len(groups) > len(shown) else []
    return literal(f" of {' and '.join([', '.join(shown[:-1]), shown[-1]]) if len(shown) > 1 else shown[0]}")
