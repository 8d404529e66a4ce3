"""Vega-Lite specifications of what monitoring and forecasting tools return."""

from __future__ import annotations

from typing import TYPE_CHECKING

from e2i_shared.tools._charts import GREY, ORANGE, SCHEMA

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


def _spec(title: str, rows: Sequence[Json]) -> Json:
    return {"$schema": SCHEMA, "title": title, "width": "container", "data": {"values": list(rows)}}
