"""Cohorts: who is in, by which criteria, counted step by step."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from e2i_shared.api.classification import storable
from e2i_shared.api.common import Filter, PageQuery, Wire
from e2i_shared.api.datasets import DatasetName


class Criterion(Wire):
    """One step: conditions that must hold together (``all``), or of which one suffices (``any``)."""

    filters: Annotated[list[Filter], Field(min_length=1, max_length=20)]
    match: Literal["all", "any"] = "all"
    label: Annotated[str, BeforeValidator(storable), Field(min_length=1, max_length=200)] | None = Field(
        None, description="how the step is called; left out: its conditions in words"
    )
    reason: Annotated[str, BeforeValidator(storable), Field(min_length=1, max_length=400)] | None = Field(
        None, description="why the criterion is there, e.g. the protocol's section"
    )


Criteria = Annotated[list[Filter | Criterion], Field(max_length=30)]


class CohortStep(Wire):
    """One criterion and whom it left; an entity is out when its last row is out."""

    number: int
    kind: Literal["inclusion", "exclusion"]
    criterion: str = Field(description="the label, or the conditions in words")
    reason: str | None
    rows_before: int
    rows_excluded: int
    rows_after: int
    rows_missing: int = Field(
        description="of the rows excluded, those whose missing values left the criterion undecided"
    )
    entities_before: int
    entities_excluded: int
    entities_after: int
    entities_without: int = Field(description="size the cohort would have without this criterion alone")
    small_cell: bool = Field(description="entities excluded or left are fewer than min_cell, but not 0")


class CohortDefinition(Wire):
    """A cohort as a filter: ``filters``, all of them together, read exactly its rows in any tool.

    ``hash`` identifies data set, version and criteria, whatever the order of the steps.
    """

    name: str | None
    dataset: str
    dataset_id: str
    dataset_version: int
    unit: str = Field(description="what one entity is")
    unit_col: str | None = Field(description="column that identifies an entity; null: each row is one")
    filters: list[Filter] | None = Field(
        description="null where no list of conditions says the same; then `criteria` do"
    )
    inclusion: list[Criterion]
    exclusion: list[Criterion]
    size: int = Field(description="entities")
    rows: int
    hash: str


class CohortRequest(Wire):
    """``POST /cohorts``: criteria to count, and the name to save them under."""

    name: DatasetName
    dataset: Annotated[str, Field(min_length=1, max_length=200)]
    filters: Annotated[list[Filter], Field(max_length=30)] = []
    inclusion: Criteria = []
    exclusion: Criteria = []
    unit_col: Annotated[str, Field(min_length=1, max_length=200)] | None = None


class Cohort(Wire):
    """A saved cohort at one version; other criteria under the same name make the next one."""

    cohort_id: str
    name: str
    version: int
    definition: CohortDefinition
    steps: list[CohortStep]
    created_by: str | None
    created_at: str


class CohortSummary(Wire):
    """One line of ``GET /cohorts``."""

    cohort_id: str
    name: str
    version: int
    dataset: str
    unit: str
    size: int
    created_at: str


class CohortQuery(PageQuery):
    """Filters of ``GET /cohorts``: every version of one name, else the newest of each."""

    name: Annotated[str, Field(max_length=200)] | None = None
