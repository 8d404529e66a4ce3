"""Worlds with a known effect, and the two published studies, as arrays."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from e2i_shared.causal.design import Covariate, encode
from e2i_shared.causal.study import Study

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


@dataclass(frozen=True)
class World:
    """A study and its truth: the average effect, and each unit's."""

    study: Study
    truth: float
    effects: Floats


def expit(z: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-z)))


def study_of(x: Floats, a: Floats, y: Floats, **more: Any) -> Study:
    """Return a study with the columns x (n, p) as numeric covariates x0, x1, …"""
    covariates = [Covariate(f"x{j}", x[:, j]) for j in range(x.shape[1])]
    return Study(y, a, encode(covariates, len(y)), **more)


def _world(x: Floats, a: Floats, base: Floats, tau: Floats, rng: np.random.Generator, **more: Any) -> World:
    y = base + tau * a + rng.normal(size=len(a))
    return World(study_of(x, a, y, **more), float(tau.mean()), tau)


def waves(seed: int, n: int = 2000) -> World:
    """Sine, threshold and product confounding; adjusting linearly leaves a bias of about +0.7."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 8))
    shape = np.sin(2 * x[:, 0]) + (x[:, 1] > 0) - 0.5 + 0.5 * x[:, 0] * x[:, 1].clip(-2, 2)
    a = (rng.random(n) < expit(0.9 * shape)).astype(np.float64)
    return _world(x, a, 1.5 * shape + x[:, 3], 1 + 0.5 * x[:, 2], rng)


def valley(seed: int, n: int = 2000) -> World:
    """Confounding that is even in its covariates, so that a linear model sees none of it."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 8))
    shape = np.abs(x[:, 0]) + 0.5 * x[:, 1] ** 2 - 1.3
    a = (rng.random(n) < expit(0.9 * shape).clip(0.05, 0.95)).astype(np.float64)
    return _world(x, a, 1.2 * shape + x[:, 2], 1 + 0.5 * (x[:, 2] > 0), rng)


def sines(seed: int, n: int = 2000) -> World:
    """Setup A of Nie & Wager (2021): sin(πx₀x₁) drives treatment and outcome."""
    rng = np.random.default_rng(seed)
    x = rng.uniform(size=(n, 6))
    shape = np.sin(np.pi * x[:, 0] * x[:, 1])
    tau = (x[:, 0] + x[:, 1]) / 2
    a = (rng.random(n) < shape.clip(0.1, 0.9)).astype(np.float64)
    return _world(x, a, shape + 2 * (x[:, 2] - 0.5) ** 2 + x[:, 3] + 0.5 * x[:, 4] - tau / 2, tau, rng)


def straight(seed: int, n: int = 2000, effect: float = 1.0, *, confounding: float = 0.7) -> World:
    """Linear confounding and one effect for all."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 5))
    a = (rng.random(n) < expit(confounding * x[:, 0] - 0.4 * x[:, 1])).astype(np.float64)
    return _world(x, a, 2 * confounding * x[:, 0] + x[:, 1], np.full(n, effect), rng)


def doses(seed: int, n: int = 2000, effect: float = 0.8, *, spread: float = 0.3) -> World:
    """Poisson doses drawn to units where they work better; effects linear in the dose."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 5))
    level = np.exp(0.3 * x[:, 0] + 0.2 * np.sin(2 * x[:, 1])) + 0.5
    a = rng.poisson(level).astype(np.float64)
    return _world(x, a, 2 * np.sin(2 * x[:, 1]) + 1.5 * x[:, 0], effect + spread * x[:, 0], rng)


def clustered(seed: int, groups: int = 150, size: int = 12, effect: float = 0.5) -> World:
    """Treatment and noise shared within clusters: an interval that ignores them is far too narrow."""
    rng = np.random.default_rng(seed)
    codes = np.repeat(np.arange(groups), size)
    x = rng.normal(size=(groups, 3))[codes]
    leaning = rng.normal(size=groups)[codes]
    a = (rng.random(groups * size) < expit(0.6 * x[:, 0] + 1.5 * leaning)).astype(np.float64)
    shared = 1.5 * rng.normal(size=groups)[codes]
    return _world(x, a, x[:, 0] + shared, np.full(len(codes), effect), rng, clusters=codes.astype(np.intp))


def hidden(seed: int, n: int = 3000, strength: float = 1.0) -> World:
    """No effect at all, but a confounder that no covariate shows."""
    rng = np.random.default_rng(seed)
    x, u = rng.normal(size=(n, 3)), rng.normal(size=n)
    a = (rng.random(n) < expit(0.5 * x[:, 0] + strength * u)).astype(np.float64)
    return _world(x, a, x[:, 0] + strength * u, np.zeros(n), rng)


NONLINEAR = {"waves": waves, "valley": valley, "sines": sines}


def _table(name: str) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import causaldata

        return getattr(causaldata, name).load_pandas().data


def _published(table: Any, a: str, y: str, numbers: Sequence[str], categories: Sequence[str], **more: Any) -> Study:
    covariates = [Covariate(name, table[name].to_numpy(dtype=np.float64)) for name in numbers]
    for name in categories:
        levels, codes = np.unique(table[name].to_numpy(), return_inverse=True)
        covariates.append(Covariate(name, codes.astype(np.float64), tuple(map(str, levels))))
    outcome, treatment = (table[name].to_numpy(dtype=np.float64) for name in (y, a))
    return Study(outcome, treatment, encode(covariates, len(table)), treatment_name=a, outcome_name=y, **more)


def nhefs() -> Study:
    """Quitting smoking and weight, 1,566 smokers (Hernán & Robins, What If, chapter 12)."""
    numbers = ("age", "smokeintensity", "smokeyrs", "wt71")
    return _published(
        _table("nhefs_complete"), "qsmk", "wt82_71", numbers, ("sex", "race", "education", "exercise", "active")
    )


NSW_COVARIATES = ("age", "educ", "black", "hisp", "marr", "nodegree", "re74", "re75")


def nsw() -> Study:
    """The National Supported Work experiment, 445 men (Dehejia & Wahba 1999)."""
    return _published(_table("nsw_mixtape"), "treat", "re78", NSW_COVARIATES, (), randomised=True)


def nsw_against_cps() -> Study:
    """Its treated men beside 15,992 men of the Current Population Survey, who are nothing like them."""
    import pandas as pd

    trained = _table("nsw_mixtape")
    table = pd.concat([trained[trained.treat == 1], _table("cps_mixtape")])
    return _published(table, "treat", "re78", NSW_COVARIATES, ())
