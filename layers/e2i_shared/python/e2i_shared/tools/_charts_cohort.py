"""The flow of entities through a cohort's criteria, drawn as CONSORT 2010 asks: who is left below, who left to the side."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from e2i_shared.chart_theme import BLUE, GREY, ORANGE, SCHEMA

if TYPE_CHECKING:
    from collections.abc import Sequence

    from e2i_shared.api.common import Json

_WIDTH, _LINE, _PAD, _GAP = 640, 16, 16, 14  # pixels: picture, text line, inside a box, between boxes
_LEFT, _RIGHT = (10, 270), (330, 630)  # pixels, boxes of those left and of those excluded
_MIDDLE = sum(_LEFT) / 2
_WRAP = 42  # characters


def consort_chart(output: Json) -> Json:
    """Draw a cohort_builder output: assessed, excluded per step with the reason, and the cohort."""
    boxes, lines, heads, top = [], [], [], 0.0
    for left, side in _levels(output):
        height = _height(left)
        boxes.append(_box(left, _LEFT, top, height, end=side is None))
        if side is None:
            break
        branch = _height(side)
        below = top + height + branch + 2 * _GAP
        middle = top + height + _GAP + branch / 2
        boxes.append(_box(side, _RIGHT, middle - branch / 2, branch, end=False))
        lines += [_line(_MIDDLE, top + height, _MIDDLE, below), _line(_MIDDLE, middle, _RIGHT[0], middle)]
        heads += [{"x": _MIDDLE, "y": below - 4, "angle": 180}, {"x": _RIGHT[0] - 4, "y": middle, "angle": 90}]
        top = below
    return _picture(output, boxes, lines, heads)


def _levels(output: Json) -> list[tuple[list[str], list[str] | None]]:
    """Return the text lines of each level: whom it holds, and whom the criterion below it excludes (None for the last)."""
    unit, steps = output["unit"], output["steps"]
    held = [_named("Assessed", output["assessed_entities"], unit, output["assessed_rows"])]
    held += [_named("Left", step["entities_after"], unit, step["rows_after"]) for step in steps[:-1]]
    held.append(_named(output["cohort"]["name"] or "Cohort", output["size"], unit, output["n"]))
    return list(zip(held, [*map(_excluded, steps), None], strict=True))


def _named(name: str, count: int, unit: str, rows: int) -> list[str]:
    whole = f"n = {count:,} {_plural(unit, count)}"
    return [*textwrap.wrap(name, 34), whole if rows == count else f"{whole} ({rows:,} rows)"]


def _plural(unit: str, count: int) -> str:
    if count == 1:
        return unit
    return f"{unit[:-1]}ies" if unit.endswith("y") else f"{unit}s"


def _excluded(step: Json) -> list[str]:
    verb = "Not met: " if step["kind"] == "inclusion" else "Excluded: "
    text = textwrap.wrap(verb + step["criterion"], _WRAP)
    if step["reason"]:
        text += textwrap.wrap(step["reason"], _WRAP)
    unknown = (
        f", {step['rows_missing']:,} {_plural('row', step['rows_missing'])} unknown" if step["rows_missing"] else ""
    )
    return [*text, f"n = {step['entities_excluded']:,}{unknown}"]


def _height(text: Sequence[str]) -> float:
    return len(text) * _LINE + _PAD


def _box(text: Sequence[str], x: tuple[int, int], top: float, height: float, *, end: bool) -> Json:
    """Return a box; its text is drawn as lines of their own, since a Vega-Lite mark breaks lines only at fixed text."""
    kind = "excluded" if x is _RIGHT else "cohort" if end else "left"
    return {"x": x[0], "x2": x[1], "y": top, "y2": top + height, "text": "\n".join(text), "kind": kind}


def _line(x: float, y: float, x2: float, y2: float) -> Json:
    return {"x": x, "y": y, "x2": x2, "y2": y2}


def _picture(output: Json, boxes: list[Json], lines: list[Json], heads: list[Json]) -> Json:
    height = max(box["y2"] for box in boxes) + 2
    x, y = _axis("x", _WIDTH), _axis("y", height)
    colour = {
        "field": "kind",
        "type": "nominal",
        "legend": None,
        "scale": {"domain": ["left", "excluded", "cohort"], "range": [GREY, ORANGE, BLUE]},
    }
    frame = {"type": "rect", "fillOpacity": 0.08, "strokeWidth": 1.2, "cornerRadius": 3}
    shown = {"type": "text", "align": "left", "baseline": "middle", "lineBreak": "\n", "lineHeight": _LINE, "dx": 8}
    layers = [
        {"data": {"values": lines}, "mark": {"type": "rule", "color": GREY}, "encoding": _ends(x, y)},
        {
            "data": {"values": heads},
            "mark": {"type": "point", "shape": "triangle-up", "filled": True, "size": 50, "color": GREY, "opacity": 1},
            "encoding": {"x": x, "y": y, "angle": {"field": "angle", "type": "quantitative", "scale": None}},
        },
        {
            "data": {"values": boxes},
            "mark": frame,
            "encoding": _ends(x, y) | {"fill": colour, "stroke": colour},
        },
        {
            "data": {"values": [box | {"at": _first_line(box)} for box in boxes]},
            "mark": shown,
            "encoding": {
                "x": x,
                "y": _axis("y", height) | {"field": "at"},
                "text": {"field": "text", "type": "nominal"},
            },
        },
    ]
    size = {"width": _WIDTH, "height": height}
    title = f"{output['cohort']['dataset']}: {output['assessed_entities']:,} to {output['size']:,} {_plural(output['unit'], output['size'])}"
    return {"$schema": SCHEMA, "title": title} | size | {"layer": layers, "config": {"view": {"stroke": None}}}


def _first_line(box: Json) -> float:
    """Return where the first line's middle lies, in pixels: a text of several lines hangs below its position."""
    return float(box["y"] + _PAD / 2 + _LINE / 2)


def _ends(x: Json, y: Json) -> Json:
    return {"x": x, "x2": {"field": "x2"}, "y": y, "y2": {"field": "y2"}}


def _axis(field: str, length: float) -> Json:
    domain = [0, length] if field == "x" else [length, 0]
    scale = {"domain": domain, "nice": False, "zero": False}
    return {"field": field, "type": "quantitative", "axis": None, "scale": scale}
