"""Vega-Lite specifications of what monitoring and forecasting tools return."""

from __future__ import annotations

from typing import TYPE_CHECKING

from e2i_shared.chart_theme import BLUE, GREY, ORANGE, RED, SCHEMA

if TYPE_CHECKING:
    from collections.abc import Sequence

    from e2i_shared.api.common import Json


def psi_chart(output: Json) -> Json:
    """Draw the share of each bin in both periods, and what the bin contributes to the index."""
    rows = [
        {"bin": b["bin"], "group": name, "share": b[f"{name}_share"], "contribution": b["contribution"]}
        for b in output["bin_contributions"]
        for name in ("reference", "comparison")
    ]
    title = f"{output['feature']}: PSI {output['psi_value']:.3f}, drift {output['drift_severity']}"
    return shares_chart(title, rows, names=("reference", "comparison"))


def comparison_chart(column: str, bars: Sequence[Json]) -> Json:
    """Draw the shares of a column's bins in groups a and b."""
    rows = [{"bin": bar["bin"], "group": name, "share": bar[f"share_{name}"]} for bar in bars for name in ("a", "b")]
    return shares_chart(column, rows, names=("a", "b"))


def shares_chart(title: str, rows: Sequence[Json], *, names: tuple[str, str]) -> Json:
    """Draw the shares of two groups side by side; ``rows`` hold bin, group and share."""
    encoding = {
        "x": {"field": "bin", "type": "nominal", "sort": None, "title": None, "axis": {"labelAngle": -30}},
        "xOffset": {"field": "group", "type": "nominal", "sort": list(names)},
        "y": {"field": "share", "type": "quantitative", "title": "share of rows", "axis": {"format": ".0%"}},
        "color": {
            "field": "group",
            "type": "nominal",
            "title": None,
            "scale": {"domain": list(names), "range": [GREY, ORANGE]},
        },
        "tooltip": [{"field": field} for field in ("bin", "group", "share")],
    }
    return _spec(title, rows) | {"mark": "bar", "encoding": encoding, "height": 260}


def fan_chart(output: Json) -> Json:
    """Draw the history and the forecast with its interval."""
    last = output["history"][-1]
    ahead = [
        {"x": last["start"], "y": last["value"], "lower": last["value"], "upper": last["value"], "kind": "forecast"}
    ]
    ahead += [
        {"x": p["start"], "y": p["value"], "lower": p["lower"], "upper": p["upper"], "kind": "forecast"}
        for p in output["forecast"]
    ]
    rows = [{"x": p["start"], "y": p["value"], "kind": "observed"} for p in output["history"]] + ahead
    x, scale = {"field": "x", "type": "temporal", "title": None}, {"zero": False}
    y = {"field": "y", "type": "quantitative", "title": output["unit"], "scale": scale}
    low = {"field": "lower", "type": "quantitative", "title": output["unit"], "scale": scale}
    colour = {
        "field": "kind",
        "type": "nominal",
        "title": None,
        "scale": {"domain": ["observed", "forecast"], "range": [BLUE, ORANGE]},
    }
    band = {
        "transform": [{"filter": "isValid(datum.lower)"}],
        "mark": {"type": "area", "opacity": 0.25, "color": ORANGE},
        "encoding": {"x": x, "y": low, "y2": {"field": "upper"}},
    }
    line = {
        "mark": {"type": "line", "point": True},
        "encoding": {"x": x, "y": y, "color": colour, "tooltip": [{"field": f} for f in ("x", "y", "lower", "upper")]},
    }
    title = f"{output['title']}: {output['horizon']} {output['grain']}s ahead, {output['level']:.0%} intervals"
    return _spec(title, rows) | {"layer": [band, line], "height": 280}


def errors_chart(output: Json) -> Json:
    """Draw each tested method's scaled error in the backtest; 1 is the naive method."""
    rows = [
        {"label": c["title"], "value": c["mase"], "chosen": "chosen" if c["chosen"] else "other"}
        for c in output["candidates"]
        if c["mase"] is not None
    ]
    encoding = {
        "y": {"field": "label", "type": "nominal", "sort": None, "title": None, "axis": {"labelLimit": 320}},
        "x": {"field": "value", "type": "quantitative", "title": "error in the backtest (MASE)"},
        "color": {
            "field": "chosen",
            "type": "nominal",
            "title": None,
            "scale": {"domain": ["chosen", "other"], "range": [ORANGE, GREY]},
        },
        "tooltip": [{"field": "label"}, {"field": "value"}],
    }
    return _spec("Methods compared", rows) | {"mark": "bar", "encoding": encoding, "height": {"step": 22}}


def health_charts(output: Json) -> list[Json]:
    """Return the KPI's control chart, and the columns that drifted or lack values."""
    found = [control_chart(output["kpi"])] if output["kpi"] else []
    drifted = [
        {"label": c["column"], "value": c["psi"], "drift": c["drift"]}
        for c in output["columns"]
        if c["psi"] is not None
    ]
    if drifted:
        found.append(_severity_chart("Drift of each column (PSI)", sorted(drifted, key=lambda row: -row["value"])[:20]))
    return found


def control_chart(chart: Json) -> Json:
    """Draw the KPI with its centre line and limits; points that trip a rule stand out."""
    rows = [
        {
            "x": p["start"],
            "y": p["value"],
            "centre": p["centre"],
            "lower": p["lower"],
            "upper": p["upper"],
            "signal": bool(p["rules"]),
        }
        for p in chart["points"]
    ]
    x, scale = {"field": "x", "type": "temporal", "title": None}, {"zero": False}
    unit = chart["unit"]
    fields = {
        name: {"field": name, "type": "quantitative", "title": unit, "scale": scale}
        for name in ("y", "centre", "lower")
    }
    colour = {"condition": {"test": "datum.signal", "value": RED}, "value": BLUE}
    layers = [
        {
            "mark": {"type": "area", "opacity": 0.15, "color": GREY},
            "encoding": {"x": x, "y": fields["lower"], "y2": {"field": "upper"}},
        },
        {"mark": {"type": "line", "color": GREY, "strokeDash": [4, 4]}, "encoding": {"x": x, "y": fields["centre"]}},
        {"mark": {"type": "line", "color": BLUE}, "encoding": {"x": x, "y": fields["y"]}},
        {
            "mark": {"type": "point", "filled": True, "size": 60},
            "encoding": {
                "x": x,
                "y": fields["y"],
                "color": colour,
                "tooltip": [{"field": f} for f in ("x", "y", "centre")],
            },
        },
    ]
    return _spec(f"{chart['title']}: control limits at {chart['sigma_limits']:.1f} σ", rows) | {
        "layer": layers,
        "height": 280,
    }


def _severity_chart(title: str, rows: Sequence[Json]) -> Json:
    names = ["none", "minor", "moderate", "severe"]
    encoding = {
        "y": {"field": "label", "type": "nominal", "sort": None, "title": None},
        "x": {"field": "value", "type": "quantitative", "title": "PSI"},
        "color": {
            "field": "drift",
            "type": "nominal",
            "title": "drift",
            "scale": {"domain": names, "range": [GREY, BLUE, ORANGE, RED]},
        },
        "tooltip": [{"field": f} for f in ("label", "value", "drift")],
    }
    return _spec(title, rows) | {"mark": "bar", "encoding": encoding, "height": {"step": 22}}


def _spec(title: str, rows: Sequence[Json]) -> Json:
    return {"$schema": SCHEMA, "title": title, "width": "container", "data": {"values": list(rows)}}
