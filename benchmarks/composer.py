"""Whole questions on the running service: time to answer by kind, what of it is not inside a tool, what a language model would cost.

Promises, on the sample data: a question of at least 4 tools on 3 levels answered in ≤ 3 s at the 95th percentile; orchestration (all the
time in which no tool runs) ≤ 250 ms; planning ≤ 50 ms; k independent equal steps at least 0.8 k times as fast as one after the other;
every number of an answer in a tool's output; every sub-question answered or reported. ``python -m benchmarks composer`` starts a service,
loads the sample and stops it again; where one runs already, ``python -m benchmarks.composer [--runs 24]`` uses that. Prints a table,
saves ``results/composer.json`` with the load of the machine, exits 1 when a promise is not kept.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx

from benchmarks import composer_model, service
from benchmarks.composer_asking import COMPOSER, KINDS, About, Kind, Measured, asked, compose, put
from benchmarks.composer_audit import Audit, audit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cli.connection import Connection

    Json = dict[str, Any]

RESULTS = Path(__file__).parent / "results" / "composer.json"
PROMISES = {"answer": 3000.0, "overhead": 250.0, "plan": 50.0}  # ms at the 95th percentile of what is composed
LEAST_STEPS, LEAST_LEVELS = 4, 3
SPEED_UP_SHARE = 0.8
ALONE = ("Did rep visits raise {brand} TRx?", "Did speaker programs raise {brand} TRx?")
BESIDE = "Did rep visits and speaker programs raise {brand} TRx?"
AGAIN = "composer, again"
WARM_UP = replace(COMPOSER, words=COMPOSER.words.replace("rep visits", "samples"))  # the same tools, another plan
SHARES = (0.50, 0.95, 0.99)


def percentile(values: Sequence[float], share: float) -> float:
    """Return the nearest-rank percentile."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, round(share * (len(ordered) - 1)))]


def summarise(runs: Sequence[Measured]) -> dict[str, Json]:
    """Return the percentiles of each measure; phases only where they were kept."""
    series = {
        "answer": [r.answer_ms for r in runs],
        "tools": [r.tools_ms() for r in runs],
        "overhead": [r.overhead_ms() for r in runs],
        **{
            p: [r.view["latency_ms"][p] for r in runs if p in r.view["latency_ms"]]
            for p in ("decompose", "plan", "synthesize")
        },
    }
    return {
        name: {f"p{share * 100:.0f}": round(percentile(values, share), 1) for share in SHARES}
        for name, values in series.items()
        if values
    }


def speed_ups(client: httpx.Client, rounds: int) -> list[float]:
    """Return how much faster two equal steps of one level ended than the same two asked one after the other."""
    found = []
    for _ in range(rounds):
        for brand in sorted({about.brand for about in About.each()}):
            alone = sum(_execution_ms(compose(client, words.format(brand=brand))) for words in ALONE)
            found.append(alone / _execution_ms(compose(client, BESIDE.format(brand=brand))))
    return found


def _execution_ms(run: Measured) -> float:
    return float(run.view["latency_ms"]["execute"])


