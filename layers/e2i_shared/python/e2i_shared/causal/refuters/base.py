"""What every refuter is given and returns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from e2i_shared.causal.estimators.base import Estimator
    from e2i_shared.causal.results import Estimate, Refutation
    from e2i_shared.causal.study import Settings, Study


@dataclass(frozen=True, slots=True)
class Claim:
    """The effect as it was reported, which may differ from what the data give."""

    effect: float
    std_error: float


@dataclass(frozen=True, slots=True)
class NegativeControl:
    """An outcome that the treatment cannot change: ``values`` (n,) beside the study's, NaN where missing."""

    name: str
    values: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Case:
    """A claim with the study it is about, its estimate made anew, and what made it."""

    claim: Claim
    study: Study
    estimate: Estimate
    estimator: Estimator
    settings: Settings
    negative_control: NegativeControl | None = None


class Refuter(Protocol):
    """One way to try to refute a claim."""

    name: str

    def refute(self, case: Case) -> Refutation:
        """Return whether the claim survived, and what was found."""
        ...
