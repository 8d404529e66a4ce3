"""A question for a digital twin: what an intervention would do, and whether a real test is worth it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from e2i_shared.api.datasets import ColumnKind

if TYPE_CHECKING:
    from e2i_shared.api.common import Json
    from e2i_shared.composer.amounts import Shift
    from e2i_shared.composer.binding import Bound
    from e2i_shared.composer.workbench import Workbench

TOOL = "intervention_prescreener"
_TWIN = re.compile(r"\bpre-?screen\w*|\b(?:digital )?twins?\b", re.IGNORECASE)


def speaks_of_a_twin(bench: Workbench, bound: Bound) -> bool:
    """Return whether a sub-question asks for a twin's prediction and there is a tool for it."""
    return bench.has(TOOL) and _TWIN.search(bound.question.text) is not None


def prescreen(bench: Workbench, bound: Bound, asked: Shift, population: Json) -> None:
    """Ask the brand's active twin; without a brand, the newest."""
    brands = [f.value for f in bound.filters if f.column == "brand" and f.op == "eq"]
    rest = [f.model_dump(mode="json") for f in bound.filters if f.column != "brand"]
    inputs: Json = {
        "intervention_type": bound.treatments[0],
        "intervention_config": _config(bound, asked),
        "filters": rest,
        **({"brand": brands[0]} if len(brands) == 1 else {}),
        **population,
    }
    bench.add(TOOL, f"Digital twin: {bound.treatments[0]}", inputs, bound.question.id)


def _config(bound: Bound, asked: Shift) -> Json:
    column = bound.dataset.column(bound.treatments[0])
    if column is not None and column.kind == ColumnKind.BOOLEAN:
        return {}
    amounts = {"dose_change_pct": asked.percent, "dose_change": asked.units, "dose": asked.level}
    return {name: amount for name, amount in amounts.items() if amount is not None}
