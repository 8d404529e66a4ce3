"""Pictures of a change and of levers: what adds up to it, where it came from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from e2i_shared.tools import _charts

if TYPE_CHECKING:
    from e2i_shared.api.common import Json

_MOST_STEPS = 7


def change_charts(output: Json) -> list[Json]:
    """Return the waterfall from the value before to the value after, the contributions that moved at all, and the slices."""
    unit = output["unit"] or ""
    ranked = sorted(output["contributions"], key=lambda row: -abs(row["amount"]))
    kept = {id(row) for row in ranked[:_MOST_STEPS]}
    steps = [(_short(row), row["amount"]) for row in output["contributions"] if id(row) in kept]
    if rest := ranked[_MOST_STEPS:]:
        steps.append(("all others", sum(row["amount"] for row in rest)))
    title = f"{output['title']}: {output['side_a']} → {output['side_b']}"
    found = [_charts.waterfall_chart(title, steps, unit=unit, start=("before", output["value_a"]))]
    rows = [
        {"label": _short(row), "effect": row["amount"], "lower": row["ci_lower"], "upper": row["ci_upper"]}
        for row in output["contributions"]
        if row["amount"] or row["std_error"]
    ]
    found.append(_charts.forest_chart(f"Contributions to the change of {output['title']}", rows, unit=unit))
    bars = [{"label": f"{row['dimension']}: {row['level']}", "value": row["amount"]} for row in output["slices"]]
    if bars:
        found.append(_charts.bar_chart(f"Where the change of {output['title']} came from", bars, unit=unit))
    return found


def _short(row: Json) -> str:
    own = str(row["name"])
    name = {"counted": "rows counted", "mix_through_levers": "mix through levers"}.get(own, own)
    return f"{name} ({row['kind']})" if row["name"] not in {"baseline", "counted", "mix_through_levers"} else name


def cash_charts(output: Json) -> list[Json]:
    """Return the discounted balance by month with its range."""
    rows = [
        {"x": p["month"], "y": p["balance"]}
        | ({"lower": p["balance_lower"], "upper": p["balance_upper"]} if p["balance_lower"] is not None else {})
        for p in output["cash_flow"]
    ]
    title = f"Discounted balance, return {output['estimated_roi']:.0%} after {output['time_horizon_months']} months"
    return [_charts.line_chart(title, rows, unit="money", temporal=False, x_title="months")]


def driver_charts(output: Json) -> list[Json]:
    """Return the levers' effects per standard deviation, and what their present levels bring, each with simultaneous intervals."""
    unit = output["unit"] or ""
    per_sd = [
        {
            "label": _ranked(d),
            "effect": d["per_sd"],
            "lower": d["ci_lower"] * d["sd_level"],
            "upper": d["ci_upper"] * d["sd_level"],
        }
        for d in output["drivers"]
    ]
    total = [
        {
            "label": _ranked(d),
            "effect": d["contribution"],
            "lower": d["contribution_ci_lower"],
            "upper": d["contribution_ci_upper"],
        }
        for d in output["drivers"]
    ]
    outcome = output["outcome"]
    return [
        _charts.forest_chart(f"Effect of one standard deviation on {outcome}", per_sd, unit=unit),
        _charts.forest_chart(f"What the present level brings to {outcome}", total, unit=f"{unit} per row".strip()),
    ]


def _ranked(driver: Json) -> str:
    best, worst = driver["rank_best"], driver["rank_worst"]
    return f"{driver['lever']} (rank {best})" if best == worst else f"{driver['lever']} (rank {best}-{worst})"
