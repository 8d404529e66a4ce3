"""The arrays of a change: covariates, levers and outcome of both sides, and their attribution."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from e2i_shared.causal import change_attribution as core
from e2i_shared.datasets.frame import Categories
from e2i_shared.errors import EstimationError, InsufficientDataError, NoVariationError
from e2i_shared.tools._design import matrix

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from e2i_shared.tools._change_reading import ChangeColumns, ChangeRows
    from e2i_shared.tools.change_attributor import Params

    Floats = NDArray[np.float64]

FEWEST_CLUSTERS = 10
_ROWS_PER_COLUMN = 10


@dataclass(frozen=True, slots=True)
class Model:
    """Covariates ``x`` (n, p), first the constant, with ``owners`` (p,); ``levers`` (n, K) by name; the ``attribution``."""

    x: Floats
    owners: tuple[str, ...]
    levers: Floats
    names: tuple[str, ...]
    y: Floats
    layout: core.Layout
    attribution: core.Attribution
    warnings: tuple[str, ...]
    notes: tuple[str, ...]


def fit(params: Params, columns: ChangeColumns, rows: ChangeRows, seed: int) -> Model:
    """Return the fitted parts; raise EstimationError for infinite values, InsufficientDataError under ten independent units."""
    frame, y = rows.frame, rows.frame.numbers(columns.outcome.name)
    _refuse_infinite(
        {columns.outcome.name: y} | {c.name: frame.numbers(c.name) for c in (*columns.levers, *columns.covariates)}
    )
    raw, names = matrix(frame, [c.name for c in columns.covariates])
    spread = raw.std(axis=0)
    used = spread > 1e-9 * np.maximum(1.0, np.abs(raw).max(axis=0, initial=0.0))
    x = np.column_stack([np.ones(frame.n), (raw[:, used] - raw[:, used].mean(axis=0)) / spread[used]])
    owners = ("", *(name for name, kept in zip(names, used, strict=True) if kept))
    levers, held, warnings = _levers(params, columns, rows, x)
    void = [c.name for c in (*columns.covariates, *columns.dimensions) if np.isnan(frame.numbers(c.name)).all()]
    warnings += [f"{name!r} tells nothing: all values are missing." for name in dict.fromkeys(void)]
    layout, notes = _layout(owners, levers, columns, rows)
    groups, count = core.random_groups(_units(columns, rows), seed)
    before, after = (
        core.moments(x[side], levers[side], y[side], layout, groups[side], count) for side in (~rows.after, rows.after)
    )
    found = core.attribute(before, after, layout, total=columns.total, effects=params.effects)
    return Model(x, owners, levers, held, y, layout, found, tuple(warnings), tuple(notes))


def _refuse_infinite(values: dict[str, Floats]) -> None:
    for name, column in values.items():
        if np.isinf(column).any():
            raise EstimationError(
                f"Column {name!r} holds infinite values.",
                field="filters",
                expected="finite numbers, or missing",
                got=name,
                hint="Correct these values, or leave the column out.",
            )


def _levers(
    params: Params, columns: ChangeColumns, rows: ChangeRows, x: Floats
) -> tuple[Floats, tuple[str, ...], list[str]]:
    """Return the levers' levels, missing ones filled with their mean at equal covariates on the same side."""
    kept: list[Floats] = []
    names: list[str] = []
    warnings: list[str] = []
    for column in columns.levers:
        values = rows.frame.numbers(column.name)
        why = _unfit(values, rows)
        if why and params.levers is not None:
            raise NoVariationError(
                f"Lever {column.name!r} {why}.",
                field="levers",
                expected="a lever that varies and is recorded on both sides",
                got=column.name,
                hint="Leave it out, or widen the filters or periods.",
            )
        if why:
            warnings.append(f"{column.name} {why}: left out of the levers.")
            continue
        if missing := int(np.isnan(values).sum()):
            warnings.append(f"{missing:,} rows lack {column.name}: taken as their side's mean at equal covariates.")
        kept.append(_filled(values, x, rows.after))
        names.append(column.name)
    return (np.column_stack(kept) if kept else np.zeros((rows.frame.n, 0))), tuple(names), warnings


def _unfit(values: Floats, rows: ChangeRows) -> str | None:
    known = ~np.isnan(values)
    if not (known & rows.after).any() or not (known & ~rows.after).any():
        return "is missing on one whole side"
    return "never varies" if np.ptp(values[known]) == 0 else None


def _filled(values: Floats, x: Floats, after: NDArray[np.bool_]) -> Floats:
    missing = np.isnan(values)
    if not missing.any():
        return values
    found = values.copy()
    for side in (after, ~after):
        slopes = np.linalg.lstsq(x[side & ~missing], values[side & ~missing], rcond=None)[0]
        found[side & missing] = x[side & missing] @ slopes
    return found


def _layout(
    owners: tuple[str, ...], levers: Floats, columns: ChangeColumns, rows: ChangeRows
) -> tuple[core.Layout, list[str]]:
    """Let effects differ by the dimensions where each side has ten rows per column for it."""
    by = {c.name for c in columns.dimensions}
    modifiers = (0, *(i for i, owner in enumerate(owners) if owner in by))
    smaller = int(min(rows.after.sum(), (~rows.after).sum()))
    layout = core.Layout(len(owners), modifiers, levers.shape[1])
    if layout.width * _ROWS_PER_COLUMN <= smaller:
        names = sorted({owners[i] for i in modifiers if owners[i]})
        return layout, [f"Effects of levers may differ by {', '.join(names)}."] if names and levers.shape[1] else []
    return core.Layout(len(owners), (0,), levers.shape[1]), [
        "Too few rows to let effects differ by dimension: one each is taken."
    ]


def _units(columns: ChangeColumns, rows: ChangeRows) -> NDArray[np.intp]:
    if columns.cluster is None:
        return np.arange(rows.frame.n)
    values = rows.frame.columns[columns.cluster.name]
    labels = values.codes if isinstance(values, Categories) else rows.frame.numbers(columns.cluster.name)
    _, codes = np.unique(labels, return_inverse=True)
    if (held := int(codes.max()) + 1) < FEWEST_CLUSTERS:
        raise InsufficientDataError(
            f"{held} values of {columns.cluster.name!r} are too few independent units for intervals.",
            field="cluster_col",
            expected=f"at least {FEWEST_CLUSTERS}",
            got=str(held),
            hint="Widen the filters, or name a finer cluster_col.",
        )
    return codes.ravel().astype(np.intp)
