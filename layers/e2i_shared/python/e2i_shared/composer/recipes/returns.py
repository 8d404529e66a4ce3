"""What money spent on a lever, or on closing a gap, returns."""

from __future__ import annotations

from typing import TYPE_CHECKING

from e2i_shared.api.datasets import ColumnRole
from e2i_shared.composer.amounts import cost, months, months_between, worth
from e2i_shared.composer.recipes.inputs import LOWER_IS_BETTER, data_inputs, effect_inputs, lacking, producing
from e2i_shared.composer.references import reference
from e2i_shared.composer.scope import time_column

if TYPE_CHECKING:
    from e2i_shared.api.common import Json
    from e2i_shared.composer.amounts import Money
    from e2i_shared.composer.binding import Bound
    from e2i_shared.composer.workbench import Workbench

_MONEY_UNITS = {"usd", "eur", "gbp", "$", "€", "£"}
_PRICED = {"trx": ("value_per_trx", {"trx", "trx_value"})}
_HORIZON = 12  # months, the tool's default
_NO_COST = 'The question does not say what it costs: name a price ("$50 a call") or a total ("for $400,000").'


def roi(bench: Workbench, bound: Bound) -> str | None:
    """Estimate the return of one more treatment at its price, or of closing the gap at a total cost."""
    if not bench.has("roi_estimator"):
        return lacking("Estimating a return on investment", "roi_estimator")
    price = cost(bound.question.text)
    if price is None:
        return _NO_COST
    if not _valued(bench, bound):
        measure = _measure(bound)
        return f'What one unit of {measure} is worth is not in the data: say it, for example "$300 per {measure}".'
    source = _effect(bench, bound) if price.per else _gap(bench, bound)
    if isinstance(source, str):
        return source
    value = _value(bench, bound)
    span = months(bound.question.text)
    inputs: Json = {**source, **_paid(bound, price, span), "value_per_unit": value}
    inputs |= {"time_horizon_months": span} if span else {}
    bench.add("roi_estimator", "Return on investment", inputs, bound.question.id)
    return None


def _paid(bound: Bound, price: Money, span: int | None) -> Json:
    """Return when the price is paid and over how many months its gain accrues.

    A treatment of monthly rows is bought, and works, every month. One of rows without dates is bought once, and its gain is spread
    over the horizon. A gap's opportunity accrues over the months that its rows cover.
    """
    covered = _covered_months(bound)
    if not price.per:
        return {"intervention_cost": price.amount, "effect_months": covered or span or _HORIZON}
    if covered:
        return {"intervention_cost": 0.0, "monthly_cost": price.amount}
    return {"intervention_cost": price.amount, "effect_months": span or _HORIZON}


def _covered_months(bound: Bound) -> int | None:
    """Return how many months the rows read cover: those of the period asked for, else of all dates; None without dates."""
    column = time_column(bound.dataset)
    if column is None:
        return None
    bounds = {f.op: str(f.value) for f in bound.filters if f.column == column.name}
    if {"ge", "lt"} <= set(bounds):
        return months_between(bounds["ge"], bounds["lt"])
    low, high = str(column.statistics.minimum or ""), str(column.statistics.maximum or "")
    return months_between(low, high) + 1 if low and high else None


def _measure(bound: Bound) -> str:
    return (*bound.outcomes, *bound.measures, "the outcome")[0]


def _effect(bench: Workbench, bound: Bound) -> Json | str:
    """Return the effect of one treatment of the named kind, whose price is given; that on which the question depends where it names none."""
    known = producing(bench, bound, "causal_effect_estimator")
    if known and not bound.treatments:
        return {"causal_result": reference(known)}
    if not bound.treatments:
        levers = [c.name for c in bound.dataset.columns if c.role == ColumnRole.TREATMENT]
        return f"The question does not say what the price buys. Levers of {bound.dataset.name}: {', '.join(levers)}."
    treatment, outcome = bound.treatments[0], _measure(bound)
    bench.note(
        f"The return is that of one more unit of {treatment} at its price; to close a gap it is bought as often as needed."
    )
    name = f"Effect of {treatment} on {outcome}"
    number = bench.need("causal_effect_estimator", name, effect_inputs(bound, treatment, outcome), bound.question.id)
    return {"causal_result": reference(number)}


def _gap(bench: Workbench, bound: Bound) -> Json | str:
    gap = producing(bench, bound, "gap_calculator")
    if gap is None:
        return "The question does not say which gap is closed: ask for the gap and its return together."
    return {"gap_result": reference(gap)}


def _valued(bench: Workbench, bound: Bound) -> bool:
    """Return whether it is known what a unit of the outcome is worth."""
    needed = _PRICED.get(_measure(bound), ("", set()))[1]
    priced = bool(needed) and needed <= {c.name for c in bound.dataset.columns} and bench.has("kpi_lookup")
    return priced or worth(bound.question.text) is not None or _is_money(bound)


def _is_money(bound: Bound) -> bool:
    column = bound.dataset.column(_measure(bound))
    return column is not None and (column.unit or "").lower() in _MONEY_UNITS


def _value(bench: Workbench, bound: Bound) -> float | Json:
    """Return what a unit of the outcome is worth: as the question says, in money already, else the KPI of its price."""
    said, measure = worth(bound.question.text), _measure(bound)
    sign = -1.0 if LOWER_IS_BETTER.search(measure) else 1.0
    if said or _is_money(bound):
        return sign * (said.amount if said else 1.0)
    kpi = _PRICED[measure][0]
    number = bench.need("kpi_lookup", f"KPI {kpi}", {**data_inputs(bound), "kpi": kpi}, bound.question.id)
    return reference(number, "value")
