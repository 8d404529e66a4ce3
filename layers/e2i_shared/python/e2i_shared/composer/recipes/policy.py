"""Who gets a budget of treatments."""

from __future__ import annotations

from typing import TYPE_CHECKING

from e2i_shared.composer.amounts import budget, cost, worth
from e2i_shared.composer.recipes.inputs import LOWER_IS_BETTER, effect_inputs, lacking
from e2i_shared.composer.references import reference

if TYPE_CHECKING:
    from e2i_shared.api.common import Json
    from e2i_shared.composer.binding import Bound
    from e2i_shared.composer.workbench import Workbench


def policy(bench: Workbench, bound: Bound) -> str | None:
    """Spread the named budget over those who gain most; builds on an estimate of the same effect where the plan has one."""
    if not bench.has("policy_optimizer"):
        return lacking("Allocating a budget of treatments", "policy_optimizer")
    treatment, outcome = bound.treatments[0], bound.outcomes[0]
    amount = budget(bound.question.text)
    if amount is None:
        return f'The question does not say how many {treatment} there are to give: name a number ("500 extra calls").'
    if treatment == outcome:
        return "The treatment and the outcome are the same column."
    inputs = _source(bench, bound, treatment, outcome) | {"budget": amount} | _money(bound)
    inputs |= {"higher_is_better": False} if LOWER_IS_BETTER.search(outcome) else {}
    bench.add("policy_optimizer", f"Who gets {treatment}", inputs, bound.question.id)
    return None


def _source(bench: Workbench, bound: Bound, treatment: str, outcome: str) -> Json:
    """Return the estimate to build on, else the data to learn from."""
    own = effect_inputs(bound, treatment, outcome)
    known = next((s for s in bench.steps if s.tool == "causal_effect_estimator" and s.inputs == own), None)
    return {"causal_result": reference(known.step_number)} if known else own


def _money(bound: Bound) -> Json:
    """Return what a treatment costs and a unit of the outcome is worth, where the question says both."""
    price, value = cost(bound.question.text), worth(bound.question.text)
    if price is None or value is None:
        return {}
    return {"cost_per_treatment": price.amount, "value_per_unit": value.amount}
