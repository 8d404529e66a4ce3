"""Territories by month and brand: sums of the monthly table, with a target."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from e2i_shared.datasets.frame import Categories, Dates, Frame, Numbers
from e2i_shared.datasets.pharma import design
from e2i_shared.datasets.pharma.prescribers import TERRITORY_LABELS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from e2i_shared.datasets.pharma.prescribers import Prescribers


def table(hcps: Prescribers, monthly: Frame, rng: np.random.Generator) -> Frame:
    """Return 40 × 24 × 3 rows; the target is the territory's first-year mean, stretched by a plan that ignores the field."""
    months, brands, places = len(design.MONTHS), len(design.BRANDS), len(TERRITORY_LABELS)
    members = np.bincount(hcps.territory, minlength=places)
    totals = {name: _sums(hcps, monthly.numbers(name)) for name in ("trx", "nrx", "rep_visits")}
    first_year = totals["trx"][:, :12, :].mean(axis=1)
    target = np.round(first_year * rng.uniform(0.95, 1.12, first_year.shape))
    shape = (places, months, brands)
    region = np.repeat(np.arange(len(design.REGIONS)), list(design.TERRITORIES.values()))

    def rows(values: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.broadcast_to(values, shape).ravel().astype(np.float64)

    codes = np.indices(shape).reshape(3, -1).astype(np.int32)
    return Frame(
        int(np.prod(shape)),
        {
            "territory_id": Categories(codes[0], TERRITORY_LABELS),
            "region": Categories(region[codes[0]].astype(np.int32), design.REGIONS),
            "month": Dates(design.MONTHS.astype("datetime64[s]")[codes[1]]),
            "brand": Categories(codes[2], design.BRANDS),
            **{name: Numbers(rows(values)) for name, values in totals.items()},
            "hcps": Numbers(rows(members[:, None, None].astype(np.float64))),
            "trx_per_hcp": Numbers(np.round(rows(totals["trx"] / members[:, None, None]), 4)),
            "target_trx": Numbers(rows(target[:, None, :])),
        },
    )


def _sums(hcps: Prescribers, values: NDArray[np.float64]) -> NDArray[np.float64]:
    cube = values.reshape(design.HCPS, len(design.MONTHS), len(design.BRANDS))
    sums = np.zeros((len(TERRITORY_LABELS), *cube.shape[1:]))
    np.add.at(sums, hcps.territory, cube)
    return sums
