"""How often each estimator's 95% interval holds the truth at n = 2,000: coverage, bias and CPU seconds, printed and saved as JSON.

Promises, where an estimator's assumptions hold: coverage of 93 to 97%, bias at most 0.1 standard errors. A line passes when chance
cannot be told from the promise: coverage within two binomial standard errors of the band, bias within two of its own. ``--draws N``
(500 unless told) and ``--only NAME …`` for less. Worlds are those of the tests.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from e2i_shared.causal.estimators.choice import estimate
from e2i_shared.causal.study import Settings
from e2i_shared.causal.threads import one_thread_each

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[1]
RESULTS = Path(__file__).parent / "results" / "coverage.json"
sys.path.insert(0, str(ROOT / "tests"))
import dgps  # type: ignore[import-not-found]  # noqa: E402  -- worlds of the tests, outside the package
import dgps_effects as more  # type: ignore[import-not-found]  # noqa: E402  -- as above

LEAST, MOST, MOST_BIAS = 0.93, 0.97, 0.1
FIRST_SEED = 70_000
WORLDS: dict[str, tuple[Callable[[int], Any], str, str]] = {
    "aipw, waves": (dgps.waves, "aipw", "ate"),
    "aipw, valley": (dgps.valley, "aipw", "ate"),
    "aipw, sines": (dgps.sines, "aipw", "ate"),
    "aipw, weighted": (more.sampled, "aipw", "ate"),
    "aipw of the treated": (dgps.straight, "aipw", "att"),
    "aipw of several levels": (more.three_arms, "auto", "ate"),
    "ipw": (dgps.straight, "ipw", "ate"),
    "ipw of the treated": (dgps.straight, "ipw", "att"),
    "ipw, weighted": (more.sampled, "ipw", "ate"),
    "average slope of a count": (dgps.doses, "auto", "ate"),
    "partially linear, dose": (more.slopes, "partially_linear", "ate"),
    "partially linear, 0/1": (more.open_treatment, "partially_linear", "ate"),
    "regression adjustment": (more.experiment, "regression_adjustment", "ate"),
    "difference in means": (more.experiment, "difference_in_means", "ate"),
    "staggered adoption": (more.adoption, "difference_in_differences", "ate"),
}


@dataclass(frozen=True, slots=True)
class Line:
    """One estimator in one world: ``bias`` is in mean standard errors, ``spread`` the standard deviation of z."""

    case: str
    draws: int
    coverage: float
    bias: float
    spread: float
    rmse: float
    cpu_s: float

    @property
    def passed(self) -> bool:
        """Return whether the promises hold as far as so many draws can tell."""
        chance = 2 * np.sqrt(0.05 * 0.95 / self.draws)
        covers = LEAST - chance <= self.coverage <= MOST + chance
        return bool(covers and abs(self.bias) <= MOST_BIAS + 2 * self.spread / np.sqrt(self.draws))


def draw(task: tuple[str, int]) -> tuple[float, float, bool, float]:
    """Return error, standard error, whether the interval held the truth, and CPU seconds."""
    name, seed = task
    world, method, estimand = WORLDS[name]
    drawn = world(seed)
    started = time.process_time()
    with one_thread_each():
        found = estimate(drawn.study, Settings(seed=seed, estimand=estimand), method).inference
    taken = time.process_time() - started
    truth = drawn.truths[0] if hasattr(drawn, "truths") else drawn.truth
    held = found.ci_lower <= truth <= found.ci_upper
    return found.estimate - truth, found.std_error, held, taken


def summed_up(name: str, draws: list[tuple[float, float, bool, float]]) -> Line:
    """Return the line of a case from its draws."""
    error, spread, held, taken = (np.array(column, dtype=np.float64) for column in zip(*draws, strict=True))
    return Line(
        case=name,
        draws=len(draws),
        coverage=float(held.mean()),
        bias=float(error.mean() / spread.mean()),
        spread=float((error / spread).std()),
        rmse=float(np.sqrt((error**2).mean())),
        cpu_s=float(taken.mean()),
    )


def show(line: Line) -> None:
    """Print one line of the table."""
    verdict = "pass" if line.passed else "MISS"
    print(
        f"{line.case:26}{line.draws:6}{line.coverage:9.3f}{line.bias:+9.2f}{line.spread:7.2f}{line.rmse:9.4f}"
        f"{line.cpu_s:8.2f}  {verdict}",
        flush=True,
    )


def main() -> int:
    """Print the table and save it; return 1 when a promise was missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--draws", type=int, default=500)
    parser.add_argument("--only", nargs="*", choices=WORLDS, default=list(WORLDS))
    parser.add_argument("--processes", type=int, default=2)
    chosen = parser.parse_args()
    saved = json.loads(RESULTS.read_text(encoding="utf-8"))["lines"] if RESULTS.exists() else []
    lines = {line["case"]: line for line in saved}
    print(f"{'estimator and world':26}{'draws':>6}{'coverage':>9}{'bias/se':>9}{'z sd':>7}{'rmse':>9}{'cpu s':>8}")
    missed = 0
    with get_context("fork").Pool(chosen.processes) as pool:
        for name in chosen.only:
            tasks = [(name, FIRST_SEED + number) for number in range(chosen.draws)]
            line = summed_up(name, pool.map(draw, tasks, chunksize=4))
            show(line)
            missed += not line.passed
            lines[name] = asdict(line) | {"passed": line.passed}
            kept = [lines[case] for case in WORLDS if case in lines]
            RESULTS.write_text(json.dumps({"n": 2000, "lines": kept}, indent=1) + "\n", encoding="utf-8")
    print(f"{len(chosen.only)} cases, {missed} missed; saved to benchmarks/results/{RESULTS.name}")
    return int(missed > 0)


if __name__ == "__main__":
    sys.exit(main())
