"""What estimators, refuters and analyses return: frozen results, arrays of the units' length kept beside the numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

TreatmentKind = Literal["binary", "dose"]
Verdict = Literal["proceed", "review", "block"]


@dataclass(frozen=True, slots=True)
class Inference:
    """A mean with its uncertainty; ``df`` are the degrees of freedom of the t interval."""

    estimate: float
    std_error: float
    ci_lower: float
    ci_upper: float
    p_value: float
    df: int
    level: float


@dataclass(frozen=True, slots=True)
class Nuisances:
    """Out-of-fold predictions, each of shape (n,), and how good they are.

    ``outcome`` is Ê[Y|X] with the treatment left out, ``fitted`` Ê[Y|A,X] at the treatment received, ``treatment`` Ê[A|X]
    (the propensity of a binary treatment, clipped), ``effect`` τ̂(X) per unit of treatment, ``weight`` the estimated Riesz
    representer α with E[α·g(A,X)] = the estimand's functional of g.
    """

    outcome: Floats
    fitted: Floats
    treatment: Floats
    effect: Floats
    weight: Floats
    folds: NDArray[np.intp]
    learner: str
    clipped: int
    quality: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Overlap:
    """How alike the treated and the untreated are.

    ``share_outside`` is the share of units with an estimated propensity outside [0.05, 0.95]; effective sample sizes are Kish's,
    (Σw)²/Σw², of the inverse-propensity weights. For a dose, ``share_outside`` is the share of units whose covariates leave less
    than a twentieth of the dose's variance, and the effective sample size counts all units once.
    """

    share_outside: float
    minimum: float
    maximum: float
    ess_treated: float | None
    ess_control: float | None
    ess: float


@dataclass(frozen=True, slots=True)
class Balance:
    """Standardised mean difference of a covariate (its worst level), or correlation with a dose, before and after weighting."""

    column: str
    before: float
    after: float


@dataclass(frozen=True, slots=True)
class Influence:
    """What the 1% of units with the largest influence do: their share of the variance, and the estimate without them."""

    units: int
    variance_share: float
    estimate_without: float


@dataclass(frozen=True, slots=True)
class Diagnostics:
    """What to look at before believing an estimate."""

    overlap: Overlap | None
    balance: tuple[Balance, ...]
    influence: Influence
    quality: Mapping[str, float]
    clipped: int


@dataclass(frozen=True, slots=True)
class ArmEffect:
    """One level of a treatment against the reference; the interval holds for all levels at once, ``p_value`` is adjusted.

    ``mean`` is the adjusted mean outcome were all units given this level.
    """

    label: str
    n: int
    mean: float
    effect: float
    std_error: float
    ci_lower: float
    ci_upper: float
    p_value: float
    p_value_adjusted: float


@dataclass(frozen=True, slots=True)
class EventEffect:
    """The average effect ``time`` periods after treatment started (before, where negative), over ``units`` treated units.

    ``lower_all`` and ``upper_all`` hold for all times at once.
    """

    time: int
    units: int
    effect: float
    std_error: float
    ci_lower: float
    ci_upper: float
    lower_all: float
    upper_all: float


@dataclass(frozen=True, slots=True)
class EventStudy:
    """Effects by time since treatment, the same by group of adoption, and a test that there were none before it.

    ``pretrend_p`` is None where no unit was seen twice before treatment. ``groups`` are labelled by the period of their start.
    """

    events: tuple[EventEffect, ...]
    groups: tuple[ArmEffect, ...]
    pretrend_statistic: float | None
    pretrend_df: int
    pretrend_p: float | None


@dataclass(frozen=True, slots=True)
class Estimate:
    """An average effect per unit of treatment, with the scores (n,) whose mean it is."""

    inference: Inference
    method: str
    estimand: str
    scores: Floats
    nuisances: Nuisances
    diagnostics: Diagnostics
    mean_treated: float | None
    mean_control: float | None
    assumptions: tuple[str, ...]
    warnings: tuple[str, ...]
    reason: str = ""
    arms: tuple[ArmEffect, ...] = ()
    event_study: EventStudy | None = None


@dataclass(frozen=True, slots=True)
class Refutation:
    """One refuter's finding: ``estimate`` is what it found instead, ``statistic`` what was judged against ``threshold``."""

    name: str
    passed: bool
    detail: str
    estimate: float | None
    statistic: float
    threshold: float
    reuses: str


@dataclass(frozen=True, slots=True)
class Gate:
    """All refuters together; ``confidence`` is the weighted share passed, in [0, 1]."""

    verdict: Verdict
    confidence: float
    reason: str


@dataclass(frozen=True, slots=True)
class GroupEffect:
    """The average effect in one group; the interval is simultaneous over the groups of its family, the p-value adjusted."""

    label: str
    n: int
    n_clusters: int | None
    effect: float
    std_error: float
    ci_lower: float
    ci_upper: float
    p_value: float
    p_value_adjusted: float


@dataclass(frozen=True, slots=True)
class HeterogeneityTest:
    """A test that the effect is the same everywhere; ``slope`` is the best linear predictor's coefficient where it is one."""

    name: str
    statistic: float
    p_value: float
    slope: float | None = None
