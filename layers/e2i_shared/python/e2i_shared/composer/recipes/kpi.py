"""What a KPI is or was: its value, trend or breakdown."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from e2i_shared.api.datasets import ColumnRole
from e2i_shared.composer.recipes.inputs import data_inputs, lacking

if TYPE_CHECKING:
    from e2i_shared.api.common import Json
    from e2i_shared.composer.binding import Bound
    from e2i_shared.composer.workbench import Workbench

_TREND = re.compile(
    r"\b(?:trend\w*|over time|by month|by quarter|by week|monthly|weekly|quarterly|history|evol\w*|develop\w*)\b",
    re.IGNORECASE,
)


def kpi(bench: Workbench, bound: Bound) -> str | None:
    """Look up the KPI of that measure, over time and by the columns the question splits by."""
    if not bench.has("kpi_lookup"):
        return lacking("Looking up a KPI", "kpi_lookup")
    if not bound.measures:
        return "The question names no KPI or measure of the data set."
    for measure in bound.measures:
        bench.add("kpi_lookup", f"KPI {measure}", _inputs(bound, measure), bound.question.id)
    return None


def _inputs(bound: Bound, measure: str) -> Json:
    columns = [c for name in bound.splits if (c := bound.dataset.column(name))]
    dimensions = [c.name for c in columns if c.role != ColumnRole.TIME]
    inputs: Json = {**data_inputs(bound), "kpi": measure}
    return inputs | ({"breakdown": dimensions} if dimensions else {})
