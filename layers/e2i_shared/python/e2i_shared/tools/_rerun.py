"""A reported effect estimated again from its specification."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from e2i_shared.causal.estimators.choice import choose, estimate
from e2i_shared.causal.refuters.base import Case, Claim
from e2i_shared.tools._analysis import prepare, settings_of

if TYPE_CHECKING:
    from e2i_shared.causal.results import Estimate
    from e2i_shared.tools._analysis import CausalResult, Prepared
    from e2i_shared.tools._registry import ToolContext

SAME = 0.05  # standard errors within which a rerun counts as the same
EFFECT_EXAMPLE = {
    "ate": 0.0523,
    "ci_lower": 0.0438,
    "ci_upper": 0.0607,
    "std_error": 0.0043,
    "specification": {"dataset": "patients", "treatment_col": "copay_card", "outcome_col": "adherence_pdc"},
}


@dataclass(frozen=True, slots=True)
class Rerun:
    """The study and estimate behind a report; ``warnings`` say where they differ from it."""

    prepared: Prepared
    estimate: Estimate
    warnings: list[str]


def rerun(reported: CausalResult, context: ToolContext) -> Rerun:
    """Estimate a reported effect again; raise what the estimator raises."""
    prepared = prepare(reported.specification, context, panels=True)
    found = estimate(prepared.study, settings_of(context, prepared.specification), prepared.specification.method)
    return Rerun(prepared, found, differences(reported, found))


def differences(reported: CausalResult, found: Estimate) -> list[str]:
    """Return a warning where the rerun does not give the reported effect."""
    effect = found.inference.estimate
    if abs(effect - reported.ate) <= SAME * max(found.inference.std_error, 1e-12):
        return []
    return [
        f"Estimated again the effect is {effect:.4g}, not the reported {reported.ate:.4g}: data or settings differ."
    ]


def as_case(reported: CausalResult, again: Rerun, context: ToolContext) -> Case:
    """Return what refuters need."""
    settings = settings_of(context, again.prepared.specification)
    estimator, _ = choose(again.prepared.study, again.prepared.specification.method, settings.estimand)
    claim = Claim(reported.ate, reported.std_error)
    return Case(claim, again.prepared.study, again.estimate, estimator, settings)
