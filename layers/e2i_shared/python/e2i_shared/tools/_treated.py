"""Rows with a 0/1 treatment and covariates, where no outcome is looked at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from e2i_shared.api.datasets import ColumnRole
from e2i_shared.causal.design import encode
from e2i_shared.causal.inference import cluster_codes
from e2i_shared.causal.study import Study, check
from e2i_shared.datasets.frame import Categories
from e2i_shared.errors import InsufficientDataError, UnprocessableError
from e2i_shared.tools._analysis import NO_COVARIATE_KINDS, covariate
from e2i_shared.tools._columns import match_column
from e2i_shared.tools._treatment import code_treatment

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from e2i_shared.api.datasets import Column, Dataset
    from e2i_shared.datasets.frame import Frame
    from e2i_shared.tools._registry import ToolContext
    from e2i_shared.tools.propensity_estimator import Params


@dataclass(frozen=True, slots=True)
class TreatedStudy:
    """A study without an outcome (its outcome is the row's number), and what was settled on the way."""

    study: Study
    covariates: tuple[str, ...]
    notes: list[str]
    warnings: list[str]


def treated_study(params: Params, context: ToolContext) -> TreatedStudy:
    """Read treatment and covariates; raise UnprocessableError for a dose or a wrong column, or what ``check`` raises."""
    dataset = context.data.describe(params.dataset)
    treatment = match_column(dataset, params.treatment_col)
    cluster = _cluster(dataset, params.cluster_col, treatment)
    names = _covariates(dataset, params.covariates, treatment, cluster)
    wanted = dict.fromkeys([treatment.name, *names, *([cluster] if cluster else [])])
    frame = context.data.read(params.dataset, list(wanted), params.filters)
    coding = code_treatment(frame, treatment, params.treatment_contrast)
    usable = ~np.isnan(coding.values)
    if not usable.any():
        raise InsufficientDataError(
            "No row passes the filters with a treatment.", field="filters", expected="rows", got="0 rows"
        )
    _refuse_dose(treatment, coding.values[usable])
    kept = frame.take(usable)
    design = encode([covariate(kept, name) for name in names], kept.n)
    study = Study(
        outcome=np.arange(kept.n, dtype=np.float64),
        treatment=coding.values[usable],
        design=design,
        clusters=_codes(kept, cluster),
        treatment_name=treatment.name,
        outcome_name="row",
    )
    check(study)
    lost = frame.n - kept.n - coding.left_out
    warnings = [*coding.warnings, *([f"{lost} rows lack the treatment and are left out."] if lost else [])]
    warnings += [f"{name!r} is not used: {why}." for name, why in design.dropped]
    late = [n for n in names if (c := dataset.column(n)) and c.role is ColumnRole.OUTCOME]
    if late:
        warnings.append(f"{', '.join(late)} may be a consequence of the treatment, not a reason for it.")
    return TreatedStudy(study, tuple(names), list(coding.notes), warnings)


def _cluster(dataset: Dataset, asked: str | None, treatment: Column) -> str | None:
    if asked is not None:
        return match_column(dataset, asked).name
    return next((c.name for c in dataset.columns if c.role is ColumnRole.CLUSTER and c.name != treatment.name), None)


def _codes(frame: Frame, cluster: str | None) -> NDArray[np.intp] | None:
    if cluster is None:
        return None
    column = frame.columns[cluster]
    return cluster_codes(column.codes if isinstance(column, Categories) else frame.numbers(cluster))


def _covariates(dataset: Dataset, asked: list[str], treatment: Column, cluster: str | None) -> list[str]:
    names = list(dict.fromkeys(match_column(dataset, name).name for name in asked))
    for name in names:
        column = dataset.column(name)
        if name == treatment.name or (column is not None and column.kind in NO_COVARIATE_KINDS):
            raise UnprocessableError(
                f"{name!r} cannot explain who is treated: it is the treatment or identifies rows.",
                field="covariates",
                expected="numbers, true/false, categories or dates",
                got=name,
                candidates=[c.name for c in dataset.columns if c.role is ColumnRole.COVARIATE],
            )
    return [name for name in names if name != cluster]


def _refuse_dose(treatment: Column, values: NDArray[np.float64]) -> None:
    held = np.unique(values)
    if len(held) <= 2:
        return
    raise UnprocessableError(
        f"{treatment.name!r} is a dose of {len(held)} values: a propensity is of a 0/1 treatment.",
        field="treatment_contrast",
        expected="the treated and the untreated value",
        got="no contrast",
        candidates=[f"{v:g}" for v in held[:10]],
        hint="Name two values in treatment_contrast.",
    )
