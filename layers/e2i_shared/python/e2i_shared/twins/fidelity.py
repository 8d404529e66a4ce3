"""How far a twin can be trusted: predictions against what really happened, the population against the real one now.

Pure functions of past predictions (``Outcome``) and of columns; numpy only. ``past_errors`` is what ``simulate`` widens its intervals
by; ``degradation`` and ``may_retrain`` are what the scheduled check acts on.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Literal

import numpy as np

from e2i_shared.twins.realism import column_realism

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from e2i_shared.twins.table import Table

    Floats = NDArray[np.float64]

Grade = Literal["excellent", "good", "fair", "poor", "unvalidated"]
Severity = Literal["none", "listed", "warning", "critical"]

GRADES: tuple[tuple[float, Grade], ...] = ((0.10, "excellent"), (0.20, "good"), (0.35, "fair"))
NEAR_ZERO = 0.05  # standard deviations of the outcome: smaller actual effects have no relative error
SMALL_EFFECT = 0.2
LEAST_ERROR = 1e-4
RECENT, BEFORE = timedelta(days=30), timedelta(days=150)
SEVERITIES: tuple[tuple[float, Severity], ...] = ((1.5, "critical"), (1.25, "warning"), (1.1, "listed"))
FEWEST_RECENT, FEWEST_BEFORE = 2, 3
COOL_DOWN, MOST_ATTEMPTS = timedelta(hours=24), 3
PSI_ALARM = 0.25


@dataclass(frozen=True, slots=True)
class Outcome:
    """A simulated effect beside the one that came true; ``sd`` is the outcome's standard deviation."""

    simulated: float
    simulated_se: float
    ci_lower: float
    ci_upper: float
    actual: float
    actual_se: float
    sd: float
    at: datetime

    @property
    def error(self) -> float:
        """Simulated less actual."""
        return self.simulated - self.actual

    @property
    def covered(self) -> bool:
        """Whether the interval held the actual effect."""
        return self.ci_lower <= self.actual <= self.ci_upper


@dataclass(frozen=True, slots=True)
class Verdict:
    """One prediction judged: ``relative`` is None where the actual effect is nearly zero and ``standardised`` decides."""

    error: float
    absolute: float
    relative: float | None
    standardised: float
    covered: bool
    grade: Grade


@dataclass(frozen=True, slots=True)
class Accuracy:
    """All predictions: errors in outcome units; ``mape`` over those with an effect to speak of; ``score`` in 0–1."""

    count: int
    bias: float
    mean_absolute: float
    rmse: float
    mape: float | None
    coverage: float | None
    grade: Grade
    score: float | None


@dataclass(frozen=True, slots=True)
class PastErrors:
    """Random effects of past errors: their mean, their true spread τ, and the standard error they add to the next prediction."""

    count: int
    bias: float
    tau: float
    added: float


@dataclass(frozen=True, slots=True)
class Similarity:
    """The population against the real one now: ``score`` in 0–1, each column's own, and the columns whose PSI says they drifted."""

    score: float
    columns: dict[str, float]
    psi: dict[str, float]
    drifted: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Degradation:
    """Recent errors over earlier ones; ``ratio`` is None while too few are known."""

    severity: Severity
    ratio: float | None
    recent: float | None
    before: float | None
    reason: str


@dataclass(frozen=True, slots=True)
class Retraining:
    """Whether to train again now, and why."""

    go: bool
    reason: str


def grade_of(simulated: float, actual: float, sd: float) -> Grade:
    """Grade one prediction by relative error: excellent below 10%, good below 20%, fair below 35%, else poor.

    Where the actual effect is below 0.05 standard deviations, a ratio would explode: the difference in standard deviations, over
    Cohen's small effect (0.2), is graded by the same limits.
    """
    size = abs(simulated - actual) / (SMALL_EFFECT * max(sd, 1e-300) if _nearly_zero(actual, sd) else abs(actual))
    return next((grade for limit, grade in GRADES if round(size, 12) < limit), "poor")


def _nearly_zero(actual: float, sd: float) -> bool:
    return actual == 0 or abs(actual) < NEAR_ZERO * sd


def judge(outcome: Outcome) -> Verdict:
    """Return the error of one prediction in all its forms."""
    near = _nearly_zero(outcome.actual, outcome.sd)
    return Verdict(
        outcome.error,
        abs(outcome.error),
        None if near else abs(outcome.error / outcome.actual),
        abs(outcome.error) / max(outcome.sd, 1e-300),
        outcome.covered,
        grade_of(outcome.simulated, outcome.actual, outcome.sd),
    )


def track_prediction_accuracy(outcomes: Sequence[Outcome]) -> Accuracy:
    """Return error, MAPE, RMSE, interval coverage and bias; ``unvalidated`` when nothing real is known yet."""
    if not outcomes:
        return Accuracy(0, 0.0, 0.0, 0.0, None, None, "unvalidated", None)
    verdicts = [judge(o) for o in outcomes]
    errors = np.array([v.error for v in verdicts])
    relative = [v.relative for v in verdicts if v.relative is not None]
    sizes = [v.relative if v.relative is not None else v.standardised / SMALL_EFFECT for v in verdicts]
    size = float(np.median(sizes))
    coverage = float(np.mean([v.covered for v in verdicts]))
    return Accuracy(
        count=len(outcomes),
        bias=float(errors.mean()),
        mean_absolute=float(np.abs(errors).mean()),
        rmse=float(np.sqrt((errors**2).mean())),
        mape=float(np.mean(relative)) if relative else None,
        coverage=coverage,
        grade=next((grade for limit, grade in GRADES if round(size, 12) < limit), "poor"),
        score=float(np.clip(1 - size, 0.0, 1.0)),
    )


