"""Vega-Lite v5 specifications of what tools return; plain dictionaries with their data inside.

How they look is in ``e2i_shared.chart_theme``. Numbers that matter are written beside their marks, for a printed picture has no tooltip.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from e2i_shared.chart_theme import BLUE, GREEN, GREY, ORANGE, RED, SCHEMA

if TYPE_CHECKING:
    from collections.abc import Sequence

    from e2i_shared.api.common import Json

FRACTION = "fraction"  # the unit of what is shown in percent
_ROW = 24  # pixels per bar or interval
_MOST_ROWS = 40
_MOST_LABELLED = 25  # rows up to which numbers are written beside bars
_SMALL_STEPS = 0.25  # of the total: below, a waterfall from zero shows nothing
_LABEL = {"type": "text", "fontSize": 11, "color": "#333333", "baseline": "middle"}


def effect_chart(title: str, effect: float, lower: float, upper: float, *, unit: str) -> Json:
    """Draw one estimate with its interval against zero; the numbers stand under the title."""
    rows = [{"label": "effect", "effect": effect, "lower": lower, "upper": upper}]
    drawn = forest_chart(title, rows, unit=unit)
    low, high = shown(lower, unit), shown(upper, unit)
    subtitle = f"{shown(effect, unit)} [{low}, {high}] {'' if unit == FRACTION else unit}".rstrip()
    return drawn | {"title": {"text": title, "subtitle": subtitle}, "height": 60}


def forest_chart(title: str, rows: Sequence[Json], *, unit: str, overall: float | None = None) -> Json:
    """Draw intervals one below the other; ``rows`` hold label, effect, lower, upper; ``overall`` is a dashed line."""
    label = _labels()
    bounds = {"y": label, "x": _measure("lower", unit, zero=False), "x2": {"field": "upper"}}
    points = {
        "y": label,
        "x": _measure("effect", unit, zero=False),
        "tooltip": _tooltip("label", "effect", "lower", "upper"),
    }
    layers = [
        _rule(0.0),
        {"mark": {"type": "rule", "color": BLUE, "strokeWidth": 2}, "encoding": bounds},
        {"mark": {"type": "point", "filled": True, "size": 70, "color": BLUE, "opacity": 1}, "encoding": points},
    ]
    if overall is None:
        return _layered(title, rows, layers)
    told = {"text": title, "subtitle": f"dashed: the overall effect, {shown(overall, unit)}"}
    return _layered(title, rows, [*layers, _rule(overall, dash=True)]) | {"title": told}


def gap_chart(title: str, rows: Sequence[Json], *, unit: str, benchmark: float) -> Json:
    """Draw bars of entities against their benchmark.

    ``rows`` hold label, value, gap (positive: short of the benchmark) and, where each has its own, benchmark: then ticks mark
    them, else one line.
    """
    own = len({row["benchmark"] for row in rows if "benchmark" in row}) > 1
    named = [
        row | {"standing": "behind" if row["gap"] > 0 else "at or ahead", "shown": shown(row["value"], unit)}
        for row in rows
    ]
    label = _labels()
    colour = {
        "field": "standing",
        "type": "nominal",
        "title": None,
        "scale": {"domain": ["behind", "at or ahead"], "range": [ORANGE, GREEN]},
    }
    tooltip = _tooltip("label", "value", "gap")
    bars = {"y": label, "x": _measure("value", unit), "color": colour, "tooltip": tooltip}
    layers: list[Json] = [{"mark": "bar", "encoding": bars}]
    if own:
        tick = {"type": "tick", "color": "#222222", "thickness": 2, "size": _ROW - 8}
        layers.append({"mark": tick, "encoding": {"y": label, "x": _measure("benchmark", unit)}})
    else:
        layers.append(_rule(benchmark, dash=True))
    layers += _numbers_beside(rows)
    mark = "ticks: each one's benchmark" if own else f"dashed: benchmark {shown(benchmark, unit)}"
    return _layered(title, named, layers) | {"title": {"text": title, "subtitle": mark}}


def waterfall_chart(title: str, steps: Sequence[tuple[str, float]], *, unit: str, start: tuple[str, float]) -> Json:
    """Draw a start value, the contributions that follow, and the end they add up to.

    Where the contributions are small beside the totals, the axis begins above zero, and the subtitle says so.
    """
    levels = [start[1]]
    for _, amount in steps:
        levels.append(levels[-1] + amount)
    floor = _floor(levels)
    rows = [_bar_of(start[0], floor, start[1], start[1], "total")]
    for (label, amount), level in zip(steps, levels, strict=False):
        rows.append(_bar_of(label, level, level + amount, amount, "up" if amount >= 0 else "down"))
    rows.append(_bar_of("end", floor, levels[-1], levels[-1], "total"))
    x = {"field": "label", "type": "nominal", "sort": None, "title": None, "axis": {"labelAngle": -30}}
    y = _measure("from", unit) | {"scale": {"domainMin": floor} if floor else {"zero": True}}
    encoding = {
        "x": x,
        "y": y,
        "y2": {"field": "to"},
        "color": {"field": "kind", "type": "nominal", "scale": _up_and_down(), "legend": None},
        "tooltip": _tooltip("label", "amount"),
    }
    text = {"x": x, "y": y | {"field": "top"}, "text": {"field": "shown", "type": "nominal"}}
    layers = [{"mark": "bar", "encoding": encoding}, {"mark": _LABEL | {"dy": -8}, "encoding": text}]
    title_of = {"title": {"text": title, "subtitle": f"the axis starts at {shown(floor, unit)}"}} if floor else {}
    return _spec(title, rows) | {"layer": layers, "height": 260} | title_of


def _floor(levels: Sequence[float]) -> float:
    """Return where a waterfall's axis begins: zero, unless its steps would be too small to see."""
    lowest, highest = min(levels), max(levels)
    span = highest - lowest
    if lowest <= 0 or not 0 < span < _SMALL_STEPS * highest:
        return 0.0
    unit = 10.0 ** math.floor(math.log10(span))
    return max(0.0, math.floor((lowest - 0.3 * span) / unit) * unit)


