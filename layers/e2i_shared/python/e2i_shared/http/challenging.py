"""A twin that was trained again by itself is used only where it predicts units that it never saw better than the one in use.

Every fifth row is held back from its training; both twins then predict the outcome of these rows. The one in use may have been trained on
some of them, which can only favour it: the test errs on the side of no change.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from e2i_shared.api.common import Filter
from e2i_shared.datasets.frame import Categories, Frame
from e2i_shared.errors import InputError
from e2i_shared.http import bundles
from e2i_shared.http.checking import recoded
from e2i_shared.twins import fidelity
from e2i_shared.twins.neighbours import held_out_losses
from e2i_shared.twins.table import table_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from e2i_shared.api.datasets import Dataset
    from e2i_shared.datasets.frame import DataSource
    from e2i_shared.ports import Tenant
    from e2i_shared.twins.bundle import Bundle
    from e2i_shared.twins.model import Job

    Floats = NDArray[np.float64]

EVERY = 5
FEWEST_HELD_OUT = 100


@dataclass(frozen=True, slots=True)
class Part:
    """A DataSource without every fifth row, or with these alone."""

    source: DataSource
    held_out: bool

    def describe(self, dataset: str) -> Dataset:
        """Return the data set as it is described whole."""
        return self.source.describe(dataset)

    def read(self, dataset: str, columns: Sequence[str], filters: Sequence[Filter] = ()) -> Frame:
        """Return this part of the rows that pass every filter."""
        frame = self.source.read(dataset, columns, filters)
        fifth = np.arange(frame.n) % EVERY == 0
        return frame.take(fifth if self.held_out else ~fifth)


def wins(tenant: Tenant, job: Job, challenger: Bundle) -> bool:
    """Return whether the challenger is to be used: nothing is in use, or it predicts held-out rows better by more than chance."""
    asked = challenger.header["spec"]
    try:
        champion = bundles.load(tenant.twins.models.active(job.brand, asked["twin_type"], job.name))
    except InputError:
        return True
    if champion.header["outcome"]["name"] != asked["outcome"]:
        return False
    held_out = Part(tenant.data, held_out=True)
    losses = [_losses(held_out, bundle, asked["brand"]) for bundle in (challenger, champion)]
    if len(losses[0]) != len(losses[1]) or len(losses[0]) < FEWEST_HELD_OUT:
        return False
    return fidelity.better(*losses)


def _losses(data: DataSource, bundle: Bundle, brand: str | None) -> Floats:
    spec, twins = bundle.header["spec"], bundle.twins
    has_brand = brand is not None and data.describe(spec["dataset"]).column("brand") is not None
    filters = [Filter(column="brand", op="eq", value=brand)] if has_brand and brand else []
    frame = data.read(spec["dataset"], [*twins.names, spec["outcome"]], filters)
    given = {name: _received(frame, name, bundle.header["interventions"][name]["labels"]) for name in bundle.effects}
    outcome = frame.numbers(spec["outcome"])
    usable: NDArray[np.bool_] = ~np.isnan(np.column_stack([outcome, *given.values()]).sum(axis=1))
    features = Frame(frame.n, {n: c for n, c in frame.columns.items() if n in twins.names and n not in bundle.effects})
    return held_out_losses(bundle, recoded(table_of(features, given), bundle).take(usable), outcome[usable])


def _received(frame: Frame, name: str, labels: Sequence[str] | None) -> Floats:
    """Return an intervention coded as training coded it."""
    values, column = frame.numbers(name), frame.columns[name]
    if labels is None:
        return values
    one = column.levels.index(labels[1]) if isinstance(column, Categories) else float(labels[1])
    return np.where(np.isnan(values), np.nan, (values == one).astype(np.float64))
