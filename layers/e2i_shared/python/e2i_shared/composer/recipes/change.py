"""Why a measure changed between two periods or differs between two groups."""

from __future__ import annotations

from typing import TYPE_CHECKING

from e2i_shared.composer.recipes.inputs import YEAR_AGO, cluster_column, data_inputs, lacking
from e2i_shared.composer.scope import time_column

if TYPE_CHECKING:
    from e2i_shared.api.classification import Period
    from e2i_shared.api.common import Json
    from e2i_shared.composer.binding import Bound
    from e2i_shared.composer.workbench import Workbench

_PAIR = 2


def change(bench: Workbench, bound: Bound) -> str | None:
    """Attribute the change of each named measure to mix, exposure and response."""
    if not bench.has("change_attributor"):
        return lacking("Explaining why a metric changed between two periods", "change_attributor")
    sides, filters = _sides(bound)
    if isinstance(sides, str):
        return sides
    cluster = cluster_column(bound.dataset)
    for measure in (bound.outcomes or bound.measures)[:_PAIR]:
        inputs: Json = {**data_inputs(bound), "filters": filters, "outcome_col": measure, **sides}
        inputs |= {"cluster_col": cluster} if cluster else {}
        bench.add("change_attributor", f"Why {measure} changed", inputs, bound.question.id)
    return None


def _sides(bound: Bound) -> tuple[Json | str, list[Json]]:
    """Return what is compared (or why nothing can be) and the filters without the compared column."""
    filters = [f.model_dump(mode="json") for f in bound.filters]
    groups = next(
        (f for f in bound.filters if f.op == "in" and isinstance(f.value, list) and len(f.value) == _PAIR), None
    )
    if groups is not None and isinstance(groups.value, list) and not bound.question.periods:
        first, second = map(str, groups.value)
        rest = [f for f in filters if f["column"] != groups.column]
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
