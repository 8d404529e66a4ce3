"""How large and how long a real test of a simulated effect must be, and whether this population can carry it.

Two arms of equal size, z test at ``alpha`` with ``power``; clusters count as one unit each, with the design effect 1 + (m - 1)·ICC of
their m rows. Where rows are recorded every so many weeks, m follows from the duration. What the population cannot carry as a plain
comparison is tried adjusted for the twin's features (the variance that they leave), then longer: more rows of each cluster, or waves of
new units. Nothing is capped: where no plausible duration is enough none is recommended, and ``why`` says what is lacking.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, sqrt
from typing import TYPE_CHECKING

import numpy as np

from e2i_shared.api.datasets import ColumnRole
from e2i_shared.causal.inference import cluster_codes, intracluster_correlation
from e2i_shared.causal.power import Level, MeansZ, Proportions, design_effect, round_up

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from e2i_shared.twins.bundle import Bundle
    from e2i_shared.twins.spec import Thresholds

_INSTEAD = "Test a larger dose or a wider population, {more}or longer than {longest} weeks."


@dataclass(frozen=True, slots=True)
class Noise:
    """What hides an effect: the standard deviation of single rows, and the correlation of a cluster's."""

    sd: float
    icc: float = 0.0


@dataclass(frozen=True, slots=True)
class Place:
    """Where a test would take place: ``members`` to randomise, ``unit`` what they are, each with ``rows`` (None: no clusters).

    ``row_weeks`` are the weeks between two rows of a cluster, where known; ``plain`` is the outcome's noise, ``adjusted`` what the
    features leave of it.
    """

    members: int
    unit: str
    rows: float | None
    row_weeks: float | None
    baseline: float
    binary: bool
    plain: Noise
    adjusted: Noise

    @property
    def available(self) -> int:
        """How many there are for each arm."""
        return self.members // 2


@dataclass(frozen=True, slots=True)
class RealTest:
    """A two-arm test: ``size`` per arm and ``weeks``; None for weeks means that no plausible duration is enough.

    ``smallest`` is the least effect, in outcome units, that this population can show in that time, or in the longest plausible one.
    ``why`` says what the test asks beyond a plain comparison of two halves, or what is lacking.
    """

    size: int | None
    weeks: int | None
    smallest: float | None
    why: str | None = None
    change: str | None = None


def place_of(bundle: Bundle, rows: NDArray[np.bool_], baseline: float) -> Place:
    """Return what a test among the units ``rows`` (n,) has to work with."""
    header, y = bundle.header, bundle.outcome[rows]
    codes = None if bundle.clusters is None else cluster_codes(bundle.clusters[rows].astype(np.float64))
    sd = float(y.std(ddof=1))
    members = len(y) if codes is None else int(codes.max()) + 1
    return Place(
        members=members,
        unit=header["cluster_name"] or "units",
        rows=None if codes is None else len(y) / members,
        row_weeks=_row_weeks(bundle),
        baseline=baseline,
        binary=header["outcome"]["binary"],
        plain=Noise(sd, intracluster_correlation(y, codes) or 0.0),
        adjusted=Noise(min(header["residual_sd"], sd), header["icc"] or 0.0),
    )


def _row_weeks(bundle: Bundle) -> float | None:
    times = [c.name for c in bundle.catalogue.columns if c.role is ColumnRole.TIME and c.name in bundle.units.dates]
    days = np.unique(bundle.units.numbers[times[0]]) if times else np.empty(0)
    steps = np.diff(days[~np.isnan(days)])
    return float(np.median(steps)) / 7 if len(steps) else None


