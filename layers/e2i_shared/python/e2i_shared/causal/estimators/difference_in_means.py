"""The difference in means of a randomised experiment."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from e2i_shared.causal import diagnostics
from e2i_shared.causal.estimators.base import CONSISTENCY, RANDOMISED
from e2i_shared.causal.inference import infer_mean, weighted
from e2i_shared.causal.results import Diagnostics, Estimate, Nuisances
from e2i_shared.causal.study import check

if TYPE_CHECKING:
    from e2i_shared.causal.study import Settings, Study


class DifferenceInMeans:
    """Ȳ₁ − Ȳ₀ with Neyman's (1923) conservative variance s₁²/n₁ + s₀²/n₀, or the cluster-robust one."""

    name = "difference_in_means"
    estimand = "average treatment effect (ATE) over the units selected"

    def suits(self, study: Study) -> bool:
        """Say whether the treatment is 0/1."""
        return study.kind == "binary"

    def estimate(self, study: Study, settings: Settings) -> Estimate:
        """Return the effect in outcome units; raise InsufficientDataError or NoVariationError."""
        check(study)
        a, y = study.treatment, study.outcome
        w = np.ones(study.n) if study.weights is None else study.weights
        share = float(np.average(a, weights=w))
        mean_1, mean_0 = float(np.average(y, weights=w * a)), float(np.average(y, weights=w * (1 - a)))
        received = np.where(a == 1, mean_1, mean_0)
        weight = a / share - (1 - a) / (1 - share)
        scores = weighted(mean_1 - mean_0 + weight * (y - received), study.weights)
        nuisances = Nuisances(
            outcome=np.full(study.n, float(y.mean())),
            fitted=received,
            treatment=np.full(study.n, share),
            effect=np.full(study.n, mean_1 - mean_0),
            weight=weight,
            folds=np.zeros(study.n, dtype=np.intp),
            learner="none",
            clipped=0,
            quality={},
        )
        balance = diagnostics.binary_balance(study, nuisances.treatment)
        return Estimate(
            inference=infer_mean(scores, study.clusters, level=settings.level, parameters=1),
            method=self.name,
            estimand=self.estimand,
            scores=scores,
            nuisances=nuisances,
            diagnostics=Diagnostics(
                diagnostics.binary_overlap(a, nuisances.treatment, study.weights),
                balance,
                diagnostics.influence(scores),
                {},
                0,
            ),
            mean_treated=mean_1,
            mean_control=mean_0,
            assumptions=(CONSISTENCY, RANDOMISED),
            warnings=_warnings(study, [b.before for b in balance]),
        )


def _warnings(study: Study, before: list[float]) -> tuple[str, ...]:
    worst = max(map(abs, before), default=0.0)
    found = []
    if not study.randomised:
        found.append("The data set is not marked as randomised: a difference in means is then no causal effect.")
    if worst > 0.25:
        found.append(
            f"A covariate differs by {worst:.2f} standard deviations between the arms, by chance or by a broken draw."
        )
    return tuple(found)
