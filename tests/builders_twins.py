"""Worlds to learn twins from, with everything known: who receives what, what it does to whom, what the population looks like."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from builders_frames import frame_of
from e2i_shared.api.datasets import ColumnRole, ColumnSpec
from e2i_shared.datasets.describe import describe_frame
from e2i_shared.datasets.frame import Categories, Frame, Numbers
from e2i_shared.datasets.memory import MemoryDataSource
from e2i_shared.datasets.specs import DatasetSpec
from e2i_shared.twins.spec import TwinSpec

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

SPECIALTIES = ("Cardiology", "Dermatology", "Oncology", "Primary")
REGIONS = ("East", "North", "South", "West")


@dataclass(frozen=True)
class TwinWorld:
    """A data set called ``data`` and each unit's true effect of one more unit of ``visits`` or ``email``."""

    source: MemoryDataSource
    frame: Frame
    effects: Mapping[str, Floats]

    def truth(self, name: str, keep: NDArray[np.bool_] | None = None) -> float:
        effects = self.effects[name]
        return float(effects.mean() if keep is None else effects[keep].mean())


def expit(z: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-z)))


def source_of(columns: Mapping[str, Any], roles: Mapping[str, str]) -> tuple[MemoryDataSource, Frame]:
    """Return a data set ``data`` of numpy columns, (codes, levels) pairs or lists."""
    made = {}
    for name, values in columns.items():
        if isinstance(values, tuple):
            made[name] = Categories(values[0].astype(np.int32), values[1])
        elif isinstance(values, np.ndarray):
            made[name] = Numbers(values.astype(np.float64))
        else:
            made[name] = frame_of({name: values}).columns[name]
    n = len(next(iter(columns.values()))[0]) if isinstance(next(iter(columns.values())), tuple) else None
    frame = Frame(n or len(next(iter(columns.values()))), made)
    spec = DatasetSpec(
        name="data", columns=[ColumnSpec(name=name, role=ColumnRole(role)) for name, role in roles.items()]
    )
    return MemoryDataSource({"data": (describe_frame(frame, spec), frame)}), frame


def people(rng: np.random.Generator, n: int) -> dict[str, Any]:
    """Return features: specialty, region, decile, tenure, digital."""
    return {
        "specialty": (rng.choice(4, n, p=[0.2, 0.2, 0.25, 0.35]), SPECIALTIES),
        "region": (rng.integers(0, 4, n), REGIONS),
        "decile": rng.integers(1, 11, n).astype(float),
        "tenure": rng.gamma(2.0, 4.0, n),
        "digital": rng.beta(2.0, 3.0, n),
    }


def confounded(
    seed: int,
    n: int = 2_000,
    *,
    effect: float = 1.0,
    spread: float = 0.5,
    dose_effect: float = 0.6,
    pull: float = 1.0,
    bend: float = 0.0,
    clusters: int = 0,
) -> TwinWorld:
    """A 0/1 ``email`` and a dose ``visits``, both drawn to units of high decile, who sell more anyway.

    ``email`` does ``effect`` (± ``spread`` by specialty), a visit ``dose_effect`` and ``bend`` less beyond the third.
    """
    rng = np.random.default_rng(seed)
    x = people(rng, n)
    leaning = np.zeros(n)
    if clusters:
        member = rng.integers(0, clusters, n)
        per = {k: (v[0][:clusters], v[1]) if isinstance(v, tuple) else v[:clusters] for k, v in x.items()}
        x = {k: (v[0][member], v[1]) if isinstance(v, tuple) else v[member] for k, v in per.items()}
        leaning = 1.5 * rng.normal(size=clusters)[member]
    oncology = (x["specialty"][0] == 2).astype(float)
    level = (x["decile"] - 5.5) / 2.9
    wave = np.sin(6 * x["digital"]) + 0.3 * level
    email = (rng.random(n) < expit(pull * (0.9 * wave + 0.3 * oncology - 0.2) + leaning).clip(0.02, 0.98)).astype(float)
    visits = rng.poisson(np.exp(0.5 + 0.3 * pull * level + 0.2 * oncology)).astype(float)
    tau = effect + spread * (oncology - 0.25)
    slope = np.full(n, dose_effect) + 0.2 * spread * (oncology - 0.25)
    y = 10 + 1.5 * wave + 1.0 * oncology + 0.05 * x["tenure"] + tau * email + slope * visits
    y = y - bend * np.maximum(visits - 3, 0.0) + rng.normal(size=n)
    columns: dict[str, Any] = {**x, "email": email, "visits": visits, "sales": y}
    roles = dict.fromkeys(x, "covariate") | {"email": "treatment", "visits": "treatment", "sales": "outcome"}
    if clusters:
        shared = 0.7 * rng.normal(size=clusters)[member]
        columns |= {"sales": y + shared, "unit": member.astype(float)}
        roles["unit"] = "cluster"
    source, frame = source_of(columns, roles)
    return TwinWorld(source, frame, {"email": tau, "visits": slope})


