"""Inputs that several recipes share."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from e2i_shared.api.datasets import ColumnKind, ColumnRole

if TYPE_CHECKING:
    from e2i_shared.api.common import Json
    from e2i_shared.api.datasets import Column, Dataset
    from e2i_shared.composer.binding import Bound
    from e2i_shared.composer.workbench import Workbench

MOST_EFFECTS = 4
LOWER_IS_BETTER = re.compile(
    r"discontinu|churn|drop[\s_-]?off|cost|defect|complaint|mortality|death|wait", re.IGNORECASE
)

YEAR_AGO = re.compile(
    r"\b(?:(?:a|one) year (?:ago|before|earlier)|(?:last|previous|prior) year|year[\s-](?:over|on)[\s-]year|yoy|the year before|same (?:period|quarter|month) (?:of )?last year)\b",
    re.IGNORECASE,
)


def lacking(what: str, *tools: str) -> str:
    """Return the reason for a part that no tool of this version answers."""
    return f"{what} needs the tool {' or '.join(tools)}, which is not available yet."


def data_inputs(bound: Bound) -> Json:
    """Return the data set and filters of a sub-question."""
    return {"dataset": bound.dataset.name, "filters": [f.model_dump(mode="json") for f in bound.filters]}


def effect_inputs(bound: Bound, treatment: str, outcome: str) -> Json:
    """Return the inputs of the causal effect of one treatment on one outcome."""
    cluster = cluster_column(bound.dataset)
    inputs: Json = {**data_inputs(bound), "treatment_col": treatment, "outcome_col": outcome}
    return inputs | ({"cluster_col": cluster} if cluster else {})


def cluster_column(dataset: Dataset) -> str | None:
    """Return the column whose values repeat over correlated rows: by role, else the id that repeats (the finest)."""

    def repeats(column: Column) -> bool:
        return 1 < column.statistics.distinct < 0.9 * dataset.rows

    named = [c for c in dataset.columns if c.role == ColumnRole.CLUSTER and repeats(c)]
    ids = [c for c in dataset.columns if c.kind == ColumnKind.ID and c.role != ColumnRole.IGNORE and repeats(c)]
    chosen = named or ids
    return max(chosen, key=lambda c: c.statistics.distinct).name if chosen else None


def effects(bench: Workbench, bound: Bound, *, asked: bool) -> list[int]:
    """Add (or find) the effect of each named treatment on each named outcome; return the step numbers."""
    pairs = [(t, o) for t in bound.treatments for o in bound.outcomes if t != o][:MOST_EFFECTS]
    make = bench.add if asked else bench.need
    return [
        make("causal_effect_estimator", f"Effect of {t} on {o}", effect_inputs(bound, t, o), bound.question.id)
        for t, o in pairs
    ]


def producing(bench: Workbench, bound: Bound, *tools: str) -> int | None:
    """Return the last step of one of these tools that serves a sub-question this one depends on; None when there is none."""
    found = (s for s in reversed(bench.steps) if s.tool in tools and set(s.serves.split(",")) & set(bound.depends_on))
    return next((s.step_number for s in found), None)
