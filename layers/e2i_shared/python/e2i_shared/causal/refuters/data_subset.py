"""Leave out a fifth of the data, again and again: the effect must not hang on who is left out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from e2i_shared.causal.inference import cluster_sums
from e2i_shared.causal.results import Refutation

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from e2i_shared.causal.refuters.base import Case

    Floats = NDArray[np.float64]

SUBSETS, SHARE = 100, 0.8
LEAST_SAME_SIGN = 0.95
MOST_SPREAD = 1.75
MOST_MOVED = 1.0


class DataSubset:
    """Averages the scores over random 80% of the units (whole clusters); out-of-fold predictions stay out of fold in any subset.

    Passes where at least 95% of the subsets agree with the claim's sign, they centre within a standard error of it, and their spread
    is at most 1.75 times what the claimed standard error implies, se·√((1 − 0.8)/0.8).
    """

    name = "data_subset"

    def refute(self, case: Case) -> Refutation:
        """Return the share of subsets with the claim's sign as the statistic."""
        effects = _subset_effects(case)
        claim = case.claim
        agree = float((np.sign(effects) == np.sign(claim.effect)).mean())
        centre = float(effects.mean())
        implied = claim.std_error * np.sqrt((1 - SHARE) / SHARE)
        moved = abs(centre - claim.effect) / max(claim.std_error, 1e-300)
        spread = float(effects.std(ddof=1)) / max(float(implied), 1e-300)
        passed = agree >= LEAST_SAME_SIGN and moved <= MOST_MOVED and spread <= MOST_SPREAD
        detail = (
            f"{agree:.0%} of {SUBSETS} subsets of {SHARE:.0%} have the claim's sign; they range from {effects.min():.4g} to "
            f"{effects.max():.4g}, {spread:.2f} times the spread its standard error implies."
        )
        return Refutation(self.name, passed, detail, centre, agree, LEAST_SAME_SIGN, "all nuisance models")


def _subset_effects(case: Case) -> Floats:
    rng = np.random.default_rng([case.settings.seed, 3])
    sums = cluster_sums(case.estimate.scores, case.study.clusters)
    sizes = cluster_sums(np.ones(case.study.n), case.study.clusters)
    units = len(sums)
    kept = max(2, round(SHARE * units))
    effects = []
    for _ in range(SUBSETS):
        chosen = rng.permutation(units)[:kept]
        effects.append(sums[chosen].sum() / sizes[chosen].sum())
    return np.array(effects)
