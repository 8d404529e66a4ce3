"""How every picture looks: one font, one set of colours that the colour-blind tell apart (Okabe and Ito 2008), titles above the plot."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from e2i_shared.api.common import Json

SCHEMA = "https://vega.github.io/schema/vega-lite/v5.json"
BLUE, ORANGE, GREY, GREEN, RED = "#0072B2", "#E69F00", "#6b6b6b", "#009E73", "#D55E00"
PALETTE = (BLUE, RED, GREEN, "#CC79A7", ORANGE, "#56B4E9", "#222222", "#F0E442")
_FONT = "Helvetica, Arial, Liberation Sans, sans-serif"
CONFIG: Json = {
    "background": "white",
    "font": _FONT,
    "padding": 10,
    "range": {"category": list(PALETTE), "ordinal": {"scheme": "viridis"}, "heatmap": {"scheme": "viridis"}},
    "view": {"stroke": None},
    "title": {
        "anchor": "start",
        "frame": "group",
        "offset": 14,
        "fontSize": 14,
        "subtitleFontSize": 12,
        "subtitleColor": "#444444",
    },
    "axis": {
        "labelFontSize": 11,
        "titleFontSize": 12,
        "titleFontWeight": "normal",
        "labelLimit": 240,
        "gridColor": "#e4e4e4",
        "domainColor": "#999999",
        "tickColor": "#999999",
    },
    "axisQuantitative": {"tickCount": 7, "labelOverlap": "greedy", "labelSeparation": 6},
    "axisTemporal": {"labelOverlap": "greedy", "labelSeparation": 6},
    "axisBand": {"labelOverlap": False},
    "axisPoint": {"labelOverlap": False},
    "mark": {"color": BLUE},
    "rule": {"color": GREY},
    "text": {"color": "#333333", "fontSize": 11},
    "legend": {"orient": "bottom", "labelFontSize": 11, "labelLimit": 240, "columns": 4},
}


def themed(chart: Json) -> Json:
    """Return a chart with the common configuration under its own."""
    own = chart.get("config", {})
    merged = {
        name: {**value, **own.get(name, {})}
        if isinstance(value, dict) and isinstance(own.get(name, {}), dict)
        else value
        for name, value in CONFIG.items()
    }
    return chart | {"config": {**merged, **{name: value for name, value in own.items() if name not in CONFIG}}}
