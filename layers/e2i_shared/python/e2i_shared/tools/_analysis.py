"""From a data set and column names to a study: what tools that estimate effects share."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from e2i_shared.api.datasets import ColumnRole
from e2i_shared.causal.design import Covariate, encode
from e2i_shared.causal.inference import cluster_codes
from e2i_shared.causal.study import Settings, Study, check_weights
from e2i_shared.datasets.frame import Categories, Dates
from e2i_shared.errors import InsufficientDataError, UnprocessableError
from e2i_shared.tools._arms import code_arms, several_levels
from e2i_shared.tools._columns import match_column
from e2i_shared.tools._panel import panel_of, treated_since
from e2i_shared.tools._roles import ADJUSTED_ROLES, NO_COVARIATE_KINDS, PANEL_METHOD, parts_of
from e2i_shared.tools._specification import CausalResult, Estimand, Method, Specification
from e2i_shared.tools._subgroups import without_overlap
from e2i_shared.tools._treatment import Coding, code_treatment

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from e2i_shared.api.datasets import Column, Dataset
    from e2i_shared.causal.panel import Panel
    from e2i_shared.datasets.frame import Frame
    from e2i_shared.tools._registry import ToolContext
    from e2i_shared.tools._roles import Parts

    Floats = NDArray[np.float64]

__all__ = [
    "ADJUSTED_ROLES",
    "NO_COVARIATE_KINDS",
    "CausalResult",
    "Estimand",
    "Method",
    "Prepared",
    "Specification",
    "covariate",
    "prepare",
    "settings_of",
]
FEW_OTHERS = 10  # rows with any but the commonest outcome, below which an effect rests on single rows
FEW_EFFECTIVE = 0.5  # of the rows, below which unequal weights are warned about


@dataclass(frozen=True, slots=True)
class Prepared:
    """A study with what was decided to get there, and the rows that are in it."""

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


def prepare(
    asked: Specification,
    context: ToolContext,
    extra: Sequence[str] = (),
    *,
    several: bool = False,
    panels: bool = False,
) -> Prepared:
    """Read the columns and build the study; ``extra`` names further columns wanted in the frame.

    With ``several`` a category of 3 to 10 levels becomes a study of several arms; else it needs a treatment_contrast. Without
    ``panels`` a difference in differences is refused: its rows are no units to compare with each other.
    Raises UnknownColumnError, UnprocessableError or InsufficientDataError, each naming the field.
    """
    if asked.method == PANEL_METHOD and not panels:
        raise _no_panel()
    dataset = context.data.describe(asked.dataset)
    parts = parts_of(dataset, asked)
    further = [match_column(dataset, name).name for name in extra]
    frame = context.data.read(asked.dataset, list(dict.fromkeys([*parts.wanted, *further])), asked.filters)
    weights = _weights(frame, parts.weight)
    counted = ~np.isnan(frame.numbers(parts.outcome.name)) & (weights > 0) & _timed(frame, parts)
    coding = _code(frame, parts, asked, counted, several=several or asked.treatment_kind == "arms")
    usable = counted & ~np.isnan(coding.values)
    _refuse_empty(frame, usable, parts.treatment, parts.outcome)
    kept = frame.take(usable)
    panel = panel_of(kept, parts.units, parts.time.name) if parts.time else None
    study = _study(dataset, parts, kept, replace(coding, values=coding.values[usable]), panel[0] if panel else None)
    if parts.weight:
        study = replace(study, weights=weights[usable] / weights[usable].mean())
    specification = asked.model_copy(update=_settled(parts, study, panel[1] if panel else None))
    warnings = _warnings(dataset, (frame, kept), study, parts, coding)
    assumptions = _assumptions(asked, dataset, study, specification, coding)
    return Prepared(study, specification, dataset, kept, parts.outcome, assumptions, warnings)


def _no_panel() -> UnprocessableError:
    return UnprocessableError(
        "This tool compares rows with each other; a difference in differences compares units with their own past.",
        field="method",
        expected="an effect by another method",
        got=PANEL_METHOD,
        hint="Filter causal_effect_estimator to each segment, or refute the effect with refutation_runner.",
    )


def _weights(frame: Frame, name: str | None) -> Floats:
    """Return each row's weight (N,), 1 without a weight column, 0 where missing."""
    if name is None:
        return np.ones(frame.n)
    values = frame.numbers(name)
    known = ~np.isnan(values)
    if frame.n:
        check_weights(values[known], name)
    return np.where(known, values, 0.0)


def _timed(frame: Frame, parts: Parts) -> NDArray[np.bool_]:
    if parts.time is None:
        return np.ones(frame.n, dtype=np.bool_)
    column = frame.columns[parts.time.name]
    return ~np.isnat(column.values) if isinstance(column, Dates) else ~np.isnan(frame.numbers(parts.time.name))


def _code(frame: Frame, parts: Parts, asked: Specification, counted: NDArray[np.bool_], *, several: bool) -> Coding:
    """Return the treatment as 0/1, a dose, or, of several arms, as 1 for the headline level."""
    column = parts.treatment
    if asked.treatment_contrast is None and several and several_levels(frame, column):
        coded = code_arms(frame, column, counted, asked.reference_level)
        values = np.where(coded.codes < 0, np.nan, (coded.codes == coded.headline).astype(np.float64))
        return Coding(values, coded.notes, coded.warnings, coded.left_out, coded.arms)
    _refuse_reference(asked, column)
    coding = code_treatment(frame, column, asked.treatment_contrast)
    if asked.treated_from is None or parts.time is None:
        return coding
    values = treated_since(frame, parts.time, coding.values, asked.treated_from)
    note = f"Rows with {column.name} count as treated from {asked.treated_from} on."
    return replace(coding, values=values, notes=(*coding.notes, note))