def line_chart(
    title: str, rows: Sequence[Json], *, unit: str, temporal: bool = True, x_title: str | None = None
) -> Json:
    """Draw a line over ``x``; ``rows`` hold x, y and, where there are any, series, and lower and upper of a band."""
    x: Json = {"field": "x", "type": "quantitative", "title": x_title, "axis": {"tickCount": 8}}
    if temporal:
        days = {"tickCount": 8, "format": "%b %Y"}
        x = {"field": "x", "type": "temporal", "title": x_title, "scale": {"type": "utc"}, "axis": days}
    colour = (
        {"color": {"field": "series", "type": "nominal", "title": None}} if any("series" in r for r in rows) else {}
    )
    line = {"x": x, "y": _measure("y", unit, zero=False), "tooltip": _tooltip("x", "y"), **colour}
    layers: list[Json] = []
    if any("lower" in row for row in rows):
        band = {"x": x, "y": _measure("lower", unit, zero=False), "y2": {"field": "upper"}, **colour}
        known = [{"filter": "isValid(datum.lower)"}]
        layers.append({"transform": known, "mark": {"type": "area", "opacity": 0.2}, "encoding": band})
    layers.append({"mark": {"type": "line", "point": True}, "encoding": line})
    return _spec(title, rows) | {"layer": layers, "height": 260}


