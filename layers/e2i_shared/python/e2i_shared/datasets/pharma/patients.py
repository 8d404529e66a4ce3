"""Patients on the three brands, two support programmes with known effects, and the outcomes they move.

    P(discontinued) = q(X) + Σ_k δ_k(X) · T_k          adherence ~ Beta with mean p(X) + Σ_k α_k(X) · T_k

Both are linear in the levers, so the true unit effects are δ_k(X) and α_k(X) exactly; probabilities and means stay inside (0, 1).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from e2i_shared.datasets.frame import Categories, Frame, FrameColumn, Numbers
from e2i_shared.datasets.pharma import design
from e2i_shared.datasets.pharma.prescribers import HCP_LABELS, labels

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from e2i_shared.datasets.pharma.prescribers import Prescribers

    Floats = NDArray[np.float64]

PAYERS: Final = ("Commercial", "Medicaid", "Medicare", "Uninsured")
SEXES: Final = ("F", "M")
# Mean age, share of women, by brand.
AGE: Final = np.array([47.0, 59.0, 42.0])
WOMEN: Final = np.array([0.48, 0.98, 0.66])
# Effects by brand at age 55; support works better for the old, copay cards for the commercially insured.
ADHERENCE: Final = {"copay_card": np.array([0.05, 0.04, 0.06]), "nurse_support": np.array([0.09, 0.07, 0.05])}
DISCONTINUED: Final = {"copay_card": np.array([-0.05, -0.04, -0.07]), "nurse_support": np.array([-0.10, -0.08, -0.06])}
SUPPORT_AGE: Final = 0.012
COPAY_COMMERCIAL: Final = 1.5
BETA_PRECISION: Final = 14.0


@dataclass(frozen=True, slots=True)
class Patients:
    """The table and the unit effects (5,000,) by lever and outcome."""

    frame: Frame
    unit_effects: Mapping[tuple[str, str], Floats]


def draw(hcps: Prescribers, rng: np.random.Generator) -> Patients:
    """Draw the patients; a prescriber's chance to be theirs grows with affinity and decile."""
    hcp, brand = _panel(hcps, rng)
    age = np.round(rng.normal(AGE[brand], 13.0).clip(18, 89))
    sex = (rng.random(design.PATIENTS) >= WOMEN[brand]).astype(np.int32)
    payer = _payer(age, rng)
    ill = rng.poisson(np.clip(0.6 + 0.03 * (age - 45), 0.2, 4)).astype(np.float64)
    levers = _levers(age, payer, ill, rng)
    effects = _effects(age, payer, brand)
    adherence = 0.68 - 0.04 * ill + 0.002 * (age - 50) - 0.02 * (payer == PAYERS.index("Uninsured"))
    stopped = 0.29 + 0.045 * ill - 0.001 * (age - 50) + 0.06 * (payer == PAYERS.index("Uninsured"))
    adherence = adherence + sum(effects[k, "adherence_pdc"] * t for k, t in levers.items())
    stopped = stopped + sum(effects[k, "discontinued_90d"] * t for k, t in levers.items())
    columns: dict[str, FrameColumn] = {
        "patient_id": Categories(np.arange(design.PATIENTS, dtype=np.int32), labels("PT-", design.PATIENTS, 6)),
        "hcp_id": _named(hcp, HCP_LABELS),
        "brand": Categories(brand, design.BRANDS),
        "age": Numbers(age),
        "sex": Categories(sex, SEXES),
        "region": Categories(hcps.region[hcp], design.REGIONS),
        "payer": Categories(payer, PAYERS),
        "comorbidities": Numbers(ill),
        **{k: Numbers(t) for k, t in levers.items()},
        "adherence_pdc": Numbers(_pdc(adherence, rng)),
        "discontinued_90d": Numbers((rng.random(design.PATIENTS) < stopped).astype(np.float64)),
    }
    return Patients(Frame(design.PATIENTS, columns), effects)


def _named(codes: NDArray[np.int32], names: tuple[str, ...]) -> Categories:
    used, packed = np.unique(codes, return_inverse=True)
    return Categories(packed.astype(np.int32), tuple(names[i] for i in used))


def _panel(hcps: Prescribers, rng: np.random.Generator) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    weight = design.AFFINITY.T[hcps.specialty] * (0.5 + 0.1 * hcps.decile)[:, None]
    cell = rng.choice(weight.size, design.PATIENTS, p=(weight / weight.sum()).ravel())
    return (cell // len(design.BRANDS)).astype(np.int32), (cell % len(design.BRANDS)).astype(np.int32)


def _payer(age: Floats, rng: np.random.Generator) -> NDArray[np.int32]:
    draw_ = rng.random(len(age))
    young = np.searchsorted([0.66, 0.86, 0.93], draw_)
    old = np.searchsorted([0.12, 0.20, 0.99], draw_)
    return np.where(age >= 65, old, young).astype(np.int32)


def _levers(age: Floats, payer: NDArray[np.int32], ill: Floats, rng: np.random.Generator) -> dict[str, Floats]:
    commercial = (payer == PAYERS.index("Commercial")).astype(np.float64)
    copay = -1.4 + 1.5 * commercial - 0.015 * (age - 50) + 0.7 * (ill - 1)
    nurse = -0.9 + 0.35 * ill + 0.02 * (age - 50) - 0.2 * commercial
    return {
        name: (rng.random(len(age)) < 1 / (1 + np.exp(-np.clip(level, -2.8, 2.8)))).astype(np.float64)
        for name, level in (("copay_card", copay), ("nurse_support", nurse))
    }


def _effects(age: Floats, payer: NDArray[np.int32], brand: NDArray[np.int32]) -> dict[tuple[str, str], Floats]:
    scale = {
        "copay_card": np.where(payer == PAYERS.index("Commercial"), COPAY_COMMERCIAL, 0.5),
        "nurse_support": 1 + SUPPORT_AGE * (age - 55),
    }
    effects = {(k, "adherence_pdc"): ADHERENCE[k][brand] * scale[k] for k in ADHERENCE}
    return effects | {(k, "discontinued_90d"): DISCONTINUED[k][brand] * scale[k] for k in DISCONTINUED}


def _pdc(mean: Floats, rng: np.random.Generator) -> Floats:
    bounded = np.clip(mean, 0.05, 0.97)
    return np.round(rng.beta(BETA_PRECISION * bounded, BETA_PRECISION * (1 - bounded)), 4)
