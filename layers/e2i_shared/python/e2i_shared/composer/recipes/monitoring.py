"""Whether a column drifted, whether two groups differ, and whether the data is healthy."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from e2i_shared.api.datasets import ColumnKind, ColumnRole
from e2i_shared.composer.recipes.inputs import data_inputs, lacking
from e2i_shared.composer.scope import time_column

if TYPE_CHECKING:
    from e2i_shared.api.classification import Period
    from e2i_shared.api.common import Json
    from e2i_shared.composer.binding import Bound
    from e2i_shared.composer.workbench import Workbench

_SINCE = re.compile(
    r"\b(?:since|from|after|against|compared (?:with|to)|versus|vs\.?|relative to)\s+(?:the\s+)?$", re.IGNORECASE
)
_NOT_COMPARED = {ColumnRole.ID, ColumnRole.TIME, ColumnRole.CLUSTER, ColumnRole.IGNORE}
_MOST_COLUMNS, _MOST_DATASETS, _PAIR = 6, 4, 2


def drift(bench: Workbench, bound: Bound) -> str | None:
    """Measure the drift of each named column between the periods the question names; of every column where it names none."""
    if not bench.has("psi_calculator"):
        return lacking("Checking drift", "psi_calculator")
    columns = compared_columns(bound)
    if not columns:
        return _any_drift(bench, bound)
    if time_column(bound.dataset) is None:
        return f"Data set {bound.dataset.name} has no column of dates, so nothing in it can drift."
    for column in columns:
        inputs: Json = {**data_inputs(bound), "feature_name": column, **_periods(bound)}
        bench.add("psi_calculator", f"Drift of {column}", inputs, bound.question.id)
    return None


def _any_drift(bench: Workbench, bound: Bound) -> str | None:
    """Check every column of the named data set, or of each dated one; a check of all columns takes no periods."""
    if bound.question.periods:
        return (
            f"The question does not say which column may have drifted. Columns of {bound.dataset.name}: {_some(bound)}."
        )
    return health(bench, bound)


def comparison(bench: Workbench, bound: Bound) -> str | None:
    """Compare the named columns between the two groups, or the two periods, that the question names."""
    if not bench.has("distribution_comparator"):
        return lacking("Comparing distributions", "distribution_comparator")
    groups, column = _groups(bound)
    if groups is None:
        return 'The question does not name two groups or periods to compare, as in "between Medicare and Commercial patients".'
    columns = [c for c in compared_columns(bound) if c != column]
    if not columns:
        return f"The question does not say what to compare. Columns of {bound.dataset.name}: {_some(bound)}."
    base = data_inputs(bound)
    base["filters"] = [f for f in base["filters"] if f["column"] not in {column, *_time(bound)}]
    bench.add("distribution_comparator", "Comparison", {**base, "columns": columns, **groups}, bound.question.id)
    return None


def health(bench: Workbench, bound: Bound) -> str | None:
    """Check the data set the question names, with its KPI where it names one; every dated data set where it names nothing."""
    if not bench.has("kpi_monitor"):
        return lacking("Checking data quality", "kpi_monitor")
    named = bool(bound.covered) or len(bench.datasets) <= 1
    dated = [d for d in ([bound.dataset] if named else bench.datasets) if time_column(d) is not None]
    if not dated:
        return f"Data set {bound.dataset.name} has no column of dates, so it cannot be watched over time."
    base = data_inputs(bound) if named else {}
    kpi = bound.kpi or next(iter(bound.measures or bound.outcomes), None)
    for dataset in dated[:_MOST_DATASETS]:
        inputs: Json = base | {"dataset": dataset.name} | ({"kpi": kpi} if kpi else {})
        bench.add("kpi_monitor", f"Health of {dataset.name}", inputs, bound.question.id)
    return None


def compared_columns(bound: Bound) -> list[str]:
    """Return the columns a question speaks of, without ids and dates."""
    named = dict.fromkeys((*bound.mentioned, *bound.measures, *bound.splits))
    return [n for n in named if (c := bound.dataset.column(n)) and c.role not in _NOT_COMPARED][:_MOST_COLUMNS]


def _some(bound: Bound) -> str:
    return ", ".join(c.name for c in bound.dataset.columns if c.role not in _NOT_COMPARED)


def _time(bound: Bound) -> set[str]:
    column = time_column(bound.dataset)
    return {column.name} if column else set()


def _groups(bound: Bound) -> tuple[Json | None, str | None]:
    """Return the two groups as the tool takes them and the column they are levels of."""
    for condition in bound.filters:
        if condition.op == "in" and isinstance(condition.value, list) and len(condition.value) == _PAIR:
            sides = [_side({"column": condition.column, "op": "eq", "value": v}) for v in condition.value]
            return {"group_a": sides[0], "group_b": sides[1]}, condition.column
    named = sorted(bound.question.periods, key=lambda p: p.start)
    if len(named) == _PAIR:
        return {"group_a": {"period": _span(named[0])}, "group_b": {"period": _span(named[1])}}, None
    flag = next((n for n in bound.mentioned if (c := bound.dataset.column(n)) and c.kind == ColumnKind.BOOLEAN), None)
    if flag is None:
        return None, None
    return {f"group_{g}": _side({"column": flag, "op": "eq", "value": v}) for g, v in (("a", True), ("b", False))}, flag


def _side(condition: Json) -> Json:
    return {"filters": [condition]}


def _periods(bound: Bound) -> Json:
    """Return the reference and the comparison period: the earlier and the later of two; "since Q1" is the reference."""
    named = sorted(bound.question.periods, key=lambda p: p.start)
    if len(named) >= _PAIR:
        return {"reference_period": _span(named[0]), "comparison_period": _span(named[-1])}
    if not named:
        return {}
    place = bound.question.text.lower().find(named[0].text.lower())
    since = _SINCE.search(bound.question.text[: max(place, 0)]) or _SINCE.match(named[0].text.split(" ")[0] + " ")
    return {"reference_period" if since else "comparison_period": _span(named[0])}


def _span(period: Period) -> Json:
    return {"start": period.start, "end": period.end}