def _refuse_reference(asked: Specification, column: Column) -> None:
    if asked.reference_level is not None:
        raise UnprocessableError(
            f"A reference level is for a treatment of several levels; {column.name!r} is compared as one contrast or dose.",
            field="reference_level",
            expected="a category of 3 to 10 levels without treatment_contrast",
            got=str(asked.reference_level),
        )


def _study(dataset: Dataset, parts: Parts, kept: Frame, coding: Coding, panel: Panel | None) -> Study:
    clusters = _codes(kept, parts.cluster)
    if panel is not None and clusters is None:
        clusters = panel.units
    return Study(
        outcome=kept.numbers(parts.outcome.name),
        treatment=coding.values,
        design=encode([covariate(kept, name) for name in parts.confounders], kept.n),
        clusters=clusters,
        randomised=dataset.randomised and parts.treatment.role is ColumnRole.TREATMENT,
        treatment_name=parts.treatment.name,
        outcome_name=parts.outcome.name,
        arms=coding.arms,
        panel=panel,
    )


def _settled(parts: Parts, study: Study, unit: str | None) -> dict[str, object]:
    return {
        "treatment_col": parts.treatment.name,
        "outcome_col": parts.outcome.name,
        "confounders": parts.confounders,
        "cluster_col": parts.cluster,
        "weight_col": parts.weight,
        "unit_col": unit,
        "time_col": parts.time.name if parts.time else None,
        "treatment_kind": "arms" if study.arms is not None else study.kind,
    }


def covariate(frame: Frame, name: str) -> Covariate:
    """Return a column of the frame as a covariate; dates become days."""
    column = frame.columns[name]
    if isinstance(column, Categories):
        return Covariate(name, column.codes.astype(np.float64), column.levels)
    return Covariate(name, frame.numbers(name))


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


def _codes(frame: Frame, cluster: str | None) -> NDArray[np.intp] | None:
    if cluster is None:
        return None
    column = frame.columns[cluster]
    return cluster_codes(column.codes if isinstance(column, Categories) else frame.numbers(cluster))


def _warnings(dataset: Dataset, frames: tuple[Frame, Frame], study: Study, parts: Parts, coding: Coding) -> list[str]:
    read, kept = frames
    found = list(coding.warnings)
    if lost := read.n - study.n - coding.left_out:
        lacking = "treatment, outcome or a positive weight" if parts.weight else "treatment or outcome"
        found.append(f"{lost} of {read.n} rows lack {lacking} and are left out.")
    found += [
        f"{name!r} is not adjusted for: {why}." for name, why in study.design.dropped if not why.startswith("never")
    ]
    found += _about_outcome(study)
    found += _about_units(study, kept, parts)
    confounders = parts.confounders
    late = [n for n in confounders if (c := dataset.column(n)) and c.role is ColumnRole.OUTCOME]
    if late:
        found.append(
            f"{', '.join(late)} may be a consequence of the treatment: adjusting for it can hide or fake an effect."
        )
    if study.panel is None and study.arms is None and not study.randomised:
        found += without_overlap(kept, study, confounders)
    if not confounders and not study.randomised and study.panel is None:
        found.append("Nothing is adjusted for and the data set is not randomised: differences may be confounded.")
    return found


def _about_outcome(study: Study) -> list[str]:
    others = int((study.outcome != np.median(study.outcome)).sum())
    if not 0 < others < FEW_OTHERS:
        return []
    return [f"{study.outcome_name} is the same in all but {others} of {study.n} rows: the effect rests on these few."]


def _about_units(study: Study, kept: Frame, parts: Parts) -> list[str]:
    """Return warnings where clusters or weights do less, or more, than they seem to."""
    found = []
    if parts.cluster and study.panel is None and study.clusters is None and kept.n > 1:
        found.append(f"Every row has its own {parts.cluster}: rows are taken as independent.")
    if study.weights is not None:
        worth = float(study.weights.sum() ** 2 / (study.weights**2).sum())
        if worth < FEW_EFFECTIVE * study.n:
            found.append(f"The weights in {parts.weight} are very unequal: {study.n} rows are worth {worth:.0f}.")
    return found


def _assumptions(
    asked: Specification, dataset: Dataset, study: Study, settled: Specification, coding: Coding
) -> list[str]:
    constant = {name for name, _ in study.design.dropped}
    used = [name for name in settled.confounders or [] if name not in constant]
    found = list(coding.notes)
    if settled.weight_col:
        found.append(f"Each row stands for as many units as {settled.weight_col} says.")
    if study.randomised and asked.method in {"auto", "difference_in_means"} and study.arms is None:
        return found
    found.append(f"Adjusted for {', '.join(used)}." if used else "Adjusted for nothing.")
    others = [n for n in used if (c := dataset.column(n)) and c.role is ColumnRole.TREATMENT]
    if others:
        found.append(
            f"The other treatments ({', '.join(others)}) are held fixed: the effect is that of {study.treatment_name} alone."
        )
    if study.panel is not None:
        found.append(
            f"Each {settled.unit_col} is compared with itself before, by {settled.time_col}; covariates are those of the period "
            "before treatment starts."
        )
    if study.clusters is not None and settled.cluster_col:
        found.append(f"Rows of one {settled.cluster_col} are correlated; different ones are independent.")
    return found
