"""Import time of each function's handler in a fresh process (CPU, median), against its budget.

``python -m benchmarks.imports`` prints the table, saves ``results/imports.json`` and exits 1 when a budget is passed.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from pathlib import Path

RESULTS = Path(__file__).parent / "results" / "imports.json"
RUNS = 7
BUDGET_MS = {
    "classify": 350,
    "api": 450,
    "composition_status": 450,
    "relay": 450,
    "simulate": 400,
    "fidelity_check": 400,
    "compose_step": 600,
    "run_tool": 600,
}
MEASURE = """
import sys, time
started, before = time.process_time(), set(sys.modules)
import functions.{name}.handler
print((time.process_time() - started) * 1000, len(set(sys.modules) - before), "numpy" in sys.modules, "boto3" in sys.modules)
"""


def measure(name: str) -> tuple[float, int, bool, bool]:
    """Return CPU milliseconds, modules, and whether numpy and boto3 came along, of one import in a fresh process."""
    ran = subprocess.run([sys.executable, "-c", MEASURE.format(name=name)], capture_output=True, text=True, check=True)  # noqa: S603 - our own interpreter and text
    milliseconds, modules, numpy, boto3 = ran.stdout.split()
    return float(milliseconds), int(modules), numpy == "True", boto3 == "True"


def main() -> int:
    """Measure every function; 0 when all keep their budget."""
    table = {}
    print(f"{'function':20} {'median ms':>10} {'best ms':>9} {'budget':>7} {'modules':>8}  numpy  boto3")
    for name, budget in BUDGET_MS.items():
        measure(name)  # fills the file cache
        runs = [measure(name) for _ in range(RUNS)]
        median, best = statistics.median(run[0] for run in runs), min(run[0] for run in runs)
        modules, numpy, boto3 = runs[0][1:]
        table[name] = {
            "median_ms": round(median, 1),
            "best_ms": round(best, 1),
            "budget_ms": budget,
            "modules": modules,
            "numpy": numpy,
            "boto3": boto3,
        }
        print(f"{name:20} {median:10.0f} {best:9.0f} {budget:7} {modules:8}  {numpy!s:5}  {boto3!s:5}")
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(table, indent=2) + "\n")
    return int(any(row["median_ms"] > row["budget_ms"] for row in table.values()))


if __name__ == "__main__":
    sys.exit(main())
