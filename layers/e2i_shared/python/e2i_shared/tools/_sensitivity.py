"""The numbers of sensitivity_analyzer, from a rerun of the reported effect."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from e2i_shared.causal import sensitivity
from e2i_shared.errors import UnknownColumnError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from e2i_shared.api.common import Json
    from e2i_shared.causal.sensitivity import EValue
    from e2i_shared.tools._analysis import CausalResult
    from e2i_shared.tools._rerun import Rerun

GRID = (0.0, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5)
BENCHMARKS_SHOWN = 3
MULTIPLES = (1.0, 2.0, 3.0)
FEWEST_PAIRS = 10


@dataclass(frozen=True, slots=True)
class Strength:
    """Partial R² of the treatment, robustness values, and the degrees of freedom and effective t they stem from."""

    partial_r2: float
    robustness: float
    robustness_ci: float
    df: float
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Pairs:
    """Rosenbaum's bounds; ``gamma`` is None where no pairs can be made."""

    gamma: float | None
    bounds: tuple[tuple[float, float], ...]
    notes: tuple[str, ...]


def measure(reported: CausalResult, again: Rerun) -> Strength:
    """Return the strength of the effect against hidden confounding, from the residuals of outcome and treatment.

    With clusters the robust t is below the plain one; degrees of freedom are scaled so that partial R² stays what the residuals show.
    """
    study, nuisances = again.prepared.study, again.estimate.nuisances
    d, y = study.treatment - nuisances.treatment, study.outcome - nuisances.outcome
    share = float(np.corrcoef(d, y)[0, 1] ** 2)
    t = reported.ate / max(reported.std_error, 1e-300)
    df = max(t * t * (1 - share) / max(share, 1e-9), 3.0)
    notes = ("Partial R² are of what the covariates leave of treatment and outcome.",)
    return Strength(
        share,
        sensitivity.robustness_value(t, df),
        sensitivity.robustness_value(t, df, alpha=0.05),
        df,
        notes,
    )


def value_of_e(reported: CausalResult, again: Rerun) -> tuple[EValue, str]:
    """Return the E-value and how the effect was put on the risk-ratio scale."""
    study, found = again.prepared.study, again.estimate
    base = found.mean_control
    if study.binary_outcome and base and base > 0 and reported.ate + base > 0:
        ratio, low, high = (
            max(base + effect, 1e-6) / base for effect in (reported.ate, reported.ci_lower, reported.ci_upper)
        )
        note = f"The E-value is of the risk ratio at an untreated risk of {base:.3g}."
        return sensitivity.e_value_of_ratio(ratio, low, high), note
    step = 1.0 if study.kind == "binary" else float(study.treatment.std(ddof=1))
    spread = float(study.outcome.std(ddof=1))
    unit = "treatment" if study.kind == "binary" else f"one standard deviation of the dose ({step:.3g})"
    note = f"The E-value is of {unit}, in standard deviations of the outcome, as a risk ratio exp(0.91 d)."
    d, error = reported.ate * step / spread, reported.std_error * step / spread
    return sensitivity.e_value_of_difference(d, error), note


def settle_benchmarks(strength: Strength, again: Rerun, reported: CausalResult, asked: Sequence[str]) -> list[Json]:
    """Return rows for hidden confounders 1, 2 and 3 times as strong as each benchmark covariate."""
    found = sensitivity.covariate_strengths(again.prepared.study)
    for name in asked:
        if name not in found:
            raise UnknownColumnError(
                f"{name!r} was not adjusted for, so nothing can be compared with it.",
                field="benchmark_covariates",
                got=name,
                candidates=sorted(found),
            )
    strongest = sorted(found, key=lambda name: -found[name][0] * found[name][1])[:BENCHMARKS_SHOWN]
    rows = []
    for name in asked or strongest:
        for multiple in MULTIPLES:
            r2_d, r2_y = sensitivity.bounds(*found[name], multiple)
            rows.append(
                {"column": name, "multiple": multiple, "r2_treatment": r2_d, "r2_outcome": r2_y}
                | _left(strength, reported, r2_d, r2_y)
            )
    return rows


def sensitivity_grid(strength: Strength, reported: CausalResult) -> list[Json]:
    """Return the effect left by confounders of growing partial R² with both treatment and outcome."""
    return [{"r2": r2} | _left(strength, reported, r2, r2) for r2 in GRID]


def _left(strength: Strength, reported: CausalResult, r2_d: float, r2_y: float) -> Json:
    effect, error = sensitivity.adjusted_for(reported.ate, reported.std_error, strength.df, r2_d, r2_y)
    return {
        "adjusted_effect": effect,
        "adjusted_lower": effect - 1.96 * error,
        "adjusted_upper": effect + 1.96 * error,
    }


def matched_pairs(reported: CausalResult, again: Rerun, gammas: Sequence[float]) -> Pairs:
    """Return Rosenbaum's bounds over pairs matched on the propensity's log odds; none for a dose or too few pairs."""
    study, e = again.prepared.study, again.estimate.nuisances.treatment
    if study.kind != "binary":
        return Pairs(None, (), ("Rosenbaum's Γ is for matched pairs and needs a 0/1 treatment.",))
    kept = e.clip(1e-6, 1 - 1e-6)
    residual = study.outcome - again.estimate.nuisances.outcome
    differences = sensitivity.match_pairs(study.treatment, np.log(kept / (1 - kept)), residual)
    if len(differences) < FEWEST_PAIRS:
        return Pairs(None, (), (f"Only {len(differences)} pairs could be matched: no Rosenbaum bounds.",))
    signed = differences * (1.0 if reported.ate >= 0 else -1.0)
    bounds = tuple((gamma, sensitivity.rosenbaum_p(signed, gamma)) for gamma in sorted(set(gammas)))
    note = (
        f"Rosenbaum's bounds use {len(signed)} pairs matched on the propensity, with outcomes less their predictions."
    )
    return Pairs(sensitivity.rosenbaum_gamma(signed), bounds, (note,))
