"""More worlds with a known effect: experiments, several arms, weights, and panels that adopt at different times."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from dgps import World, expit, study_of
from e2i_shared.causal.arms import Arms
from e2i_shared.causal.design import Covariate, encode
from e2i_shared.causal.panel import Panel
from e2i_shared.causal.study import Study

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


@dataclass(frozen=True)
class ArmsWorld:
    """A study of several levels and each level's true average effect against the reference."""

    study: Study
    truths: tuple[float, ...]


def experiment(seed: int, n: int = 2000, effect: float = 1.0) -> World:
    """A randomised treatment; the outcome bends in its covariates and the effect differs by one of them."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 4))
    a = (rng.random(n) < 0.3).astype(np.float64)
    tau = effect + 0.5 * x[:, 1]
    y = 2 * x[:, 0] + x[:, 1] ** 2 + tau * a + rng.normal(size=n)
    return World(study_of(x, a, y, randomised=True), effect, tau)


def open_treatment(seed: int, n: int = 2000) -> World:
    """Effects rise with a covariate that also closes the treatment: overlap weights move the average; ``truth`` is theirs."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 4))
    e = expit(1.2 * x[:, 0])
    a = (rng.random(n) < e).astype(np.float64)
    tau = 1 + x[:, 0] ** 2
    y = x[:, 0] + x[:, 1] + tau * a + rng.normal(size=n)
    z = np.random.default_rng(1).normal(size=2_000_000)
    spread = expit(1.2 * z) * (1 - expit(1.2 * z))
    return World(study_of(x, a, y), float((spread * (1 + z**2)).mean() / spread.mean()), tau)


def slopes(seed: int, n: int = 2000, effect: float = 0.7) -> World:
    """A continuous dose with one slope for all, and confounding that bends."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 5))
    bend = np.sin(2 * x[:, 0]) + 0.5 * x[:, 1]
    a = bend + rng.normal(size=n)
    return World(study_of(x, a, effect * a + 1.5 * bend + x[:, 2] + rng.normal(size=n)), effect, np.full(n, effect))


def three_arms(seed: int, n: int = 2000) -> ArmsWorld:
    """Two treatments and a reference, drawn by a multinomial logit; the second helps some more than others."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 4))
    odds = np.exp(np.column_stack([np.zeros(n), 0.6 * x[:, 0] - 0.3, -0.5 * x[:, 0] + 0.4 * x[:, 1]]))
    chance = odds / odds.sum(axis=1, keepdims=True)
    codes = (rng.random(n)[:, None] > chance.cumsum(axis=1)).sum(axis=1).clip(0, 2)
    effects = np.column_stack([np.zeros(n), np.full(n, 1.0), 0.5 + 0.5 * x[:, 2]])
    y = 1.5 * x[:, 0] + x[:, 1] + effects[np.arange(n), codes] + rng.normal(size=n)
    arms = Arms(codes.astype(np.intp), ("none", "email", "visit"), 1)
    return ArmsWorld(study_of(x, (codes == 1).astype(np.float64), y, arms=arms), (1.0, 0.5))


def sampled(seed: int, n: int = 2000) -> World:
    """Units with strong effects are sampled a fifth as often: only their weights give the population's effect, 1."""
    rng = np.random.default_rng(seed)
    many = 4 * n
    x = rng.normal(size=(many, 3))
    kept = rng.random(many) < np.where(x[:, 1] > 0, 0.1, 0.5)
    x = x[kept]
    a = (rng.random(len(x)) < expit(0.6 * x[:, 0])).astype(np.float64)
    tau = np.where(x[:, 1] > 0, 2.0, 0.0)
    y = 1.2 * x[:, 0] + x[:, 2] + tau * a + rng.normal(size=len(x))
    weights = np.where(x[:, 1] > 0, 10.0, 2.0)
    return World(study_of(x, a, y, weights=weights), 1.0, tau)


def adoption(
    seed: int,
    units: int = 400,
    periods: int = 6,
    *,
    drift: float = 0.0,
    effect: float = 1.0,
    growth: float = 0.5,
    confounded: bool = True,
) -> World:
    """Units adopt in period 2 or 4 or never, more so with high x₀, whose outcomes also rise faster.

    The effect is ``effect`` at first and grows by ``growth`` a period; ``drift`` bends the trend of adopters (no parallel trends).
    ``effects`` (n,) is each row's, and the truth its mean over treated rows.
    """
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(units, 2))
    lean = 0.8 * x[:, 0] if confounded else np.zeros(units)
    odds = np.exp(np.column_stack([np.zeros(units), lean - 0.4, 0.6 * lean - 0.4]))
    chance = odds / odds.sum(axis=1, keepdims=True)
    kind = (rng.random(units)[:, None] > chance.cumsum(axis=1)).sum(axis=1).clip(0, 2)
    start = np.array([periods, 2, 4])[kind]
    t = np.arange(periods)[None, :]
    treated = t >= start[:, None]
    tau = np.where(treated, effect + growth * (t - start[:, None]), 0.0)
    trend = 0.3 * t + (0.4 * x[:, [0]] * t if confounded else 0.0)
    level = 2 * rng.normal(size=(units, 1)) + x[:, [0]]
    y = level + trend + tau + drift * t * (start[:, None] < periods) + rng.normal(size=(units, periods))
    codes = np.repeat(np.arange(units), periods).astype(np.intp)
    rows = np.tile(np.arange(periods), units).astype(np.intp)
    panel = Panel(codes, rows, tuple(f"2024-{m + 1:02d}" for m in range(periods)))
    design = encode([Covariate(f"x{j}", x[codes, j]) for j in range(2)], units * periods)
    study = Study(y.ravel(), treated.ravel().astype(np.float64), design, clusters=codes, panel=panel)
    return World(study, float(tau[treated].mean()), tau.ravel())


def halves(study: Study, period: int) -> Study:
    """Return a panel's rows of the two periods ``period`` − 1 and ``period``."""
    assert study.panel is not None
    kept = study.take(np.isin(study.panel.periods, (period - 1, period)))
    assert kept.panel is not None
    panel = replace(kept.panel, periods=kept.panel.periods - (period - 1), period_labels=("before", "after"))
    return replace(kept, panel=panel)
