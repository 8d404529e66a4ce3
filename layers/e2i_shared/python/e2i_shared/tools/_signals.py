"""What the checks of kpi_monitor found, as signals in words with a severity."""

from __future__ import annotations

from typing import TYPE_CHECKING

from e2i_shared.tools._feed_health import WHOLE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from e2i_shared.api.common import Json
    from e2i_shared.tools._drift import Drift
    from e2i_shared.tools._feed_health import Finding

_RANK = {"severe": 0, "moderate": 1, "minor": 2}
_SEVERE, _MODERATE = 0.5, 0.2  # of rows or values lost


def of_chart(chart: Json) -> list[Json]:
    """Return one signal per rule that tripped."""
    found = []
    for rule in dict.fromkeys(rule for point in chart["points"] for rule in point["rules"]):
        points = [p for p in chart["points"] if rule in p["rules"]]
        worst = max(points, key=lambda p: abs(p["z"]))
        beyond = abs(worst["z"]) / chart["sigma_limits"]
        found.append(
            _signal("kpi", "severe" if beyond > 1.0 else "moderate", [p["period"] for p in points], current=True)
            | {"column": chart["kpi"], "observed": worst["value"], "expected": worst["centre"], "rule": rule}
            | {
                "detail": f"{chart['title']} was {worst['value']:,.6g} in {worst['period']}, {abs(worst['z']):.1f} σ "
                f"{'above' if worst['z'] > 0 else 'below'} its usual {worst['centre']:,.6g}."
            }
        )
    return found


def of_finding(found: Finding, labels: Sequence[str], watch: int) -> Json:
    """Return the signal of missing values, or of too few or too many rows."""
    periods = [labels[t] for t in found.periods]
    current = found.periods[-1] >= len(labels) - watch
    extent, feed = f"{periods[0]} to {periods[-1]}" if len(periods) > 1 else periods[0], found.feed.name()
    if found.kind == "completeness":
        lost = found.observed - found.expected
        rule, detail = "share_above_usual", f"{found.observed:.0%} of {found.column} is missing for {feed} in {extent}."
    else:
        lost = abs(found.observed - found.expected) / max(found.expected, 1.0)
        rule = "rows_below_usual" if found.observed < found.expected else "rows_above_usual"
        detail = f"{found.observed:,.0f} rows rather than {found.expected:,.0f} a period for {feed} in {extent}."
    severity = "severe" if lost >= _SEVERE else "moderate" if lost >= _MODERATE else "minor"
    numbers = {"observed": found.observed, "expected": found.expected}
    named = {"column": found.column, "feed": feed, "rule": rule, "detail": detail}
    return _signal(found.kind, severity, periods, current=current) | named | numbers


def of_drift(drift: Drift, periods: list[str]) -> Json:
    """Return the signal of a column whose distribution has moved."""
    found, name = drift.stability, drift.question.column.name
    detail = f"The distribution of {name} has drifted: PSI {found.psi:.2f}."
    before, after = drift.means
    if before is not None and after is not None:
        detail = f"{detail[:-1]}, mean {after:,.4g} after {before:,.4g}."
    return _signal("drift", found.severity, periods, current=True) | {
        "column": name,
        "observed": found.psi,
        "expected": found.threshold,
        "rule": "psi_beyond_chance",
        "detail": detail,
    }


def of_lag(lag: int, allowed: int, last: str, period: str) -> Json:
    """Return the signal of data that end too early."""
    return _signal("freshness", "severe" if lag > 2 * allowed else "moderate", [period], current=True) | {
        "observed": float(lag),
        "expected": float(allowed),
        "rule": "lag_above_allowed",
        "detail": f"The data end on {last}, {lag} days ago; {allowed} are allowed.",
    }


def of_late_feed(feed: str, late: int, periods: list[str]) -> Json:
    """Return the signal of a feed that ends before the others."""
    return _signal("freshness", "severe", periods, current=True) | {
        "feed": feed,
        "observed": float(late),
        "expected": 0.0,
        "rule": "feed_ends_early",
        "detail": f"No rows of {feed} since {periods[0]}: {late} days behind the others.",
    }


def ordered(signals: list[Json]) -> list[Json]:
    """Return current signals first, the severest first."""
    return sorted(signals, key=lambda s: (not s["current"], _RANK[s["severity"]], s["kind"], s["column"] or ""))


def is_alarm(signal: Json) -> bool:
    """Return whether a signal is current and more than minor."""
    return bool(signal["current"] and signal["severity"] != "minor")


def status(signals: list[Json]) -> str:
    """Return the state of health."""
    if any(is_alarm(s) for s in signals):
        return "alarm"
    return "warning" if signals else "healthy"


def _signal(kind: str, severity: str, periods: list[str], *, current: bool) -> Json:
    return {
        "kind": kind,
        "severity": severity,
        "periods": periods,
        "current": current,
        "column": None,
        "feed": WHOLE,
    }
