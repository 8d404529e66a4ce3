"""Digital twins against their promises, printed with kept or MISSED, and saved as JSON.

``--parts all`` measures everything, else those named; a part's figures replace those saved before. ``--coverage N`` (300) draws for
coverage at three twin counts, ``--draws N`` (100) for every other truth, ``--large`` adds training on 100,000 rows. The part ``peers``
puts SDV's copula and EconML's DR-learner beside ours (from ``.venv-peers``, where it exists).
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from e2i_shared.causal.diagnostics import auc
from e2i_shared.twins import bundle as bundles
from e2i_shared.twins import realism
from e2i_shared.twins.population import fit_copula, population
from e2i_shared.twins.rules import discover
from e2i_shared.twins.simulate import simulate
from e2i_shared.twins.spec import SimulationSpec
from e2i_shared.twins.table import Table, table_of
from e2i_shared.twins.train import Trained, train

from benchmarks import twins_truth
from benchmarks.rows import Row, at_least, at_most, row
from benchmarks.twins_truth import COUNTS

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[1]
RESULTS = Path(__file__).parent / "results" / "twins.json"
PEERS = ROOT / ".venv-peers" / "bin" / "python"
sys.path.insert(0, str(ROOT / "tests"))
import builders_twins as worlds  # type: ignore[import-not-found]  # noqa: E402  -- worlds of the tests, outside the package


def best_ms(run: Callable[[], object], times: int = 5) -> float:
    """Return the least wall time of several runs, in milliseconds."""
    found = []
    for _ in range(times):
        started = time.perf_counter()
        run()
        found.append(1000 * (time.perf_counter() - started))
    return min(found)


def population_rows() -> list[Row]:
    """Measure realism and speed of the population on 5,000 × 15."""
    real = table_of(worlds.source_of(worlds.market(1), {})[1])
    fitted = best_ms(lambda: fit_copula(real, 0).draw(10_000, 0), 3)
    copula = fit_copula(real, 0)
    found = realism.compare(real, population(real, 5_000, seed=1), discover(real.numbers, real.categories))
    return [
        at_most("population: C2ST AUC (boosting)", found.c2st_auc or 1.0, 0.62),
        at_least("population: KS complement", found.ks_complement, 0.98),
        at_least("population: Spearman similarity", found.spearman, 0.98),
        at_most("population: rules broken", found.rules_broken, 0),
        at_most("population: copies of real units", found.copies, 0),
        row("population: distance to nearest real unit (1 = as real)", found.privacy, "", None),
        at_most("population: 50,000 rows drawn, ms", best_ms(lambda: copula.draw(50_000, 1)), 150),
        row("population: fit and draw 10,000, ms", fitted, "", None),
    ]


def training_rows(large: bool) -> list[Row]:
    """Measure training in processes of their own, for their memory."""
    rows = []
    for n, bar in ((5_000, 30.0), *([(100_000, 300.0)] if large else [])):
        command = [sys.executable, "-m", "benchmarks.twins", "--train", str(n)]
        out = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT).stdout  # noqa: S603 - this script
        seconds, work, memory = json.loads(out.splitlines()[-1])
        rows.append(row(f"train {n:,} x 15, 6 interventions, two threads: s, as busy as it was", seconds, "", None))
        rows.append(at_most(f"train {n:,} x 15: CPU s ({bar:g} s on two cores)", work, 2 * bar))
        rows.append(at_most(f"train {n:,} x 15: peak memory, MiB", memory, 2048))
    return rows


def train_once(n: int) -> None:
    """Train once and print wall seconds, CPU seconds and peak memory."""
    world = worlds.wide(1, n)
    spec = worlds.twin_spec(interventions=list(worlds.LEVERS), twins=50_000)
    started, worked = time.perf_counter(), time.process_time()
    train(world.source, spec, threads=2)
    taken = [time.perf_counter() - started, time.process_time() - worked]
    print(json.dumps([*taken, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024]))


def model_rows() -> list[Row]:
    """Measure propensity against the oracle, matching, and simulations of that twin."""
    rng = np.random.default_rng(1)
    world = worlds.confounded(1, 5_000)
    trained = train(world.source, worlds.twin_spec(twins=50_000), threads=2)
    x = {n: world.frame.columns[n] for n in ("specialty", "decile", "digital")}
    level = (x["decile"].values - 5.5) / 2.9
    wave = np.sin(6 * x["digital"].values) + 0.3 * level
    chance = worlds.expit(0.9 * wave + 0.3 * (x["specialty"].codes == 2) - 0.2)
    oracle = auc(world.frame.numbers("email"), chance + 1e-9 * rng.random(len(chance)))
    model = trained.figures["propensity"]["email"]
    worst = max(abs(b["after"]) for b in trained.figures["matching"]["email"]["balance"])
    named = trained.figures["matching"]["email"]["valid"] or bool(trained.figures["matching"]["email"]["unbalanced"])
    return [
        at_most("propensity: AUC short of the oracle's", oracle - model["auc"], 0.01),
        at_most("propensity: calibration error", model["calibration_error"], 0.03),
        row("propensity: accuracy (the oracle's may be lower than 0.75)", model["accuracy"], "", None),
        row("matching: worst SMD, < 0.1 or named", worst, "< 0.1", worst < 0.1 or named),
        *speed_rows(trained),
    ]


def speed_rows(trained: Trained) -> list[Row]:
    """Measure simulations, warm, in process."""
    bundle = bundles.read(bundles.write(trained.bundle))
    rows = []
    for count, bar in zip(COUNTS, (50, 50, 150), strict=True):
        for kind in ("email", "visits"):
            spec = SimulationSpec(intervention_type=kind, twin_count=count)
            took = best_ms(partial(simulate, bundle, spec))
            rows.append(at_most(f"simulate {kind}, {count:,} twins, with pictures: ms", took, bar))
    return rows


def peer(which: str, arrays: dict[str, Any]) -> dict[str, Any]:
    """Run one library on arrays in its own environment."""
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "in.npz", Path(folder) / "out.npz"
        np.savez(source, allow_pickle=False, **arrays)
        script = Path(__file__).with_name("twins_peer.py")
        command = [
            str(PEERS),
            "-P",
            str(script),
            which,
            str(source),
            str(target),
        ]  # without its folder: a module there is named coverage
        subprocess.run(command, check=True, capture_output=True)  # noqa: S603 - our script
        with np.load(target) as found:
            return {k: found[k] for k in found.files}


def peer_rows() -> list[Row]:
    """Put SDV's copula and EconML's DR-learner beside ours."""
    if not PEERS.exists():
        print("no .venv-peers: `make peers` installs what is compared with")
        return []
    real = table_of(worlds.source_of(worlds.market(1), {})[1])
    names = {n: f"category:{n}" if n in real.categories else n for n in real.names}
    found = peer("copula", {names[n]: real.values(n) for n in real.names})
    drawn = Table(
        10_000,
        {n: found[n] for n in real.numbers},
        {n: found[names[n]] for n in real.categories},
        real.levels,
        real.dates,
    )
    likeness = realism.compare(real, drawn, discover(real.numbers, real.categories))
    world = worlds.confounded(1, 5_000)
    x = np.column_stack(
        [table_of(world.frame).values(n) for n in ("decile", "tenure", "digital", "specialty", "region")]
    )
    x = np.column_stack([x, world.frame.numbers("visits")])
    other = peer("effect", {"x": x, "a": world.frame.numbers("email"), "y": world.frame.numbers("sales")})
    return [
        row("SDV GaussianCopula: C2ST AUC", likeness.c2st_auc or 1.0, "", None),
        row("SDV GaussianCopula: KS complement", likeness.ks_complement, "", None),
        row("SDV GaussianCopula: Spearman similarity", likeness.spearman, "", None),
        row("SDV GaussianCopula: rules broken, of 10,000 rows", likeness.rules_broken, "", None),
        row("SDV GaussianCopula: fit and draw 10,000, CPU s", float(found["seconds"]), "", None),
        row("EconML LinearDRLearner: relative error", abs(float(other["effect"]) / world.truth("email") - 1), "", None),
        row("EconML LinearDRLearner: CPU s", float(other["seconds"]), "", None),
    ]


PARTS = ("population", "training", "models", "coverage", "error", "nothing", "harm", "overlap", "curve", "peers")


def measure(part: str, options: argparse.Namespace) -> list[Row]:
    """Measure one part."""
    parts: dict[str, Callable[[], list[Row]]] = {
        "population": population_rows,
        "training": partial(training_rows, options.large),
        "models": model_rows,
        "coverage": partial(twins_truth.coverage_rows, options.coverage),
        "error": partial(twins_truth.error_rows, options.draws),
        "nothing": partial(twins_truth.nothing_rows, options.draws),
        "harm": partial(twins_truth.harm_rows, options.draws),
        "overlap": partial(twins_truth.weak_overlap_rows, options.draws),
        "curve": partial(twins_truth.curve_rows, options.draws),
        "peers": peer_rows,
    }
    return parts[part]()


def main() -> int:
    """Measure, print, save part by part; return 1 when a promise is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--parts", default=",".join(PARTS[:3]), help=f"of {', '.join(PARTS)}, or all")
    parser.add_argument("--draws", type=int, default=100)
    parser.add_argument("--coverage", type=int, default=300)
    parser.add_argument("--large", action="store_true")
    parser.add_argument("--train", type=int, default=0, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.train:
        train_once(options.train)
        return 0
    found = {}
    for part in PARTS if options.parts == "all" else options.parts.split(","):
        found[part] = measure(part, options)
        save(part, found[part])
    return int(any(r["kept"] is False for rows in found.values() for r in rows))


def save(part: str, rows: list[Row]) -> None:
    """Keep a part's figures beside those of the others."""
    saved: dict[str, list[Row]] = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
    saved[part] = rows
    kept = {name: saved[name] for name in PARTS if name in saved}
    RESULTS.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
