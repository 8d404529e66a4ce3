"""Pictures of a change and of levers: what adds up to it, where it came from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from e2i_shared.tools import _charts

if TYPE_CHECKING:
    from e2i_shared.api.common import Json

_MOST_STEPS = 7


def change_charts(output: Json) -> list[Json]:
    """Return the waterfall from the value before to the value after, the contributions with intervals, and the slices."""
    unit = output["unit"] or ""
    ranked = sorted(output["contributions"], key=lambda row: -abs(row["amount"]))
    kept = {id(row) for row in ranked[:_MOST_STEPS]}
    steps = [(_short(row), row["amount"]) for row in output["contributions"] if id(row) in kept]
    if rest := ranked[_MOST_STEPS:]:
        steps.append(("all others", sum(row["amount"] for row in rest)))
    title = f"{output['title']}: from {output['side_a']} to {output['side_b']}"
    found = [_charts.waterfall_chart(title, steps, unit=unit, start=("before", output["value_a"]))]
    rows = [
        {"label": _short(row), "effect": row["amount"], "lower": row["ci_lower"], "upper": row["ci_upper"]}
        for row in output["contributions"]
    ]
    found.append(_charts.forest_chart(f"Contributions to the change of {output['title']}", rows, unit=unit))
    bars = [{"label": f"{row['dimension']}: {row['level']}", "value": row["amount"]} for row in output["slices"]]
    if bars:
        found.append(_charts.bar_chart(f"Where the change of {output['title']} came from", bars, unit=unit))
    return found


def _short(row: Json) -> str:
    name = {"counted": "rows counted", "mix_through_levers": "mix through levers"}.get(row["name"], row["name"])
    return f"{name} ({row['kind']})" if row["name"] not in {"baseline", "counted", "mix_through_levers"} else name
