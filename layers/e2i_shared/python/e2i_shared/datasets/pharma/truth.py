"""What is true of the sample, as JSON data: effects overall, by segment and by cell, and what was planted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from e2i_shared.datasets.frame import Categories
from e2i_shared.datasets.pharma import design

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from e2i_shared.api.common import Json
    from e2i_shared.datasets.frame import Frame
    from e2i_shared.datasets.pharma.monthly import Monthly

    Rows = NDArray[np.bool_]
    Units = Mapping[tuple[str, str, str], NDArray[np.float64]]

SEGMENTS = {"hcp_monthly": ("specialty", "region", "decile"), "patients": ("region", "payer", "sex")}
CELLS = {"hcp_monthly": ("region", "specialty"), "patients": ("region", "payer")}


def effects(tables: Mapping[str, Frame], units: Units) -> Json:
    """Return ``effects``: one entry per data set, treatment, outcome and brand; averages over rows with a recorded treatment."""
    entries = []
    for (table, treatment, outcome), effect in units.items():
        frame = tables[table]
        recorded = ~np.isnan(frame.numbers(treatment))
        for brand, rows in _levels(frame, "brand"):
            where = rows & recorded
            entries.append(
                {
                    "dataset": table,
                    "treatment": treatment,
                    "outcome": outcome,
                    "brand": brand,
                    "n": int(where.sum()),
                    "ate": float(effect[where].mean()),
                    "by": {name: _by(frame, name, effect, where) for name in SEGMENTS[table]},
                    "cells": _cells(frame, CELLS[table], effect, where),
                }
            )
    return {"estimand": "average true effect of one unit of the treatment over the rows", "effects": entries}


def planted(rows: Monthly) -> list[Json]:
    """Return the planted causes with their sizes, computed from the very draws that made the tables."""
    return [_cut(rows), _drift(rows.frame), _broken(rows.frame)]


def _levels(frame: Frame, column: str) -> Iterator[tuple[str, Rows]]:
    values = frame.columns[column]
    if isinstance(values, Categories):
        for code, level in enumerate(values.levels):
            yield level, values.codes == code
    else:
        numbers = frame.numbers(column)
        for level in np.unique(numbers):
            yield f"{level:g}", numbers == level


def _by(frame: Frame, column: str, effect: NDArray[np.float64], where: Rows) -> dict[str, float]:
    return {level: float(effect[where & rows].mean()) for level, rows in _levels(frame, column) if (where & rows).any()}


def _cells(frame: Frame, columns: tuple[str, str], effect: NDArray[np.float64], where: Rows) -> list[Json]:
    first, second = (list(_levels(frame, name)) for name in columns)
    found = (({columns[0]: a, columns[1]: b}, where & in_a & in_b) for a, in_a in first for b, in_b in second)
    return [{**cell, "n": int(r.sum()), "effect": float(effect[r].mean())} for cell, r in found if r.any()]


def _cut(rows: Monthly) -> Json:
    """Size of the Kisqali drop: what the lost visits would have brought, as TRx per prescriber and month."""
    frame = rows.frame
    visits, trx = frame.numbers(design.CUT_LEVER), frame.numbers("trx")
    brand = dict(_levels(frame, "brand"))[design.CUT_BRAND]
    after, before = (brand & _during(frame, *period) for period in (design.CUT_MONTHS, design.BEFORE_CUT_MONTHS))
    lost = rows.unit_effects[design.CUT_LEVER, "trx"] * (visits - rows.uncut_visits)
    return {
        "kind": "drop",
        "what": f"{design.CUT_BRAND} TRx fell because visits were cut in {' and '.join(design.CUT_REGIONS)}",
        "dataset": "hcp_monthly",
        "outcome": "trx",
        "brand": design.CUT_BRAND,
        "period": list(design.CUT_MONTHS),
        "baseline_period": list(design.BEFORE_CUT_MONTHS),
        "cause": {"treatment": design.CUT_LEVER, "regions": list(design.CUT_REGIONS), "kept": design.CUT_KEPT},
        "mean_before": float(trx[before].mean()),
        "mean_after": float(trx[after].mean()),
        "change": float(trx[after].mean() - trx[before].mean()),
        "change_share": float(trx[after].mean() / trx[before].mean() - 1),
        "caused_by_cut": float(lost[after].mean()),
        "visits_lost": float((visits - rows.uncut_visits)[after].mean()),
    }


def _drift(frame: Frame) -> Json:
    values, after = frame.numbers(design.DRIFT_COLUMN), _during(frame, *design.CUT_MONTHS)
    return {
        "kind": "drift",
        "what": f"{design.DRIFT_COLUMN} shifted upwards",
        "dataset": "hcp_monthly",
        "column": design.DRIFT_COLUMN,
        "period": list(design.CUT_MONTHS),
        "mean_before": float(values[~after].mean()),
        "mean_after": float(values[after].mean()),
    }


def _broken(frame: Frame) -> Json:
    return {
        "kind": "broken_feed",
        "what": f"{design.BROKEN_COLUMN} is missing in {design.BROKEN_REGION}",
        "dataset": "hcp_monthly",
        "column": design.BROKEN_COLUMN,
        "region": design.BROKEN_REGION,
        "period": list(design.BROKEN_MONTHS),
        "missing": int(np.isnan(frame.numbers(design.BROKEN_COLUMN)).sum()),
    }


def _during(frame: Frame, first: str, last: str) -> Rows:
    column = frame.columns["month"]
    months = column.values.astype("datetime64[M]")  # type: ignore[union-attr]  # the sample's month is a Dates column
    return np.asarray((months >= np.datetime64(first, "M")) & (months <= np.datetime64(last, "M")))
