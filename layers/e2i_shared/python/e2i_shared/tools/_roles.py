"""Which columns of a data set play which part in an estimate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from e2i_shared.api.datasets import ColumnKind, ColumnRole
from e2i_shared.errors import UnprocessableError
from e2i_shared.tools._columns import match_column, numeric_column
from e2i_shared.tools._panel import time_of, units_of

if TYPE_CHECKING:
    from e2i_shared.api.datasets import Column, Dataset
    from e2i_shared.tools._specification import Specification

ADJUSTED_ROLES = frozenset({ColumnRole.COVARIATE, ColumnRole.SEGMENT, ColumnRole.TREATMENT, ColumnRole.TIME})
# What a panel's comparison with the same unit's past leaves to adjust for.
ADJUSTED_IN_PANELS = frozenset({ColumnRole.COVARIATE, ColumnRole.SEGMENT})
NO_COVARIATE_KINDS = frozenset({ColumnKind.ID, ColumnKind.TEXT})
PANEL_METHOD = "difference_in_differences"


@dataclass(frozen=True, slots=True)
class Parts:
    """The columns of an estimate by their part; ``units`` are candidates for a panel's unit, none without a panel."""

    treatment: Column
    outcome: Column
    confounders: list[str]
    cluster: str | None
    weight: str | None
    time: Column | None
    units: list[str]

    @property
    def wanted(self) -> list[str]:
        """Names of the columns to read."""
        further = [self.cluster, self.weight, self.time.name if self.time else None, *self.units]
        names = [self.treatment.name, self.outcome.name, *self.confounders, *[name for name in further if name]]
        return list(dict.fromkeys(names))


def parts_of(dataset: Dataset, asked: Specification) -> Parts:
    """Return the columns named or known by their role.

    Raises UnknownColumnError or UnprocessableError, naming the field.
    """
    treatment = match_column(dataset, asked.treatment_col)
    outcome = numeric_column(dataset, asked.outcome_col, "outcome_col")
    _refuse_same(treatment, outcome)
    taken = {treatment.name, outcome.name}
    weight = _weight(dataset, asked, taken)
    if asked.method != PANEL_METHOD:
        _refuse_panel_fields(asked)
        cluster = _cluster(dataset, asked, taken)
        confounders = _confounders(dataset, asked, (treatment, outcome), {cluster, weight})
        return Parts(treatment, outcome, confounders, cluster, weight, None, [])
    time = time_of(dataset, asked.time_col)
    units = units_of(dataset, asked.unit_col, taken | {time.name})
    cluster = _cluster(dataset, asked, taken) if asked.cluster_col else None
    confounders = _confounders(dataset, asked, (treatment, outcome), {cluster, weight, time.name, *units})
    return Parts(treatment, outcome, confounders, cluster, weight, time, units)


def _refuse_same(treatment: Column, outcome: Column) -> None:
    if treatment.name == outcome.name:
        raise UnprocessableError(
            f"{treatment.name!r} is both treatment and outcome.",
            field="outcome_col",
            expected="an outcome that is not the treatment",
            got=outcome.name,
        )


def _refuse_panel_fields(asked: Specification) -> None:
    for name in ("unit_col", "time_col", "treated_from"):
        if getattr(asked, name) is not None:
            raise UnprocessableError(
                f"{name} says how a panel is read, which method {asked.method!r} does not do.",
                field=name,
                expected=f"method {PANEL_METHOD}, or no {name}",
                got=str(getattr(asked, name)),
                hint=f"Set method to {PANEL_METHOD!r}.",
            )


def _weight(dataset: Dataset, asked: Specification, taken: set[str]) -> str | None:
    if asked.weight_col is None:
        return None
    column = numeric_column(dataset, asked.weight_col, "weight_col")
    if column.name in taken:
        raise UnprocessableError(
            f"Weight column {column.name!r} is the treatment or the outcome.", field="weight_col", got=column.name
        )
    return column.name


def _cluster(dataset: Dataset, asked: Specification, taken: set[str]) -> str | None:
    if asked.cluster_col:
        name = match_column(dataset, asked.cluster_col).name
        if name in taken:
            raise UnprocessableError(
                f"Cluster column {name!r} is the treatment or the outcome.", field="cluster_col", got=name
            )
        return name
    return next((c.name for c in dataset.columns if c.role is ColumnRole.CLUSTER and c.name not in taken), None)


def _confounders(
    dataset: Dataset, asked: Specification, sides: tuple[Column, Column], elsewhere: set[str | None]
) -> list[str]:
    treatment, outcome = sides
    if asked.confounders is None:
        roles = ADJUSTED_IN_PANELS if asked.method == PANEL_METHOD else ADJUSTED_ROLES
        taken = {treatment.name, outcome.name, *elsewhere}
        chosen = [c for c in dataset.columns if c.role in roles and c.kind not in NO_COVARIATE_KINDS]
        return [c.name for c in chosen if c.name not in taken]
    named = list(dict.fromkeys(match_column(dataset, name).name for name in asked.confounders))
    for name in named:
        _refuse_confounder(dataset, name, treatment, outcome)
    return [name for name in named if name not in elsewhere]


def _refuse_confounder(dataset: Dataset, name: str, treatment: Column, outcome: Column) -> None:
    column = dataset.column(name)
    if name in {treatment.name, outcome.name}:
        what = "treatment" if name == treatment.name else "outcome"
        raise UnprocessableError(
            f"{name!r} is the {what} and cannot be adjusted for.",
            field="confounders",
            expected="other columns",
            got=name,
        )
    if column is not None and column.kind in NO_COVARIATE_KINDS:
        raise UnprocessableError(
            f"{name!r} holds {column.kind.value} values, which identify rows and cannot be adjusted for.",
            field="confounders",
            expected="numbers, true/false, categories or dates",
            got=name,
            candidates=[c.name for c in dataset.columns if c.role is ColumnRole.COVARIATE],
            hint="Rows that belong together go into cluster_col.",
        )
