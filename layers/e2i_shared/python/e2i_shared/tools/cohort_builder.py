"""Build a cohort from inclusion and exclusion criteria, count what each step leaves, and return it as a filter."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from e2i_shared.api.cohorts import CohortDefinition, CohortStep, Criteria
from e2i_shared.api.datasets import DatasetName
from e2i_shared.api.tools import ToolCategory
from e2i_shared.errors import InsufficientDataError, UnprocessableError
from e2i_shared.tools import _charts_cohort
from e2i_shared.tools._cohorts import (
    Step,
    as_filters,
    choose_entity,
    count_steps,
    decide,
    entities_of,
    fingerprint,
    settled,
)
from e2i_shared.tools._registry import DataParams, ToolResult, ToolSpec

if TYPE_CHECKING:
    from collections.abc import Sequence

    from e2i_shared.api.common import Json
    from e2i_shared.api.datasets import Dataset
    from e2i_shared.tools._cohorts import Entities
    from e2i_shared.tools._registry import ToolContext

EXAMPLES: list[Json] = [
    {
        "dataset": "patients",
        "name": "Older Kisqali patients",
        "filters": [{"column": "brand", "value": "Kisqali"}],
        "inclusion": [
            {"column": "age", "op": "ge", "value": 65},
            {"column": "payer", "op": "ne", "value": "Uninsured"},
        ],
        "exclusion": [
            {
                "label": "Several comorbid conditions",
                "reason": "Dosing differs",
                "filters": [{"column": "comorbidities", "op": "ge", "value": 3}],
            }
        ],
    },
    {
        "dataset": "hcp_monthly",
        "inclusion": [
            {"column": "brand", "value": "Kisqali"},
            {
                "match": "any",
                "filters": [{"column": "region", "value": "Northeast"}, {"column": "region", "value": "South"}],
            },
        ],
        "exclusion": [{"column": "decile", "op": "le", "value": 2}],
    },
]


class Params(DataParams):
    """Who is in and who is out; `filters` count as the first inclusion criteria, one step each."""

    inclusion: Criteria = Field([], description="kept are rows for which each criterion certainly holds, in this order")
    exclusion: Criteria = Field([], description="then dropped are rows unless each criterion certainly does not hold")
    unit_col: str | None = Field(
        None, description="column that identifies an entity; left out: the data set's identifier where rows repeat it"
    )
    name: DatasetName | None = Field(None, description="name to save the cohort under, with POST /cohorts")
    min_cell: Annotated[int, Field(ge=0, le=1000)] = Field(
        11, description="entities; counts from 1 to one below are flagged as small cells, 0 flags none"
    )


class Result(ToolResult):
    """The flow from all rows to the cohort; `n` is the cohort's rows."""

    assessed_rows: int = Field(description="rows of the data set")
    assessed_entities: int = Field(description="entities of the data set")
    unit: str = Field(description="what one entity is")
    steps: list[CohortStep]
    size: int = Field(description="entities in the cohort")
    share: float = Field(description="fraction of the assessed entities that are in the cohort, 0 to 1")
    empty: bool
    emptied_by: str | None = Field(description="the criterion after which nobody was left")
    strictest: str | None = Field(description="the criterion whose removal alone would add most entities")
    strictest_adds: int = Field(description="entities its removal would add")
    small_cells: list[str] = Field(description="criteria that exclude or leave fewer entities than min_cell, but not 0")
    cohort: CohortDefinition


def run(params: Params, context: ToolContext) -> Result:
    """Return the counts and the cohort.

    An empty cohort is a result: it names the criterion that emptied it. Raises UnprocessableError without any criterion,
    InsufficientDataError for a data set without rows.
    """
    dataset = context.data.describe(params.dataset)
    steps = _steps(params, dataset)
    column = choose_entity(dataset, params.unit_col)
    names = {f.column for step in steps for f in step.criterion.filters} | ({column.name} if column else set())
    frame = context.data.read(params.dataset, sorted(names))
    if not frame.n:
        raise InsufficientDataError(f"Data set {dataset.name!r} has no rows.", field="dataset", expected="rows")
    entities = entities_of(frame, dataset, column)
    decided = [decide(step, frame, dataset) for step in steps]
    counts, kept = count_steps(steps, decided, entities, dataset, params.min_cell)
    cohort = _definition(params, dataset, steps, entities, size=counts[-1].entities_after, rows=int(kept.sum()))
    return _result(params, counts, cohort, assessed_rows=frame.n)


