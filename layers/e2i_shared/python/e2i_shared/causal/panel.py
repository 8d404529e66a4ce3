"""Units seen in several periods, some of them treated from some period on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from e2i_shared.errors import EstimationError, InsufficientDataError, NoVariationError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from e2i_shared.causal.study import Study

    Floats = NDArray[np.float64]
    Codes = NDArray[np.intp]

FEWEST_ADOPTERS = 5  # units that start together, below which they have no effect of their own
FEWEST_TREATED, FEWEST_UNTREATED = 10, 10


@dataclass(frozen=True, slots=True)
class Panel:
    """``units`` (n,) and ``periods`` (n,) are codes 0 … N−1 and 0 … T−1, periods in order of time; labels name them."""

    units: Codes
    periods: Codes
    period_labels: tuple[str, ...]
    unit_name: str = "unit"
    time_name: str = "time"

    def take(self, rows: NDArray[np.bool_] | NDArray[np.intp]) -> Panel:
        """Return the panel of the rows given."""
        return replace(self, units=self.units[rows], periods=self.periods[rows])


@dataclass(frozen=True, slots=True)
class Wide:
    """The panel as a matrix: ``outcome`` (N, T), NaN where a unit was not seen, and ``row`` (N, T), its row or −1.

    ``start`` (N,) is the first period with treatment, T for units never treated; ``used`` (N,) leaves out units treated from
    their first period on and adopters too few to be a group. ``cluster`` (N,) are codes of units that belong together, or None.
    """

    outcome: Floats
    row: Codes
    start: Codes
    used: NDArray[np.bool_]
    cluster: Codes | None
    notes: tuple[str, ...]

    @property
    def groups(self) -> list[int]:
        """Periods in which at least one used unit starts."""
        return [int(g) for g in np.unique(self.start[self.used]) if g < self.outcome.shape[1]]


def widen(study: Study) -> Wide:
    """Return the study's panel as a matrix.

    Raises
    ------
    EstimationError
        A unit has two rows in a period, or its treatment stops again.
    NoVariationError
        One period only, or no unit starts treatment while another waits.
    InsufficientDataError
        Fewer than 10 units start treatment, or fewer than 10 never do or do later.
    """
    panel = _panel_of(study)
    units, periods = int(panel.units.max()) + 1, len(panel.period_labels)
    if periods < 2:
        raise NoVariationError(
            f"All rows fall in one period of {panel.time_name!r}: a difference in differences needs a before and an after.",
            field="time_col",
            expected="at least two periods",
            got=panel.period_labels[0],
            hint="Widen the filters.",
        )
    row = np.full((units, periods), -1, dtype=np.intp)
    row[panel.units, panel.periods] = np.arange(study.n)
    if int((row >= 0).sum()) < study.n:
        raise EstimationError(
            f"Some {panel.unit_name} has several rows in one period of {panel.time_name!r}.",
            field="unit_col",
            expected="one row per unit and period",
            got=f"{study.n} rows for {int((row >= 0).sum())} pairs of unit and period",
            hint="Filter to one product or measure, or choose the columns that name a row.",
        )
    seen = row >= 0
    outcome = np.where(seen, study.outcome[row], np.nan)
    treated = seen & (study.treatment[row] == 1)
    start = np.where(treated.any(axis=1), treated.argmax(axis=1), periods).astype(np.intp)
    _refuse_stops(panel, seen & ~treated & (np.arange(periods)[None, :] > start[:, None]))
    used, notes = _usable(panel, seen, start)
    cluster = _unit_clusters(study, panel)
    return Wide(outcome, row, start, used, cluster, notes)


def _panel_of(study: Study) -> Panel:
    if study.panel is None:
        raise EstimationError(
            "A difference in differences needs to know which rows are one unit seen again, and when.",
            field="unit_col",
            expected="unit_col and time_col",
            got="neither",
        )
    return study.panel


def _refuse_stops(panel: Panel, stopped: NDArray[np.bool_]) -> None:
    count = int(stopped.any(axis=1).sum())
    if count:
        raise EstimationError(
            f"In {count} of {len(stopped)} units the treatment stops again after it started: there is no one before and after.",
            field="treatment_col",
            expected="a treatment that stays once it started",
            got=f"{count} units where it stops",
            hint=f"Choose a column that stays 1 from a period of {panel.time_name!r} on, or say treated_from for a fixed group.",
        )


def _usable(panel: Panel, seen: NDArray[np.bool_], start: Codes) -> tuple[NDArray[np.bool_], tuple[str, ...]]:
    """Return which units can be compared with their own past, and notes on the others."""
    periods, notes = seen.shape[1], []
    first = seen.argmax(axis=1)
    always = start <= first
    if always.any():
        notes.append(
            f"{int(always.sum())} units are treated from their first period on, so that their before is unknown: left out."
        )
    used = ~always
    sizes = np.bincount(start[used], minlength=periods + 1)
    for group in np.flatnonzero((sizes[:periods] > 0) & (sizes[:periods] < FEWEST_ADOPTERS)):
        used &= start != group
        notes.append(
            f"Only {sizes[group]} units start in {panel.period_labels[group]}: too few for an effect of their own, left out."
        )
    treated, waiting = int((used & (start < periods)).sum()), _waiting(used, start, periods)
    if treated < FEWEST_TREATED or waiting < FEWEST_UNTREATED:
        raise InsufficientDataError(
            f"{treated} units start treatment and {waiting} never do or do later: too few to compare.",
            field="treatment_col",
            expected=f"at least {FEWEST_TREATED} that start and {FEWEST_UNTREATED} to compare them with",
            got=f"{treated} and {waiting}",
            hint="Widen the filters or choose another treatment.",
        )
    return used, tuple(notes)


def _waiting(used: NDArray[np.bool_], start: Codes, periods: int) -> int:
    """Return how many units are still untreated when the first group starts."""
    first = int(start[used].min()) if used.any() else periods
    return int((used & (start > first)).sum())


def _unit_clusters(study: Study, panel: Panel) -> Codes | None:
    """Return the cluster of each unit (N,), or None where units are their own; raise where a unit spans clusters."""
    if study.clusters is None:
        return None
    units = int(panel.units.max()) + 1
    owner = np.zeros(units, dtype=np.intp)
    owner[panel.units] = study.clusters
    if (owner[panel.units] != study.clusters).any():
        raise EstimationError(
            f"Some {panel.unit_name} belongs to several clusters.",
            field="cluster_col",
            expected="a cluster that holds whole units",
            got="clusters that split units",
            hint="Leave cluster_col out: rows of one unit are always taken together.",
        )
    codes = np.unique(owner, return_inverse=True)[1].ravel()
    return None if int(codes.max()) + 1 == units else codes.astype(np.intp)
