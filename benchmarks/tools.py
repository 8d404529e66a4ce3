"""Time and peak memory of every tool: its examples on the sample, and a case of 100,000 rows × 20 columns.

Promises (two cores, warm): causal_effect_estimator ≤ 600 ms and ≤ 8 s; refutation_runner ≤ 1.5 s and ≤ 30 s; cate_analyzer ≤ 1 s
and ≤ 15 s; psi_calculator and distribution_comparator ≤ 0.5 s a column of 1,000,000 rows; all others ≤ 150 ms on the sample. Each tool runs in its own forked process; memory is the growth of its peak resident
size. ``--tools`` picks tools and keeps what is saved of the others, ``--small`` leaves the large case out.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import re
import statistics
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from e2i_shared.datasets.describe import describe_frame
from e2i_shared.datasets.frame import Categories, Dates, Frame, FrameColumn, Numbers
from e2i_shared.datasets.memory import MemoryDataSource
from e2i_shared.datasets.sample import generate
from e2i_shared.datasets.specs import DatasetSpec
from e2i_shared.errors import E2IError
from e2i_shared.tools._registry import ToolContext, catalogue, run_tool

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from multiprocessing.connection import Connection

    from e2i_shared.api.common import Json

RESULTS = Path(__file__).parent / "results" / "tools.json"
ROWS = 100_000
SAMPLE_BARS = {"causal_effect_estimator": 600.0, "refutation_runner": 1500.0, "cate_analyzer": 1000.0}
LARGE_BARS = {"causal_effect_estimator": 8000.0, "refutation_runner": 30_000.0, "cate_analyzer": 15_000.0}
LONG_ROWS = 1_000_000
LONG_BAR = 500.0
_PERIODS: Json = {
    "reference_period": {"start": "2025-01", "end": "2025-07"},
    "comparison_period": {"start": "2025-07", "end": "2026-01"},
}
_FIRST_HALF: Json = {"group_a": {"period": _PERIODS["reference_period"]}}
LONG: dict[str, Callable[[str], Json]] = {
    "psi_calculator": lambda column: {"dataset": "long", "feature_name": column, **_PERIODS},
    "distribution_comparator": lambda column: {"dataset": "long", "columns": [column], **_FIRST_HALF},
}
COVARIATES = [f"x{k}" for k in range(1, 13)]
STUDY: Json = {"dataset": "large", "treatment_col": "treated", "outcome_col": "outcome", "confounders": COVARIATES}
LARGE: dict[str, Callable[[dict[str, Json]], Json]] = {
    "causal_effect_estimator": lambda _: STUDY,
    "refutation_runner": lambda done: {"causal_result": done["causal_effect_estimator"]},
    "sensitivity_analyzer": lambda done: {"causal_result": done["causal_effect_estimator"]},
    "cate_analyzer": lambda done: {"causal_result": done["causal_effect_estimator"], "segment_cols": ["plan", "site"]},
    "segment_ranker": lambda done: {"cate_result": done["cate_analyzer"]},
    "gap_calculator": lambda _: {"dataset": "large", "entity_type": "segment", "group_by": "site", "metric": "outcome"},
    "kpi_lookup": lambda _: {
        "dataset": "large",
        "kpi": "outcome",
        "dimensions": ["plan", "site"],
        "grain": "month",
        "compare": "previous_period",
    },
    "psi_calculator": lambda _: {"dataset": "large", "feature_name": "outcome"},
    "distribution_comparator": lambda _: {
        "dataset": "large",
        "columns": ["outcome", "dose", "site", *COVARIATES],
        "group_a": {"filters": [{"column": "plan", "value": "B"}]},
    },
    "forecaster": lambda _: {"dataset": "large", "kpi": "outcome", "aggregate": "sum", "horizon": 3},
    "kpi_monitor": lambda _: {"dataset": "large", "kpi": "outcome", "watch": 3},
    "power_calculator": lambda _: {"effect_size": 0.2, "dataset": "large", "outcome_col": "outcome", "looks": 3},
}
FIRST = ("causal_effect_estimator", "cate_analyzer", "gap_calculator")  # others take their outputs


@dataclass(frozen=True, slots=True)
class Line:
    """One measured case; ``bar_ms`` is None where nothing is promised."""

    tool: str
    case: str
    median_ms: float | None
    peak_mib: float | None
    bar_ms: float | None
    note: str = ""

    @property
    def passed(self) -> bool | None:
        """Return whether the bar is met; None without a bar."""
        if self.bar_ms is None:
            return None
        return self.median_ms is not None and self.median_ms <= self.bar_ms


def large_table() -> tuple[Any, Frame]:
    """Return the data set ``large``: confounded by the covariates, effect 1 plus 0.5 in plan B; 20 columns."""
    rng = np.random.default_rng(11)
    x = rng.normal(size=(ROWS, len(COVARIATES)))
    plan, site = rng.integers(0, 3, ROWS), rng.integers(0, 12, ROWS)
    treated = (rng.random(ROWS) < 1 / (1 + np.exp(-(0.5 * x[:, 0] - 0.4 * x[:, 1])))).astype(np.float64)
    outcome = x[:, 0] + np.sin(x[:, 1]) + (1 + 0.5 * (plan == 1)) * treated + rng.normal(size=ROWS)
    months = np.datetime64("2025-01", "M") + rng.integers(0, 12, ROWS)
    columns: dict[str, FrameColumn] = {
        "unit": Numbers(np.arange(ROWS, dtype=np.float64)),
        "month": Dates(months.astype("datetime64[s]")),
        "plan": Categories(plan.astype(np.int32), ("A", "B", "C")),
        "site": Categories(site.astype(np.int32), tuple(f"S{k:02d}" for k in range(12))),
        "treated": Numbers(treated),
        "dose": Numbers(rng.poisson(2.0, ROWS).astype(np.float64)),
        "score": Numbers(rng.random(ROWS)),
        "outcome": Numbers(outcome),
        **{name: Numbers(x[:, k]) for k, name in enumerate(COVARIATES)},
    }
    roles = {"unit": "id", "month": "time", "plan": "segment", "treated": "treatment", "outcome": "outcome"}
    said = [{"name": name, "role": role} for name, role in roles.items()]
    said += [
        {"name": "site", "role": "segment"},
        {"name": "dose", "role": "ignore"},
        {"name": "score", "role": "ignore"},
    ]
    frame = Frame(ROWS, columns)
    return describe_frame(frame, DatasetSpec.model_validate({"name": "large", "columns": said})), frame


def long_table() -> tuple[Any, Frame]:
    """Return the data set ``long``: one column of each kind, drawn anew for every row."""
    rng = np.random.default_rng(12)
    months = np.datetime64("2025-01", "M") + rng.integers(0, 12, LONG_ROWS)
    columns: dict[str, FrameColumn] = {
        "month": Dates(months.astype("datetime64[s]")),
        "number": Numbers(rng.normal(size=LONG_ROWS)),
        "count": Numbers(rng.poisson(3.0, LONG_ROWS).astype(np.float64)),
        "category": Categories(rng.integers(0, 30, LONG_ROWS).astype(np.int32), tuple(f"C{k:02d}" for k in range(30))),
    }
    said = [
        {"name": "month", "role": "time"},
        *({"name": c, "role": "covariate"} for c in ("number", "count", "category")),
    ]
    frame = Frame(LONG_ROWS, columns)
    return describe_frame(frame, DatasetSpec.model_validate({"name": "long", "columns": said})), frame


def memory_mib(field: str) -> float:
    """Return a figure of this process's status, such as VmHWM, in MiB."""
    found = re.search(rf"{field}:\s+(\d+) kB", Path("/proc/self/status").read_text(encoding="ascii"))
    return int(found[1]) / 1024 if found else 0.0


