"""What there is to say about each tool's output, as claims; a tool without sentences of its own is told by its fields."""

from __future__ import annotations

from typing import TYPE_CHECKING

from e2i_shared.composer.claims.causal import effect, refutation, sensitivity
from e2i_shared.composer.claims.change import change, drivers
from e2i_shared.composer.claims.forecast import forecast
from e2i_shared.composer.claims.monitoring import comparison, drift, health
from e2i_shared.composer.claims.other import anything, gap, kpi, power
from e2i_shared.composer.claims.people import cohort, explanation, propensity, risk
from e2i_shared.composer.claims.policy import policy
from e2i_shared.composer.claims.prescreening import prescreening
from e2i_shared.composer.claims.returns import returns
from e2i_shared.composer.claims.segments import by_segment, ranking
from e2i_shared.composer.claims.simulation import simulation
from e2i_shared.composer.render import render_claim
from e2i_shared.errors import UngroundedAnswerError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from e2i_shared.api.composition import Claim
    from e2i_shared.composer.claims.told import Told

_SENTENCES: Mapping[str, Callable[[Told], Iterable[Claim]]] = {
    "causal_effect_estimator": effect,
    "refutation_runner": refutation,
    "sensitivity_analyzer": sensitivity,
    "cate_analyzer": by_segment,
    "segment_ranker": ranking,
    "gap_calculator": gap,
    "power_calculator": power,
    "kpi_lookup": kpi,
    "change_attributor": change,
    "driver_ranker": drivers,
    "counterfactual_simulator": simulation,
    "intervention_prescreener": prescreening,
    "propensity_estimator": propensity,
    "risk_scorer": risk,
    "policy_optimizer": policy,
    "forecaster": forecast,
    "psi_calculator": drift,
    "kpi_monitor": health,
    "distribution_comparator": comparison,
    "roi_estimator": returns,
    "cohort_builder": cohort,
    "result_explainer": explanation,
}


def claims_of(told: Told) -> list[Claim]:
    """Return the sentences about a finished step that can be printed; an output of another shape is told by its fields."""
    try:
        made = list(_SENTENCES.get(told.tool, anything)(told))
    except (AttributeError, IndexError, KeyError, TypeError):
        made = list(anything(told))
    return [claim for claim in made if _prints(claim, told)]


def _prints(claim: Claim, told: Told) -> bool:
    try:
        render_claim(claim, {told.step: told.output})
    except UngroundedAnswerError:
        return False
    return True