def past_errors(outcomes: Sequence[Outcome]) -> PastErrors:
    """Return what earlier errors say about the next one (DerSimonian & Laird 1986).

    Errors e_i with sampling variances v_i (of prediction and actual) vary by more than v_i where the twin is wrong: τ² is
    (Q − (k − 1))/(Σw − Σw²/Σw), w = 1/v, never negative; the prediction gains the variance τ² + max(0, bias² − its variance).
    A standard error below ``LEAST_ERROR`` outcome standard deviations, or none, counts as that.
    """
    if not outcomes:
        return PastErrors(0, 0.0, 0.0, 0.0)
    e = np.array([o.error for o in outcomes])
    least = [max((LEAST_ERROR * o.sd) ** 2, 1e-100) for o in outcomes]
    v = np.maximum([o.simulated_se**2 + o.actual_se**2 for o in outcomes], least)
    w = 1 / v
    middle = float(w @ e / w.sum())
    excess = float(w @ (e - middle) ** 2) - (len(e) - 1)
    scale = float(w.sum() - (w**2).sum() / w.sum())
    tau2 = max(0.0, excess / scale) if len(e) > 1 and scale > 0 else 0.0
    random = 1 / (v + tau2)
    bias = float(random @ e / random.sum())
    return PastErrors(len(e), bias, tau2**0.5, float(np.sqrt(tau2 + max(0.0, bias**2 - 1 / float(random.sum())))))


def fidelity_score(population: float, outcomes: Sequence[Outcome]) -> tuple[float, Grade]:
    """Return a twin's fidelity in 0–1 and its grade: its population's likeness, and predictions weighing more as they come in."""
    accuracy = track_prediction_accuracy(outcomes)
    if accuracy.score is None:
        return population, "unvalidated"
    weight = accuracy.count / (accuracy.count + 1.0)
    return float((1 - weight) * population + weight * accuracy.score), accuracy.grade


def calculate_distribution_similarity(twins: Table, real: Table) -> Similarity:
    """Return how like the real population now the twins still are, by 1 − KS or 1 − total variation, χ² and PSI per column.

    A column's score is its complement less its PSI over 0.25, never below 0; the aggregate is their mean.
    """
    judged = [
        column_realism(name, real.values(name), twins.values(name), category=name in real.categories)
        for name in real.names
    ]
    columns = {
        c.column: float(np.clip(c.complement * (1 - min(1.0, max(0.0, c.psi) / (4 * PSI_ALARM))), 0, 1)) for c in judged
    }
    drifted = tuple(c.column for c in judged if c.psi > PSI_ALARM)
    return Similarity(float(np.mean(list(columns.values()))), columns, {c.column: c.psi for c in judged}, drifted)


def degradation(outcomes: Sequence[Outcome], now: datetime | None = None) -> Degradation:
    """Compare the last 30 days' mean absolute error, in standard deviations, with that of the 150 days before."""
    now = now or datetime.now(UTC)
    recent = [abs(o.error) / max(o.sd, 1e-300) for o in outcomes if now - RECENT < o.at <= now]
    before = [abs(o.error) / max(o.sd, 1e-300) for o in outcomes if now - RECENT - BEFORE < o.at <= now - RECENT]
    if len(recent) < FEWEST_RECENT or len(before) < FEWEST_BEFORE:
        known = f"{len(recent)} recent and {len(before)} earlier validations"
        return Degradation(
            "none", None, None, None, f"{known}: at least {FEWEST_RECENT} and {FEWEST_BEFORE} are needed."
        )
    late, early = float(np.mean(recent)), float(np.mean(before))
    ratio = late / early if early > 0 else (1.0 if late == 0 else float(SEVERITIES[0][0]))
    severity: Severity = next((severity for limit, severity in SEVERITIES if ratio >= limit - 1e-12), "none")
    return Degradation(severity, ratio, late, early, f"Recent errors are {ratio:.2f} times those before.")


def may_retrain(
    found: Degradation, attempts: Sequence[datetime], now: datetime, *, drifted: Sequence[str] = ()
) -> Retraining:
    """Say whether to train again: after a warning or drift, 24 hours after the last attempt, at most three times in 30 days."""
    if found.severity not in {"warning", "critical"} and not drifted:
        return Retraining(go=False, reason="Errors have not grown by a quarter, and no column drifted.")
    late = [at for at in attempts if now - at < RECENT]
    if late and now - max(late) < COOL_DOWN:
        return Retraining(
            go=False, reason=f"The last attempt was less than {COOL_DOWN.total_seconds() / 3600:.0f} hours ago."
        )
    if len(late) >= MOST_ATTEMPTS:
        return Retraining(go=False, reason=f"{MOST_ATTEMPTS} attempts were made in 30 days: somebody must look.")
    why = found.reason if found.severity in {"warning", "critical"} else f"{', '.join(drifted)} drifted."
    return Retraining(go=True, reason=why)


def better(challenger: Floats, champion: Floats, *, least: float = 0.0) -> bool:
    """Say whether a challenger's held-out losses (n,) are lower than the champion's on the same units by more than chance.

    Losses come from ``neighbours.held_out_losses``. One-sided paired z test at 5%; ``least`` is the mean improvement below which nothing is promoted.
    """
    gain = champion - challenger
    se = float(gain.std(ddof=1)) / len(gain) ** 0.5
    return bool(gain.mean() - 1.6448536269514722 * se > least)