def real_test(effect: float, place: Place, asked: int | None, thresholds: Thresholds) -> RealTest:
    """Return the test of ``effect`` (outcome units, signed); ``asked`` are the weeks wanted."""
    usual = asked or thresholds.duration_weeks
    longest, have = max(usual, thresholds.most_weeks), place.available
    single = _independent(effect, place, thresholds)
    if single is None:
        why = f"An effect of {effect:.4g} on {place.baseline:.4g} cannot be tested: it is none, or a rate would leave 0 to 1."
        return RealTest(None, None, None, why)
    plain, adjusted = (_arm(single, place, noise, usual) for noise in (place.plain, place.adjusted))
    if plain <= have:
        return RealTest(plain, usual, _smallest(place, place.plain, thresholds, usual, usual))
    lacks = (
        f"a plain comparison of {usual} weeks needs {plain:,} {place.unit} per arm, and this population has {have:,}"
    )
    weeks = _weeks(single, place, usual, longest)
    smallest = _smallest(place, place.adjusted, thresholds, usual, weeks or longest)
    if weeks is None:
        why = f"This population cannot show an effect of {abs(effect):.4g}: {lacks}; even adjusted for the twin's features it takes {adjusted:,}"
        why += f", and {longest} weeks are not enough."
        why += "" if smallest is None else f" The smallest effect that it can show is about {smallest:.4g}."
        return RealTest(adjusted, None, smallest, why, _instead(place, longest))
    if weeks == usual or place.rows is not None:
        adjusted = _arm(single, place, place.adjusted, weeks)
    longer = "" if weeks == usual else f" in {weeks} weeks" + (", in waves of new ones" if place.rows is None else "")
    why = f"In a real test, {lacks}: adjusted for the twin's features {adjusted:,} are enough{longer}."
    return RealTest(adjusted, weeks, smallest, why)


def _independent(effect: float, place: Place, thresholds: Thresholds) -> float | None:
    """Return independent rows per arm of a plain comparison; None where there is no effect, or a rate would leave 0 to 1."""
    level, sd = Level(alpha=thresholds.alpha), place.plain.sd
    if effect == 0 or sd <= 0:
        return None
    if not place.binary:
        return MeansZ(sd, sd).sample_size(effect, thresholds.power, level)
    if not (0 < place.baseline < 1 and 0 < place.baseline + effect < 1):
        return None
    return Proportions(place.baseline).sample_size(effect, thresholds.power, level)


def _arm(single: float, place: Place, noise: Noise, weeks: int) -> int:
    """Return members per arm, from the independent rows of a plain comparison."""
    return round_up(single * (noise.sd / place.plain.sd) ** 2 * _inflation(place, noise, weeks), 1.0)[0]


def _inflation(place: Place, noise: Noise, weeks: int) -> float:
    """Return members for each independent row: 1, or the design effect by the rows of a cluster in that time."""
    if place.rows is None:
        return 1.0
    rows = place.rows if place.row_weeks is None else max(1.0, float(weeks // place.row_weeks))
    return design_effect(rows, noise.icc) / rows


def _weeks(single: float, place: Place, usual: int, longest: int) -> int | None:
    """Return the shortest duration of an adjusted test, from ``usual`` to ``longest`` weeks, that the population can carry."""
    have, need = place.available, _arm(single, place, place.adjusted, usual)
    if need <= have:
        return usual
    if place.rows is None:
        weeks = usual * ceil(need / have) if have else longest + 1
        return weeks if weeks <= longest else None
    longer = range(usual + 1, longest + 1)
    return next((w for w in longer if _arm(single, place, place.adjusted, w) <= have), None)


def _smallest(place: Place, noise: Noise, thresholds: Thresholds, usual: int, weeks: int) -> float | None:
    """Return the least effect that both arms can show in ``weeks``, by the normal approximation."""
    have = place.available * (weeks // usual if place.rows is None else 1)
    if have < 1:
        return None
    one = MeansZ(noise.sd, noise.sd).sample_size(1.0, thresholds.power, Level(alpha=thresholds.alpha))
    return sqrt(one * _inflation(place, noise, weeks) / have)


def _instead(place: Place, longest: int) -> str:
    more = "whole groups with repeated measurements, " if place.rows is None else ""
    return _INSTEAD.format(more=more, longest=longest)
