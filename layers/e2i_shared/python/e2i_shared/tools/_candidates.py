"""Who may be treated: which column names them, how large they are, what each would gain and how much each may get."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from e2i_shared.api.datasets import ColumnKind, ColumnRole
from e2i_shared.causal.inference import cluster_codes
from e2i_shared.datasets import filters as conditions
from e2i_shared.datasets.frame import Categories
from e2i_shared.errors import InsufficientDataError, UnprocessableError
from e2i_shared.tools._columns import NUMERIC_KINDS, match_column, numeric_column, plain

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from e2i_shared.api.datasets import Column, Dataset
    from e2i_shared.causal.dr_learner import UnitEffects
    from e2i_shared.causal.results import Estimate
    from e2i_shared.tools._analysis import Prepared, Specification
    from e2i_shared.tools.policy_optimizer import Params

    Floats = NDArray[np.float64]
    Codes = NDArray[np.intp]

FEWEST_UNITS = 20
HIGH_DOSE = 0.95  # quantile of doses that no unit is taken beyond
BEFORE = re.compile(r"\b(?:baseline|pre period|prior|previous|last year)\b")


@dataclass(frozen=True, slots=True)
class Units:
    """Candidates (U,): names, doubly robust scores and out-of-fold effects per treatment, volume, room for treatments, cluster."""

    names: tuple[str, ...]
    first: Codes
    scores: Floats
    effects: Floats
    volume: Floats
    dose: Floats
    room: Floats
    clusters: Codes | None


def who_and_volume(dataset: Dataset, params: Params, specification: Specification) -> tuple[str | None, str | None]:
    """Return the column that names who is treated and the column of volumes; None for rows, and for the expected outcome.

    Raises UnprocessableError for a column that is the treatment or the outcome.
    """
    roles = (ColumnRole.ID, ColumnRole.CLUSTER)
    ids = [c.name for role in roles for c in dataset.columns if c.role is role and c.kind is ColumnKind.ID]
    unit_col = match_column(dataset, params.unit_col).name if params.unit_col else next(iter(ids), None)
    taken = {
        match_column(dataset, specification.treatment_col).name,
        match_column(dataset, specification.outcome_col).name,
    }
    if unit_col in taken:
        raise UnprocessableError(
            f"{unit_col!r} is the treatment or the outcome, not who is treated.",
            field="unit_col",
            expected="a column that names who is treated",
            got=str(unit_col),
            candidates=ids,
        )
    if params.volume_col is None:
        return unit_col, _baseline(dataset, specification.outcome_col, taken)
    volume = numeric_column(dataset, params.volume_col, "volume_col").name
    if volume in taken:
        raise UnprocessableError(
            f"{volume!r} is measured together with the effect: targeting by it would be judged by its own noise.",
            field="volume_col",
            expected="a measure from before the treatment",
            got=volume,
            candidates=[c.name for c in dataset.columns if c.role is ColumnRole.COVARIATE],
            hint="Leave volume_col out to rank by the expected outcome.",
        )
    return unit_col, volume


def _baseline(dataset: Dataset, outcome: str, taken: set[str]) -> str | None:
    """Return the covariate that is the outcome's level before the treatment, by its name or synonyms."""
    measured = match_column(dataset, outcome)
    words = {plain(name) for name in (measured.name, *measured.synonyms)}

    def is_baseline(column: Column) -> bool:
        names = [plain(name) for name in (column.name, *column.synonyms)]
        return any(BEFORE.search(name) and any(word in name for word in words) for name in names)

    found = [
        c.name for c in dataset.columns if c.kind in NUMERIC_KINDS and c.role is ColumnRole.COVARIATE and is_baseline(c)
    ]
    return next((name for name in found if name not in taken), None)


def candidates_of(
    prepared: Prepared, found: Estimate, learnt: UnitEffects, params: Params, unit_col: str | None, volume: str | None
) -> Units:
    """Return the candidates, each row's figures averaged over a candidate's rows; raise InsufficientDataError for fewer than 20."""
    study, frame = prepared.study, prepared.frame
    able = conditions.mask(frame, conditions.resolve(prepared.dataset, params.candidates))
    names, codes = _who(prepared, unit_col)
    counts = np.bincount(codes[able], minlength=len(names))
    kept = np.flatnonzero(counts > 0)
    if len(kept) < FEWEST_UNITS:
        raise InsufficientDataError(
            f"{len(kept)} candidates are too few to choose among.",
            field="candidates",
            expected=f"at least {FEWEST_UNITS} candidates",
            got=f"{len(kept)}",
            hint="Widen candidates or filters.",
        )

    def mean(values: Floats) -> Floats:
        sums = np.bincount(codes[able], values[able], minlength=len(names))
        return np.asarray(sums[kept] / counts[kept])

    size = found.nuisances.outcome if volume is None else np.nan_to_num(frame.numbers(volume), nan=-np.inf)
    dose = mean(study.treatment)
    first = np.full(len(names), -1, dtype=np.intp)
    rows = np.flatnonzero(able)[::-1]
    first[codes[rows]] = rows
    first = first[kept]
    clusters = None if study.clusters is None else cluster_codes(study.clusters[first])
    return Units(
        names=tuple(names[k] for k in kept),
        first=first,
        scores=mean(found.scores),
        effects=mean(learnt.effects),
        volume=mean(np.maximum(size, -1e300)),
        dose=dose,
        room=_room(study.treatment, dose, params.max_per_unit, binary=study.kind == "binary"),
        clusters=clusters,
    )


def _who(prepared: Prepared, unit_col: str | None) -> tuple[list[str], Codes]:
    """Return unit names and each row's unit (n,); rows are units without a column."""
    frame = prepared.frame
    if unit_col is None:
        return [f"row {i + 1}" for i in range(frame.n)], np.arange(frame.n)
    column = frame.columns[unit_col]
    if isinstance(column, Categories):
        held, codes = np.unique(column.codes, return_inverse=True)
        return [column.levels[k] if k >= 0 else "missing" for k in held], codes.ravel()
    numbers, codes = np.unique(frame.numbers(unit_col), return_inverse=True)
    return [f"{v:g}" for v in numbers], codes.ravel()


def _room(treatment: Floats, dose: Floats, most: float | None, *, binary: bool) -> Floats:
    """Return how many treatments each unit may get: as asked, else one, or as many as keep its dose among those seen."""
    if most is not None:
        return np.full(len(dose), most)
    if binary:
        return np.ones(len(dose))
    room = np.maximum(float(np.quantile(treatment, HIGH_DOSE)) - dose, 0.0)
    whole = bool(np.array_equal(treatment, np.round(treatment)))
    return np.floor(room) if whole else room
