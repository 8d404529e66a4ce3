"""From a data set and column names to a study: what tools that estimate effects share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from e2i_shared.api.common import Filter, Scalar
from e2i_shared.api.datasets import ColumnKind, ColumnRole
from e2i_shared.causal.design import Covariate, encode
from e2i_shared.causal.inference import cluster_codes
from e2i_shared.causal.study import Settings, Study
from e2i_shared.datasets.frame import Categories
from e2i_shared.errors import InsufficientDataError, UnprocessableError
from e2i_shared.tools._columns import match_column, numeric_column
from e2i_shared.tools._treatment import Coding, code_treatment

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from e2i_shared.api.datasets import Column, Dataset
    from e2i_shared.datasets.frame import Frame
    from e2i_shared.tools._registry import ToolContext

ADJUSTED_ROLES = frozenset({ColumnRole.COVARIATE, ColumnRole.SEGMENT, ColumnRole.TREATMENT, ColumnRole.TIME})
NO_COVARIATE_KINDS = frozenset({ColumnKind.ID, ColumnKind.TEXT})
Method = Literal["auto", "difference_in_means", "aipw", "average_partial_effect"]
Estimand = Literal["ate", "att"]


class Specification(BaseModel):
    """Everything needed to estimate the same effect again, and what was settled on the way."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    dataset: str
    filters: list[Filter] = []
    treatment_col: str
    outcome_col: str
    confounders: list[str] | None = Field(None, description="columns adjusted for; null: by their roles; [] for none")
    treatment_contrast: list[Scalar] | None = Field(
        None, min_length=2, max_length=2, description="treated and untreated value; other rows are left out"
    )
    cluster_col: str | None = Field(None, description="rows with the same value are correlated; null: by role")
    method: Method = "auto"
    estimand: Estimand = "ate"
    treatment_kind: Literal["binary", "dose"] | None = None


