"""How well questions become plans: tools, edges, arguments and refusals against hand-written labels, with the time a plan takes.

``tests/data/composer/gold.jsonl`` says for each question which tools a right plan runs, which step feeds which, the arguments that
matter, and which questions must be refused. A third is held out: nothing was mended by looking at it. Run
``python -m benchmarks.planner [--show]``; prints a table, saves ``results/planner.json``, exits 1 when a promise is missed.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from e2i_shared.api.classification import ClassifyRequest
from e2i_shared.api.common import Filter
from e2i_shared.classifier.classify import classify
from e2i_shared.composer.binding import KpiName
from e2i_shared.composer.decompose import decompose
from e2i_shared.composer.plan import make_plan
from e2i_shared.composer.references import is_reference
from e2i_shared.composer.scope import describe_filter
from e2i_shared.composer.words import key
from e2i_shared.datasets import ingest
from e2i_shared.datasets.examples import EXAMPLES, load_example
from e2i_shared.datasets.sample import generate
from e2i_shared.errors import E2IError
from e2i_shared.testing import FakeCatalogue, FakeRows
from e2i_shared.tools._kpis import kpis
from e2i_shared.tools._registry import catalogue

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from e2i_shared.api.datasets import Dataset
    from e2i_shared.composer.model import Plan, PlanStep

    Json = dict[str, Any]

GOLD = Path("tests/data/composer/gold.jsonl")
RESULTS = Path(__file__).parent / "results" / "planner.json"
TODAY = date(2026, 11, 21)
PROMISES = {"tool_f1": 0.95, "edge_f1": 0.90, "arguments": 0.95, "refusals": 1.0}
PLAN_MS = 50.0


@dataclass(frozen=True, slots=True)
class Gold:
    """A labelled question. ``refusal`` is None, or why it cannot be planned; ``missing`` are tools that do not exist yet."""

    id: str
    query: str
    held_out: bool
    tools: list[Json]
    edges: list[list[str]]
    missing: list[str] = field(default_factory=list)
    refusal: str | None = None
    names: str | None = None


@dataclass(frozen=True, slots=True)
class Planned:
    """What the planner made of a question: a plan, or the message of its refusal, and the milliseconds it took."""

    plan: Plan | None
    refusal: str
    milliseconds: float


@dataclass(slots=True)
class Score:
    """Counts over questions; ``problems`` says what was wrong by question."""

    tools: Counter[str] = field(default_factory=Counter)
    edges: Counter[str] = field(default_factory=Counter)
    arguments: Counter[str] = field(default_factory=Counter)
    refusals: Counter[str] = field(default_factory=Counter)
    problems: dict[str, list[str]] = field(default_factory=dict)

    def figures(self) -> dict[str, float]:
        """Return the four measures."""
        return {
            "tool_f1": _f1(self.tools),
            "edge_f1": _f1(self.edges),
            "arguments": _share(self.arguments),
            "refusals": _share(self.refusals),
        }


def load(path: Path = GOLD) -> list[Gold]:
    """Return the labelled questions."""
    return [Gold(**json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines() if line]


@cache
def datasets() -> list[Dataset]:
    """Return the catalogue entries of the sample's four tables and of the published studies."""
    entries = FakeCatalogue()
    for name in EXAMPLES:
        ingest.load(*load_example(name), FakeRows(entries))
    return [*generate().datasets.values(), *(entries.find(name) for name in EXAMPLES)]


@cache
def kpi_names() -> Mapping[str, KpiName]:
    """Return the KPI catalogue by phrase."""
    return {
        key(phrase): KpiName(kpi.name, tuple(frozenset(d.columns()) for d in kpi.definitions))
        for kpi in kpis().values()
        for phrase in kpi.names()
    }


def plan(query: str) -> Planned:
    """Return what the offline planner makes of a question; the time does not include the classifier's."""
    classified = classify(ClassifyRequest(query=query), datasets(), today=TODAY)
    started = time.perf_counter()
    try:
        made = make_plan(query, decompose(query, classified), datasets(), catalogue(), kpis=kpi_names())
    except E2IError as error:
        return Planned(None, f"{error.message} {error.got or ''}", (time.perf_counter() - started) * 1000)
    return Planned(made, "", (time.perf_counter() - started) * 1000)


def score(pairs: Iterable[tuple[Gold, Planned]]) -> Score:
    """Compare plans with labels."""
    total = Score()
    for gold, planned in pairs:
        problems = [*_refused(gold, planned, total), *_compared(gold, planned, total)]
        if problems:
            total.problems[gold.id] = problems
    return total


def _refused(gold: Gold, planned: Planned, total: Score) -> Iterator[str]:
    """Count what had to be refused, in whole or in part."""
    reasons = planned.refusal + " ".join(m.reason for m in (planned.plan.missing if planned.plan else []))
    if gold.refusal:
        whole = planned.plan is None or not planned.plan.steps
        right = whole and (gold.names or "").lower() in reasons.lower()
        total.refusals["right" if right else "wrong"] += 1
        if not right:
            yield f"must be refused ({gold.refusal} {gold.names or ''}), got {_tools(planned)} {reasons}"
    for tool in gold.missing:
        if tool in catalogue():
            continue
        total.refusals["right" if tool in reasons else "wrong"] += 1
        if tool not in reasons:
            yield f"{tool} must be reported missing, got {reasons or 'nothing'}"