def table(client: httpx.Client, runs: int) -> tuple[dict[str, Json], Audit]:
    """Ask every kind of question and return the percentiles by kind, and the audit of all that was answered."""
    rows: dict[str, Json] = {}
    checked = Audit()
    kinds: list[tuple[str, Kind]] = [(kind.name, kind) for kind in KINDS]
    subjects = (About.each() * (runs // len(About.each()) + 1))[:runs]
    for name, kind in [*kinds, (AGAIN, COMPOSER)]:
        done = asked(client, kind, subjects)
        rows[name] = {
            "asked": len(subjects),
            "answered": len(done),
            "steps": min((len(r.steps) for r in done), default=0),
            "levels": min((r.levels() for r in done), default=0),
            **summarise(done),
        }
        checked += audit(client, done)
        print_row(name, rows[name])
    return rows, checked


def print_row(name: str, row: Json) -> None:
    """Print one kind of question."""
    if not row["answered"]:
        print(f"{name:<18}none of {row['asked']} was routed as it should be")
        return
    cells = "".join(f"{row[m][p]:>8.0f}" for m in ("answer", "overhead") for p in ("p50", "p95", "p99"))
    plan = f"{row['plan']['p50']:>8.0f}{row['plan']['p95']:>8.0f}" if "plan" in row else f"{'':>16}"
    share = 100 * row["overhead"]["p50"] / row["answer"]["p50"]
    shape = f"{row['steps']} on {row['levels']}" if row["steps"] else "none"
    print(f"{name:<18}{row['answered']:>4} of {row['asked']:<4}{shape:>8}{cells}{share:>7.0f}%{plan}", flush=True)


HEAD = (
    f"{'':<18}{'answered':>11}{'steps':>8}{'answer, ms':>24}{'outside tools, ms':>24}{'share':>8}{'plan, ms':>16}\n"
    f"{'':<18}{'':>11}{'':>8}{'p50':>8}{'p95':>8}{'p99':>8}{'p50':>8}{'p95':>8}{'p99':>8}{'p50':>8}{'p50':>8}{'p95':>8}"
)


def costs(provider: str, runs: int) -> dict[str, Json]:
    """Compose on a service that asks a scripted model, and return what each phase took; raises when the model's plan was not used."""
    with (
        composer_model.serving(provider) as environment,
        service.started(environment) as known,
        _client(known) as client,
    ):
        for about in About.each()[:runs]:
            one = put(client, COMPOSER, about)
            if one.view["plan"]["source"] != "llm":
                raise RuntimeError(f"the plan of {one.view['query']!r} is the rules': the model's was refused")
        return composer_model.spent(client, runs)


def print_costs(provider: str, found: dict[str, Json]) -> None:
    """Print calls, tokens and dollars of one composition by phase."""
    for phase, row in found.items():
        tokens = f"{row['tokens_in']:>9.0f}{row['tokens_cached']:>9.0f}{row['tokens_out']:>9.0f}"
        print(f"{provider:<11}{phase:<12}{row['calls']:>7.1f}{tokens}{row['cost_usd']:>10.4f}")
    print(f"{provider:<11}{'in all':<12}{'':>34}{sum(row['cost_usd'] for row in found.values()):>10.4f}")


def missed(rows: dict[str, Json], checked: Audit, sped: Sequence[float], cores: int) -> list[str]:
    """Return the promises that were not kept, in words."""
    row = rows[COMPOSER.name]
    if not row["answered"]:
        return [f"no question of the kind {COMPOSER.name} was answered"]
    found = [f"{name} p95 {row[name]['p95']:.0f} ms" for name, most in PROMISES.items() if row[name]["p95"] > most]
    found += [
        f"{name}: {r['answered']} of {r['asked']} as routed" for name, r in rows.items() if r["answered"] < r["asked"]
    ]
    if row["steps"] < LEAST_STEPS or row["levels"] < LEAST_LEVELS:
        found.append(f"only {row['steps']} steps on {row['levels']} levels")
    if cores >= 2 and statistics.median(sped) < SPEED_UP_SHARE * 2:
        found.append(f"speed-up {statistics.median(sped):.2f}")
    if checked.untraced or not checked.numbers:
        found.append(f"numbers without a source: {checked.untraced[:3]}")
    if checked.passed_over or not checked.sub_questions:
        found.append(f"sub-questions passed over: {checked.passed_over[:3]}")
    return found


def _client(known: Connection) -> httpx.Client:
    return httpx.Client(base_url=known.url, headers={"Authorization": f"Bearer {known.token}"}, timeout=60)


def _measure(options: argparse.Namespace) -> Json:
    with service.found_or_started() as known, _client(known) as client:
        for about in About.each()[-options.warm_up :] if options.warm_up else []:
            put(client, WARM_UP, about)
        print(HEAD)
        rows, checked = table(client, options.runs)
        sped = speed_ups(client, options.rounds)
    shares = checked.shares()
    print(f"\ntwo equal steps at once: {statistics.median(sped):.2f} times as fast (promise {SPEED_UP_SHARE * 2:g})")
    print(f"numbers traced: {shares['traced_percent']}% of {shares['numbers']} (promise 100%)")
    print(
        f"sub-questions answered or reported: {shares['accounted_percent']}% of {shares['sub_questions']} (promise 100%)"
    )
    failures = missed(rows, checked, sped, os.cpu_count() or 1)
    return {"kinds": rows, "speed_ups": [round(s, 2) for s in sped], "audit": shares, "missed": failures}


def _save(kept: Json) -> None:
    RESULTS.write_text(json.dumps(kept | {"load_after": round(os.getloadavg()[0], 2)}, indent=2) + "\n")


def main() -> int:
    """Measure; 0 when every promise is kept."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--runs", type=int, default=24)
    parser.add_argument("--warm-up", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=3, help="of the speed-up, each over all brands")
    parser.add_argument(
        "--model-runs", type=int, default=6, help="compositions with a scripted language model; 0 for none"
    )
    options = parser.parse_args()
    load = os.getloadavg()[0]
    kept = {"runs": options.runs, "cores": os.cpu_count(), "load_before": round(load, 2), **_measure(options)}
    _save(kept)
    if options.model_runs:
        print(f"\n{'a composition with a scripted model':<23}{'calls':>7}{'in':>9}{'cached':>9}{'out':>9}{'USD':>10}")
        kept["model"] = {provider: costs(provider, options.model_runs) for provider in composer_model.PROVIDERS}
        for provider, found in kept["model"].items():
            print_costs(provider, found)
        _save(kept)
    print("\n" + ("MISSED " + "; ".join(kept["missed"]) if kept["missed"] else "every promise kept"))
    return int(bool(kept["missed"]))


if __name__ == "__main__":
    sys.exit(main())
