"""How long until the local runtime serves, and what it adds to a composition and to a request.

``python benchmarks/startup.py`` prints a table and writes ``benchmarks/results/startup.json``; wall times are those of this machine, busy or not,
so the load it had is kept with them.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx

from infra.functions import FunctionDescription
from infra.local import postgres, tokens
from infra.local.datadir import open_data_dir
from infra.local.runtime import Runtime, make_zygotes

ROOT = Path(__file__).resolve().parents[1]
RESULTS = Path(__file__).parent / "results" / "startup.json"
START_SECONDS = 120
COMPOSITIONS = 30
REQUESTS = 1000
CALLERS = 100
TARGETS = {"composition overhead, ms": 100.0}


class NoOp(FunctionDescription):
    """A function that answers at once."""

    @property
    def handler(self) -> str:
        """Return the handler that does nothing."""
        return "tiny.handlers.noop"


def start(data_dir: Path, *extra: str) -> tuple[subprocess.Popen[bytes], dict[str, str], float]:
    """Start the product and return its process, what its ready file says, and the seconds it took."""
    ready = data_dir / "ready.json"
    began = time.perf_counter()
    command = [sys.executable, "-m", "infra.local.run", "--port", "0", "--data-dir", str(data_dir)]
    process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
        [*command, "--ready-file", str(ready), *extra], cwd=ROOT, stderr=subprocess.DEVNULL
    )
    while not ready.exists():
        if process.poll() is not None or time.perf_counter() - began > START_SECONDS:
            raise SystemExit("The runtime did not start.")
        time.sleep(0.01)
    return process, json.loads(ready.read_text()), time.perf_counter() - began


def stop(process: subprocess.Popen[bytes]) -> float:
    """Stop the product and return the seconds it took."""
    began = time.perf_counter()
    process.send_signal(signal.SIGTERM)
    process.wait(60)
    return time.perf_counter() - began


def measure_start(folder: Path) -> dict[str, float]:
    """Start on an empty directory and on one that was used, and time the first and later answers."""
    found: dict[str, float] = {}
    for name in ("cold", "warm"):
        process, ready, seconds = start(folder)
        found[f"{name} start until ready, s"] = seconds
        try:
            with httpx.Client(base_url=ready["url"], timeout=60) as client:
                began = time.perf_counter()
                client.get("/api/v1/health")
                found[f"{name} first answer, ms"] = (time.perf_counter() - began) * 1000
                if name == "warm":
                    found |= measure_requests(client)
        finally:
            found[f"{name} stop, s"] = stop(process)
    return found


def measure_requests(client: httpx.Client) -> dict[str, float]:
    """Time one caller, then a hundred at once."""

    def one(_: int) -> float:
        began = time.perf_counter()
        reply = client.get("/api/v1/health")
        if reply.status_code != 200:
            raise SystemExit(f"A request failed with {reply.status_code}.")
        return (time.perf_counter() - began) * 1000

    alone = [one(number) for number in range(200)]
    began = time.perf_counter()
    with ThreadPoolExecutor(CALLERS) as pool:
        together = sorted(pool.map(one, range(REQUESTS)))
    elapsed = time.perf_counter() - began
    return {
        "one caller, p50 ms": statistics.median(alone),
        f"{CALLERS} callers, p50 ms": together[len(together) // 2],
        f"{CALLERS} callers, p95 ms": together[int(len(together) * 0.95)],
        f"{CALLERS} callers, requests/s": REQUESTS / elapsed,
    }


async def measure_compositions(runtime: Runtime) -> dict[str, float]:
    """Time the shipped workflow over three levels of three steps whose functions do nothing."""
    await runtime.start()

    async def one() -> float:
        name = str(uuid.uuid4())
        data = json.dumps({"composition_id": name, "tenant_id": "t"})
        began = time.perf_counter()
        await runtime.executions.start("compose", name, data)
        while (row := await runtime.executions.describe("compose", name))["status"] == "RUNNING":  # noqa: ASYNC110 - as a caller would poll
            await asyncio.sleep(0.001)
        if row["status"] != "SUCCEEDED":
            raise SystemExit(f"A composition ended {row['status']}: {row['error']}.")
        return (time.perf_counter() - began) * 1000

    await one()
    alone = sorted([await one() for _ in range(COMPOSITIONS)])
    began = time.perf_counter()
    await asyncio.gather(*[one() for _ in range(50)])
    elapsed = time.perf_counter() - began
    await runtime.close()
    return {
        "composition overhead, ms": statistics.median(alone),
        "composition overhead, worst ms": alone[-1],
        "50 compositions at once, s": elapsed,
    }


def compositions(folder: Path) -> dict[str, float]:
    """Put a runtime together whose functions do nothing, and measure it."""
    os.environ["PYTHONPATH"] = str(ROOT / "tests")
    names = ("compose_step", "run_tool")
    functions = tuple(NoOp(name, "no-op", "zip", 128, 30, (), local_workers=2) for name in names)
    data = open_data_dir(folder)
    tokens.ensure_key(data.keys)
    server = postgres.start(data.postgres)
    zygotes = make_zygotes(data.logs)
    try:
        conninfo = postgres.create_runtime_database(server)
        runtime = Runtime.build(functions, data, "http://127.0.0.1:1", "unused", conninfo, zygotes)
        return asyncio.run(measure_compositions(runtime))
    finally:
        for zygote in zygotes.values():
            zygote.stop()
        server.stop()


def main() -> int:
    """Measure, print and save; 1 when a target is missed."""
    folder = Path(tempfile.mkdtemp(prefix="e2i-bench-"))
    folder.chmod(0o755)
    load = os.getloadavg()[0]
    try:
        found = measure_start(folder / "product") | compositions(folder / "noop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    before: dict[str, Any] = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    print(f"{'':40} {'now':>10} {'before':>10} {'target':>8}   load {load:.1f} on {os.cpu_count()} cores")
    for name, value in found.items():
        earlier = before.get("figures", {}).get(name)
        shown = "" if earlier is None else f"{earlier:.1f}"
        target = f"≤ {TARGETS[name]:.0f}" if name in TARGETS else ""
        print(f"{name:40} {value:10.1f} {shown:>10} {target:>8}")
    RESULTS.parent.mkdir(exist_ok=True)
    figures = {name: round(value, 2) for name, value in found.items()}
    RESULTS.write_text(json.dumps({"load": load, "cores": os.cpu_count(), "figures": figures}, indent=2) + "\n")
    return int(any(found[name] > target for name, target in TARGETS.items()))


if __name__ == "__main__":
    raise SystemExit(main())