def twin_spec(**more: Any) -> TwinSpec:
    """Return the spec of a small twin over ``confounded``."""
    given: dict[str, Any] = {
        "name": "test",
        "twin_type": "hcp",
        "dataset": "data",
        "outcome": "sales",
        "interventions": ["email", "visits"],
        "twins": 5_000,
    }
    return TwinSpec(**(given | more))


def market(seed: int, n: int = 5_000) -> dict[str, Any]:
    """Fifteen columns with rules: nrx ≤ trx ≤ market, total = trx + other, region by territory, counts, shares, skew."""
    rng = np.random.default_rng(seed)
    x = people(rng, n)
    territory = x["region"][0] * 5 + rng.integers(0, 5, n)
    oncology = (x["specialty"][0] == 2).astype(float)
    patients = rng.poisson(np.exp(2.2 + 0.12 * x["decile"] + 0.3 * oncology)).astype(float)
    trx = rng.binomial(patients.astype(int), expit(-1 + 0.1 * x["decile"] + 0.5 * oncology)).astype(float)
    nrx = rng.binomial(trx.astype(int), expit(-0.5 + 0.8 * x["digital"])).astype(float)
    other = rng.poisson(3 + 0.3 * trx).astype(float)
    return x | {
        "territory": (territory, tuple(f"T{i:02d}" for i in range(20))),
        "academic": (rng.random(n) < expit(-1 + oncology)).astype(float),
        "patients": patients,
        "trx": trx,
        "nrx": nrx,
        "other": other,
        "total": trx + other,
        "income": np.round(rng.lognormal(4 + 0.05 * x["decile"], 0.3), 2),
        "age": np.round(30 + x["tenure"] + rng.gamma(3, 2, n)),
        "calls": rng.poisson(0.5 + 0.3 * x["decile"]).astype(float),
    }


LEVERS = {"email": 0.8, "speaker": 1.5, "digital_ads": 0.4, "peer": 0.0, "visits": 0.5, "samples": 0.1}


def wide(seed: int, n: int = 5_000) -> TwinWorld:
    """The market's fifteen features and six interventions, four 0/1 and two doses, with ``LEVERS`` as their true effects."""
    rng = np.random.default_rng(seed)
    x = market(seed + 1, n)
    level = (x["decile"] - 5.5) / 2.9
    oncology = (x["specialty"][0] == 2).astype(float)
    lean = 0.6 * level + 0.8 * (x["digital"] - 0.4) * 2
    binary = ("email", "speaker", "digital_ads", "peer")
    given = {name: (rng.random(n) < expit(lean - 0.3 * j)).astype(float) for j, name in enumerate(binary)}
    given |= {"visits": rng.poisson(np.exp(0.6 + 0.3 * level)).astype(float)}
    given |= {"samples": rng.poisson(np.exp(1.2 + 0.2 * level)).astype(float)}
    y = 10 + 2 * level + np.sin(5 * x["digital"]) + 0.1 * x["trx"] + oncology + rng.normal(size=n)
    y = y + sum(LEVERS[name] * values for name, values in given.items())
    roles = dict.fromkeys(x, "covariate") | dict.fromkeys(given, "treatment") | {"sales": "outcome"}
    source, frame = source_of({**x, **given, "sales": y}, roles)
    return TwinWorld(source, frame, {name: np.full(n, effect) for name, effect in LEVERS.items()})
