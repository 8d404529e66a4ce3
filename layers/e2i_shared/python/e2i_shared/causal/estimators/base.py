"""What every estimator is, and the words they share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from e2i_shared.causal.results import Estimate
    from e2i_shared.causal.study import Settings, Study

CONSISTENCY = "Consistency: a unit's outcome depends on its own treatment only (no interference)."
CONFOUNDING = "No unmeasured confounding: treatment is as good as random among units alike in the covariates."
OVERLAP = "Overlap: units of every kind occur with and without treatment."
RANDOMISED = "Treatment was assigned at random."


class Estimator(Protocol):
    """An average effect of a treatment on an outcome."""

    name: str
    estimand: str

    def suits(self, study: Study) -> bool:
        """Say whether the estimator is made for this kind of treatment."""
        ...

    def estimate(self, study: Study, settings: Settings) -> Estimate:
        """Return the effect per unit of treatment; raise an EstimationError where the data cannot tell."""
        ...
