"""Gaps against a benchmark, and what closing them is worth."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from e2i_shared.api.datasets import ColumnKind
from e2i_shared.composer.recipes.inputs import LOWER_IS_BETTER, data_inputs, lacking, producing
from e2i_shared.composer.words import key

if TYPE_CHECKING:
    from e2i_shared.api.common import Json
    from e2i_shared.api.datasets import Dataset
    from e2i_shared.composer.binding import Bound
    from e2i_shared.composer.workbench import Workbench

_BENCHMARKS = (
    (r"\b(?:targets?|quotas?|goals?|plan)\b", "target"),
    (r"\b(?:top[\s-]decile|best[\s-]in[\s-]class|top performers?|best performers?|the best|leaders?)\b", "top_decile"),
    (r"\bmedian\b", "median"),
)
_ENTITIES = (
    ("territory", r"\bterritor(?:y|ies)\b"),
    ("hcp", r"\b(?:hcps?|doctors?|physicians?|prescribers?)\b"),
    ("region", r"\bregions?\b"),
)
OPPORTUNITY = re.compile(
    r"\b(?:opportunit\w*|worth|potential|upside|at stake|size of (?:it|that|the gap)|how (?:big|large))\b",
    re.IGNORECASE,
)
_NUMERIC = {ColumnKind.NUMBER, ColumnKind.INTEGER}
_TARGET = re.compile(r"target|quota|goal|plan", re.IGNORECASE)


def gap(bench: Workbench, bound: Bound) -> str | None:
    """Compare entities with a benchmark on the measure the question names."""
    if not bench.has("gap_calculator"):
        return lacking("Sizing a gap", "gap_calculator")
    known = producing(bench, bound, "gap_calculator")
    if known and not bound.splits and OPPORTUNITY.search(bound.question.text):
        bench.serve(known, bound.question.id)
        return None
    entity, column = _entity(bound)
    if entity is None or column is None:
        return "The question does not say what to compare: territories, HCPs, regions, or a segment column."
    metric, benchmark = _benchmark(bound, bound.measures[0])
    if not benchmark:
        return f'Data set {bound.dataset.name} has no column of targets for {metric}; name a number ("a target of 12").'
    inputs: Json = {**data_inputs(bound), "entity_type": entity, "group_by": column, "metric": metric, **benchmark}
    inputs |= {"higher_is_better": False} if LOWER_IS_BETTER.search(metric) else {}
    bench.add("gap_calculator", f"Gap in {metric} by {column}", inputs, bound.question.id)
    return None


def _entity(bound: Bound) -> tuple[str | None, str | None]:
    """Return the entity type and the column that names its entities."""
    if bound.splits:
        column = bound.splits[0]
        known = next((e for e, _ in _ENTITIES if key(column).startswith(key(e))), "segment")
        return known, column
    for entity, pattern in _ENTITIES:
        column_found = _column_of(entity, bound.dataset)
        if re.search(pattern, bound.question.text, re.IGNORECASE) and column_found:
            return entity, column_found
    return None, None


def _column_of(entity: str, dataset: Dataset) -> str | None:
    return next((c.name for c in dataset.columns if key(c.name).startswith(key(entity))), None)


def _benchmark(bound: Bound, metric: str) -> tuple[str, Json]:
    """Return metric and benchmark; empty when a target is asked for and there is none."""
    text = bound.question.text
    named = next((name for pattern, name in _BENCHMARKS if re.search(pattern, text, re.IGNORECASE)), "mean")
    if named != "target":
        return metric, {"benchmark": named}
    if number := re.search(r"\b(?:target|goal|quota|plan) of (\d+(?:\.\d+)?)", text, re.IGNORECASE):
        return metric, {"benchmark": "target", "target": float(number[1])}
    targets = [c.name for c in bound.dataset.columns if _TARGET.search(c.name) and c.kind in _NUMERIC]
    own = next((t for t in targets if key(metric) in key(t)), targets[0] if targets else None)
    if own == metric:  # "below target TRx" names the column of targets; what it is a target for is the metric
        metric = next((c.name for c in bound.dataset.columns if c.name != own and key(c.name) in key(own)), metric)
    return metric, ({"benchmark": "target", "target": own} if own and own != metric else {})
