"""The pharma sample: four tables with known true effects, generated from a seed with numpy alone.

``generate`` draws the tables, ``Sample.truth_for`` answers what an estimator should find on any filter, and ``Sample.write``
puts the tables as CSV beside ``truth.json``.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from e2i_shared.datasets import csv_text
from e2i_shared.datasets import filters as conditions
from e2i_shared.datasets.describe import describe_frame
from e2i_shared.datasets.frame import Categories, Dates
from e2i_shared.datasets.memory import MemoryDataSource
from e2i_shared.datasets.pharma import design, monthly, patients, prescribers, territories, truth
from e2i_shared.datasets.specs import shipped
from e2i_shared.errors import UnprocessableError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from e2i_shared.api.common import Filter, Json
    from e2i_shared.api.datasets import Dataset
    from e2i_shared.datasets.frame import Frame
    from e2i_shared.datasets.specs import DatasetSpec

SEED: Final = 20261001
TABLES: Final = ("hcps", "hcp_monthly", "patients", "territories")


@dataclass(frozen=True, slots=True)
class Truth:
    """The average true effect of one unit of a treatment over ``n`` rows (those where the treatment is recorded)."""

    effect: float
    n: int


@dataclass(frozen=True, slots=True)
class Sample:
    """The tables, their column descriptions and the truth (JSON data)."""

    tables: Mapping[str, Frame]
    specs: Mapping[str, DatasetSpec]
    datasets: Mapping[str, Dataset]
    truth: Json
    unit_effects: Mapping[tuple[str, str, str], NDArray[np.float64]]

    def source(self) -> MemoryDataSource:
        """Return the tables as a DataSource."""
        return MemoryDataSource({name: (self.datasets[name], frame) for name, frame in self.tables.items()})

    def truth_for(self, treatment: str, outcome: str, filters: Sequence[Filter] = ()) -> Truth:
        """Return the true average effect per unit of ``treatment`` on ``outcome`` over the rows that pass the filters.

        Raises UnprocessableError for a pair whose effect is not part of the sample's design.
        """
        _, effects, rows = self._select(treatment, outcome, filters)
        return Truth(float(effects[rows].mean()), int(rows.sum()))

    def truth_by(self, treatment: str, outcome: str, by: str, filters: Sequence[Filter] = ()) -> dict[str, Truth]:
        """Return ``truth_for`` within each level of a column, keyed by the level's text (deciles as "1" … "10")."""
        table, effects, rows = self._select(treatment, outcome, filters)
        conditions.find_column(self.datasets[table], by)
        levels = level_texts(self.tables[table], by)
        groups = {str(level): rows & (levels == level) for level in np.unique(levels[rows])}
        return {level: Truth(float(effects[group].mean()), int(group.sum())) for level, group in groups.items()}

    def write(self, folder: Path) -> list[Path]:
        """Write one CSV per table and ``truth.json``; return the paths."""
        folder.mkdir(parents=True, exist_ok=True)
        paths = [csv_text.write(self.tables[name], self.datasets[name], folder / f"{name}.csv") for name in TABLES]
        answer = folder / "truth.json"
        answer.write_text(json.dumps(self.truth, indent=1) + "\n", encoding="utf-8")
        return [*paths, answer]

    def _select(
        self, treatment: str, outcome: str, filters: Sequence[Filter]
    ) -> tuple[str, NDArray[np.float64], NDArray[np.bool_]]:
        for (table, lever, measured), effects in self.unit_effects.items():
            if (lever, measured) == (treatment, outcome):
                frame = self.tables[table]
                rows = conditions.mask(frame, conditions.resolve(self.datasets[table], filters))
                return table, effects, rows & ~np.isnan(frame.numbers(treatment))
        raise UnprocessableError(
            f"The sample has no designed effect of {treatment!r} on {outcome!r}.",
            field="treatment",
            got=f"{treatment} on {outcome}",
            candidates=sorted({f"{lever} on {measured}" for _, lever, measured in self.unit_effects}),
        )


def generate(seed: int = SEED) -> Sample:
    """Draw the sample; the same seed gives the same tables to the last digit."""
    streams = [np.random.default_rng(child) for child in np.random.SeedSequence(seed).spawn(4)]
    hcps = prescribers.draw(streams[0])
    rows = monthly.draw(hcps, streams[1])
    people = patients.draw(hcps, streams[2])
    tables = {
        "hcps": prescribers.table(hcps),
        "hcp_monthly": rows.frame,
        "patients": people.frame,
        "territories": territories.table(hcps, rows.frame, streams[3]),
    }
    specs = {name: shipped(name) for name in TABLES}
    datasets = {name: describe_frame(tables[name], specs[name]) for name in TABLES}
    effects = {("hcp_monthly", *key): units for key, units in rows.unit_effects.items()}
    effects |= {("patients", *key): units for key, units in people.unit_effects.items()}
    planted = truth.planted(rows)
    return Sample(
        tables, specs, datasets, {"seed": seed, **truth.effects(tables, effects), "planted": planted}, effects
    )


def level_texts(frame: Frame, column: str) -> NDArray[np.str_]:
    """Return a column (n,) as the text of its levels; whole numbers without a point, months as dates."""
    values = frame.columns[column]
    if isinstance(values, Categories):
        return np.array([*values.levels, ""])[values.codes]
    if isinstance(values, Dates):
        return values.values.astype("datetime64[D]").astype(np.str_)
    return np.array([f"{v:g}" for v in values.values])


__all__ = ["SEED", "TABLES", "Sample", "Truth", "design", "generate", "level_texts"]
