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
from urllib.parse import urlsplit

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


@dataclass(slots=True)
class Line:
    """One kept-alive connection. Plain streams: a client library would take more CPU than the service it measures."""

    host: str
    port: int
    token: str
    reader: asyncio.StreamReader | None = None
    writer: asyncio.StreamWriter | None = None

    async def post(self, path: str, body: bytes) -> int:
        """Send a request and return the reply's status; 0 when the connection broke."""
        head = (
            f"POST {path} HTTP/1.1\r\nhost: {self.host}\r\nauthorization: Bearer {self.token}\r\n"
            f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
        )
        try:
            if self.reader is None or self.writer is None:
                self.reader, self.writer = await asyncio.open_connection(self.host, self.port)
            self.writer.write(head.encode() + body)
            reply = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
            await self.reader.readexactly(int(reply.partition("content-length:")[2].partition("\r\n")[0]))
            return int(reply[9:12])
        except (OSError, EOFError, ValueError):
            self.reader = self.writer = None
            return 0


async def call_until(until: float, line: Line, numbers: count[int], seen: Seen, fresh: bool) -> None:
    """Be one caller: ask, wait for the reply, ask again."""
    while time.perf_counter() < until:
        number = next(numbers)
        text = QUESTIONS[number % len(QUESTIONS)] + (f" (case {number})" if fresh else "")
        started = time.perf_counter()
        status = await line.post("/api/v1/classify", json.dumps({"query": text}).encode())
        seen.statuses[status] += 1
        if status == 200:
            seen.milliseconds.append((time.perf_counter() - started) * 1000)
        if status == 429:
            await asyncio.sleep(0.05)


async def run(callers: int, seconds: float, *, fresh: bool) -> Seen:
    """Run all callers for some seconds; plain http only."""
    known = connection.find()
    address = urlsplit(known.url)
    lines = [Line(address.hostname or "", address.port or 80, known.token) for _ in range(callers)]
    seen, numbers = Seen(), count(int(time.time()) * 1000)
    until = time.perf_counter() + seconds
    await asyncio.gather(*(call_until(until, line, numbers, seen, fresh) for line in lines))
    for line in lines:
        if line.writer is not None:
            line.writer.close()
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
