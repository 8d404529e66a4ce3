"""Vega-Lite charts of who is treated, who should be, and what an intervention would do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from e2i_shared.chart_theme import BLUE, GREY, SCHEMA

if TYPE_CHECKING:
    from collections.abc import Sequence

    from e2i_shared.api.common import Json

_ROW = 22  # pixels per segment


def calibration_chart(title: str, rows: Sequence[Json]) -> Json:
    """Draw observed against predicted shares; ``rows`` hold predicted, observed and n. The diagonal is perfect."""
    axis = {"type": "quantitative", "scale": {"domain": [0, 1]}}
    points = {
        "x": {"field": "predicted", "title": "predicted probability", **axis},
        "y": {"field": "observed", "title": "observed share", **axis},
        "tooltip": [{"field": "predicted"}, {"field": "observed"}, {"field": "n"}],
    }
    diagonal = {
        "data": {"values": [{"x": 0, "y": 0}, {"x": 1, "y": 1}]},
        "mark": {"type": "line", "strokeDash": [4, 4], "color": GREY},
        "encoding": {"x": {"field": "x", **axis}, "y": {"field": "y", **axis}},
    }
    line = {"mark": {"type": "line", "point": True, "color": BLUE}, "encoding": points}
    return _spec(title, rows) | {"layer": [diagonal, line], "height": 240}


def budget_chart(title: str, rows: Sequence[Json], *, unit: str, budget: float) -> Json:
    """Draw the expected gain against the budget; ``rows`` hold budget, gain, policy and, where known, lower and upper."""
    x = {"field": "budget", "type": "quantitative", "title": "treatments"}
    y = {"type": "quantitative", "title": unit}
    colour = {"field": "policy", "type": "nominal", "title": None, "sort": None}
    band = {"x": x, "y": {"field": "lower", **y}, "y2": {"field": "upper"}}
    line = {
        "x": x,
        "y": {"field": "gain", **y},
        "color": colour,
        "tooltip": [{"field": "policy"}, {"field": "budget"}, {"field": "gain"}],
    }
    here = {"mark": {"type": "rule", "strokeDash": [4, 4], "color": GREY}, "encoding": {"x": {"datum": budget}}}
    shaded = {"transform": [{"filter": "isValid(datum.lower)"}], "mark": {"type": "area", "opacity": 0.15}}
    layers = [shaded | {"encoding": band}, {"mark": {"type": "line", "point": True}, "encoding": line}, here]
    return _spec(title, rows) | {"layer": layers, "height": 260}


def allocation_chart(title: str, rows: Sequence[Json]) -> Json:
    """Draw how many treatments each segment gets; ``rows`` hold label and treatments."""
    encoding = {
        "y": {"field": "label", "type": "nominal", "sort": None, "title": None},
        "x": {"field": "treatments", "type": "quantitative", "title": "treatments"},
        "tooltip": [{"field": "label"}, {"field": "treatments"}, {"field": "units"}],
    }
    return _spec(title, rows) | {
        "mark": {"type": "bar", "color": BLUE},
        "encoding": encoding,
        "height": {"step": _ROW},
    }


def before_after_chart(title: str, rows: Sequence[Json], *, unit: str) -> Json:
    """Draw mean outcomes with their intervals; ``rows`` hold label, value, lower, upper."""
    label = {"field": "label", "type": "nominal", "sort": None, "title": None}
    scale = {"type": "quantitative", "title": unit, "scale": {"zero": False}}
    bounds = {"y": label, "x": {"field": "lower", **scale}, "x2": {"field": "upper"}}
    points = {
        "y": label,
        "x": {"field": "value", **scale},
        "tooltip": [{"field": name} for name in ("label", "value", "lower", "upper")],
    }
    layers = [
        {"mark": {"type": "rule", "color": BLUE, "strokeWidth": 2}, "encoding": bounds},
        {"mark": {"type": "point", "filled": True, "size": 80, "color": BLUE}, "encoding": points},
    ]
    return _spec(title, rows) | {"layer": layers, "height": {"step": 34}}


def dose_chart(title: str, rows: Sequence[Json], *, unit: str, dose_unit: str) -> Json:
    """Draw the mean outcome against the dose with its band; ``rows`` hold dose, value, lower, upper."""
    x = {"field": "dose", "type": "quantitative", "title": dose_unit}
    y = {"type": "quantitative", "title": unit, "scale": {"zero": False}}
    band = {"x": x, "y": {"field": "lower", **y}, "y2": {"field": "upper"}}
    line = {"x": x, "y": {"field": "value", **y}, "tooltip": [{"field": "dose"}, {"field": "value"}]}
    layers = [
        {"mark": {"type": "area", "opacity": 0.2, "color": BLUE}, "encoding": band},
        {"mark": {"type": "line", "point": True, "color": BLUE}, "encoding": line},
    ]
    return _spec(title, rows) | {"layer": layers, "height": 260}


def _spec(title: str, rows: Sequence[Json]) -> Json:
    return {"$schema": SCHEMA, "title": title, "width": "container", "data": {"values": list(rows)}}
