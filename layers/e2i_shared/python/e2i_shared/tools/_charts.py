"""Vega-Lite v5 specifications of what tools return; plain dictionaries with their data inside."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from e2i_shared.api.common import Json

SCHEMA = "https://vega.github.io/schema/vega-lite/v5.json"
BLUE, ORANGE, GREY, GREEN, RED = "#2f6db3", "#d97a1d", "#7a7a7a", "#2e8b57", "#b3392f"
_ROW = 22  # pixels per bar or interval
_MOST_ROWS = 40


def effect_chart(title: str, effect: float, lower: float, upper: float, *, unit: str) -> Json:
    """Draw one estimate with its interval against zero."""
    return forest_chart(title, [{"label": "effect", "effect": effect, "lower": lower, "upper": upper}], unit=unit)


def forest_chart(title: str, rows: Sequence[Json], *, unit: str, overall: float | None = None) -> Json:
    """Draw intervals one below the other; ``rows`` hold label, effect, lower, upper; ``overall`` is a dashed line."""
    label = {"field": "label", "type": "nominal", "sort": None, "title": None}
    bounds = {"y": label, "x": _measure("lower", unit, zero=False), "x2": {"field": "upper"}}
    points = {
        "y": label,
        "x": _measure("effect", unit, zero=False),
        "tooltip": _tooltip("label", "effect", "lower", "upper"),
    }
    layers = [
        _rule(0.0),
        {"mark": {"type": "rule", "color": BLUE, "strokeWidth": 2}, "encoding": bounds},
        {"mark": {"type": "point", "filled": True, "size": 70, "color": BLUE}, "encoding": points},
    ]
    if overall is not None:
        layers.append(_rule(overall, dash=True))
    return _layered(title, rows, layers)


def gap_chart(title: str, rows: Sequence[Json], *, unit: str, benchmark: float) -> Json:
    """Draw bars of entities against a benchmark line; ``rows`` hold label, value, gap (positive: short of the benchmark)."""
    colour = {
        "condition": {"test": "datum.gap > 0", "value": ORANGE},
        "value": GREEN,
    }
    bars = {
        "y": {"field": "label", "type": "nominal", "sort": None, "title": None},
        "x": _measure("value", unit),
        "color": colour,
        "tooltip": _tooltip("label", "value", "gap"),
    }
    return _layered(title, rows, [{"mark": "bar", "encoding": bars}, _rule(benchmark, dash=True)])


def waterfall_chart(title: str, steps: Sequence[tuple[str, float]], *, unit: str, start: tuple[str, float]) -> Json:
    """Draw a start value, the contributions that follow, and the end they add up to."""
    level, rows = start[1], [{"label": start[0], "from": 0.0, "to": start[1], "amount": start[1], "kind": "total"}]
    for label, amount in steps:
        kind = "up" if amount >= 0 else "down"
        rows.append({"label": label, "from": level, "to": level + amount, "amount": amount, "kind": kind})
        level += amount
    rows.append({"label": "end", "from": 0.0, "to": level, "amount": level, "kind": "total"})
    scale = {"domain": ["total", "up", "down"], "range": [GREY, GREEN, RED]}
    encoding = {
        "x": {"field": "label", "type": "nominal", "sort": None, "title": None, "axis": {"labelAngle": -30}},
        "y": _measure("from", unit),
        "y2": {"field": "to"},
        "color": {"field": "kind", "type": "nominal", "scale": scale, "legend": None},
        "tooltip": _tooltip("label", "amount"),
    }
    return _spec(title, rows) | {"mark": "bar", "encoding": encoding, "height": 260}


def line_chart(
    title: str, rows: Sequence[Json], *, unit: str, temporal: bool = True, x_title: str | None = None
) -> Json:
    """Draw a line over ``x``; ``rows`` hold x, y and, where there are any, series, and lower and upper of a band."""
    x = {"field": "x", "type": "temporal" if temporal else "quantitative", "title": x_title}
    colour = (
        {"color": {"field": "series", "type": "nominal", "title": None}} if any("series" in r for r in rows) else {}
    )
    line = {"x": x, "y": _measure("y", unit, zero=False), "tooltip": _tooltip("x", "y"), **colour}
    layers: list[Json] = []
    if any("lower" in row for row in rows):
        band = {"x": x, "y": _measure("lower", unit, zero=False), "y2": {"field": "upper"}, **colour}
        layers.append({"mark": {"type": "area", "opacity": 0.2}, "encoding": band})
    layers.append({"mark": {"type": "line", "point": True}, "encoding": line})
    return _spec(title, rows) | {"layer": layers, "height": 260}


def bar_chart(title: str, rows: Sequence[Json], *, unit: str) -> Json:
    """Draw horizontal bars; ``rows`` hold label and value, in the order given."""
    encoding = {
        "y": {"field": "label", "type": "nominal", "sort": None, "title": None},
        "x": _measure("value", unit),
        "tooltip": _tooltip("label", "value"),
    }
    return _layered(title, rows, [{"mark": {"type": "bar", "color": BLUE}, "encoding": encoding}])


def power_chart(title: str, rows: Sequence[Json], *, target: float) -> Json:
    """Draw power against units per arm; ``rows`` hold n and power."""
    encoding = {
        "x": {"field": "n", "type": "quantitative", "title": "units per arm"},
        "y": {"field": "power", "type": "quantitative", "title": "power", "scale": {"domain": [0, 1]}},
        "tooltip": _tooltip("n", "power"),
    }
    goal = {"mark": {"type": "rule", "strokeDash": [4, 4], "color": GREY}, "encoding": {"y": {"datum": target}}}
    return _spec(title, rows) | {
        "layer": [{"mark": {"type": "line", "color": BLUE}, "encoding": encoding}, goal],
        "height": 260,
    }


def _layered(title: str, rows: Sequence[Json], layers: list[Json]) -> Json:
    return _spec(title, rows[:_MOST_ROWS]) | {"layer": layers, "height": {"step": _ROW}}


def _spec(title: str, rows: Sequence[Json]) -> Json:
    return {"$schema": SCHEMA, "title": title, "width": "container", "data": {"values": list(rows)}}


def _measure(field: str, unit: str, *, zero: bool = True) -> Json:
    return {"field": field, "type": "quantitative", "title": unit or None, "scale": {"zero": zero}}


def _tooltip(*fields: str) -> list[Json]:
    return [{"field": field} for field in fields]


def _rule(at: float, *, dash: bool = False) -> Json:
    style = {"type": "rule", "color": GREY} | ({"strokeDash": [4, 4]} if dash else {})
    return {"mark": style, "encoding": {"x": {"datum": at}}}
