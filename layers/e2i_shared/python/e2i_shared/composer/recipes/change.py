"""Why a measure changed between two periods or differs between two groups."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from e2i_shared.composer.recipes.causal import drivers
from e2i_shared.composer.recipes.inputs import YEAR_AGO, cluster_column, data_inputs, lacking
from e2i_shared.composer.scope import time_column

if TYPE_CHECKING:
    from e2i_shared.api.classification import Period
    from e2i_shared.api.common import Filter, Json
    from e2i_shared.composer.binding import Bound
    from e2i_shared.composer.workbench import Workbench

_PAIR = 2
_BESIDE_OTHERS = re.compile(r"\b(?:behind|ahead)\b", re.IGNORECASE)
_COMPARATIVE = re.compile(
    r"\b(?:lower|higher|less|more|fewer|worse|better|greater|smaller|larger|weaker|stronger|shorter|longer|behind|ahead)\b",
    re.IGNORECASE,
)


def change(bench: Workbench, bound: Bound) -> str | None:
    """Attribute the change of each named measure to mix, exposure and response."""
    if not bench.has("change_attributor"):
        return lacking("Explaining why a metric changed between two periods", "change_attributor")
    if not bound.question.periods and time_column(bound.dataset) is None and _compared(bound) is None:
        return _without_dates(bench, bound)
    sides, filters = _sides(bench, bound)
    if isinstance(sides, str):
        return sides
    cluster = cluster_column(bound.dataset)
    for measure in (bound.outcomes or bound.measures)[:_PAIR]:
        inputs: Json = {**data_inputs(bound), "filters": filters, "outcome_col": measure, **sides}
        inputs |= {"cluster_col": cluster} if cluster else {}
        bench.add("change_attributor", f"Why {measure} changed", inputs, bound.question.id)
    return None


def _without_dates(bench: Workbench, bound: Bound) -> str | None:
    """Rank what drives the measure where nothing says when it changed, and say that this was done."""
    name = bound.dataset.name
    measures = ", ".join((*bound.outcomes, *bound.measures)[:1])
    if not bench.has("driver_ranker"):
        return f"Data set {name} has no column of dates, so nothing can have changed over time in it: name two groups to compare."
    bench.note(
        f"Data set {name} has no column of dates, so no change over time can be seen in it. Taken as: what drives {measures}? "
        "Name two groups to have their difference explained."
    )
    return drivers(bench, bound)


def _compared(bound: Bound) -> Filter | None:
    """Return the filter whose values are the groups compared: two of them, or one that is said to be lower or higher."""
    if bound.question.periods:
        return None
    named = (f for f in bound.filters if f.op == "in" and isinstance(f.value, list) and len(f.value) == _PAIR)
    single = (
        f
        for f in bound.filters
        if f.op == "eq" and isinstance(f.value, str) and _COMPARATIVE.search(bound.question.text) and _others(bound, f)
    )
    beside = time_column(bound.dataset) is None or _BESIDE_OTHERS.search(bound.question.text)
    return next(named, None) or (next(single, None) if beside else None)


def _others(bound: Bound, group: Filter) -> list[str]:
    """Return the other values of a group's column, the most frequent first."""
    column = bound.dataset.column(group.column)
    return [str(v) for v, _ in column.statistics.top_values if str(v) != group.value] if column else []


def _sides(bench: Workbench, bound: Bound) -> tuple[Json | str, list[Json]]:
    """Return what is compared (or why nothing can be) and the filters without the compared column."""
    filters = [f.model_dump(mode="json") for f in bound.filters]
    groups = _compared(bound)
    if groups is not None:
        rest = [f for f in filters if f["column"] != groups.column]
        if isinstance(groups.value, list):
            first, second = map(str, groups.value)
        else:
            first, second = str(groups.value), _others(bound, groups)[0]
            bench.note(f"{first} is compared with {second}, the largest other group of {groups.column}.")
        return {"group_col": groups.column, "group_a": second, "group_b": first}, rest
    if time_column(bound.dataset) is None:
        return (
            f"Data set {bound.dataset.name} has no column of dates, so nothing can have changed over time in it: name two groups to compare.",
            filters,
        )
    return _periods(bound), filters


def _periods(bound: Bound) -> Json:
    """Return the later period and what it is compared with; without a period the tool takes the last complete quarter."""
    named = sorted({(p.start, p.end): p for p in bound.question.periods}.values(), key=lambda p: p.start)
    dated = [p for p in named if not YEAR_AGO.fullmatch(p.text.strip())]
    if len(dated) >= _PAIR:
        return {"period_a": _span(dated[-2]), "period_b": _span(dated[-1])}
    later: Json = {"period_b": _span(dated[0])} if dated else {}
    yearly = YEAR_AGO.search(bound.question.text) or any(p.comparison == "previous_year" for p in named)
    return later | {"compare": "previous_year" if yearly else "previous_period"}


def _span(period: Period) -> Json:
    return {"start": period.start, "end": period.end}