class CausalResult(BaseModel):
    """What is read of causal_effect_estimator's output; its other fields are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)

    ate: float = Field(description="the reported effect, outcome units per unit of treatment")
    ci_lower: float = Field(description="lower bound of its interval")
    ci_upper: float = Field(description="upper bound of its interval")
    std_error: float = Field(description="its standard error")
    specification: Specification


@dataclass(frozen=True, slots=True)
class Prepared:
    """A study with what was decided to get there; ``kept`` (N,) marks the rows read that are in it."""

    study: Study
    specification: Specification
    dataset: Dataset
    frame: Frame
    outcome: Column
    assumptions: list[str]
    warnings: list[str]


def settings_of(context: ToolContext, specification: Specification) -> Settings:
    """Return the estimation settings of a running tool."""
    return Settings(seed=context.seed, threads=context.threads, estimand=specification.estimand)


def prepare(asked: Specification, context: ToolContext, extra: Sequence[str] = ()) -> Prepared:
    """Read the columns and build the study; ``extra`` names further columns wanted in the frame.

    Raises UnknownColumnError, UnprocessableError or InsufficientDataError, each naming the field.
    """
    dataset = context.data.describe(asked.dataset)
    treatment = match_column(dataset, asked.treatment_col)
    outcome = numeric_column(dataset, asked.outcome_col, "outcome_col")
    _refuse_same(treatment, outcome)
    cluster = _cluster(dataset, asked, {treatment.name, outcome.name})
    confounders = _confounders(dataset, asked, treatment, outcome, cluster)
    further = [match_column(dataset, name).name for name in extra]
    wanted = dict.fromkeys([treatment.name, outcome.name, *confounders, *([cluster] if cluster else []), *further])
    frame = context.data.read(asked.dataset, list(wanted), asked.filters)
    coding = code_treatment(frame, treatment, asked.treatment_contrast)
    usable = ~np.isnan(coding.values) & ~np.isnan(frame.numbers(outcome.name))
    _refuse_empty(frame, usable, treatment, outcome)
    kept = frame.take(usable)
    design = encode([covariate(kept, name) for name in confounders], kept.n)
    study = Study(
        outcome=kept.numbers(outcome.name),
        treatment=coding.values[usable],
        design=design,
        clusters=_codes(kept, cluster),
        randomised=dataset.randomised and treatment.role is ColumnRole.TREATMENT,
        treatment_name=treatment.name,
        outcome_name=outcome.name,
    )
    specification = asked.model_copy(
        update={
            "treatment_col": treatment.name,
            "outcome_col": outcome.name,
            "confounders": confounders,
            "cluster_col": cluster,
            "treatment_kind": study.kind,
        }
    )
    warnings = _warnings(dataset, frame.n, study, confounders, coding)
    assumptions = _assumptions(asked, dataset, study, specification, coding)
    return Prepared(study, specification, dataset, kept, outcome, assumptions, warnings)


def covariate(frame: Frame, name: str) -> Covariate:
    """Return a column of the frame as a covariate; dates become days."""
    column = frame.columns[name]
    if isinstance(column, Categories):
        return Covariate(name, column.codes.astype(np.float64), column.levels)
    return Covariate(name, frame.numbers(name))


def _refuse_same(treatment: Column, outcome: Column) -> None:
    if treatment.name == outcome.name:
        raise UnprocessableError(
            f"{treatment.name!r} is both treatment and outcome.",
            field="outcome_col",
            expected="an outcome that is not the treatment",
            got=outcome.name,
        )


def _refuse_empty(frame: Frame, usable: NDArray[np.bool_], treatment: Column, outcome: Column) -> None:
    if usable.any():
        return
    empty = next((c for c in (treatment, outcome) if frame.n and np.isnan(_numbers(frame, c)).all()), None)
    raise InsufficientDataError(
        f"Column {empty.name!r} is missing in all {frame.n} rows." if empty else "No row passes the filters.",
        field="filters",
        expected="rows with treatment and outcome",
        got="0 rows",
        hint="Widen the filters.",
    )


def _numbers(frame: Frame, column: Column) -> NDArray[np.float64]:
    return frame.numbers(column.name)


def _cluster(dataset: Dataset, asked: Specification, taken: set[str]) -> str | None:
    if asked.cluster_col:
        name = match_column(dataset, asked.cluster_col).name
        if name in taken:
            raise UnprocessableError(
                f"Cluster column {name!r} is the treatment or the outcome.", field="cluster_col", got=name
            )
        return name
    return next((c.name for c in dataset.columns if c.role is ColumnRole.CLUSTER and c.name not in taken), None)


def _codes(frame: Frame, cluster: str | None) -> NDArray[np.intp] | None:
    if cluster is None:
        return None
    column = frame.columns[cluster]
    return cluster_codes(column.codes if isinstance(column, Categories) else frame.numbers(cluster))


def _confounders(
    dataset: Dataset, asked: Specification, treatment: Column, outcome: Column, cluster: str | None
) -> list[str]:
    if asked.confounders is None:
        taken = {treatment.name, outcome.name, cluster}
        chosen = [c for c in dataset.columns if c.role in ADJUSTED_ROLES and c.kind not in NO_COVARIATE_KINDS]
        return [c.name for c in chosen if c.name not in taken]
    named = list(dict.fromkeys(match_column(dataset, name).name for name in asked.confounders))
    for name in named:
        _refuse_confounder(dataset, name, treatment, outcome)
    return [name for name in named if name != cluster]


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


def _warnings(dataset: Dataset, read: int, study: Study, confounders: list[str], coding: Coding) -> list[str]:
    found = list(coding.warnings)
    if lost := read - study.n - coding.left_out:
        found.append(f"{lost} of {read} rows lack treatment or outcome and are left out.")
    found += [
        f"{name!r} is not adjusted for: {why}."
        for name, why in study.design.dropped
        if why.startswith(("equals", "all values"))
    ]
    late = [n for n in confounders if (c := dataset.column(n)) and c.role is ColumnRole.OUTCOME]
    if late:
        found.append(
            f"{', '.join(late)} may be a consequence of the treatment: adjusting for it can hide or fake an effect."
        )
    if not confounders and not study.randomised:
        found.append("Nothing is adjusted for and the data set is not randomised: differences may be confounded.")
    return found


def _assumptions(
    asked: Specification, dataset: Dataset, study: Study, settled: Specification, coding: Coding
) -> list[str]:
    constant = {name for name, _ in study.design.dropped}
    used = [name for name in settled.confounders or [] if name not in constant]
    found = list(coding.notes)
    if study.randomised and asked.method in {"auto", "difference_in_means"}:
        return found
    found.append(f"Adjusted for {', '.join(used)}." if used else "Adjusted for nothing.")
    others = [n for n in used if (c := dataset.column(n)) and c.role is ColumnRole.TREATMENT]
    if others:
        found.append(
            f"The other treatments ({', '.join(others)}) are held fixed: the effect is that of {study.treatment_name} alone."
        )
    if study.clusters is not None:
        found.append(f"Rows of one {settled.cluster_col} are correlated; different ones are independent.")
    return found
