"""What the catalogue says about columns held in memory: kinds, roles and the profile of each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from e2i_shared.api.datasets import Column, ColumnKind, ColumnRole, ColumnSpec, ColumnStatistics, Dataset
from e2i_shared.datasets.frame import Categories, Dates
from e2i_shared.datasets.guess import join_synonyms

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from e2i_shared.datasets.frame import Frame, FrameColumn
    from e2i_shared.datasets.plan import ColumnPlan
    from e2i_shared.datasets.specs import DatasetSpec

LISTED = 50
# A text column is a category up to LISTED levels, or up to CATEGORY_LEVELS where each is shared by many rows.
CATEGORY_LEVELS = 1_000
CATEGORY_SHARE = 0.05
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


def describe_frame(frame: Frame, spec: DatasetSpec, *, dataset_id: str | None = None, version: int = 1) -> Dataset:
    """Return the catalogue entry of a frame; what the spec leaves open is guessed from the values' type."""
    said = {column.name: column for column in spec.columns}
    return Dataset(
        dataset_id=dataset_id or spec.name,
        name=spec.name,
        version=version,
        rows=frame.n,
        unit=spec.unit,
        description=spec.description,
        randomised=spec.randomised,
        columns=[_column(name, values, said.get(name)) for name, values in frame.columns.items()],
        created_at="2026-10-01T00:00:00Z",
    )


def profile(values: FrameColumn, kind: ColumnKind) -> ColumnStatistics:
    """Return the profile of a column of shape (n,): sample standard deviation, quantiles by linear interpolation."""
    if isinstance(values, Categories):
        return _profile_text(values)
    if isinstance(values, Dates):
        return _profile_dates(values, kind)
    return _profile_numbers(values.values, kind)


def settled_kind(column: ColumnPlan, present: int, levels: int, *, whole: bool) -> ColumnKind:
    """Return a loaded column's kind: whole numbers are integers, text of few levels a category, unless declared otherwise."""
    if column.kind in (ColumnKind.NUMBER, ColumnKind.INTEGER):
        whole = whole and present > 0 and not (column.declared and column.kind is ColumnKind.NUMBER)
        return ColumnKind.INTEGER if whole else ColumnKind.NUMBER
    if column.kind in (ColumnKind.TEXT, ColumnKind.CATEGORY) and not column.declared:
        few = 0 < levels <= LISTED or (levels <= CATEGORY_LEVELS and levels <= CATEGORY_SHARE * present)
        return ColumnKind.CATEGORY if few else ColumnKind.TEXT
    return column.kind


def number_text(value: float, kind: ColumnKind) -> str:
    """Return a number as the catalogue writes it: 7, 0.5, true."""
    if kind is ColumnKind.BOOLEAN:
        return "true" if value else "false"
    return str(int(value)) if float(value).is_integer() else repr(float(value))


def _column(name: str, values: FrameColumn, said: ColumnSpec | None) -> Column:
    said = said or ColumnSpec(name=name)
    kind = said.kind or _kind(values)
    return Column(
        name=name,
        kind=kind,
        role=said.role or ColumnRole.COVARIATE,
        role_guessed=said.role is None,
        unit=said.unit,
        description=said.description,
        synonyms=join_synonyms(name, said),
        statistics=profile(values, kind),
    )


def _kind(values: FrameColumn) -> ColumnKind:
    if isinstance(values, Categories):
        return ColumnKind.CATEGORY if len(values.levels) <= LISTED else ColumnKind.TEXT
    return ColumnKind.DATE if isinstance(values, Dates) else ColumnKind.NUMBER


def _profile_text(values: Categories) -> ColumnStatistics:
    counts = np.bincount(values.codes[values.codes >= 0], minlength=len(values.levels))
    return ColumnStatistics(
        missing=int((values.codes < 0).sum()),
        distinct=int((counts > 0).sum()),
        top_values=_top(list(values.levels), counts),
    )


def _profile_dates(values: Dates, kind: ColumnKind) -> ColumnStatistics:
    unit = "D" if kind is ColumnKind.DATE else "s"
    present = values.values[~np.isnat(values.values)].astype(f"datetime64[{unit}]")
    levels, counts = np.unique(present, return_counts=True)
    return ColumnStatistics(
        missing=len(values.values) - len(present),
        distinct=len(levels),
        minimum=str(levels[0]) if len(levels) else None,
        maximum=str(levels[-1]) if len(levels) else None,
        top_values=_top([str(level) for level in levels], counts) if len(levels) <= LISTED else [],
    )


def _profile_numbers(values: NDArray[np.float64], kind: ColumnKind) -> ColumnStatistics:
    present = values[~np.isnan(values)]
    levels, counts = np.unique(present, return_counts=True)
    missing = len(values) - len(present)
    if not len(present):
        return ColumnStatistics(missing=missing, distinct=0)
    return ColumnStatistics(
        missing=missing,
        distinct=len(levels),
        minimum=float(levels[0]),
        maximum=float(levels[-1]),
        mean=float(present.mean()),
        std=float(present.std(ddof=1)) if len(present) > 1 else 0.0,
        quantiles=[] if kind is ColumnKind.BOOLEAN else [float(q) for q in np.quantile(present, QUANTILES)],
        top_values=_top([number_text(v, kind) for v in levels], counts) if len(levels) <= LISTED else [],
    )


def _top(levels: Sequence[str], counts: NDArray[np.int64]) -> list[tuple[str, int]]:
    order = sorted(range(len(levels)), key=lambda i: (-int(counts[i]), levels[i]))[:LISTED]
    return [(levels[i], int(counts[i])) for i in order if counts[i]]
