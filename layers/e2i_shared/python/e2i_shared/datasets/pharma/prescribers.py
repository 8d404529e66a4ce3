"""Prescribers: 1,000 HCPs with correlated features, nested in territories and regions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from e2i_shared.datasets.frame import Categories, Dates, Frame, Numbers
from e2i_shared.datasets.pharma import design

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Codes = NDArray[np.int32]

OPT_OUT_SHARE = 0.05


@dataclass(frozen=True, slots=True)
class Prescribers:
    """One array of shape (HCPS,) per feature; codes index the design's SPECIALTIES, REGIONS and the 40 territories."""

    specialty: Codes
    region: Codes
    territory: Codes
    decile: Floats
    practice_size: Floats
    years_in_practice: Floats
    digital_affinity: Floats
    academic: Floats
    opt_out: Floats
    opt_out_date: NDArray[np.datetime64]


def labels(prefix: str, count: int, digits: int) -> tuple[str, ...]:
    """Return ``count`` numbered identifiers, such as T01 … T40."""
    return tuple(f"{prefix}{i:0{digits}d}" for i in range(1, count + 1))


TERRITORY_LABELS = labels("T", sum(design.TERRITORIES.values()), 2)
HCP_LABELS = labels("HCP-", design.HCPS, 5)


def draw(rng: np.random.Generator) -> Prescribers:
    """Draw the prescribers: digital affinity falls with years in practice, decile rises with practice size and specialty."""
    n = design.HCPS
    counts = [design.TERRITORIES[region] for region in design.REGIONS]
    territory = rng.permutation(np.arange(n) % len(TERRITORY_LABELS)).astype(np.int32)
    region = np.repeat(np.arange(len(counts)), counts)[territory].astype(np.int32)
    specialty = rng.choice(len(design.SPECIALTIES), n, p=design.SPECIALTY_SHARES).astype(np.int32)
    years = np.round(rng.gamma(4.0, 4.5, n).clip(1, 45))
    oncology = specialty == design.SPECIALTIES.index("Oncology")
    academic = (rng.random(n) < np.where(oncology, 0.35, 0.2)).astype(float)
    practice = np.round(rng.lognormal(1.5 + 0.7 * academic, 0.6).clip(1, 60))
    digital = np.clip(rng.beta(4, 4, n) + 0.012 * (18 - years), 0.02, 0.85).round(3)
    opt_out = (rng.random(n) < OPT_OUT_SHARE).astype(float)
    days = np.datetime64("2018-01-01", "s") + rng.integers(0, 3000, n) * np.timedelta64(86_400, "s")
    return Prescribers(
        specialty=specialty,
        region=region,
        territory=territory,
        decile=_deciles(0.6 * np.log(practice) + 0.4 * oncology + rng.normal(0, 1, n)),
        practice_size=practice,
        years_in_practice=years,
        digital_affinity=digital,
        academic=academic,
        opt_out=opt_out,
        opt_out_date=np.where(opt_out == 1, days, np.datetime64("NaT", "s")),
    )


def table(hcps: Prescribers) -> Frame:
    """Return the ``hcps`` table: one row per prescriber."""
    n = design.HCPS
    return Frame(
        n,
        {
            "hcp_id": Categories(np.arange(n, dtype=np.int32), HCP_LABELS),
            "specialty": Categories(hcps.specialty, design.SPECIALTIES),
            "decile": Numbers(hcps.decile),
            "region": Categories(hcps.region, design.REGIONS),
            "territory_id": Categories(hcps.territory, TERRITORY_LABELS),
            "practice_size": Numbers(hcps.practice_size),
            "years_in_practice": Numbers(hcps.years_in_practice),
            "digital_affinity": Numbers(hcps.digital_affinity),
            "academic": Numbers(hcps.academic),
            "pdrp_opt_out": Numbers(hcps.opt_out),
            "pdrp_opt_out_date": Dates(hcps.opt_out_date),
        },
    )


def _deciles(score: Floats) -> Floats:
    rank = score.argsort().argsort()
    return np.asarray(1 + rank * 10 // len(score), dtype=np.float64)
