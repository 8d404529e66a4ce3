"""Draw the units again with replacement: the claimed precision must be what the data show."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from e2i_shared.causal.inference import cluster_sums
from e2i_shared.causal.results import Refutation

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from e2i_shared.causal.refuters.base import Case

    Floats = NDArray[np.float64]

DRAWS, DRAWS_OF_LARGE, LARGE = 500, 200, 20_000
MOST_RATIO = 1.5


class Bootstrap:
    """Bayesian bootstrap (Rubin 1981) of the scores, over clusters where there are any.

    Passes where the claim lies within the bootstrap's 95% interval and the bootstrap's standard error is at most 1.5 times the
    claimed one (and no less than its 1.5th part).
    """

    name = "bootstrap"

    def refute(self, case: Case) -> Refutation:
        """Return the ratio of the bootstrap's to the claimed standard error as the statistic."""
        effects = _bootstrap_effects(case)
        low, high = (float(q) for q in np.quantile(effects, (0.025, 0.975)))
        ratio = float(effects.std(ddof=1)) / max(case.claim.std_error, 1e-300)
        inside = low <= case.claim.effect <= high
        passed = inside and 1 / MOST_RATIO <= ratio <= MOST_RATIO
        detail = (
            f"The bootstrap's 95% interval is {low:.4g} to {high:.4g}, its standard error {ratio:.2f} times the claimed one"
            f"{'' if inside else '; the claim lies outside'}."
        )
        return Refutation(self.name, passed, detail, float(effects.mean()), ratio, MOST_RATIO, "all nuisance models")


def _bootstrap_effects(case: Case) -> Floats:
    rng = np.random.default_rng([case.settings.seed, 4])
    sums = cluster_sums(case.estimate.scores, case.study.clusters)
    sizes = cluster_sums(np.ones(case.study.n), case.study.clusters)
    count = DRAWS if len(sums) < LARGE else DRAWS_OF_LARGE
    effects = np.empty(count)
    for i in range(count):
        weight = rng.standard_exponential(len(sums))
        effects[i] = (weight @ sums) / (weight @ sizes)
    return effects
