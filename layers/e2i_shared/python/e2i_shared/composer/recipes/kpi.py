"""What a KPI is or was: its value, trend or breakdown."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from e2i_shared.api.datasets import ColumnRole
from e2i_shared.composer.recipes.inputs import YEAR_AGO, data_inputs, lacking
from e2i_shared.composer.scope import time_column

if TYPE_CHECKING:
    from e2i_shared.api.classification import Period
    from e2i_shared.api.common import Json
    from e2i_shared.composer.binding import Bound
    from e2i_shared.composer.workbench import Workbench

_GRAINS = (
    (r"\b(?:by|per|each|every) month|\bmonthly|\bmonth[\s-](?:by|over)[\s-]month", "month"),
    (r"\b(?:by|per|each|every) quarter|\bquarterly|\bquarter[\s-](?:by|over)[\s-]quarter", "quarter"),
    (r"\b(?:by|per|each|every) year|\byearly|\bannual(?:ly)?", "year"),
    (
        r"\btrend\w*|\bpatterns?\b|\bseason\w*|\b(?:growing|declining|rising|falling|shrinking|increasing|decreasing|improving|worsening|getting (?:better|worse)|going (?:up|down))\b|\bover time|\bhistory|\bevol\w*|\bdevelop\w*",
        "month",
    ),
)
_SAME_YEAR_AGO = re.compile(r"\bsame (?:period|quarter|month|time)\b", re.IGNORECASE)
_GROWTH = re.compile(
    r"\b(?:growth|grew|grown|(?:largest|biggest|highest|lowest|smallest) (?:\w+ )?(?:increase|decrease|rise|drop|decline|change|gain|loss))\b",
    re.IGNORECASE,
)
_MOST_PERIODS, _MOST_DIMENSIONS = 3, 3


def kpi(bench: Workbench, bound: Bound) -> str | None:
    """Look up the KPI of that name or column, for each period the question names, split as it asks."""
    if not bench.has("kpi_lookup"):
        return lacking("Looking up a KPI", "kpi_lookup")
    names = [bound.kpi] if bound.kpi else list(bound.measures)
    if not names:
        known = ", ".join(c.name for c in bound.dataset.columns if c.role == ColumnRole.OUTCOME)
        return f"The question names no KPI and no measure of data set {bound.dataset.name}{f': name one, such as {known}' if known else ''}."
    for name in names:
        for period in periods(bound):
            inputs = _inputs(bench, bound, name) | period
            bench.add("kpi_lookup", f"KPI {name}", inputs, bound.question.id)
    return None


def _inputs(bench: Workbench, bound: Bound, name: str) -> Json:
    column = time_column(bound.dataset)
    base = data_inputs(bound)
    base["filters"] = [f for f in base["filters"] if column is None or f["column"] != column.name]
    inputs: Json = {**base, "kpi": name}
    dimensions = [c for c in bound.splits if (known := bound.dataset.column(c)) and known.role != ColumnRole.TIME]
    inputs |= {"dimensions": dimensions[:_MOST_DIMENSIONS]} if dimensions else {}
    grain = next((g for pattern, g in _GRAINS if re.search(pattern, bound.question.text, re.IGNORECASE)), None)
    if grain and not column:
        bench.note(
            f"Data set {bound.dataset.name} has no column of dates: {name} is told for all of it, without a trend."
        )
    return inputs | ({"grain": grain} if grain and column else {})


def periods(bound: Bound) -> list[Json]:
    """Return ``period`` and ``compare`` for each period of the question, else for the one taken over from another."""
    text = bound.question.text
    said = [
        p for p in bound.question.periods if not (_SAME_YEAR_AGO.search(text) and YEAR_AGO.fullmatch(p.text.strip()))
    ]
    named = [_period(p, text) for p in (said or bound.question.periods)[:_MOST_PERIODS]]
    column = time_column(bound.dataset)
    bounds = {f.op: f.value for f in bound.filters if column and f.column == column.name}
    if named or not {"ge", "lt"} <= set(bounds):
        return named or [{}]
    return [{"period": {"start": bounds["ge"], "end": bounds["lt"]}}]


def _period(period: Period, text: str) -> Json:
    inputs: Json = {"period": {"start": period.start, "end": period.end}}
    told = "previous_year" if YEAR_AGO.search(text) else "previous_period" if _GROWTH.search(text) else None
    compare = period.comparison if period.comparison != "none" else told
    return inputs | ({"compare": compare} if compare else {})
