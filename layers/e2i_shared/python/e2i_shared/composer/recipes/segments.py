"""Who responds more: effects by segment, and their ranking."""

from __future__ import annotations

from typing import TYPE_CHECKING

from e2i_shared.api.datasets import ColumnKind, ColumnRole
from e2i_shared.composer.dimensions import default_segments
from e2i_shared.composer.intents import RANKING, TARGETING
from e2i_shared.composer.recipes.inputs import LOWER_IS_BETTER, data_inputs, effects, lacking
from e2i_shared.composer.references import reference

if TYPE_CHECKING:
    from e2i_shared.api.common import Json
    from e2i_shared.composer.binding import Bound
    from e2i_shared.composer.workbench import Workbench

_NO_SEGMENT = {ColumnRole.ID, ColumnRole.TIME, ColumnRole.CLUSTER}


def segments(bench: Workbench, bound: Bound) -> str | None:
    """Estimate the effect by segment and, where the question asks who responds most or least, rank the segments."""
    if not bench.has("causal_effect_estimator", "cate_analyzer"):
        return lacking("Comparing segments", "cate_analyzer")
    columns = segments_for(bench, bound)
    if not columns:
        return f"Data set {bound.dataset.name} has no column left to segment by."
    targeting = bool(TARGETING.search(bound.question.text))
    if targeting and bench.has("kpi_lookup"):
        _who_gets_it(bench, bound, columns)
    for cate in by_segment(bench, bound, columns):
        if targeting:
            continue
        if RANKING.search(bound.question.text) and bench.has("segment_ranker"):
            ranked = {"cate_result": reference(cate)} | _direction(bound)
            bench.add("segment_ranker", "Segments ranked", ranked, bound.question.id)
    return None


def _who_gets_it(bench: Workbench, bound: Bound, columns: list[str]) -> None:
    """Add how much of each named treatment each segment gets, to hold against how it responds."""
    for treatment in bound.treatments:
        for column in columns:
            inputs: Json = {**data_inputs(bound), "kpi": treatment, "dimensions": [column]} | _level(bound, treatment)
            bench.add("kpi_lookup", f"{treatment} by {column}", inputs, bound.question.id)
    bench.note("Taken as: do the segments that get more of it also respond more to it?")


def _level(bound: Bound, treatment: str) -> Json:
    """Return that a dose is averaged: totals would tell the sizes of segments."""
    column = bound.dataset.column(treatment)
    return {} if column is None or column.kind == ColumnKind.BOOLEAN else {"aggregate": "mean"}


def by_segment(bench: Workbench, bound: Bound, columns: list[str]) -> list[int]:
    """Add the effects by these columns; return their step numbers."""
    name, serves = f"Effect by {', '.join(columns)}", bound.question.id
    inputs = [{"causal_result": reference(n), "segment_cols": columns} for n in effects(bench, bound, asked=False)]
    return [bench.add("cate_analyzer", name, each, serves) for each in inputs]


def segments_for(bench: Workbench, bound: Bound) -> list[str]:
    """Return the columns to compare by: those the question names, else the data set's, with a note."""
    return segment_columns(bound) or _defaults(bench, bound)


def segment_columns(bound: Bound) -> list[str]:
    """Return the columns the question splits an effect by; ids, dates and columns fixed by a filter are none."""
    taken = _taken(bound)
    columns = [c for name in bound.splits if name not in taken and (c := bound.dataset.column(name))]
    return [c.name for c in columns if c.role not in _NO_SEGMENT]


def _taken(bound: Bound) -> set[str]:
    return {f.column for f in bound.filters if f.op == "eq"} | {*bound.treatments, *bound.outcomes}


def _defaults(bench: Workbench, bound: Bound) -> list[str]:
    columns = default_segments(bound.dataset, _taken(bound))
    if columns:
        bench.note(f"The question names no segments; compared by {', '.join(columns)}.")
    return columns


def _direction(bound: Bound) -> dict[str, bool]:
    """Return that less is better, where the outcome's name says so."""
    return {"higher_is_better": False} if any(LOWER_IS_BETTER.search(o) for o in bound.outcomes) else {}
