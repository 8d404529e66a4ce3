"""A plan of ours run by LangGraph and by our own executor: the same tools, inputs and data in one run; then with a branch that fails.

``make peers``, then ``python -m benchmarks.langgraph_compare``, which runs itself in .venv-peers. LangGraph runs the plan as a graph in one
process: plain; with its in-memory checkpointer; and guarded (async nodes over threads, each with a time limit and an error handler, the
most it offers). Ours runs it through the state machine, worker processes and Postgres. A branch then raises, and one computes for ever.
Prints the table, saves ``results/langgraph.json``, exits 1 when ours loses what the other branches found.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx

from benchmarks import langgraph_service
from benchmarks.composer_asking import COMPOSER, About, Measured, NotAnsweredError, compose
from benchmarks.peers import PEERS, ROOT
from infra.local.environment import THREADS

if TYPE_CHECKING:
    from collections.abc import Sequence

    Json = dict[str, Any]

RESULTS = Path(__file__).parent / "results" / "langgraph.json"
WAYS = ("plain", "graph", "checkpointed", "guarded")
NAMES = {
    "plain": "one after the other, no framework",
    "graph": "LangGraph",
    "checkpointed": "LangGraph, checkpointed in memory",
    "guarded": "LangGraph, guarded nodes",
    "ours": "E2I",
}
FAULTY = "cate_analyzer"  # one of the four steps of the second level; a step of the third needs it
LOST = 2
START_SECONDS = 120
QUESTION = COMPOSER.words.format(brand="Kisqali", measure="TRx", region="Northeast")


def with_langgraph(asked: Json, seconds: float) -> tuple[list[Json], bool]:
    """Run a worker; return a row per round that ended, and whether the process ended by itself.

    The seconds count from the end of its first round, which imports and reads the data.
    """
    command = [sys.executable, "-m", "benchmarks.langgraph_worker"]
    with tempfile.TemporaryFile("w+") as said, tempfile.TemporaryFile("w+") as request:
        request.write(json.dumps(asked))
        request.seek(0)
        process = subprocess.Popen(  # noqa: S603 - our own worker
            command,
            cwd=ROOT,
            env=os.environ | THREADS,  # as our own workers have it
            stdin=request,
            stdout=said,
            stderr=subprocess.DEVNULL,
        )
        until = time.monotonic() + START_SECONDS
        while process.poll() is None and os.fstat(said.fileno()).st_size == 0 and time.monotonic() < until:
            time.sleep(0.05)
        try:
            process.wait(seconds)
            ended = True
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            ended = False
        said.seek(0)
        return [json.loads(line) for line in said.read().splitlines()], ended


def timed(client: httpx.Client, asked: Json, rounds: int) -> tuple[Json, Measured]:
    """Time the plan without faults by every way; return the table and the last of our answers."""
    runs = [compose(client, QUESTION) for _ in range(rounds + 1)][1:]
    table = {"ours": _row([r.view["latency_ms"]["execute"] for r in runs], [r.tools_ms() for r in runs])}
    table["ours"]["answer_ms"] = round(statistics.median(r.answer_ms for r in runs), 1)
    for way in WAYS:
        rows, _ = with_langgraph(asked | {"way": way, "rounds": rounds}, 300)
        rows = rows[1:]  # the first imports and reads the data
        table[way] = _row([r["ms"] for r in rows], [r["tools_ms"] for r in rows])
        same = all(_alike(rows[-1]["outputs"][str(s["step_number"])], s["output_result"]) for s in runs[-1].steps)
        table[way]["same_numbers"] = same
    return table, runs[-1]


def _row(spans: Sequence[float], tools: Sequence[float]) -> Json:
    outside = [a - b for a, b in zip(spans, tools, strict=True)]
    return {
        "execute_ms": round(statistics.median(spans), 1),
        "slowest_ms": round(max(spans), 1),
        "outside_tools_ms": round(statistics.median(outside), 1),
    }


def _alike(ours: Json, theirs: Json) -> bool:
    """Return whether two outputs hold the same, numbers within what JSON and Postgres keep of them."""
    return bool(_flat(ours) == _flat(theirs))


def _flat(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _flat(item) for key, item in sorted(value.items())}
    if isinstance(value, list | tuple):
        return [_flat(item) for item in value]
    return float(f"{value:.9g}") if isinstance(value, int | float) and not isinstance(value, bool) else value


def faulted(client: httpx.Client, folder: Path, asked: Json, fault: str, seconds: float) -> Json:
    """Let one branch misbehave, and return what each way makes of it."""
    wrong = {"fault": {"tool": FAULTY, "fault": fault}, "rounds": 1}
    found = {}
    for way in WAYS[1:]:
        began = time.perf_counter()
        rows, ended = with_langgraph(asked | wrong | {"way": way}, seconds)
        found[way] = _came_of(rows, ended, time.perf_counter() - began)
    langgraph_service.set_fault(folder, FAULTY, fault)
    try:
        found["ours"] = _ours(compose(client, QUESTION))
    except NotAnsweredError as error:
        found["ours"] = {"answered": False, "said": str(error)}
    finally:
        langgraph_service.set_fault(folder, None)
    return found


def _came_of(rows: Sequence[Json], ended: bool, seconds: float) -> Json:
    row: Json = rows[1] if len(rows) > 1 else {}  # the first is the round without the fault
    outputs: Json = row.get("outputs", {})
    again = [int(n) for n, times in row.get("runs", {}).items() if times > 1]
    return {
        "returned_s": round(row["ms"] / 1000, 2) if row else None,
        "process_ended": ended,
        "waited_s": round(seconds, 1),
        "raised": row.get("raised"),
        "kept_steps": sorted(int(n) for n, o in outputs.items() if not o.get("failed")),
        "ran_again": sorted(again),
    }


def _ours(run: Measured) -> Json:
    return {
        "answered": bool(run.view["answer"]),
        "returned_s": round(run.answer_ms / 1000, 2),
        "kept_steps": sorted(s["step_number"] for s in run.steps if s["status"] == "COMPLETED"),
        "failed": {s["tool_name"]: s["error_message"] for s in run.steps if s["status"] == "FAILED"},
        "missing": [each["reason"] for each in run.view["missing"]],
        "skipped": {s["tool_name"]: s["error_message"] for s in run.steps if s["status"] == "SKIPPED"},
    }


def print_times(table: Json) -> None:
    """Print what the plan took by each way."""
    print(f"{'the plan by':<36}{'median ms':>11}{'slowest':>9}{'outside tools':>15}  same numbers")
    for way, row in table.items():
        same = {True: "yes", False: "NO", None: ""}[row.get("same_numbers")]
        print(
            f"{NAMES[way]:<36}{row['execute_ms']:>11.0f}{row['slowest_ms']:>9.0f}{row['outside_tools_ms']:>15.1f}  {same}"
        )


def print_faults(name: str, found: Json, steps: int) -> None:
    """Print what came of a fault by each way."""
    print(f"\na branch that {name}")
    for way, row in found.items():
        when = (
            f"after {row['returned_s']:.1f} s"
            if row.get("returned_s") is not None
            else f"never (ended after {row.get('waited_s')} s)"
        )
        left = "" if row.get("process_ended", True) else "; the process never ended by itself"
        print(f"  {NAMES[way]:<36} returned {when}, {len(row.get('kept_steps', []))} of {steps} results kept{left}")
        for said in (row.get("raised"), *row.get("missing", ())):
            if said:
                print(f"  {'':<36}   {said[:110]}")


def measure(rounds: int, seconds: float) -> Json:
    """Run the comparison on a service of one's own."""
    from e2i_shared.db.migrate import DEFAULT_TENANT

    from cli import examples, loading
    from cli.client import Client
    from cli.connection import Connection

    with tempfile.TemporaryDirectory() as name, langgraph_service.running(Path(name)) as known:
        folder = Path(name)
        with Client(Connection(known["url"], known["token"], "own")) as loader:
            for path in examples.write_sample(folder):
                loading.load(loader, path, examples.description_of(path))
        headers = {"Authorization": f"Bearer {known['token']}"}
        with httpx.Client(base_url=known["url"], headers=headers, timeout=60) as client:
            about = About.each()[1]
            for _ in range(3):  # every worker imports and reads once
                first = compose(client, COMPOSER.words.format(brand=about.brand, measure="TRx", region="Northeast"))
            first = compose(client, QUESTION)
            asked = {
                "plan": first.view["plan"],
                "database_url": (folder / "database-url").read_text(),
                "tenant": str(DEFAULT_TENANT),
                "fault": {},
                "limit": 10.0,
            }
            table, _ = timed(client, asked, rounds)
            faults = {fault: faulted(client, folder, asked, fault, seconds) for fault in ("raise", "hang")}
    return {
        "steps": len(first.view["plan"]["steps"]),
        "levels": first.view["plan"]["levels"],
        "times": table,
        "faults": faults,
    }


