"""Our estimates beside EconML, DoubleML, DoWhy and CausalML on the same data in one run: error, coverage, √PEHE, time, memory.

``make peers`` installs them into .venv-peers, where this runs itself again. ``python -m benchmarks.peers`` compares on NHEFS, the NSW
experiment, its treated men beside CPS controls, 20 draws of three nonlinear worlds and 10,000 x 20; ``--draws N`` and ``--rows N …``
(up to 1,000,000) for more. CPU seconds are compared: they hardly move when the machine is busy.

Promises: no peer that covers has a smaller error on the worlds; those that match ours in coverage take three times our time.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
RESULTS = Path(__file__).parent / "results" / "peers.json"
PEERS = ROOT / ".venv-peers" / "bin" / "python"
WORLDS = ("waves", "valley", "sines")
STUDIES = ("nhefs", "nsw", "nsw_cps")
COVERING = 0.90  # of 95% intervals; fewer draws than 500 cannot tell 0.93 from 0.95
OURS = "E2I"
Row = dict[str, Any]
IMPORT = """
import resource, time, warnings
warnings.simplefilter("ignore")
started, before = time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
import {modules}
print(time.process_time() - started, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024)
"""


def measure(method: str, cases: list[str]) -> list[Row]:
    """Run a method on cases in a process of its own; a process that dies is a row with its error."""
    command = [sys.executable, "-m", "benchmarks.peer_worker", method, *cases]
    ran = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)  # noqa: S603 - our own worker
    rows: list[Row] = [json.loads(line) for line in ran.stdout.splitlines() if line.startswith("{")]
    if ran.returncode:
        rows.append({"method": method, "case": cases[len(rows)], "error": ran.stderr.strip().splitlines()[-1][:200]})
    for row in rows:
        _show(row)
    return rows


def _show(row: Row) -> None:
    if "error" in row:
        print(f"  {row['method']:24} {row['case']:12} failed: {row['error']}", flush=True)
        return
    error = f"{row['std_error']:9.4g}" if row["std_error"] is not None else f"{'none':>9}"
    pehe = f"{row['pehe']:6.3f}" if "pehe" in row else " " * 6
    print(
        f"  {row['method']:24} {row['case']:12} {row['estimate']:10.4g} se {error} truth {row['truth']:9.4g} pehe {pehe}"
        f" cpu {row['cpu_s']:7.2f} s wall {row['wall_s']:7.2f} s peak {row['peak_mib']:6.0f} MiB",
        flush=True,
    )


def drawn(rows: list[Row]) -> list[Row]:
    """Sum up draws by method and world: bias, root mean squared error, coverage of the 95% interval, CPU seconds."""
    table = []
    for method in dict.fromkeys(r["method"] for r in rows):
        for world in WORLDS:
            of = [r for r in rows if r["method"] == method and r["case"].startswith(world) and "error" not in r]
            if of:
                table.append(_summary(method, world, of))
    return table


def _summary(method: str, world: str, rows: list[Row]) -> Row:
    errors = [r["estimate"] - r["truth"] for r in rows]
    held = [abs(e) <= 1.96 * r["std_error"] for e, r in zip(errors, rows, strict=True) if r["std_error"] is not None]
    return {
        "method": method,
        "world": world,
        "draws": len(rows),
        "bias": statistics.fmean(errors),
        "rmse": statistics.fmean(e * e for e in errors) ** 0.5,
        "coverage": statistics.fmean(held) if held else None,
        "pehe": statistics.fmean(r["pehe"] for r in rows) if "pehe" in rows[0] else None,
        "cpu_s": statistics.fmean(r["cpu_s"] for r in rows),
    }


def _print_drawn(table: list[Row]) -> None:
    print(f"\n{'method':24} {'world':8} {'draws':>5} {'bias':>8} {'rmse':>7} {'coverage':>8} {'pehe':>6} {'cpu s':>6}")
    for row in table:
        coverage = f"{row['coverage']:8.2f}" if row["coverage"] is not None else f"{'none':>8}"
        pehe = f"{row['pehe']:6.3f}" if row["pehe"] is not None else f"{'':6}"
        print(
            f"{row['method']:24} {row['world']:8} {row['draws']:5} {row['bias']:+8.3f} {row['rmse']:7.3f} {coverage}"
            f" {pehe} {row['cpu_s']:6.2f}"
        )


def imports() -> list[Row]:
    """Measure CPU seconds and memory of importing each library, median of three fresh processes."""
    from benchmarks.peer_methods import IMPORTS

    table = []
    for name, modules in IMPORTS.items():
        code = IMPORT.format(modules=modules)
        runs = []
        for _ in range(3):
            ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)  # noqa: S603 - our own text
            runs.append([float(v) for v in ran.stdout.split()[-2:]])
        seconds, memory = (statistics.median(r[k] for r in runs) for k in (0, 1))
        table.append({"library": name, "import_cpu_s": seconds, "import_mib": memory})
        print(f"  {name:24} import {seconds:6.2f} s CPU, {memory:5.0f} MiB")
    return table


def verdicts(table: list[Row]) -> list[tuple[bool, str]]:
    """Judge the promises: error no worse than the best that covers; three times faster than the fastest of those."""
    mean = {
        method: {key: statistics.fmean(r[key] or 0.0 for r in table if r["method"] == method) for key in _JUDGED}
        for method in dict.fromkeys(r["method"] for r in table)
    }
    ours = mean.pop(OURS)
    alike = {m: v for m, v in mean.items() if v["coverage"] >= COVERING}
    best = min(alike, key=lambda m: alike[m]["rmse"], default=None)
    fast = min(alike, key=lambda m: alike[m]["cpu_s"], default=None)
    found = [(ours["coverage"] >= COVERING, f"our 95% intervals hold the truth in {ours['coverage']:.0%} of the draws")]
    if best and fast:
        theirs = alike[best]["rmse"]
        found.append(
            (ours["rmse"] <= 1.05 * theirs, f"rmse {ours['rmse']:.3f}; the best that covers, {best}, {theirs:.3f}")
        )
        ratio = alike[fast]["cpu_s"] / ours["cpu_s"]
        found.append((ratio >= 3, f"{ratio:.1f} times as fast as {fast}, the fastest that covers (promise 3)"))
    return found


_JUDGED = ("coverage", "rmse", "cpu_s")


def compare(draws: int, sizes: list[int], only: list[str]) -> int:
    """Run every method on every case, print and save; return 1 when a promise is missed."""
    from benchmarks.peer_methods import METHODS

    methods = [m for m in METHODS if not only or any(word.lower() in m.lower() for word in only)]
    print("studies")
    studies = [row for m in methods for row in measure(m, list(STUDIES))]
    print(f"\n{draws} draws of each world, n = 2,000")
    draw_rows = [row for m in methods for row in measure(m, [f"{w}:{s}" for w in WORLDS for s in range(draws)])]
    table = drawn(draw_rows)
    _print_drawn(table)
    print("\nsize: n x 20")
    size_rows = [row for n in sizes for m in methods for row in measure(m, [f"rows:{n}"])]
    print("\nimports")
    saved = {"studies": studies, "draws": table, "sizes": size_rows, "imports": imports()}
    RESULTS.write_text(json.dumps(saved, indent=1) + "\n", encoding="utf-8")
    print()
    judged = verdicts(table) if OURS in methods and len(methods) > 1 else []
    for kept, text in judged:
        print(f"{'kept  ' if kept else 'MISSED'} {text}")
    return int(not all(kept for kept, _ in judged))


def main() -> int:
    """Run in the environment of the peers."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--draws", type=int, default=20)
    parser.add_argument("--rows", type=int, nargs="*", default=[10_000])
    parser.add_argument("--only", nargs="*", default=[], metavar="WORD", help="methods whose name holds a word")
    options = parser.parse_args()
    if not PEERS.exists():
        print("The libraries to compare with are not installed. Run: make peers")
        return 2
    if Path(sys.prefix) != PEERS.parents[1]:
        os.execv(PEERS, [str(PEERS), "-m", "benchmarks.peers", *sys.argv[1:]])  # noqa: S606 - our own interpreter
    return compare(options.draws, options.rows, options.only)


if __name__ == "__main__":
    sys.exit(main())