def measure(pipe: Connection, name: str, params: Json, context: ToolContext, repeats: int) -> None:
    """Run a case once for warmth, then ``repeats`` times; send time, memory and output."""
    before = memory_mib("VmRSS")
    try:
        output = run_tool(name, params, context)
        taken = []
        for _ in range(repeats):
            started = time.perf_counter()
            run_tool(name, params, context)
            taken.append(1000 * (time.perf_counter() - started))
        pipe.send((statistics.median(taken), memory_mib("VmHWM") - before, output, ""))
    except E2IError as error:
        pipe.send((None, None, None, f"{type(error).__name__}: {error.message}"))


def in_child(
    name: str, params: Json, context: ToolContext, repeats: int
) -> tuple[float | None, float | None, Any, str]:
    """Measure in a forked process, so that memory is the tool's own."""
    fork = multiprocessing.get_context("fork")
    here, there = fork.Pipe()
    child = fork.Process(target=measure, args=(there, name, params, context, repeats))
    child.start()
    there.close()
    try:
        answer: tuple[float | None, float | None, Any, str] = here.recv()
    except EOFError:
        answer = (None, None, None, "the process ended without an answer")
    child.join()
    return answer


def lines(names: list[str], context: ToolContext, *, large: bool) -> Iterator[Line]:
    """Measure every case, producers before consumers."""
    done: dict[str, Json] = {}
    for name in names:
        bar = SAMPLE_BARS.get(name, 150.0)
        for number, example in enumerate(catalogue()[name].examples, 1):
            taken, peak, _, note = in_child(name, example, context, 5)
            yield Line(name, f"sample, example {number}", taken, peak, bar, note)
        if large and name in LARGE:
            yield large_line(name, context, done)
        if large and name in LONG:
            yield from long_lines(name, context)


