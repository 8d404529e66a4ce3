"""The sample world's constants: margins, what draws a lever to a prescriber, and the true effects.

Everything that moves both a lever and an outcome is a column of the tables; levers are independent of each other given those
columns, and an effect is linear in its dose. The effect of one unit of a lever on a prescriber's monthly TRx is
``EFFECTS[lever][brand][specialty] · region multiplier · decile multiplier``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

HCPS: Final = 1_000
PATIENTS: Final = 5_000
MONTHS: Final = np.arange("2024-10", "2026-10", dtype="datetime64[M]")
BRANDS: Final = ("Fabhalta", "Kisqali", "Remibrutinib")
SPECIALTIES: Final = ("Allergy", "Dermatology", "Hematology", "Internal Medicine", "Nephrology", "Oncology")
REGIONS: Final = ("Midwest", "Northeast", "South", "West")
SPECIALTY_SHARES: Final = (0.12, 0.15, 0.15, 0.15, 0.15, 0.28)
TERRITORIES: Final = {"Midwest": 10, "Northeast": 11, "South": 11, "West": 8}

# How much of a specialty's practice a brand's disease is; rows are BRANDS, columns SPECIALTIES.
AFFINITY: Final = np.array(
    [
        [0.15, 0.15, 1.00, 0.30, 0.90, 0.35],
        [0.15, 0.15, 0.55, 0.30, 0.15, 1.00],
        [1.00, 0.95, 0.15, 0.40, 0.15, 0.15],
    ]
)
# Net price of one prescription in USD, by brand, and its regional factor (payer mix).
PRICE: Final = np.array([9_500.0, 4_200.0, 2_400.0])
PRICE_REGION: Final = np.array([1.00, 1.06, 0.97, 1.02])
# Share of prescriptions that are new, by brand.
NEW_SHARE: Final = np.array([0.36, 0.28, 0.42])
# Month-of-year index of the market, January first; the second and third quarter are alike on average.
SEASON: Final = np.array([0.95, 0.96, 0.98, 1.00, 1.01, 1.00, 1.00, 1.00, 1.01, 1.02, 1.03, 1.04])


@dataclass(frozen=True, slots=True)
class Lever:
    """One treatment: its base level and what draws it to a prescriber.

    For a count, ``base`` and the pulls are on the scale of its monthly mean; for a 0/1 lever, on the logit scale. ``affinity``
    multiplies the brand's share of the specialty, ``decile`` one decile above 5.5, ``baseline`` one pre-period TRx above 5,
    ``digital`` the digital affinity above 0.5, ``academic`` the flag, ``season`` the market index above 1; ``region`` is by REGIONS.
    """

    count: bool
    base: float
    affinity: float = 0.0
    decile: float = 0.0
    baseline: float = 0.0
    digital: float = 0.0
    academic: float = 0.0
    season: float = 0.0
    region: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)


LEVERS: Final = {
    "rep_visits": Lever(
        count=True, base=1.0, affinity=1.9, decile=0.16, baseline=0.09, digital=-0.9, region=(0.25, 0.45, 0.0, -0.3)
    ),
    "email_campaign": Lever(
        count=False,
        base=-0.9,
        affinity=0.5,
        decile=0.06,
        baseline=0.05,
        digital=1.6,
        season=6.0,
        region=(0.0, -0.2, 0.3, 0.1),
    ),
    "samples_dropped": Lever(
        count=True, base=2.6, affinity=2.0, decile=0.25, baseline=0.18, academic=-0.8, region=(0.2, -0.3, 0.5, 0.0)
    ),
    "speaker_program": Lever(
        count=False, base=-3.0, affinity=0.6, decile=0.12, baseline=0.05, academic=0.7, region=(0.0, 0.4, 0.0, 0.2)
    ),
    "digital_engagement": Lever(
        count=False,
        base=-0.8,
        affinity=0.4,
        decile=-0.04,
        baseline=0.04,
        digital=2.2,
        season=4.0,
        region=(-0.2, 0.1, 0.0, 0.3),
    ),
    "peer_influence": Lever(
        count=False, base=-1.7, affinity=0.7, decile=0.08, baseline=0.05, academic=0.8, region=(0.1, 0.2, -0.2, 0.0)
    ),
}

# True TRx per unit of the lever, by brand and specialty (order of SPECIALTIES).
EFFECTS: Final = {
    "rep_visits": {
        "Fabhalta": (0.40, 0.40, 1.10, 0.60, 1.30, 0.60),
        "Kisqali": (0.60, 0.60, 1.40, 0.80, 0.70, 2.10),
        "Remibrutinib": (1.50, 1.20, 0.50, 0.80, 0.40, 0.40),
    },
    "email_campaign": {
        "Fabhalta": (0.0, 0.0, 0.0, 0.0, 0.0, 0.0),
        "Kisqali": (0.40, 0.40, 0.80, 0.70, 0.50, 1.30),
        "Remibrutinib": (1.40, 1.30, 0.50, 0.90, 0.50, 0.50),
    },
    "samples_dropped": {
        "Fabhalta": (0.05, 0.05, 0.15, 0.10, 0.18, 0.08),
        "Kisqali": (0.06, 0.06, 0.14, 0.12, 0.08, 0.24),
        "Remibrutinib": (0.45, 0.50, 0.20, 0.30, 0.20, 0.15),
    },
    "speaker_program": {
        "Fabhalta": (1.20, 1.20, 2.80, 1.80, 3.00, 1.60),
        "Kisqali": (1.00, 1.00, 2.20, 1.50, 1.20, 3.00),
        "Remibrutinib": (2.40, 2.00, 1.00, 1.60, 1.00, 1.00),
    },
    "digital_engagement": {
        "Fabhalta": (0.30, 0.30, 0.70, 0.60, 0.80, 0.40),
        "Kisqali": (0.50, 0.50, 0.90, 0.80, 0.60, 1.30),
        "Remibrutinib": (1.20, 1.10, 0.50, 0.90, 0.40, 0.40),
    },
    "peer_influence": {
        "Fabhalta": (0.80, 0.80, 1.60, 1.00, 1.80, 0.90),
        "Kisqali": (0.80, 0.80, 1.50, 1.20, 1.00, 2.20),
        "Remibrutinib": (2.00, 1.70, 0.80, 1.20, 0.80, 0.80),
    },
}
REGION_MULTIPLIER: Final = {
    "rep_visits": (1.05, 1.35, 0.85, 0.75),
    "email_campaign": (0.95, 0.75, 1.25, 1.00),
    "samples_dropped": (1.00, 0.85, 1.15, 1.00),
    "speaker_program": (1.00, 1.10, 0.90, 1.05),
    "digital_engagement": (0.90, 1.00, 0.95, 1.25),
    "peer_influence": (1.05, 1.00, 0.95, 1.00),
}
# Multiplier at a decile d: 1 + slope · (d − 5.5).
DECILE_SLOPE: Final = {
    "rep_visits": 0.05,
    "email_campaign": -0.05,
    "samples_dropped": 0.0,
    "speaker_program": 0.04,
    "digital_engagement": -0.06,
    "peer_influence": 0.03,
}

# What is planted for monitoring and root-cause questions.
CUT_BRAND: Final = "Kisqali"
CUT_LEVER: Final = "rep_visits"
CUT_REGIONS: Final = ("Midwest", "Northeast")
CUT_KEPT: Final = 0.2
CUT_MONTHS: Final = ("2026-07", "2026-09")
BEFORE_CUT_MONTHS: Final = ("2026-04", "2026-06")
DRIFT_COLUMN: Final = "digital_affinity"
DRIFT_SHIFT: Final = 0.15
BROKEN_COLUMN: Final = "samples_dropped"
BROKEN_REGION: Final = "West"
BROKEN_MONTHS: Final = ("2026-02", "2026-03")


def months_between(first: str, last: str) -> NDArray[np.bool_]:
    """Return which of MONTHS lie in [first, last], both as YYYY-MM."""
    return np.asarray((np.datetime64(first, "M") <= MONTHS) & (np.datetime64(last, "M") >= MONTHS))
