"""A schedule of faults drawn by a seed, put to a running product, and what it broke."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from faulty.invariants import violations
from faulty.product import eventually

if TYPE_CHECKING:
    from faulty.product import Product

TOOLS = (
    "causal_effect_estimator",
    "refutation_runner",
    "sensitivity_analyzer",
    "cate_analyzer",
    "segment_ranker",
    "power_calculator",
)
TOOL_FAULTS = ("raise", "refuse", "transient", "hang", "spin", "wrong type", "nan", "kill", "nap")
PHASES = ("decompose", "plan", "synthesize", "execute cate_analyzer", "execute power_calculator")
PHASE_FAULTS = ("kill", "kill after", "transient")
AT_ONCE = 4


@dataclass(frozen=True)
class Run:
    """What goes wrong in one composition, and what its asker does meanwhile."""

    faults: dict[str, dict[str, Any]]
    deadline: int = 300
    cancel: bool = False
    retry: bool = False
    broken: list[str] = field(default_factory=list)


def draw(seed: int, runs: int) -> list[Run]:
    """Return a schedule: the same for the same seed."""
    chance = random.Random(seed)  # noqa: S311 - a schedule, no secret
    return [_run(chance) for _ in range(runs)]


def _run(chance: random.Random) -> Run:
    faults = {
        chance.choice(TOOLS): {"do": chance.choice(TOOL_FAULTS), "times": chance.choice((1, 2, 9))}
        for _ in range(chance.choice((0, 1, 1, 2)))
    }
    if chance.random() < 0.4:
        faults[chance.choice(PHASES)] = {"do": chance.choice(PHASE_FAULTS), "times": chance.choice((1, 1, 9))}
    deadline = chance.choice((300, 300, 300, 6))
    return Run(faults, deadline, cancel=chance.random() < 0.15, retry=chance.random() < 0.4)


def soak(product: Product, schedule: list[Run]) -> list[str]:
    """Ask with each run's faults, a few at once; return every invariant that did not hold, with its run."""
    problems: list[str] = []
    for first in range(0, len(schedule), AT_ONCE):
        runs = schedule[first : first + AT_ONCE]
        asked = [product.ask(run.faults, deadline_seconds=run.deadline) for run in runs]
        for identity, run in zip(asked, runs, strict=True):
            if run.cancel:
                product.call("POST", f"/compositions/{identity}/cancel")
        attempts = {identity: _to_end(product, identity, run) for identity, run in zip(asked, runs, strict=True)}
        for identity, run in zip(asked, runs, strict=True):
            eventually(lambda: not product.history(identity).running, 20)  # noqa: B023 - called at once
            found = violations(product.history(identity))
            problems += [f"{run} after {attempts[identity]} attempts: {problem}" for problem in found]
    return problems


def _to_end(product: Product, identity: str, run: Run) -> int:
    """Wait for the end, and for that of one more attempt where there is something to retry; return the attempts."""
    product.ended(identity, 120)
    if not run.retry or product.call("POST", f"/compositions/{identity}/retry").status_code != 202:
        return 1
    product.ended(identity, 120, attempt=2)
    return 2