def large_line(name: str, context: ToolContext, done: dict[str, Json]) -> Line:
    """Measure the large case once warm and keep its output for the tools that take it."""
    case, bar = f"{ROWS:,} × 20", LARGE_BARS.get(name)
    try:
        params = LARGE[name](done)
    except KeyError as missing:
        return Line(name, case, None, None, bar, f"needs the large case of {missing}")
    taken, peak, output, note = in_child(name, params, context, 1)
    if output is not None:
        done[name] = output
    return Line(name, case, taken, peak, bar, note)


def long_lines(name: str, context: ToolContext) -> Iterator[Line]:
    """Measure one column of a million rows of each kind."""
    for column in ("number", "count", "category"):
        taken, peak, _, note = in_child(name, LONG[name](column), context, 3)
        yield Line(name, f"{LONG_ROWS:,}, {column}", taken, peak, LONG_BAR, note)


def show(line: Line) -> None:
    """Print one line of the table."""
    verdict = {True: "pass", False: "MISS", None: ""}[line.passed]
    taken = "–" if line.median_ms is None else f"{line.median_ms:,.1f}"
    peak = "–" if line.peak_mib is None else f"{line.peak_mib:,.0f}"
    bar = "" if line.bar_ms is None else f"{line.bar_ms:,.0f}"
    print(f"{line.tool:28}{line.case:22}{taken:>12}{bar:>10}{peak:>10}  {verdict} {line.note}", flush=True)


def main() -> None:
    """Print the table and save it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tools", nargs="*", help="names; left out: all")
    parser.add_argument("--small", action="store_true", help="the sample only")
    chosen = parser.parse_args()
    sample = generate()
    tables = {name: (sample.datasets[name], frame) for name, frame in sample.tables.items()}
    context = ToolContext(MemoryDataSource(tables | {"large": large_table(), "long": long_table()}), threads=2)
    names = sorted(
        chosen.tools or catalogue(), key=lambda name: (FIRST.index(name) if name in FIRST else len(FIRST), name)
    )
    print(f"{'tool':28}{'case':22}{'median ms':>12}{'bar ms':>10}{'peak MiB':>10}")
    measured = []
    for line in lines(names, context, large=not chosen.small):
        show(line)
        measured.append(line)
    missed = [line for line in measured if line.passed is False]
    RESULTS.parent.mkdir(exist_ok=True)
    saved = json.loads(RESULTS.read_text(encoding="utf-8"))["lines"] if chosen.tools and RESULTS.exists() else []
    kept = [line for line in saved if line["tool"] not in names]
    record = {"rows": ROWS, "lines": [*kept, *(asdict(line) | {"passed": line.passed} for line in measured)]}
    RESULTS.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    print(f"{len(measured)} cases, {len(missed)} missed; saved to benchmarks/results/{RESULTS.name}")


if __name__ == "__main__":
    main()
