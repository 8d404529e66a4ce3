"""Pictures of an effect: intervals, love plot of balance, overlap and event study, as Vega-Lite v5."""

from __future__ import annotations

from typing import TYPE_CHECKING

from e2i_shared.chart_theme import BLUE, GREY, ORANGE, SCHEMA
from e2i_shared.tools._charts import effect_chart, forest_chart

if TYPE_CHECKING:
    from collections.abc import Sequence

    from e2i_shared.api.common import Json

ROW = 22  # pixels per covariate
MOST_ROWS = 40
BALANCED = 0.1  # standardised difference up to which groups count as alike (Austin 2009)


def of_effect(output: Json) -> list[Json]:
    """Draw all that a causal_effect_estimator's output holds; the effect first."""
    settled = output["specification"]
    treatment, outcome = settled["treatment_col"], settled["outcome_col"]
    unit = output["unit"] or outcome
    title = f"Effect of {treatment} on {outcome}"
    if output["arms"]:
        found = [forest_chart(title, [_interval(arm) for arm in output["arms"]], unit=unit)]
    else:
        found = [effect_chart(title, output["ate"], output["ci_lower"], output["ci_upper"], unit=unit)]
    events = output["event_study"]
    if events:
        found.append(event_study_chart(f"{title}, by time since it started", events["events"], unit=unit))
    if output["balance"]:
        dose = output["treatment_kind"] == "dose"
        found.append(love_plot("Balance before and after adjustment", output["balance"], dose=dose))
    if output["overlap"] and output["overlap"]["histogram"]:
        had = f"{treatment} = {output['arms'][0]['label']}" if output["arms"] else treatment
        found.append(overlap_chart(f"Who could have had {had}", output["overlap"]["histogram"]))
    return found


def love_plot(title: str, balance: Sequence[Json], *, dose: bool = False) -> Json:
    """Draw each covariate's absolute difference before and after weighting; ``balance`` holds column, smd_before, smd_after."""
    worst = sorted(balance, key=lambda row: -abs(row["smd_before"]))[:MOST_ROWS]
    rows = [
        {"column": row["column"], "when": when, "difference": abs(row[field])}
        for row in worst
        for when, field in (("before", "smd_before"), ("after", "smd_after"))
    ]
    measure = "absolute correlation with the dose" if dose else "absolute standardised mean difference"
    scale = {"domain": ["before", "after"], "range": [ORANGE, BLUE]}
    encoding = {
        "y": {"field": "column", "type": "nominal", "sort": None, "title": None},
        "x": {"field": "difference", "type": "quantitative", "title": measure, "scale": {"zero": True}},
        "color": {"field": "when", "type": "nominal", "scale": scale, "title": None},
        "shape": {"field": "when", "type": "nominal", "scale": {"domain": ["before", "after"]}, "title": None},
        "tooltip": [{"field": "column"}, {"field": "when"}, {"field": "difference", "format": ".3f"}],
    }
    limit = {
        "mark": {"type": "rule", "strokeDash": [4, 4], "color": GREY},
        "encoding": {"x": {"datum": BALANCED}},
    }
    points = {"mark": {"type": "point", "filled": True, "size": 60}, "encoding": encoding}
    told = {"text": title, "subtitle": f"dashed: {BALANCED:g}, below which a difference counts as balanced"}
    return _spec(title, rows) | {"title": told, "layer": [limit, points], "height": {"step": ROW}}


def overlap_chart(title: str, histogram: Sequence[Json]) -> Json:
    """Draw how many treated (up) and untreated (down) rows have each estimated propensity; bins hold lower, upper and both counts."""
    rows = [
        {"lower": each["lower"], "upper": each["upper"], "rows": sign * each[side], "count": each[side], "who": who}
        for each in histogram
        for side, who, sign in (("treated", "treated", 1), ("control", "untreated", -1))
    ]
    scale = {"domain": ["treated", "untreated"], "range": [BLUE, ORANGE]}
    absolute = {"labelExpr": "abs(datum.value)"}
    encoding = {
        "x": {
            "field": "lower",
            "type": "quantitative",
            "bin": {"binned": True},
            "title": "estimated probability of treatment",
            "scale": {"domain": [0, 1]},
        },
        "x2": {"field": "upper"},
        "y": {"field": "rows", "type": "quantitative", "title": "rows", "stack": None, "axis": absolute},
        "color": {"field": "who", "type": "nominal", "scale": scale, "title": None},
        "tooltip": [{"field": "who"}, {"field": "lower", "format": ".2f"}, {"field": "count"}],
    }
    return _spec(title, rows) | {"mark": "bar", "encoding": encoding, "height": 220}


def event_study_chart(title: str, events: Sequence[Json], *, unit: str) -> Json:
    """Draw effects by periods since treatment with their own intervals and a band for all; the period before is zero by choice."""
    fields = ("time", "effect", "ci_lower", "ci_upper", "lower_all", "upper_all")
    reference = {"time": -1} | dict.fromkeys(fields[1:], 0.0)
    rows = sorted([{name: each[name] for name in fields} for each in events] + [reference], key=lambda row: row["time"])
    x = {
        "field": "time",
        "type": "quantitative",
        "title": "periods since treatment started",
        "axis": {"tickMinStep": 1},
    }

    def y(field: str) -> Json:
        return {"field": field, "type": "quantitative", "title": unit, "scale": {"zero": True}}

    band = {"mark": {"type": "area", "opacity": 0.15, "color": BLUE}}
    band |= {"encoding": {"x": x, "y": y("lower_all"), "y2": {"field": "upper_all"}}}
    bars = {"mark": {"type": "rule", "color": BLUE, "strokeWidth": 2}}
    bars |= {"encoding": {"x": x, "y": y("ci_lower"), "y2": {"field": "ci_upper"}}}
    tooltip = [{"field": name} for name in fields[:4]]
    points = {"mark": {"type": "point", "filled": True, "size": 60, "color": BLUE}}
    points |= {"encoding": {"x": x, "y": y("effect"), "tooltip": tooltip}}
    zero = {"mark": {"type": "rule", "color": GREY}, "encoding": {"y": {"datum": 0}}}
    start = {"mark": {"type": "rule", "color": GREY, "strokeDash": [4, 4]}, "encoding": {"x": {"datum": -0.5}}}
    return _spec(title, rows) | {"layer": [zero, start, band, bars, points], "height": 260}


def _interval(arm: Json) -> Json:
    return {"label": arm["label"], "effect": arm["effect"], "lower": arm["ci_lower"], "upper": arm["ci_upper"]}


def _spec(title: str, rows: Sequence[Json]) -> Json:
    return {"$schema": SCHEMA, "title": title, "width": "container", "data": {"values": list(rows)}}
