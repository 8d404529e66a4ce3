"""How large a test must be: the effect to detect comes from the question, else from the estimate."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from e2i_shared.api.datasets import ColumnKind
from e2i_shared.composer.recipes.inputs import cluster_column, data_inputs, effects, lacking
from e2i_shared.composer.references import reference

if TYPE_CHECKING:
    from e2i_shared.api.common import Json
    from e2i_shared.api.datasets import Column
    from e2i_shared.composer.binding import Bound
    from e2i_shared.composer.workbench import Workbench

_NUMBER = r"(\d+(?:,\d{3})*(?:\.\d+)?)"
_POWER = re.compile(rf"{_NUMBER}\s*%?\s*power\b|\bpower (?:of|at|to|=)\s*{_NUMBER}\s*%?", re.IGNORECASE)
_ALPHA = re.compile(rf"\balpha\s*(?:of|=|at)?\s*{_NUMBER}|{_NUMBER}\s*%?\s*significance", re.IGNORECASE)
_SAMPLE = re.compile(
    rf"\b{_NUMBER}\s+(?:\w+\s+)?(?:hcps?|doctors?|physicians?|prescribers?|patients?|customers?|stores?|units?|accounts?|people|persons?|rows)\b(?P<arm>\s*(?:per|in each|an?|each)\s*(?:arm|group))?",
    re.IGNORECASE,
)
_ACRONYM = 3
_COUNTED = re.compile(
    r"\b(?:how many|number of)\s+(hcps?|doctors?|physicians?|prescribers?|patients?|customers?|stores?|accounts?|people)\b",
    re.IGNORECASE,
)
_DETECT = re.compile(
    rf"\b(?:detect\w*|sees?|finds?|measures?|effect (?:size )?of|lift of|uplift of|difference of|increase of)\s+(?:an?\s+)?(?:\w+\s+){{0,3}}?{_NUMBER}\s*(?:(?P<points>[\s\-]*(?:percentage[\s-]|%[\s-]?)?points?\b|\s*pp\b)|(?P<percent>%|percent\b|pct\b))?",
    re.IGNORECASE,
)


def power(bench: Workbench, bound: Bound) -> str | None:
    """Size a test for the effect named in the question, else for the estimated effect."""
    if not bench.has("power_calculator"):
        return lacking("Sizing a test", "power_calculator")
    inputs = _options(bound.question.text)
    named = _named_effect(bound)
    if named:
        bench.note(_relative_note(bound) or _unit_note(bound))
        bench.add("power_calculator", "Size of the test", named | inputs, bound.question.id)
        return None
    if not (bound.treatments and bound.outcomes):
        return "Sizing a test needs an effect to detect: name it and its outcome, or a treatment and an outcome to estimate it from."
    for number in effects(bench, bound, asked=False):
        whole = {} if "sample_size" in inputs else _clusters(bound, number)
        bench.add("power_calculator", "Size of the test", _estimated(bound, number) | whole | inputs, bound.question.id)
    bench.note(_unit_note(bound, whole_clusters="sample_size" not in inputs))
    return None


def _clusters(bound: Bound, number: int) -> Json:
    """Return inputs that size a test of whole clusters where rows repeat one; a person has one arm, not a row each."""
    if cluster_column(bound.dataset) is None:
        return {}
    measured = {"icc": reference(number, "outcome_icc"), "cluster_size": reference(number, "cluster_size")}
    return {**measured, "cluster_name": cluster_name(bound)}


def cluster_name(bound: Bound) -> str | None:
    """Return what the question calls the clusters of its data set, else what their column does; None where rows repeat none."""
    cluster = cluster_column(bound.dataset)
    if cluster is None:
        return None
    match = _COUNTED.search(bound.question.text)
    entity = cluster.removesuffix("_id").replace("_", " ")
    return match[1] if match else f"{entity.upper() if len(entity) <= _ACRONYM else entity}s"


def _estimated(bound: Bound, number: int) -> Json:
    outcome = bound.dataset.column(bound.outcomes[0])
    binary = outcome is not None and outcome.kind == ColumnKind.BOOLEAN
    spread = {"baseline_rate": reference(number, "outcome_mean")} if binary else {"sd": reference(number, "outcome_sd")}
    bounds = {"effect_ci_lower": reference(number, "ci_lower"), "effect_ci_upper": reference(number, "ci_upper")}
    return {"effect_size": reference(number, "ate"), **bounds, **spread}


def _options(text: str) -> Json:
    options: Json = {}
    if match := _POWER.search(text):
        options["power_target"] = _share(match[1] or match[2])
    if match := _ALPHA.search(text):
        options["alpha"] = _share(match[1] or match[2])
    if match := _SAMPLE.search(text):
        options["sample_size"] = int(float(match[1].replace(",", "")))
    return options


def _share(text: str) -> float:
    value = float(text.replace(",", ""))
    return value / 100 if value >= 1 else value


def _named_effect(bound: Bound) -> Json:
    """Return the effect the question names, and where its spread is measured; empty when it names none."""
    match = _DETECT.search(bound.question.text)
    names = [*bound.outcomes, *bound.measures]
    column = bound.dataset.column(names[0]) if names else None
    if match is None or column is None or column.statistics.mean is None:
        return {}
    size, mean = float(match[1].replace(",", "")), column.statistics.mean
    if match["points"] and _is_share(column):
        size /= 100
    elif match["percent"]:
        size = size / 100 * (1 if column.kind == ColumnKind.BOOLEAN else abs(mean))
    return {"effect_size": size, "outcome_col": column.name, **data_inputs(bound)}


def _is_share(column: Column) -> bool:
    """Return whether a column's values are shares, so that a point is a hundredth."""
    most = column.statistics.maximum
    return column.kind == ColumnKind.BOOLEAN or (isinstance(most, (int, float)) and most <= 1)


def _relative_note(bound: Bound) -> str | None:
    """Return what a percentage is taken of, when the effect is named as one."""
    match = _DETECT.search(bound.question.text)
    column = bound.dataset.column((*bound.outcomes, *bound.measures)[0])
    if match is None or not match["percent"] or column is None or column.kind == ColumnKind.BOOLEAN:
        return None
    mean = column.statistics.mean or 0.0
    return f"{match[1]}% is taken of the mean of {column.name} over all rows of {bound.dataset.name}, {mean:.4g}. {_unit_note(bound)}"


def _unit_note(bound: Bound, *, whole_clusters: bool = False) -> str:
    unit, cluster = bound.dataset.unit or "row of the data set", cluster_column(bound.dataset)
    text = f"The test is sized in units of one {unit}."
    if bound.treatments:
        text += f" The effect is that of one unit of {bound.treatments[0]}."
    if cluster and whole_clusters:
        return f"The test randomises by {cluster}: all rows of one {cluster} are in one arm, and their correlation is counted."
    if cluster:
        text += f" Rows of one {cluster} are correlated: a test that randomises by {cluster} needs more (its design effect)."
    return text