def _steps(params: Params, dataset: Dataset) -> list[Step]:
    included = [Step("inclusion", c) for c in settled(dataset, [*params.filters, *params.inclusion])]
    steps = [*included, *(Step("exclusion", c) for c in settled(dataset, params.exclusion))]
    if not steps:
        raise UnprocessableError(
            "A cohort needs at least one criterion.",
            field="inclusion",
            expected="conditions in inclusion, exclusion or filters",
            hint=f"GET /datasets/{dataset.name} lists the columns.",
        )
    return steps


def _definition(
    params: Params, dataset: Dataset, steps: Sequence[Step], entities: Entities, *, size: int, rows: int
) -> CohortDefinition:
    return CohortDefinition(
        name=params.name,
        dataset=dataset.name,
        dataset_id=dataset.dataset_id,
        dataset_version=dataset.version,
        unit=entities.unit,
        unit_col=entities.column,
        filters=as_filters(steps),
        inclusion=[s.criterion for s in steps if s.kind == "inclusion"],
        exclusion=[s.criterion for s in steps if s.kind == "exclusion"],
        size=size,
        rows=rows,
        hash=fingerprint(dataset, entities.column, steps),
    )


def _result(params: Params, counts: list[CohortStep], cohort: CohortDefinition, *, assessed_rows: int) -> Result:
    assessed = counts[0].entities_before
    strictest = max(counts, key=lambda step: step.entities_without)
    adds = strictest.entities_without - cohort.size
    return Result(
        n=cohort.rows,
        method=(
            "Criteria in the order given, inclusion first; a row whose missing values leave a criterion undecided is out; "
            "an entity is out when its last row is."
        ),
        assumptions=_assumptions(cohort),
        warnings=_warnings(params, counts, cohort),
        assessed_rows=assessed_rows,
        assessed_entities=assessed,
        unit=cohort.unit,
        steps=counts,
        size=cohort.size,
        share=cohort.size / assessed if assessed else 0.0,
        empty=cohort.size == 0,
        emptied_by=next((s.criterion for s in counts if s.entities_before and not s.entities_after), None),
        strictest=strictest.criterion if adds else None,
        strictest_adds=adds,
        small_cells=[s.criterion for s in counts if s.small_cell],
        cohort=cohort,
    )


def charts(output: Json) -> list[Json]:
    """Return the flow of entities through the criteria, as CONSORT draws it."""
    return [_charts_cohort.consort_chart(output)]


def _assumptions(cohort: CohortDefinition) -> list[str]:
    if cohort.unit_col is None:
        return ["Each row is one entity."]
    return [
        f"Rows of one {cohort.unit_col} are one entity; criteria apply to its rows, and it stays while one row passes."
    ]


def _warnings(params: Params, counts: Sequence[CohortStep], cohort: CohortDefinition) -> list[str]:
    missing = [s for s in counts if s.rows_missing]
    idle = [s.criterion for s in counts if s.rows_before and not s.rows_excluded]
    small = any(s.small_cell for s in counts)
    made = [
        f"{s.rows_missing:,} rows were left out of “{s.criterion}” because values are missing." for s in missing[:5]
    ]
    if cohort.size == 0:
        made.append("Nobody meets all criteria: the cohort is empty and cannot be saved.")
    if small:
        made.append(f"Counts below {params.min_cell} may identify people: do not publish them.")
    if idle:
        made.append(f"No row was excluded by: {'; '.join(idle[:5])}.")
    if cohort.filters is None:
        made.append(
            "An “or” between conditions remains, so the cohort cannot be given as `filters`; save its criteria."
        )
    return made


TOOL = ToolSpec(
    name="cohort_builder",
    category=ToolCategory.COHORT,
    source_agent="cohort_constructor",
    description=(
        "Builds a cohort of patients, prescribers or other entities from ordered inclusion and exclusion criteria: how many each "
        "step excludes and leaves (CONSORT), small cells, and the cohort as a filter that other tools take and that can be saved."
    ),
    params=Params,
    result=Result,
    run=run,
    charts=charts,
    examples=EXAMPLES,
)
