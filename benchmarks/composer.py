"""Whole compositions on the running service: time to answer, what of it is not inside a tool, and how well steps run side by side.

Promises, on the sample data: a question of at least 4 tools on 3 levels answered in ≤ 3 s at the 95th percentile; orchestration
(all that is not inside a tool) ≤ 250 ms; planning ≤ 50 ms; k independent equal steps at least 0.8 k times as fast as one after the other.
Start a service with ``e2i up`` and load the sample, then ``python -m benchmarks.composer [--runs 20]``; prints a table, saves
``results/composer.json``, exits 1 when a promise is not kept.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from cli import connection

RESULTS = Path(__file__).parent / "results" / "composer.json"
PROMISES = {"answer_ms": 3000.0, "overhead_ms": 250.0, "plan_ms": 50.0}
SPEED_UP_SHARE = 0.8
POLL_SECONDS = 0.01
DEADLINE_SECONDS = 120.0
COMPLEX = (
    "Did more rep visits raise Kisqali TRx in the Northeast, which specialties responded most, does that survive refutation, "
    "and how large a test would confirm it?"
)
SIDE_BY_SIDE = "Did rep visits and speaker programs raise Kisqali TRx?"
ENDED = {"COMPLETED", "FAILED", "TIMEOUT", "CANCELLED"}


@dataclass(frozen=True, slots=True)
class Measured:
    """One composition: milliseconds from the request to its end, and what the service kept of it."""

    answer_ms: float
    view: dict[str, Any]
    steps: list[dict[str, Any]]

    def levels(self) -> list[list[float]]:
        """Return the tools' milliseconds by level."""
        numbers = sorted({s["level"] for s in self.steps})
        return [[s["latency_ms"] or 0.0 for s in self.steps if s["level"] == n] for n in numbers]

    def tools_ms(self) -> float:
        """Return the time that passes inside tools when each level takes as long as its slowest step."""
        return sum(max(level) for level in self.levels())

    def overhead_ms(self) -> float:
        """Return the time that no tool accounts for."""
        return max(0.0, self.answer_ms - self.tools_ms())

    def speed_up(self, width: int) -> float | None:
        """Return how much faster the first level ran than its steps one after the other; None when it is narrower."""
        level = self.levels()[0] if self.steps else []
        waited = self.view["latency_ms"].get("execute", 0.0)
        return sum(level) / waited if len(level) >= width and waited else None


def compose(client: httpx.Client, query: str) -> Measured:
    """Ask, wait until it ended, and read what was kept; raises RuntimeError when it does not end COMPLETED."""
    started = time.perf_counter()
    accepted = client.post("/api/v1/compose", json={"query": query}).raise_for_status().json()
    path = f"/api/v1/compositions/{accepted['composition_id']}"
    view = client.get(path).raise_for_status().json()
    while view["status"] not in ENDED:
        if time.perf_counter() - started > DEADLINE_SECONDS:
            raise RuntimeError(f"{path} did not end within {DEADLINE_SECONDS:g} s")
        time.sleep(POLL_SECONDS)
        view = client.get(path).raise_for_status().json()
    elapsed = (time.perf_counter() - started) * 1000
    if view["status"] != "COMPLETED":
        raise RuntimeError(f"{path} ended {view['status']}: {view.get('error')}")
    steps = client.get(f"{path}/steps").raise_for_status().json()["items"]
    return Measured(elapsed, view, steps)


def percentile(values: list[float], share: float) -> float:
    """Return the nearest-rank percentile."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, round(share * (len(ordered) - 1)))]


def summarise(runs: list[Measured]) -> dict[str, dict[str, float]]:
    """Return median and 95th percentile of each measure."""
    series = {
        "answer_ms": [r.answer_ms for r in runs],
        "tools_ms": [r.tools_ms() for r in runs],
        "overhead_ms": [r.overhead_ms() for r in runs],
        **{f"{p}_ms": [r.view["latency_ms"].get(p, 0.0) for r in runs] for p in ("decompose", "plan", "synthesize")},
    }
    return {
        name: {"p50": round(statistics.median(values), 1), "p95": round(percentile(values, 0.95), 1)}
        for name, values in series.items()
    }


def print_table(table: dict[str, dict[str, float]], speed_ups: list[float], width: int) -> None:
    """Print measures beside their promises."""
    print(f"{'measure':<14}{'p50':>10}{'p95':>10}{'promised':>12}")
    for name, row in table.items():
        promised = f"≤ {PROMISES[name]:g}" if name in PROMISES else ""
        print(f"{name:<14}{row['p50']:>10.1f}{row['p95']:>10.1f}{promised:>12}")
    if speed_ups:
        print(f"{'speed-up':<14}{statistics.median(speed_ups):>10.2f}{'':>10}{f'≥ {SPEED_UP_SHARE * width:g}':>12}")


def missed(table: dict[str, dict[str, float]], speed_ups: list[float], width: int) -> list[str]:
    """Return the promises that were not kept."""
    late = [name for name, most in PROMISES.items() if table[name]["p95"] > most]
    slow = speed_ups and width <= (os.cpu_count() or 1) and statistics.median(speed_ups) < SPEED_UP_SHARE * width
    return [*late, *(["speed-up"] if slow else [])]


def main() -> int:
    """Measure; 0 when every promise is kept."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--warm-up", type=int, default=3)
    options = parser.parse_args()
    known = connection.find()
    headers = {"Authorization": f"Bearer {known.token}"}
    with httpx.Client(base_url=known.url, headers=headers, timeout=60) as client:
        for _ in range(options.warm_up):
            compose(client, COMPLEX)
        runs = [compose(client, COMPLEX) for _ in range(options.runs)]
        beside = [compose(client, SIDE_BY_SIDE) for _ in range(max(3, options.runs // 4))]
    width = 2
    speed_ups = [s for r in beside if (s := r.speed_up(width)) is not None]
    table = summarise(runs)
    print(f"{len(runs[0].steps)} steps on {len(runs[0].levels())} levels, {options.runs} runs")
    print_table(table, speed_ups, width)
    failures = missed(table, speed_ups, width)
    RESULTS.parent.mkdir(exist_ok=True)
    kept = {"runs": options.runs, "steps": len(runs[0].steps), **table, "speed_ups": [round(s, 2) for s in speed_ups]}
    RESULTS.write_text(json.dumps(kept, indent=2) + "\n")
    print("missed: " + ", ".join(failures) if failures else "every promise kept")
    return int(bool(failures))


if __name__ == "__main__":
    sys.exit(main())
