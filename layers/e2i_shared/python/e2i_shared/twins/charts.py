"""Vega-Lite v5 pictures of twins; plain dictionaries with their data inside."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np

from e2i_shared.chart_theme import BLUE, GREY, ORANGE, SCHEMA, themed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from e2i_shared.api.common import Json
    from e2i_shared.twins.fidelity import Outcome
    from e2i_shared.twins.results import Simulation
    from e2i_shared.twins.table import Table

    Floats = NDArray[np.float64]

BINS, MOST_ROWS, MOST_LEVELS, FEW_VALUES = 30, 40, 20, 12


def of_simulation(result: Simulation, single: Floats) -> dict[str, Json]:
    """Return the pictures of one simulation; ``single`` (k,) are the twins' own predicted effects."""
    unit = result.outcome_unit or result.outcome
    found = {"effect_distribution": effect_distribution(result, single, unit)}
    if result.effect_heterogeneity:
        found["effect_by_segment"] = by_segment(result, unit)
    if result.dose_response:
        found["dose_response"] = dose_response(result, unit)
    return {name: themed(chart) for name, chart in found.items()}


def effect_distribution(result: Simulation, single: Floats, unit: str) -> Json:
    """Draw the twins' predicted effects as bars, the mean effect and its interval above them."""
    low, high = float(single.min()), float(single.max())
    edges = np.linspace(low, high if high > low else low + 1e-6, BINS + 1)
    counts = np.histogram(single, edges)[0]
    rows = [
        {"from": float(a), "to": float(b), "twins": int(c)} for a, b, c in zip(edges, edges[1:], counts, strict=False)
    ]
    bars = {
        "mark": {"type": "bar", "color": BLUE, "opacity": 0.6},
        "encoding": {
            "x": {"field": "from", "type": "quantitative", "bin": {"binned": True}, "title": f"effect, {unit}"},
            "x2": {"field": "to"},
            "y": {"field": "twins", "type": "quantitative", "title": "twins"},
        },
    }
    lower, upper = result.confidence_interval
    band = {
        "data": {"values": [{"lower": lower, "upper": upper}]},
        "mark": {"type": "rect", "color": ORANGE, "opacity": 0.2},
        "encoding": {"x": {"field": "lower", "type": "quantitative"}, "x2": {"field": "upper"}},
    }
    mean = {
        "data": {"values": [{"mean": result.simulated_ate}]},
        "mark": {"type": "rule", "color": ORANGE, "strokeWidth": 2},
        "encoding": {"x": {"field": "mean", "type": "quantitative"}},
    }
    title = f"Predicted effect of {result.intervention} on single twins; mean and its interval"
    return _spec(title, rows) | {"layer": [bars, band, mean], "height": 220}


def by_segment(result: Simulation, unit: str) -> Json:
    """Draw the effect of each group with its interval, one below the other, and the overall effect as a dashed line."""
    rows = [
        {"label": f"{name}: {e.level}", "effect": e.effect, "lower": e.ci_lower, "upper": e.ci_upper, "units": e.units}
        for name, found in result.effect_heterogeneity.items()
        for e in found
    ][:MOST_ROWS]
    label = {"field": "label", "type": "nominal", "sort": None, "title": None}
    measure = {"type": "quantitative", "title": f"effect, {unit}", "scale": {"zero": False}}
    tips = [{"field": f} for f in ("label", "effect", "lower", "upper", "units")]
    title = {"text": f"Effect of {result.intervention} by segment", "subtitle": "dashed: the effect on all"}
    return _spec("", rows) | {
        "title": title,
        "height": {"step": 22},
        "layer": [
            _rule(0.0),
            _rule(result.simulated_ate, dash=True),
            {
                "mark": {"type": "rule", "color": BLUE, "strokeWidth": 2},
                "encoding": {"y": label, "x": {"field": "lower", **measure}, "x2": {"field": "upper"}},
            },
            {
                "mark": {"type": "point", "filled": True, "size": 70, "color": BLUE},
                "encoding": {"y": label, "x": {"field": "effect", **measure}, "tooltip": tips},
            },
        ],
    }


def dose_response(result: Simulation, unit: str) -> Json:
    """Draw the curve of mean effects over doses with its band."""
    rows = [p.model_dump() for p in result.dose_response]
    x = {"field": "dose", "type": "quantitative", "title": result.intervention}
    y = {"type": "quantitative", "title": f"change, {unit}"}
    return _spec(f"{result.outcome} by {result.intervention}, against the least dose", rows) | {
        "height": 260,
        "layer": [
            {
                "mark": {"type": "area", "opacity": 0.2, "color": BLUE},
                "encoding": {"x": x, "y": {"field": "ci_lower", **y}, "y2": {"field": "ci_upper"}},
            },
            {
                "mark": {"type": "line", "point": True, "color": BLUE},
                "encoding": {
                    "x": x,
                    "y": {"field": "effect", **y},
                    "tooltip": [{"field": f} for f in ("dose", "effect", "ci_lower", "ci_upper", "units")],
                },
            },
        ],
    }


