"""Who responds more: effects by segment, and their ranking."""

from __future__ import annotations

from typing import TYPE_CHECKING

from e2i_shared.api.datasets import ColumnRole
from e2i_shared.composer.dimensions import default_segments
from e2i_shared.composer.intents import RANKING
from e2i_shared.composer.recipes.inputs import LOWER_IS_BETTER, effects, lacking
from e2i_shared.composer.references import reference

if TYPE_CHECKING:
    from e2i_shared.api.datasets import Dataset
    from e2i_shared.composer.binding import Bound
    from e2i_shared.composer.workbench import Workbench

_NO_SEGMENT = {ColumnRole.ID, ColumnRole.TIME, ColumnRole.CLUSTER}


def segments(bench: Workbench, bound: Bound) -> str | None:
    """Estimate the effect by segment and, where the question asks who responds most or least, rank the segments."""
    if not bench.has("causal_effect_estimator", "cate_analyzer"):
        return lacking("Comparing segments", "cate_analyzer")
    columns = _columns(bench, bound)
    if not columns:
        return f"Data set {bound.dataset.name} has no column left to segment by."
    for number in effects(bench, bound, asked=False):
        inputs = {"causal_result": reference(number), "segment_cols": columns}
        cate = bench.add("cate_analyzer", f"Effect by {', '.join(columns)}", inputs, bound.question.id)
        if RANKING.search(bound.question.text) and bench.has("segment_ranker"):
            ranked = {"cate_result": reference(cate)} | _direction(bound)
            bench.add("segment_ranker", "Segments ranked", ranked, bound.question.id)
    return None


def _direction(bound: Bound) -> dict[str, bool]:
    """Return that less is better, where the outcome's name says so."""
    return {"higher_is_better": False} if any(LOWER_IS_BETTER.search(o) for o in bound.outcomes) else {}


def _columns(bench: Workbench, bound: Bound) -> list[str]:
    fixed = {f.column for f in bound.filters if f.op == "eq"}
    taken = {*fixed, *bound.treatments, *bound.outcomes}
    named = [c for c in bound.splits if c not in taken and _is_segment(bound.dataset, c)]
    columns = named or default_segments(bound.dataset, taken)
    if columns and not named:
        bench.note(f"The question names no segments; compared by {', '.join(columns)}.")
    return columns


def _is_segment(dataset: Dataset, name: str) -> bool:
    column = dataset.column(name)
    return column is not None and column.role not in _NO_SEGMENT
