"""One row per prescriber, month and brand: levers given features, outcomes given features and levers.

Outcome model, for prescriber h, month t, brand b, with Poisson counts so that means are exactly linear in each dose:

    TRx ~ Poisson(g_h · g_hb · season_t · m(X_hb) + Σ_k τ_k(X_hb) · T_k)
    NRx ~ Binomial(TRx, share_b),  value = TRx · price_b · factor_region

g are Gamma frailties of mean 1, independent of the levers: noise clustered within prescribers, not confounding.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from e2i_shared.datasets.frame import Categories, Dates, Frame, FrameColumn, Numbers
from e2i_shared.datasets.pharma import design
from e2i_shared.datasets.pharma.prescribers import HCP_LABELS, TERRITORY_LABELS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from e2i_shared.datasets.pharma.prescribers import Prescribers

    Floats = NDArray[np.float64]

SHAPE = (design.HCPS, len(design.MONTHS), len(design.BRANDS))


@dataclass(frozen=True, slots=True)
class Monthly:
    """The table and what only its maker knows: unit effects (72,000,) by lever and outcome, visits without the cut."""

    frame: Frame
    unit_effects: Mapping[tuple[str, str], Floats]
    uncut_visits: Floats


def draw(hcps: Prescribers, rng: np.random.Generator) -> Monthly:
    """Draw the monthly table of shape HCPS × months × brands, rows in that order."""
    baseline = _baseline(hcps, rng)
    digital = _digital(hcps)
    doses = {name: _dose(lever, hcps, baseline, digital, rng) for name, lever in design.LEVERS.items()}
    uncut = doses[design.CUT_LEVER]
    doses[design.CUT_LEVER] = _cut(uncut, hcps, rng)
    effects = {name: _effect(name, hcps) for name in design.LEVERS}
    mean = _untreated_mean(hcps, baseline, digital) * _frailty(rng)
    mean = mean + sum(effects[name][:, None, :] * dose for name, dose in doses.items())
    trx = rng.poisson(mean).astype(np.float64)
    price = design.PRICE_REGION[hcps.region][:, None] * design.PRICE
    outcomes = {
        "trx": trx,
        "nrx": rng.binomial(trx.astype(np.int64), np.broadcast_to(design.NEW_SHARE, SHAPE)).astype(np.float64),
        "trx_value": np.round(trx * price[:, None, :], 2),
    }
    per_trx = {"trx": 1.0, "nrx": design.NEW_SHARE, "trx_value": price}
    doses[design.BROKEN_COLUMN] = _broken(doses[design.BROKEN_COLUMN], hcps)
    units = {(k, y): _rows((effects[k] * factor)[:, None, :]) for k in effects for y, factor in per_trx.items()}
    return Monthly(_frame(hcps, baseline, digital, doses | outcomes), units, _rows(uncut))


def _rows(values: Floats) -> Floats:
    return np.ascontiguousarray(np.broadcast_to(values, SHAPE)).ravel()


def _affinity(hcps: Prescribers) -> Floats:
    return np.asarray(design.AFFINITY.T[hcps.specialty])


def _baseline(hcps: Prescribers, rng: np.random.Generator) -> Floats:
    """Pre-period monthly TRx (HCPS, brands): grows with affinity and decile, log-normal around its mean."""
    mean = 2.0 + 8.0 * _affinity(hcps) * (0.4 + 0.11 * hcps.decile)[:, None]
    return np.round(mean * rng.lognormal(-0.045, 0.3, mean.shape), 2)


def _digital(hcps: Prescribers) -> Floats:
    """Digital affinity (HCPS, months), shifted upwards in the months of the cut: the planted drift."""
    shift = design.DRIFT_SHIFT * design.months_between(*design.CUT_MONTHS)
    return np.round(np.clip(hcps.digital_affinity[:, None] + shift, 0, 1), 3)


def _season() -> Floats:
    return np.asarray(design.SEASON[design.MONTHS.astype(int) % 12])


def _dose(
    lever: design.Lever, hcps: Prescribers, baseline: Floats, digital: Floats, rng: np.random.Generator
) -> Floats:
    per_brand = lever.affinity * _affinity(hcps) + lever.baseline * (baseline - 5.0)
    per_hcp = lever.decile * (hcps.decile - 5.5) + lever.academic * hcps.academic + np.array(lever.region)[hcps.region]
    per_month = lever.digital * (digital - 0.5) + lever.season * (_season() - 1.0)
    level: Floats = lever.base + per_brand[:, None, :] + per_hcp[:, None, None] + per_month[:, :, None]
    if lever.count:
        return np.asarray(rng.poisson(level.clip(0.35, 7.0)), dtype=np.float64)
    return np.asarray(rng.random(SHAPE) < 1 / (1 + np.exp(-level.clip(-3.2, 2.2))), dtype=np.float64)


def _cut(visits: Floats, hcps: Prescribers, rng: np.random.Generator) -> Floats:
    """Thin the visits of the cut brand, regions and months: each visit is kept with probability CUT_KEPT."""
    where = np.isin(hcps.region, [design.REGIONS.index(r) for r in design.CUT_REGIONS])[:, None, None]
    when = design.months_between(*design.CUT_MONTHS)[None, :, None]
    brand = np.arange(len(design.BRANDS)) == design.BRANDS.index(design.CUT_BRAND)
    thinned = rng.binomial(visits.astype(np.int64), design.CUT_KEPT).astype(np.float64)
    return np.where(where & when & brand, thinned, visits)


def _broken(samples: Floats, hcps: Prescribers) -> Floats:
    where = hcps.region == design.REGIONS.index(design.BROKEN_REGION)
    when = design.months_between(*design.BROKEN_MONTHS)
    return np.where(where[:, None, None] & when[None, :, None], np.nan, samples)


def _effect(lever: str, hcps: Prescribers) -> Floats:
    """TRx per unit of the lever, (HCPS, brands)."""
    by_specialty = np.array([design.EFFECTS[lever][brand] for brand in design.BRANDS]).T[hcps.specialty]
    region = np.array(design.REGION_MULTIPLIER[lever])[hcps.region]
    decile = 1 + design.DECILE_SLOPE[lever] * (hcps.decile - 5.5)
    return np.asarray(by_specialty * (region * decile)[:, None])


def _untreated_mean(hcps: Prescribers, baseline: Floats, digital: Floats) -> Floats:
    """Mean TRx without any lever (HCPS, months, brands), positive everywhere."""
    by_region = np.array([0.1, 0.4, 0.0, -0.1])[hcps.region]
    per_hcp = 0.05 * hcps.decile + by_region + 0.1 * np.sqrt(hcps.practice_size) + 0.3 * hcps.academic
    per_hcp = per_hcp - 0.01 * hcps.years_in_practice
    level = 0.5 + 0.75 * baseline[:, None, :] + per_hcp[:, None, None] + 0.8 * (digital[:, :, None] - 0.5)
    return np.asarray(np.maximum(level, 0.3) * _season()[None, :, None])


def _frailty(rng: np.random.Generator) -> Floats:
    per_hcp = rng.gamma(30.0, 1 / 30.0, (design.HCPS, 1, 1))
    return per_hcp * rng.gamma(30.0, 1 / 30.0, (design.HCPS, 1, len(design.BRANDS)))


def _frame(hcps: Prescribers, baseline: Floats, digital: Floats, measured: Mapping[str, Floats]) -> Frame:
    per_hcp, months, brands = SHAPE[1] * SHAPE[2], SHAPE[1], SHAPE[2]
    numeric = ("practice_size", "years_in_practice", "academic")
    columns: dict[str, FrameColumn] = {
        "hcp_id": Categories(np.repeat(np.arange(design.HCPS, dtype=np.int32), per_hcp), HCP_LABELS),
        "month": Dates(np.tile(np.repeat(design.MONTHS.astype("datetime64[s]"), brands), design.HCPS)),
        "brand": Categories(np.tile(np.arange(brands, dtype=np.int32), design.HCPS * months), design.BRANDS),
        "specialty": Categories(np.repeat(hcps.specialty, per_hcp), design.SPECIALTIES),
        "decile": Numbers(np.repeat(hcps.decile, per_hcp)),
        "region": Categories(np.repeat(hcps.region, per_hcp), design.REGIONS),
        "territory_id": Categories(np.repeat(hcps.territory, per_hcp), TERRITORY_LABELS),
    }
    columns |= {name: Numbers(np.repeat(getattr(hcps, name), per_hcp)) for name in numeric}
    columns["digital_affinity"] = Numbers(_rows(digital[:, :, None]))
    columns["trx_baseline"] = Numbers(_rows(baseline[:, None, :]))
    columns["season"] = Numbers(_rows(_season()[None, :, None]))
    columns |= {name: Numbers(values.ravel()) for name, values in measured.items()}
    return Frame(int(np.prod(SHAPE)), columns)
