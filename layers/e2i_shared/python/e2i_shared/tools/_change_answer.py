"""A change's contributions and slices as the fields of a result."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from e2i_shared.datasets.frame import Categories, Dates
from e2i_shared.tools._change_model import fit
from e2i_shared.tools._change_slices import slices
from e2i_shared.tools._periods import Period, Span, covered

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from e2i_shared.api.common import Json
    from e2i_shared.tools._change_model import Model
    from e2i_shared.tools._change_reading import ChangeColumns, ChangeRows, Sides
    from e2i_shared.tools.change_attributor import Params

    Floats = NDArray[np.float64]

_WORDS = {
    "counted": "more or fewer rows counted",
    "mix_through_levers": "who is counted, by way of the levers they usually get",
    "baseline": "baseline: what neither who is counted nor the levers explain",
}


def explain(
    params: Params, columns: ChangeColumns, compared: Sides, rows: ChangeRows, seed: int, notes: Sequence[str]
) -> Json:
    """Return the fields of Result."""
    model = fit(params, columns, rows, seed)
    ends = _ends(columns, compared, rows, model)
    found = _contributions(columns, rows, model, params.effects == "common")
    sign = -1.0 if ends["change"] < 0 else 1.0
    found.sort(key=lambda row: -sign * row["amount"])
    causes = [row for row in found if row["beyond_noise"] and sign * row["amount"] > 0]
    return {
        **ends,
        "n": rows.frame.n,
        "method": _method(params, columns),
        "assumptions": _assumptions(params, columns, model, notes),
        "warnings": _warnings(columns, compared, rows, model, causes),
        "seed": seed,
        "main_cause": causes[0] if causes else None,
        "contributions": found,
        "groups": _groups(model, ends["change"]),
        "residual": ends["change"] - sum(row["amount"] for row in found),
        "slices": slices(columns, rows, model, params.limit, sign, ends["change"]),
        "levers": list(model.names),
        "adjusted_for": [c.name for c in columns.covariates if c.name in model.owners],
    }


def _ends(columns: ChangeColumns, compared: Sides, rows: ChangeRows, model: Model) -> Json:
    after = rows.after
    values = [float(model.y[side].sum() if columns.total else model.y[side].mean()) for side in (~after, after)]
    periods = [
        Period(start=str(side.start), end=str(side.end)) if isinstance(side, Span) else None
        for side in (compared.a, compared.b)
    ]
    labels, change = compared.labels(), values[1] - values[0]
    first = np.eye(len(model.attribution.parts.vector()))[0]
    _, lower, upper = model.attribution.interval(first)
    return {
        "outcome": columns.outcome.name,
        "title": columns.title,
        "unit": columns.outcome.unit,
        "aggregate": "sum" if columns.total else "mean",
        "side_a": labels[0],
        "side_b": labels[1],
        "period_a": periods[0],
        "period_b": periods[1],
        "n_a": int((~after).sum()),
        "n_b": int(after.sum()),
        "value_a": values[0],
        "value_b": values[1],
        "change": change,
        "change_pct": 100.0 * change / abs(values[0]) if values[0] else None,
        "ci_lower": lower,
        "ci_upper": upper,
    }


def _contributions(columns: ChangeColumns, rows: ChangeRows, model: Model, common: bool) -> list[Json]:
    units = {name: _unit(model, positions) for name, positions in _positions(model).items()}
    found = []
    for (kind, name), weights in units.items():
        if (name == "counted" and not columns.total) or (kind == "response" and common and name != "baseline"):
            continue
        if name == "mix_through_levers" and not model.names:
            continue
        found.append(_contribution(kind, name, weights, rows, model))
    return found


def _positions(model: Model) -> dict[tuple[str, str], list[int]]:
    """Return where each contribution lies in the vector of parts."""
    p, k = len(model.owners), len(model.names)
    found: dict[tuple[str, str], list[int]] = {("mix", "counted"): [1]}
    for i, owner in enumerate(model.owners):
        if owner:
            found.setdefault(("mix", owner), []).append(2 + i)
    found["mix", "mix_through_levers"] = [2 + p]
    found |= {("exposure", name): [3 + p + i] for i, name in enumerate(model.names)}
    found |= {("response", name): [3 + p + k + i] for i, name in enumerate(model.names)}
    return found | {("response", "baseline"): [3 + p + 2 * k]}


def _unit(model: Model, positions: Sequence[int]) -> Floats:
    weights = np.zeros(len(model.attribution.parts.vector()))
    weights[list(positions)] = 1.0
    return weights


def _contribution(kind: str, name: str, weights: Floats, rows: ChangeRows, model: Model) -> Json:
    amount = float(model.attribution.parts.vector() @ weights)
    error, lower, upper = model.attribution.interval(weights)
    levels = _levels(name, rows, model)
    lever = kind != "mix" and name in model.names
    return {
        "kind": kind,
        "name": name,
        "label": _label(kind, name),
        "amount": amount,
        "ci_lower": lower,
        "ci_upper": upper,
        "std_error": error,
        "share": _share(amount, model.attribution.parts.change),
        "beyond_noise": not lower <= 0 <= upper,
        "level_a": levels[0],
        "level_b": levels[1],
        "effect_per_unit": float(model.attribution.effects[model.names.index(name)]) if lever else None,
    }


def _label(kind: str, name: str) -> str:
    if name in _WORDS:
        return _WORDS[name]
    form = {"mix": "who is counted: {}", "exposure": "how much {}", "response": "how the outcome responds to {}"}
    return form[kind].format(name)


def _levels(name: str, rows: ChangeRows, model: Model) -> tuple[float | None, float | None]:
    if name in model.names:
        values = model.levers[:, model.names.index(name)]
    elif name in rows.frame.columns and not isinstance(rows.frame.columns[name], Categories | Dates):
        values = rows.frame.numbers(name)
    else:
        return None, None
    known = ~np.isnan(values)
    sides = (~rows.after & known, rows.after & known)
    first, second = (float(values[side].mean()) if side.any() else None for side in sides)
    return first, second


def _share(amount: float, change: float) -> float | None:
    return amount / change if change else None


def _groups(model: Model, change: float) -> list[Json]:
    found = []
    for kind in ("mix", "exposure", "response"):
        places = [i for (k, _), at in _positions(model).items() if k == kind for i in at]
        weights = _unit(model, places)
        _, lower, upper = model.attribution.interval(weights)
        amount = float(model.attribution.parts.vector() @ weights)
        found.append(
            {"kind": kind, "amount": amount, "ci_lower": lower, "ci_upper": upper, "share": _share(amount, change)}
        )
    return found


def _method(params: Params, columns: ChangeColumns) -> str:
    what = "total" if columns.total else "mean per row"
    how = "held equal" if params.effects == "common" else "estimated apart"
    return (
        f"Change of the {what} of {columns.outcome.name} as Shapley values of who is counted, how much of each lever they got "
        f"(both given covariates) and how the outcome responds, the symmetric form of Kitagawa and Oaxaca-Blinder; levers' effects "
        f"by regression on each other and the covariates, {how} on the two sides; 95% intervals by delete-a-group jackknife."
    )


def _assumptions(params: Params, columns: ChangeColumns, model: Model, notes: Sequence[str]) -> list[str]:
    found = [*notes, *columns.notes, *model.notes]
    if model.names:
        found.append(
            "Exposure and response of a lever are causal only if nothing unmeasured moves both a lever and the outcome, given the "
            "covariates and the other levers; effects are taken as linear in the dose."
        )
    if not params.group_col and params.compare == "previous_period":
        found.append("Season and trend that no covariate carries are part of the baseline.")
    if columns.cluster:
        found.append(f"Rows of one {columns.cluster.name} are correlated; different ones are independent.")
    return found


def _warnings(columns: ChangeColumns, compared: Sides, rows: ChangeRows, model: Model, causes: list[Json]) -> list[str]:
    available = covered(columns.split) if isinstance(compared.b, Span) else None
    said = {
        f"{rows.dropped:,} rows have no {columns.outcome.name}: left out, not counted as 0.": rows.dropped,
        "No contribution in the direction of the change exceeds its noise: the change may be chance.": not causes,
        "The largest part of the change is explained by neither who is counted nor the levers.": bool(causes)
        and causes[0]["name"] == "baseline",
        "No levers are known, so nothing of the change can be laid to exposure.": not model.names,
    }
    for side, name in ((compared.a, "earlier"), (compared.b, "later")):
        if isinstance(side, Span) and available and not (available.start <= side.start and side.end <= available.end):
            said[f"The {name} period {side.text()} is not fully covered: the data run from {available.text()}."] = True
    return [*model.warnings, *(text for text, applies in said.items() if applies)]