def _compared(gold: Gold, planned: Planned, total: Score) -> Iterator[str]:
    """Count tools, edges and arguments; a refusal that was not due has none."""
    wanted, made = [t["tool"] for t in gold.tools], _tools(planned)
    if _count(total.tools, wanted, made):
        yield f"tools {sorted(made)}, not {sorted(wanted)}{': ' + planned.refusal if planned.refusal else _reasons(planned)}"
    edges = [tuple(e) for e in gold.edges]
    if _count(total.edges, edges, _edges(planned)):
        yield f"edges {sorted(_edges(planned))}, not {sorted(edges)}"
    for label in gold.tools:
        yield from _arguments(label, planned, total)


def _reasons(planned: Planned) -> str:
    missing = planned.plan.missing if planned.plan else []
    return "".join(f"; missing: {m.reason}" for m in missing)


def _arguments(label: Json, planned: Planned, total: Score) -> Iterator[str]:
    """Compare the arguments of a labelled call with the step of that tool that fits it best."""
    steps = [s for s in (planned.plan.steps if planned.plan else []) if s.tool == label["tool"]]
    wrong = min((_differences(label["args"], s) for s in steps), key=len, default=["no such step"] * len(label["args"]))
    total.arguments["wrong"] += len(wrong)
    total.arguments["right"] += len(label["args"]) - len(wrong)
    yield from (w for w in wrong if steps)


def _differences(args: Mapping[str, Any], step: PlanStep) -> list[str]:
    return [
        f"{step.tool}.{name} is {_plain(_at(step.inputs, name))!r}, not {wanted!r}"
        for name, wanted in args.items()
        if not _equal(wanted, _plain(_at(step.inputs, name)))
    ]


def _at(inputs: Json, name: str) -> Any:
    """Return an argument by its dotted name; filters are none when left out."""
    value: Any = inputs
    for part in name.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return [] if value is None and name == "filters" else value


def _plain(value: Any) -> Any:
    """Return filters as ``region = South`` and periods as ``start/end``."""
    if isinstance(value, list):
        return [_plain(v) for v in value]
    if isinstance(value, dict) and not is_reference(value):
        if {"start", "end"} <= set(value):
            return f"{value['start']}/{value['end']}"
        if {"column", "value"} <= set(value):
            return describe_filter(
                Filter.model_validate({k: value[k] for k in ("column", "op", "value") if k in value})
            )
    return value


def _equal(wanted: Any, got: Any) -> bool:
    """Compare without regard to order; a list of alternatives for one text accepts any of them."""
    if isinstance(wanted, list) and isinstance(got, list):
        return sorted(map(str, wanted)) == sorted(map(str, got))
    if isinstance(wanted, list):
        return got in wanted or [got] == wanted
    if isinstance(wanted, float) and isinstance(got, (int, float)):
        return abs(wanted - got) < 1e-9
    return bool(wanted == got)


def _tools(planned: Planned) -> list[str]:
    return [s.tool for s in planned.plan.steps] if planned.plan else []


def _edges(planned: Planned) -> list[tuple[str, ...]]:
    steps = {s.step_number: s for s in planned.plan.steps} if planned.plan else {}
    return [(steps[d].tool, s.tool) for s in steps.values() for d in s.depends_on]


def _count(counts: Counter[str], wanted: Sequence[Any], made: Sequence[Any]) -> bool:
    """Add hits, misses and surplus; return whether there is any of the latter."""
    expected, found = Counter(wanted), Counter(made)
    counts["hit"] += (expected & found).total()
    counts["missed"] += (expected - found).total()
    counts["surplus"] += (found - expected).total()
    return expected != found


def _f1(counts: Counter[str]) -> float:
    twice = 2 * counts["hit"]
    whole = twice + counts["missed"] + counts["surplus"]
    return twice / whole if whole else 1.0


def _share(counts: Counter[str]) -> float:
    return counts["right"] / counts.total() if counts.total() else 1.0


def percentile(values: Sequence[float], share: float) -> float:
    """Return the nearest-rank percentile."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, round(share * (len(ordered) - 1)))]


def main() -> int:
    """Measure both parts; 0 when every promise is kept on both."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--show", action="store_true", help="print what is wrong in the part that is not held out")
    options = parser.parse_args()
    rows = load()
    plan(rows[0].query)
    pairs = [(gold, plan(gold.query)) for gold in rows]
    parts = {"open": [p for p in pairs if not p[0].held_out], "held out": [p for p in pairs if p[0].held_out]}
    scores = {name: score(part) for name, part in parts.items()}
    slow = percentile([p.milliseconds for _, p in pairs], 0.95)
    print(f"{'':<10}{'questions':>10}" + "".join(f"{name:>11}" for name in PROMISES))
    for name, found in scores.items():
        print(f"{name:<10}{len(parts[name]):>10}" + "".join(f"{v:>11.3f}" for v in found.figures().values()))
    print(f"{'promised':<10}{'':>10}" + "".join(f"{v:>11.2f}" for v in PROMISES.values()))
    print(f"a plan takes {slow:.1f} ms at the 95th percentile (promised: {PLAN_MS:g})")
    if options.show:
        texts = {g.id: g.query for g in rows}
        for identity, problems in scores["open"].problems.items():
            print(f"{identity} {texts[identity]}", *problems, sep="\n    ")
    missed = [f"{n} {m}" for n, s in scores.items() for m, v in s.figures().items() if v < PROMISES[m]]
    missed += ["plan time"] if slow > PLAN_MS else []
    kept = {name: {"questions": len(parts[name]), **s.figures()} for name, s in scores.items()}
    RESULTS.write_text(json.dumps({**kept, "plan_ms_p95": round(slow, 1)}, indent=2) + "\n")
    print("missed: " + ", ".join(missed) if missed else "every promise kept")
    return int(bool(missed))


if __name__ == "__main__":
    sys.exit(main())
