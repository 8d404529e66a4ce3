"""Adjust for noise as well: a sound estimate does not move."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from e2i_shared.causal.results import Refutation

if TYPE_CHECKING:
    from e2i_shared.causal.refuters.base import Case

MOST_MOVED = 1.0


class RandomCommonCause:
    """Adds a random covariate and fits everything again. Passes where the claim moves by less than one standard error."""

    name = "random_common_cause"

    def refute(self, case: Case) -> Refutation:
        """Return the shift in standard errors of the claim as the statistic."""
        rng = np.random.default_rng([case.settings.seed, 2])
        noise = rng.standard_normal((case.study.n, 1))
        study = replace(case.study, design=case.study.design.with_columns(noise, "random"))
        found = case.estimator.estimate(study, case.settings).inference.estimate
        moved = abs(found - case.claim.effect) / max(case.claim.std_error, 1e-300)
        detail = f"With a random covariate added the effect is {found:.4g} instead of {case.claim.effect:.4g}: {moved:.2f} standard errors."
        return Refutation(
            self.name, moved <= MOST_MOVED, detail, found, moved, MOST_MOVED, "nothing: all is fitted again"
        )
