"""What a drafted step is given without a model's say: the rows it reads, their clusters, and segments where the draft names none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from e2i_shared.composer.recipes.experiment import cluster_name
from e2i_shared.composer.recipes.inputs import cluster_column, data_inputs
from e2i_shared.composer.recipes.kpi import periods
from e2i_shared.composer.recipes.segments import segments_for
from e2i_shared.composer.scope import time_column

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from e2i_shared.api.common import Json
    from e2i_shared.composer.asked.plan_draft import StepDraft
    from e2i_shared.composer.binding import Bound
    from e2i_shared.composer.workbench import Workbench

_CAUSES = {"treatment_col", "covariates"}


def completed(bench: Workbench, step: StepDraft, known: Mapping[str, Any], drafted: Json, bound: Bound) -> Json:
    """Return a step's inputs with those that it needs and the draft does not give; what the draft gives stands."""
    given: Json = {}
    if reads_data(step, known):
        given |= _rows(known, drafted, bound)
        if "cluster_col" in known and drafted.keys() & _CAUSES and (cluster := cluster_column(bound.dataset)):
            given["cluster_col"] = cluster
    if "cluster_name" in known and "cluster_size" in drafted:
        given["cluster_name"] = cluster_name(bound)
    if "segment_cols" in known and known["segment_cols"].is_required() and not drafted.get("segment_cols"):
        given["segment_cols"] = segments_for(bench, bound)
    return {name: value for name, value in given.items() if name in known and value is not None} | drafted


def reads_data(step: StepDraft, known: Mapping[str, Any]) -> bool:
    """Return whether the step needs a data set of its own: it must have one, names columns, or takes nothing from another step."""
    if "dataset" not in known or known["dataset"].is_required():
        return "dataset" in known
    references = [given for given in step.inputs if given.kind == "ref"]
    whole = any((given.path or "@") == "@" for given in references)
    return not references or (not whole and any(given.kind in {"slot", "slots"} for given in step.inputs))


def _rows(known: Mapping[str, Any], drafted: Json, bound: Bound) -> Json:
    """Return the data set and filters of the sub-question; dates as a period where the tool takes one, and no column that is compared.

    Another data set than the sub-question's has none of its filters; those of a cohort are its criteria.
    """
    if drafted.get("dataset", bound.dataset.name) != bound.dataset.name:
        return {}
    if "inclusion" in drafted:
        return {"dataset": bound.dataset.name}
    base, dated = data_inputs(bound), time_column(bound.dataset)
    without = set(_compared(drafted))
    if "period" in known and dated is not None:
        without.add(dated.name)
        base |= next(iter(periods(bound)), {}) if "compare" in known else {}
    return base | {"filters": [f for f in base["filters"] if f["column"] not in without]}


def _compared(drafted: Json) -> Iterator[str]:
    if isinstance(column := drafted.get("group_col"), str):
        yield column
    for group in (drafted.get("group_a"), drafted.get("group_b")):
        if isinstance(group, dict):
            yield from (each["column"] for each in group.get("filters", []))