def bar_chart(title: str, rows: Sequence[Json], *, unit: str) -> Json:
    """Draw horizontal bars; ``rows`` hold label and value, in the order given."""
    named = [row | {"shown": shown(row["value"], unit)} for row in rows]
    room = {"scale": {"zero": True, "padding": 40}} if any(row["value"] < 0 for row in rows) else {}
    encoding = {"y": _labels(), "x": _measure("value", unit) | room, "tooltip": _tooltip("label", "value")}
    bars = {"mark": {"type": "bar", "color": BLUE}, "encoding": encoding}
    return _layered(title, named, [bars, *_numbers_beside(rows)])


def power_chart(rows: Sequence[Json], *, target: float, counted: str = "units") -> Json:
    """Draw power against what is ``counted`` per arm; ``rows`` hold n and power."""
    title = f"Power by {counted} per arm"
    encoding = {
        "x": {"field": "n", "type": "quantitative", "title": f"{counted} per arm", "axis": {"tickCount": 8}},
        "y": {
            "field": "power",
            "type": "quantitative",
            "title": "power",
            "scale": {"domain": [0, 1]},
            "axis": {"format": ".0%", "tickCount": 6},
        },
        "tooltip": _tooltip("n", "power"),
    }
    goal = {"mark": {"type": "rule", "strokeDash": [4, 4], "color": GREY}, "encoding": {"y": {"datum": target}}}
    return _spec(title, rows) | {
        "title": {"text": title, "subtitle": f"dashed: target {target:.0%}"},
        "layer": [{"mark": {"type": "line", "color": BLUE}, "encoding": encoding}, goal],
        "height": 260,
    }


def shown(value: float, unit: str = "") -> str:
    """Return a number as it is written in a picture: three figures, thousands in full, fractions in percent."""
    if unit == FRACTION:
        return f"{value:.1%}"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def _bar_of(label: str, begin: float, end: float, amount: float, kind: str) -> Json:
    sign = "+" if kind == "up" else ""
    ends = {"from": begin, "to": end, "top": max(begin, end)}
    return {"label": label, **ends, "amount": amount, "kind": kind, "shown": f"{sign}{shown(amount)}"}


def _up_and_down() -> Json:
    return {"domain": ["total", "up", "down"], "range": [GREY, GREEN, RED]}


def _numbers_beside(rows: Sequence[Json]) -> list[Json]:
    """Return a layer that writes each bar's number at its end, where the bars are few."""
    if len(rows) > _MOST_LABELLED:
        return []
    side = {"align": {"expr": "datum.value < 0 ? 'right' : 'left'"}, "dx": {"expr": "datum.value < 0 ? -4 : 4"}}
    encoding = {
        "y": _labels(),
        "x": {"field": "value", "type": "quantitative"},
        "text": {"field": "shown", "type": "nominal"},
    }
    return [{"mark": _LABEL | side, "encoding": encoding}]


def _layered(title: str, rows: Sequence[Json], layers: list[Json]) -> Json:
    return _spec(title, rows[:_MOST_ROWS]) | {"layer": layers, "height": {"step": _ROW}}


def _spec(title: str, rows: Sequence[Json]) -> Json:
    return {"$schema": SCHEMA, "title": title, "width": "container", "data": {"values": list(rows)}}


def _labels() -> Json:
    return {"field": "label", "type": "nominal", "sort": None, "title": None, "axis": {"labelOverlap": False}}


def _measure(field: str, unit: str, *, zero: bool = True) -> Json:
    axis: Json = {"tickCount": 7} | ({"format": "~%"} if unit == FRACTION else {})
    title = "share" if unit == FRACTION else unit or None
    scale = {"zero": zero} | ({} if zero else {"padding": 12})
    return {"field": field, "type": "quantitative", "title": title, "scale": scale, "axis": axis}


def _tooltip(*fields: str) -> list[Json]:
    return [{"field": field} for field in fields]


def _rule(at: float, *, dash: bool = False) -> Json:
    style = {"type": "rule", "color": GREY} | ({"strokeDash": [4, 4]} if dash else {"strokeWidth": 1.5})
    return {"mark": style, "encoding": {"x": {"datum": at}}}
