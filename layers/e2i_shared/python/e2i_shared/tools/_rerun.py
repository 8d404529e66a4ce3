"""A reported effect estimated again from its specification."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from e2i_shared.causal.estimators.choice import choose, estimate
from e2i_shared.causal.refuters.base import Case, Claim
from e2i_shared.errors import UnprocessableError
from e2i_shared.tools._analysis import Specification, prepare, settings_of

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


def asked_specification(params: Any, purpose: str) -> Specification:
    """Return the specification of ``params.causal_result``, else of the columns given beside it; ``purpose`` is what those must say.

    Raises UnprocessableError where neither is given; names the first field that is missing.
    """
    if params.causal_result is not None:
        return Specification.model_validate(params.causal_result.specification)
    missing = [name for name in ("dataset", "treatment_col", "outcome_col") if getattr(params, name) is None]
    if missing:
        raise UnprocessableError(
            f"Without a causal_result, {', '.join(missing)} must say {purpose}.",
            field=missing[0],
            expected="a causal_result, or dataset, treatment_col and outcome_col",
        )
    names = ("dataset", "filters", "treatment_col", "outcome_col", "confounders", "cluster_col")
    return Specification.model_validate({name: getattr(params, name) for name in names})


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
