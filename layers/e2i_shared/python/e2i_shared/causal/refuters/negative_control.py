"""Look for an effect on an outcome that the treatment cannot change: what is found there is bias."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from e2i_shared.causal.inference import cluster_codes
from e2i_shared.causal.results import Refutation
from e2i_shared.errors import EstimationError

if TYPE_CHECKING:
    from e2i_shared.causal.refuters.base import Case, NegativeControl
    from e2i_shared.causal.results import Inference
    from e2i_shared.causal.study import Study

ALPHA = 0.05
NEGLIGIBLE = 0.1  # of the claim, both in standard deviations of their outcomes


class NegativeControlOutcome:
    """Estimates the effect on a negative-control outcome: one that shares the outcome's confounders but not its causes.

    Adjusted well enough, the effect on it is none (Lipsitch, Tchetgen Tchetgen & Cohen 2010). Fails where it differs from none
    (p < 0.05) by more than a tenth of the claim, both in standard deviations of their outcomes: below that, what is left of
    confounding could not have made the claim. Needs ``case.negative_control``.
    """

    name = "negative_control_outcome"

    def refute(self, case: Case) -> Refutation:
        """Return the effect on the control over the claim, both standardised, as the statistic; raise EstimationError without one."""
        control = case.negative_control
        if control is None:
            raise EstimationError(
                "No negative-control outcome was named.",
                field="negative_control_col",
                expected="a column that the treatment cannot change",
            )
        study = _with_outcome(case.study, control)
        found = case.estimator.estimate(study, case.settings).inference
        scale = float(case.study.outcome.std()) / float(study.outcome.std())
        claim = max(abs(case.claim.effect), 1e-300)
        statistic = abs(found.estimate) * scale / claim
        clear = found.p_value < ALPHA
        return Refutation(
            self.name,
            not (clear and statistic > NEGLIGIBLE),
            _detail(control.name, found, scale, claim, statistic),
            found.estimate,
            statistic,
            NEGLIGIBLE,
            "nothing: all is fitted again",
        )


def _with_outcome(study: Study, control: NegativeControl) -> Study:
    """Return the study with the control as its outcome, where it is recorded."""
    held = ~np.isnan(control.values)
    part = study.take(held)
    clusters = None if part.clusters is None else cluster_codes(part.clusters)
    return replace(part, outcome=control.values[held], outcome_name=control.name, clusters=clusters)


def _detail(name: str, found: Inference, scale: float, claim: float, statistic: float) -> str:
    told = (
        f"On {name}, which the treatment cannot change, the effect is {found.estimate:.3g} "
        f"[{found.ci_lower:.3g}, {found.ci_upper:.3g}] (p = {found.p_value:.2g}), {statistic:.2g} of the claim in standard deviations."
    )
    widest = max(abs(found.ci_lower), abs(found.ci_upper)) * scale
    weak = " Its interval is too wide to tell a bias as large as the claim from none." if widest > claim else ""
    return told + weak
