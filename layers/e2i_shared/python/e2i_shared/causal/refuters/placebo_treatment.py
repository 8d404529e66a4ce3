"""Shuffle the treatment: what is found then is chance, and the claim must stand out from it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from e2i_shared.causal.group_time import shuffled_effect
from e2i_shared.causal.panel import widen
from e2i_shared.causal.results import Refutation

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from e2i_shared.causal.refuters.base import Case
    from e2i_shared.causal.study import Study

    Floats = NDArray[np.float64]

PERMUTATIONS, PERMUTATIONS_OF_LARGE, LARGE = 200, 100, 20_000
PERMUTATIONS_OF_PANELS = 100
ALPHA = 0.05
MOST_FALSE_ALARMS = 0.15


class PlaceboTreatment:
    """Permutes the treatment (whole clusters where there are any), so that the null is real, and estimates again.

    A permuted treatment is independent of covariates and outcome, so its propensity is its mean and Ê[Y|X] stays what it was: the
    placebo effect is the slope of the outcome's residual on the permuted treatment. Passes where the claim is larger than all but 5%
    of placebo effects and its standard error would raise a false alarm on at most 15% of them. In a panel the starts of treatment are
    dealt to the units anew, and the difference in differences is taken again.
    """

    name = "placebo_treatment"

    def refute(self, case: Case) -> Refutation:
        """Return the permutation p-value of the claim as the statistic."""
        effects = _placebo_effects(case)
        claim = case.claim
        p_value = float((1 + (np.abs(effects) >= abs(claim.effect)).sum()) / (1 + len(effects)))
        alarms = float((np.abs(effects) > 1.96 * claim.std_error).mean())
        passed = p_value <= ALPHA and alarms <= MOST_FALSE_ALARMS
        detail = (
            f"Of {len(effects)} shuffled treatments {p_value:.1%} give an effect as large as {claim.effect:.4g} "
            f"(typical: {float(np.abs(effects).mean()):.2g}); {alarms:.0%} would pass for significant."
        )
        return Refutation(
            self.name,
            passed,
            detail,
            float(effects.mean()),
            p_value,
            ALPHA,
            "outcome model, fitted without the treatment"
            if case.study.panel is None
            else "nothing: starts are dealt anew",
        )


def _placebo_effects(case: Case) -> Floats:
    study = case.study
    rng = np.random.default_rng([case.settings.seed, 1])
    if study.panel is not None:
        wide = widen(study)
        return np.array([shuffled_effect(study, wide, rng) for _ in range(PERMUTATIONS_OF_PANELS)])
    residual = study.outcome - case.estimate.nuisances.outcome
    centred = study.treatment - study.treatment.mean()
    total = float(centred @ centred)
    count = PERMUTATIONS if study.n < LARGE else PERMUTATIONS_OF_LARGE
    return np.array([residual @ centred[_shuffled(study, rng)] / total for _ in range(count)])


def _shuffled(study: Study, rng: np.random.Generator) -> NDArray[np.intp]:
    """Return row numbers (n,) in a random order that keeps the rows of a cluster together."""
    if study.clusters is None:
        return rng.permutation(study.n)
    place = rng.permutation(study.groups)
    source = np.argsort(place[study.clusters], kind="stable")
    target = np.argsort(study.clusters, kind="stable")
    shuffled = np.empty(study.n, dtype=np.intp)
    shuffled[target] = source
    return shuffled
