"""A change by levels of dimensions: where it came from, and which lever moved there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from e2i_shared.tools._columns import group

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from e2i_shared.api.common import Json
    from e2i_shared.api.datasets import Column
    from e2i_shared.tools._change_model import Model
    from e2i_shared.tools._change_reading import ChangeColumns, ChangeRows

    Floats = NDArray[np.float64]

_MOST_LEVELS = 50


def slices(
    columns: ChangeColumns, rows: ChangeRows, model: Model, limit: int, sign: float, change: float
) -> list[Json]:
    """Return the levels of every dimension, the furthest in the direction of the change first, ``limit`` by dimension.

    A level of n rows and mean m contributes Δn·m̄ + n̄·Δm (its size and its rate; Kitagawa 1955, JASA 50:1168); for a mean, n are
    shares of rows and m̄ is taken against the overall mean, so that the levels add up to the change either way.
    """
    found: list[Json] = []
    for dimension in columns.dimensions:
        listed = _dimension(dimension, columns, rows, model, change)
        listed.sort(key=lambda row: -sign * row["amount"])
        found += listed[:limit]
    return sorted(found, key=lambda row: -sign * row["amount"])


def _dimension(dimension: Column, columns: ChangeColumns, rows: ChangeRows, model: Model, change: float) -> list[Json]:
    groups = group(rows.frame, dimension, most=_MOST_LEVELS, field="dimensions")
    labels = [*groups.labels, "(missing)"]
    codes = np.where(groups.codes < 0, len(groups.labels), groups.codes)
    n, mean = _counted(model.y, codes, rows, len(labels))
    size = n if columns.total else n / n.sum(axis=1, keepdims=True)
    centre = 0.0 if columns.total else float(np.mean([model.y[side].mean() for side in (~rows.after, rows.after)]))
    by_size = (size[1] - size[0]) * (mean.mean(axis=0) - centre)
    by_rate = size.mean(axis=0) * (mean[1] - mean[0])
    moved = _levers(codes, rows, model, size.mean(axis=0))
    return [
        {
            "dimension": dimension.name,
            "level": label,
            "amount": float(by_size[i] + by_rate[i]),
            "share": float(by_size[i] + by_rate[i]) / change if change else None,
            "by_size": float(by_size[i]),
            "by_rate": float(by_rate[i]),
            "value_a": float(mean[0, i]) if n[0, i] else None,
            "value_b": float(mean[1, i]) if n[1, i] else None,
            "n_a": int(n[0, i]),
            "n_b": int(n[1, i]),
            "main_lever": moved[i],
        }
        for i, label in enumerate(labels)
        if n[:, i].any()
    ]


def _counted(y: Floats, codes: NDArray[np.intp], rows: ChangeRows, count: int) -> tuple[Floats, Floats]:
    """Return rows and means (2, G) before and after; a level absent on one side takes the other's mean, so that only its size counts."""
    sides = (~rows.after, rows.after)
    n = np.array([np.bincount(codes[side], minlength=count) for side in sides], dtype=np.float64)
    total = np.array([np.bincount(codes[side], y[side], count) for side in sides])
    mean = total / np.where(n > 0, n, 1.0)
    return n, np.where(n > 0, mean, mean[::-1])


def _levers(codes: NDArray[np.intp], rows: ChangeRows, model: Model, size: Floats) -> list[Json | None]:
    """Return by level the lever whose moved level did most: average effect × level, after less before, in the outcome's unit."""
    count, fits = len(size), model.attribution.fits
    best: list[Json | None] = [None] * count
    for k, name in enumerate(model.names):
        effect = model.x[:, model.layout.modifiers] @ (fits[0].delta[k] + fits[1].delta[k]) / 2
        n, did = _counted(effect * model.levers[:, k], codes, rows, count)
        _, level = _counted(model.levers[:, k], codes, rows, count)
        for i in np.flatnonzero(n.all(axis=0)):
            amount = float(size[i] * (did[1, i] - did[0, i]))
            held = best[i]
            if held is None or abs(amount) > abs(held["amount"]):
                best[i] = {
                    "lever": name,
                    "level_a": float(level[0, i]),
                    "level_b": float(level[1, i]),
                    "amount": amount,
                }
    return best
