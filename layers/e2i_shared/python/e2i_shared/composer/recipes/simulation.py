"""What an intervention would do, to everyone or to those whom an earlier step singled out."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from e2i_shared.api.datasets import ColumnKind
from e2i_shared.composer.amounts import shift
from e2i_shared.composer.recipes.inputs import effects, lacking, producing
from e2i_shared.composer.recipes.prescreening import prescreen, speaks_of_a_twin
from e2i_shared.composer.recipes.segments import by_segment, segments_for
from e2i_shared.composer.references import reference

if TYPE_CHECKING:
    from e2i_shared.api.common import Json
    from e2i_shared.composer.amounts import Shift
    from e2i_shared.composer.binding import Bound
    from e2i_shared.composer.workbench import Workbench

_RESPONDERS = re.compile(
    r"\b(?:(?P<low>low|weak|worst|least|poor|non)|high|strong|best|top)[\s-]?(?:est\s+)?(?:respond\w*|segments?)\b",
    re.IGNORECASE,
)
_NO_CHANGE = (
    'The question does not say how the treatment is changed: name a percentage ("20% more"), a number ("2 more visits") or '
    '"everyone" or "nobody".'
)


def simulation(bench: Workbench, bound: Bound) -> str | None:
    """Estimate the effect, then predict the outcome under the changed treatment for the population the question means."""
    if not bench.has("causal_effect_estimator", "counterfactual_simulator"):
        return lacking("Simulating an intervention", "counterfactual_simulator")
    asked = shift(bound.question.text)
    if asked is None:
        return _NO_CHANGE
    intervention = _intervention(bound, asked)
    if isinstance(intervention, str):
        return intervention
    if speaks_of_a_twin(bench, bound):
        prescreen(bench, bound, asked, _population(bench, bound, 0))
        return None
    for number in effects(bench, bound, asked=False):
        inputs = {"causal_model": reference(number), "baseline": {}, "intervention": intervention}
        inputs |= _population(bench, bound, number)
        bench.add("counterfactual_simulator", f"Simulation of {bound.treatments[0]}", inputs, bound.question.id)
    return None


def _intervention(bound: Bound, asked: Shift) -> Json | str:
    """Return the tool's intervention, or why the change makes no sense for the treatment."""
    column = bound.dataset.column(bound.treatments[0])
    binary = column is not None and column.kind == ColumnKind.BOOLEAN
    if asked.level is not None and binary:
        return {"kind": "switch_on" if asked.level else "switch_off"}
    if binary:
        return (
            f'{bound.treatments[0]} is a yes or a no for each row: ask what "everyone" or "nobody" having it would do.'
        )
    if asked.percent is not None:
        return {"kind": "percent", "amount": asked.percent}
    return (
        {"kind": "shift", "amount": asked.units} if asked.units is not None else {"kind": "set", "amount": asked.level}
    )


def _population(bench: Workbench, bound: Bound, effect: int) -> Json:
    """Return whom the question singles out: responders by segment, or who trails in the gap it depends on; empty for everyone."""
    match = _RESPONDERS.search(bound.question.text)
    if match and bench.has("cate_analyzer"):
        cate = next(iter(by_segment(bench, bound, segments_for(bench, bound))), None)
        return (
            {"target_population": reference(cate, "low_responders" if match["low"] else "high_responders")}
            if cate
            else {}
        )
    gap = producing(bench, bound, "gap_calculator")
    singled = re.search(
        r"\b(?:them|they|those|these|there|laggards|bottom|underperform\w*)\b", bound.question.text, re.IGNORECASE
    )
    return {"target_population": reference(gap, "bottom_performers")} if gap and singled and gap != effect else {}
