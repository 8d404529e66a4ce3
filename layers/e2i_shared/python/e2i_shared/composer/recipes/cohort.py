"""Who belongs to a group: criteria in the order of mention, what is excluded last."""

from __future__ import annotations

from typing import TYPE_CHECKING

from e2i_shared.composer.recipes.inputs import lacking

if TYPE_CHECKING:
    from e2i_shared.api.common import Filter, Json
    from e2i_shared.composer.binding import Bound
    from e2i_shared.composer.workbench import Workbench


def cohort(bench: Workbench, bound: Bound) -> str | None:
    """Build the cohort of the question's conditions; a negated one is an exclusion."""
    if not bench.has("cohort_builder"):
        return lacking("Building a cohort", "cohort_builder")
    if not bound.filters:
        return f"The question names no condition on a column of {bound.dataset.name}: say who is in, for example by a value or an age."
    excluded = [e for f in bound.filters if (e := _exclusion(f))]
    included = [f for f in bound.filters if _exclusion(f) is None]
    inputs: Json = {"dataset": bound.dataset.name, "inclusion": _json(included)}
    inputs |= {"exclusion": _json(excluded)} if excluded else {}
    bench.add("cohort_builder", "Cohort", inputs, bound.question.id)
    return None


def _exclusion(condition: Filter) -> Filter | None:
    """Return what a negated condition leaves out; None for one that says who is in."""
    if condition.op == "ne":
        return condition.model_copy(update={"op": "eq"})
    return condition.model_copy(update={"value": True}) if condition.value is False else None


def _json(filters: list[Filter]) -> list[Json]:
    return [f.model_dump(mode="json") for f in filters]
