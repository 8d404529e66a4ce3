"""Twin pairs: each treated unit beside the untreated one most alike, and whether the pairs really are."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from e2i_shared.causal.diagnostics import weighted_balance
from e2i_shared.causal.learners import logistic
from e2i_shared.errors import NoOverlapError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from e2i_shared.causal.results import Balance
    from e2i_shared.causal.study import Study

    Floats = NDArray[np.float64]
    Rows = NDArray[np.intp]

CALIPER = 0.2  # standard deviations of the logit (Austin 2011)
NARROWER = (0.1, 0.05, 0.025)  # tried where pairs at the usual width stay unlike
BALANCED = 0.1


@dataclass(frozen=True, slots=True)
class Matching:
    """Pairs of row numbers ``treated`` (p,) and ``control`` (p,), ``unmatched`` treated units, balance per feature.

    ``unbalanced`` names the features whose standardised mean difference is still 0.1 or more.
    """

    treated: Rows
    control: Rows
    unmatched: int
    caliper: float
    balance: tuple[Balance, ...]
    unbalanced: tuple[str, ...]

    @property
    def valid(self) -> bool:
        """Whether every standardised mean difference is below 0.1."""
        return not self.unbalanced

    @property
    def worst(self) -> Balance | None:
        """The feature in which the pairs differ most; None without features."""
        return max(self.balance, key=lambda one: abs(one.after), default=None)


def balanced_match(study: Study, propensity: Floats, *, replacement: bool = False) -> Matching:
    """Pair units at the widest caliper at which every feature is balanced; where none is, at the one that comes nearest.

    A narrower caliper gives up units that have nobody alike, which ``unmatched`` counts.
    """
    found = match(study, propensity, replacement=replacement)
    for caliper in NARROWER:
        if found.valid:
            return found
        with suppress(NoOverlapError):
            found = min(found, match(study, propensity, replacement=replacement, caliper=caliper), key=_unlike)
    return found


def _unlike(found: Matching) -> float:
    return abs(found.worst.after) if found.worst else 0.0


def match(study: Study, propensity: Floats, *, replacement: bool = False, caliper: float = CALIPER) -> Matching:
    """Pair units by nearest neighbour on logit ê (n,), no further apart than ``caliper`` standard deviations of it.

    Without replacement the treated are served greedily, those hardest to match (of highest ê) first, and each untreated unit once.
    Raises NoOverlapError where nobody can be paired.
    """
    logit = _refined(study, np.log(propensity / (1 - propensity)))
    width = caliper * float(logit.std())
    treated, control = np.flatnonzero(study.treatment == 1), np.flatnonzero(study.treatment == 0)
    order = control[np.argsort(logit[control], kind="stable")]
    pick = _nearest if replacement else _greedy
    queue = treated[np.argsort(-logit[treated], kind="stable")]
    partner = pick(logit[queue], logit[order], width)
    paired = partner >= 0
    if not paired.any():
        raise NoOverlapError(
            f"No unit that received {study.treatment_name!r} has an untreated one within {caliper:g} standard deviations.",
            field="interventions",
            expected="treated and untreated units that are alike",
            got="0 pairs",
        )
    left, right = queue[paired], order[partner[paired]]
    balance = weighted_balance(study, _counts(left, study.n), _counts(right, study.n))
    bad = tuple(b.column for b in balance if abs(b.after) >= BALANCED)
    return Matching(left, right, int((~paired).sum()), width, balance, bad)


def _refined(study: Study, logit: Floats) -> Floats:
    """Return log odds that also balance the features' means in these units: a logistic fit on logit ê and the features."""
    spread = max(float(logit.std()), 1e-12)
    columns = np.column_stack([(logit - logit.mean()) / spread, study.design.linear])
    return logistic(columns, study.treatment)(columns)


def _counts(rows: Rows, n: int) -> Floats:
    return np.bincount(rows, minlength=n).astype(np.float64)


def _nearest(wanted: Floats, offered: Floats, width: float) -> Rows:
    """Return for each wanted value the position of the nearest in sorted ``offered``, −1 beyond ``width``."""
    right = np.searchsorted(offered, wanted).clip(0, len(offered) - 1)
    left = np.maximum(right - 1, 0)
    best = np.where(np.abs(offered[left] - wanted) <= np.abs(offered[right] - wanted), left, right)
    return np.where(np.abs(offered[best] - wanted) <= width, best, -1)


def _greedy(wanted: Floats, offered: Floats, width: float) -> Rows:
    """Return the same, each position used once; free neighbours are found through chains with path halving."""
    above, below = list(range(len(offered) + 1)), list(range(len(offered) + 1))  # below is shifted by one: 0 is none
    found = np.full(len(wanted), -1, dtype=np.intp)
    for i, (value, start) in enumerate(zip(wanted.tolist(), np.searchsorted(offered, wanted).tolist(), strict=True)):
        up, down = _free(above, start), _free(below, start)
        gap_up = offered[up] - value if up < len(offered) else np.inf
        gap_down = value - offered[down - 1] if down > 0 else np.inf
        if min(gap_up, gap_down) > width:
            continue
        taken = up if gap_up < gap_down else down - 1
        found[i], above[taken], below[taken + 1] = taken, taken + 1, taken
    return found


def _free(chain: list[int], at: int) -> int:
    while chain[at] != at:
        chain[at] = chain[chain[at]]
        at = chain[at]
    return at
