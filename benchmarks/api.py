"""Many callers at once on the running service: rate, latency, errors of ``POST /classify``.

Promise: 100 concurrent callers for 60 s, no error other than 429, p95 of classify ≤ 150 ms on two cores. Start a service with ``e2i up``,
then ``python -m benchmarks.api [--callers 100] [--seconds 60]``; prints the table, saves ``results/api.json``, exits 1 when missed.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import httpx

from cli import connection

RESULTS = Path(__file__).parent / "results" / "api.json"
P95_MS = 150
QUESTIONS = (
    "Did more rep visits raise Kisqali TRx in the Northeast?",
    "What was NRx for Fabhalta last quarter by region?",
    "Which specialties respond most to samples, and how large a test would that need?",
    "Why did Kisqali TRx drop in Q3, and is the call data complete?",
    "How many doctors per arm do I need to detect 2 TRx?",
)


@dataclass
class Seen:
    """Latencies (ms) of what was served, and every status that came back."""

    milliseconds: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)


async def call_until(until: float, client: httpx.AsyncClient, numbers: count[int], seen: Seen, fresh: bool) -> None:
    """Be one caller: ask, wait for the reply, ask again."""
    while time.perf_counter() < until:
        number = next(numbers)
        text = QUESTIONS[number % len(QUESTIONS)] + (f" (case {number})" if fresh else "")
        started = time.perf_counter()
        try:
            status = (await client.post("/api/v1/classify", json={"query": text})).status_code
        except httpx.HTTPError:
            status = 0
        seen.statuses[status] += 1
        if status == 200:
            seen.milliseconds.append((time.perf_counter() - started) * 1000)
        if status == 429:
            await asyncio.sleep(0.05)


async def run(callers: int, seconds: float, *, fresh: bool) -> Seen:
    """Run all callers for some seconds."""
    known = connection.find()
    headers = {"Authorization": f"Bearer {known.token}"}
    limits = httpx.Limits(max_connections=callers, max_keepalive_connections=callers)
    seen, numbers = Seen(), count()
    async with httpx.AsyncClient(base_url=known.url, headers=headers, limits=limits, timeout=30) as client:
        until = time.perf_counter() + seconds
        await asyncio.gather(*(call_until(until, client, numbers, seen, fresh) for _ in range(callers)))
    return seen


def report(name: str, seen: Seen, seconds: float) -> dict[str, float | dict[str, int]]:
    """Print one row and return it."""
    cuts = statistics.quantiles(seen.milliseconds, n=100) if len(seen.milliseconds) > 1 else [0.0] * 99
    errors = sum(n for status, n in seen.statuses.items() if status not in {200, 429})
    rate = len(seen.milliseconds) / seconds
    print(
        f"{name:10} {rate:8.0f}/s  p50 {cuts[49]:6.0f} ms  p95 {cuts[94]:6.0f} ms  429: {seen.statuses[429]:6}  errors: {errors}"
    )
    return {
        "rate_per_second": round(rate, 1),
        "p50_ms": round(cuts[49], 1),
        "p95_ms": round(cuts[94], 1),
        "errors": errors,
        "statuses": {str(status): n for status, n in sorted(seen.statuses.items())},
    }


def main() -> int:
    """Measure repeated and fresh questions; 0 when the promise is kept for both."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--callers", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=60)
    options = parser.parse_args()
    rows = {}
    for name, fresh in (("repeated", False), ("fresh", True)):
        seen = asyncio.run(run(options.callers, options.seconds, fresh=fresh))
        rows[name] = report(name, seen, options.seconds)
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps({"callers": options.callers, "seconds": options.seconds, **rows}, indent=2) + "\n")
    return int(any(row["errors"] or row["p95_ms"] > P95_MS for row in rows.values()))  # type: ignore[operator]  # p95_ms is a number


if __name__ == "__main__":
    sys.exit(main())
