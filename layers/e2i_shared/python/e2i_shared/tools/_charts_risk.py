"""Pictures of a risk model: are its probabilities right, and what goes with the risk."""

from __future__ import annotations

from typing import TYPE_CHECKING

from e2i_shared.chart_theme import BLUE, GREY, SCHEMA
from e2i_shared.tools import _charts

if TYPE_CHECKING:
    from e2i_shared.api.common import Json

_MOST_FACTORS = 15


def risk_charts(output: Json) -> list[Json]:
    """Return predicted against observed risk, and the top factors."""
    factors = list(output["risk_factors"].items())[:_MOST_FACTORS]
    bars = [{"label": f"{name} ({factor['direction']})", "value": factor["importance"]} for name, factor in factors]
    title = output["risk_type"].replace("_", " ")
    found = [_calibration(title, output["model_performance"])]
    if bars:
        found.append(_charts.bar_chart(f"What goes with {title}", bars, unit="share of importance"))
    return found


def _calibration(title: str, judged: Json) -> Json:
    rows = [{"predicted": b["predicted"], "observed": b["observed"], "n": b["n"]} for b in judged["calibration"]]
    largest = max(max(row["predicted"], row["observed"]) for row in rows)
    scale = {"domain": [0, round(largest * 1.05 + 0.005, 3)]}
    x = {"field": "predicted", "type": "quantitative", "title": "predicted risk", "scale": scale}
    y = {"field": "observed", "type": "quantitative", "title": "observed share", "scale": scale}
    ideal = {
        "data": {"values": [{"predicted": 0, "observed": 0}, {"predicted": largest, "observed": largest}]},
        "mark": {"type": "line", "strokeDash": [4, 4], "color": GREY},
        "encoding": {"x": x, "y": y},
    }
    points = {
        "mark": {"type": "line", "point": True, "color": BLUE},
        "encoding": {"x": x, "y": y, "tooltip": [{"field": "predicted"}, {"field": "observed"}, {"field": "n"}]},
    }
    return {
        "$schema": SCHEMA,
        "title": f"Predicted and observed {title}, out of fold (AUC {judged['auc']:.2f})",
        "width": "container",
        "height": 260,
        "data": {"values": rows},
        "layer": [ideal, points],
    }