def main() -> int:
    """Compare in the environment of the peers; 0 when ours kept what the other branches found."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument(
        "--seconds", type=float, default=40, help="how long a graph may take before its process is ended"
    )
    options = parser.parse_args()
    if not PEERS.exists():
        print("The libraries to compare with are not installed. Run: make peers")
        return 2
    if Path(sys.prefix) != PEERS.parents[1]:
        os.execv(PEERS, [str(PEERS), "-m", "benchmarks.langgraph_compare", *sys.argv[1:]])  # noqa: S606 - our own interpreter
    load = os.getloadavg()[0]
    found = measure(options.rounds, options.seconds)
    print(
        f"{found['steps']} steps on levels {found['levels']}, {options.rounds} rounds, langgraph {version('langgraph')}"
    )
    print_times(found["times"])
    for fault, name in (("raise", "raises"), ("hang", "computes for ever")):
        print_faults(name, found["faults"][fault], found["steps"])
    about = {"langgraph": version("langgraph"), "rounds": options.rounds, "cores": os.cpu_count()}
    loads = {"load_before": round(load, 2), "load_after": round(os.getloadavg()[0], 2)}
    RESULTS.write_text(json.dumps(about | loads | found, indent=1) + "\n")
    return int(any(len(f["ours"].get("kept_steps", [])) < found["steps"] - LOST for f in found["faults"].values()))


if __name__ == "__main__":
    sys.exit(main())