def margins(units: Table, twins: Table, name: str) -> Json:
    """Draw one column's distribution among real units and among twins, as shares side by side."""
    real, drawn = units.values(name), twins.values(name)
    rows = []
    if name in units.categories:
        for code, level in list(enumerate(units.levels[name]))[:MOST_LEVELS]:
            rows += [_share(level, "real", real == code), _share(level, "twins", drawn == code)]
    else:
        dated = name in units.dates
        for label, a, b in _bins(real, dated=dated):
            for who, values in (("real", real), ("twins", drawn)):
                rows.append(_share(label, who, (values >= a) & (values < b)))
    encoding = {
        "x": {"field": "label", "type": "nominal", "sort": None, "title": name},
        "xOffset": {"field": "who"},
        "y": {"field": "share", "type": "quantitative", "title": "share", "axis": {"format": "%"}},
        "color": {"field": "who", "type": "nominal", "scale": {"range": [GREY, BLUE]}, "title": None},
        "tooltip": [{"field": f} for f in ("label", "who", "share")],
    }
    return themed(_spec(f"{name}: real units and twins", rows) | {"mark": "bar", "encoding": encoding, "height": 220})


def _bins(real: Floats, *, dated: bool) -> list[tuple[str, float, float]]:
    """Return bins of a column as label, first value and end: each value by itself where they are few, else tenths of the units."""
    found = np.unique(real[np.isfinite(real)])
    if len(found) <= FEW_VALUES:
        return [(_shown(a, dated=dated), float(a), float(np.nextafter(a, np.inf))) for a in found]
    edges = np.unique(np.quantile(real[np.isfinite(real)], np.linspace(0, 1, 11)))
    ends = [*edges[1:-1], np.nextafter(edges[-1], np.inf)]
    labels = [f"{_shown(a, dated=dated)} to {_shown(b, dated=dated)}" for a, b in itertools.pairwise(edges)]
    return [(label, float(a), float(b)) for label, a, b in zip(labels, edges, ends, strict=False)]


def _shown(value: float, *, dated: bool) -> str:
    return str(np.datetime64(int(value), "D")) if dated else f"{value:.4g}"


def fidelity_history(outcomes: Sequence[Outcome], outcome: str) -> Json:
    """Draw predicted against actual effects in the order they were validated, with the predictions' intervals."""
    rows = [
        {
            "label": f"{n}: {o.at.date().isoformat()}",
            "at": o.at.isoformat(),
            "simulated": o.simulated,
            "lower": o.ci_lower,
            "upper": o.ci_upper,
            "actual": o.actual,
        }
        for n, o in enumerate(outcomes, 1)
    ]
    x = {"field": "label", "type": "nominal", "sort": None, "title": "validation", "axis": {"labelAngle": -30}}
    y = {"type": "quantitative", "title": f"effect on {outcome}"}
    subtitle = "blue: simulated, with its interval; orange: what came true"
    drawn = {
        "title": {"text": "Simulated and actual effects", "subtitle": subtitle},
        "height": 240,
        "layer": [
            {
                "mark": {"type": "rule", "color": BLUE, "strokeWidth": 2},
                "encoding": {"x": x, "y": {"field": "lower", **y}, "y2": {"field": "upper"}},
            },
            {
                "mark": {"type": "point", "filled": True, "color": BLUE, "size": 40},
                "encoding": {"x": x, "y": {"field": "simulated", **y}},
            },
            {
                "mark": {"type": "point", "filled": True, "color": ORANGE, "size": 60},
                "encoding": {
                    "x": x,
                    "y": {"field": "actual", **y},
                    "tooltip": [{"field": f} for f in rows[0]] if rows else [],
                },
            },
        ],
    }
    return themed(_spec("", rows) | drawn)


def _share(label: str, who: str, members: NDArray[np.bool_]) -> Json:
    return {"label": label, "who": who, "share": float(members.mean())}


def _spec(title: str, rows: Sequence[Json]) -> Json:
    return {"$schema": SCHEMA, "title": title, "width": "container", "data": {"values": list(rows)}}


def _rule(at: float, *, dash: bool = False) -> Json:
    style = {"type": "rule", "color": GREY} | ({"strokeDash": [4, 4]} if dash else {})
    return {"mark": style, "encoding": {"x": {"datum": at}}}
