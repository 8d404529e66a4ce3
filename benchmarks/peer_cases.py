"""The data on which our estimators and the peers are compared: two published studies, worlds with known truth, and size.

A case is named ``nhefs``, ``nsw``, ``nsw_cps``, ``waves:SEED`` (and ``valley``, ``sines``, ``straight``), or ``rows:N``.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
import dgps  # type: ignore[import-not-found]

if TYPE_CHECKING:
    from e2i_shared.causal.study import Study
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

COLUMNS = 20
WORLDS = {"waves": dgps.waves, "valley": dgps.valley, "sines": dgps.sines, "straight": dgps.straight}


@dataclass(frozen=True, slots=True)
class Case:
    """A study, its true effect (or the published one), each unit's where known, and whether the treated are meant."""

    name: str
    study: Study
    truth: float
    effects: Floats | None = None
    treated_only: bool = False


def case_of(name: str) -> Case:
    """Return the case of that name; raise KeyError for another."""
    kind, _, number = name.partition(":")
    if kind == "nhefs":
        return Case(name, dgps.nhefs(), 3.45)  # What If, chapters 12 to 15: 3.4 to 3.5 kg
    if kind == "nsw":
        return Case(name, dgps.nsw(), 1794.34)
    if kind == "nsw_cps":
        return Case(name, dgps.nsw_against_cps(), 1794.34, treated_only=True)
    if kind == "rows":
        return rows(int(number))
    world = WORLDS[kind](int(number))
    return Case(name, world.study, world.truth, world.effects)


def rows(n: int) -> Case:
    """Return n × 20 with sine, threshold and product confounding and an effect of 1 that varies with three columns."""
    rng = np.random.default_rng(n)
    x = rng.normal(size=(n, COLUMNS)).astype(np.float32).astype(np.float64)
    shape = np.sin(2 * x[:, 0]) + (x[:, 1] > 0) - 0.5 + 0.5 * x[:, 0] * x[:, 1].clip(-2, 2)
    a = (rng.random(n) < dgps.expit(0.9 * shape)).astype(np.float64)
    effects = 1 + 0.5 * x[:, 2] + 0.5 * (x[:, 3] > 0) - 0.25
    y = effects * a + 1.5 * shape + x[:, 4] + rng.normal(size=n)
    return Case(f"rows:{n}", dgps.study_of(x, a, y), float(effects.mean()), effects)
